// The port of the bridge that carries the host's end of an attachment.
import { NetplumbError } from "../errors";
import { type ColumnValue, HOST, type Operation } from "../host/change";
import { flowOwner } from "../host/flows";
import { columnAt } from "../host/inverse";
import { linkMark, rowMark } from "../host/marks";
import type { Link, OvsBridge, OvsPort, RunningContainer, Snapshot } from "../host/snapshot";
import type { Bridge } from "./bridges";
import { clientsOf, FOLLOWS, memberColumns, networkVlan } from "./clients";
import { differing, inWords } from "./columns";
import { operation, type Wish } from "./kind";
import { GUARD, isGuarded, recordColumns, refuseUnguardable } from "./port-security";
import { BEFORE, type Before, foreignIds } from "./veth-adoption";
import { isTrunk, type VethAttachmentArgs } from "./veth-inputs";
import { vlanColumns } from "./vlan";

/** The logical port of OVN that an interface is (ovn-architecture(7), "Life Cycle of a VIF"). */
export const IFACE_ID = "external_ids:iface-id";

export function planPort(
	wish: Wish<VethAttachmentArgs>,
	args: VethAttachmentArgs,
	bridge: Bridge,
	port: OvsPort | undefined,
	outside: Link | undefined,
	adopting: boolean,
	container: RunningContainer,
	recorded: Record<string, string[]>,
	snapshot: Snapshot,
): Operation[] {
	const name = args.hostInterface!;
	const owner = port && rowMark(port.columns);
	// A row without a mark, for an interface that carries ours: somebody plugged it in anew by hand. The interface decides.
	const ours = adopting || (outside !== undefined && wish.marks.includes(linkMark(outside) ?? ""));
	if (port && !wish.marks.includes(owner ?? "") && !(ours && owner === undefined)) {
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: hostInterface: found a port "${name}" in bridge "${port.bridge}" that this resource did not make, expected the name to be free; choose another name`,
		);
	}
	const operations: Operation[] = [];
	// ovs-vswitchd does not take up a new device under an old row, so a row whose device is gone is made again.
	const fault = port && outside ? String(columnAt(port.interface, "error") ?? "") : "";
	const keep = port !== undefined && outside !== undefined && port.bridge === bridge.name && fault === "";
	// A guarded port is not up in a bridge that has no flows about it yet.
	if (port && !keep && outside?.up && isGuarded(args.portSecurity, bridge.ovs?.bridges[bridge.name]))
		operations.push(operation({ verb: "link.set", where: HOST, name, up: false }, `take ${name} down while it moves`));
	if (port && !keep)
		operations.push(
			operation(
				{ verb: "port.delete", bridge: port.bridge, name },
				`take port ${name} out of bridge ${port.bridge}${fault && ` (${fault})`}`,
			),
		);
	if (adopting && (!bridge.ovs || !port)) {
		throw new NetplumbError(
			"unsupported",
			`host ${snapshot.hostName}: adopt: found "${name}" not in an Open vSwitch bridge, expected it in one, whose port keeps what has to be given back; take the old interface away, and leave adopt out`,
		);
	}
	if (!bridge.ovs && args.ovnPort !== undefined) {
		throw new NetplumbError(
			"unsupported",
			`host ${snapshot.hostName}: ovnPort: found the Linux bridge "${bridge.name}", expected the bridge of ovn-controller, which an OvnChassis has as its output; correct bridge`,
		);
	}
	if (!bridge.ovs) {
		if (outside?.master !== bridge.name)
			operations.push(
				operation({ verb: "link.set", where: HOST, name, master: bridge.name }, `add port ${name} to bridge ${bridge.name}`),
			);
		return operations;
	}
	if (outside?.master !== undefined && outside.master !== "ovs-system") {
		operations.push(
			operation({ verb: "link.set", where: HOST, name, master: null }, `take port ${name} out of bridge ${outside.master}`),
		);
	}
	if (!keep)
		operations.push(operation({ verb: "port.add", bridge: bridge.name, name }, `add port ${name} to bridge ${bridge.name}`));
	const row = bridge.ovs.bridges[bridge.name];
	const vlan = vlanColumns(args.vlan ?? networkVlan(row));
	const columns: Record<string, ColumnValue> = {
		...vlan,
		"external_ids:netplumb": wish.mark,
		"external_ids:netplumb-container": container.id.slice(0, 12),
		...memberColumns(clientsOf(row)),
		[FOLLOWS]: args.vlan === undefined && clientsOf(row) !== undefined ? "network" : undefined,
		[GUARD]: isGuarded(args.portSecurity, row) ? flowOwner(wish.mark) : undefined,
	};
	if (adopting) {
		const inside = container.namespace.links[args.interface]!;
		const before: Before = {
			columns: Object.fromEntries(Object.keys(vlan).map((path) => [path, columnAt(port!.columns, path) ?? null])),
			bridge: port!.bridge,
			mac: inside.mac,
			inside: { mtu: inside.mtu, up: inside.up },
			outside: { mtu: outside!.mtu, up: outside!.up },
		};
		columns[BEFORE] = JSON.stringify(before);
	} else if (port && !keep && columnAt(port.columns, BEFORE) !== undefined) columns[BEFORE] = columnAt(port.columns, BEFORE);
	if (port && !keep) Object.assign(columns, foreignIds(port), recordColumns(recorded));
	const changes = differing(keep ? port.columns : undefined, columns);
	if (Object.keys(changes).length > 0) {
		operations.push(
			operation(
				{ verb: "row.set", table: "Port", row: name, columns: changes },
				`set ${inWords(changes) || "the owner mark"} of port ${name}`,
			),
		);
	}
	const logical = keep ? columnAt(port.interface, IFACE_ID) : undefined;
	const declared = args.ovnPort !== undefined || wish.previous?.ovnPort !== undefined;
	if (declared && logical !== args.ovnPort)
		operations.push(
			operation(
				{ verb: "row.set", table: "Interface", row: name, columns: { [IFACE_ID]: args.ovnPort } },
				args.ovnPort === undefined
					? `make port ${name} no logical port of OVN any more`
					: `make port ${name} the logical port ${args.ovnPort} of OVN`,
			),
		);
	return operations;
}

export function refuseGuard(args: VethAttachmentArgs, bridge: OvsBridge | undefined, snapshot: Snapshot): void {
	const where = `host ${snapshot.hostName}: portSecurity:`;
	if (!bridge)
		throw new NetplumbError(
			"unsupported",
			`${where} found the Linux bridge "${args.bridge}", expected an Open vSwitch bridge; port security needs an OvsBridge or an IsolatedNetwork`,
		);
	if (isTrunk(args.vlan))
		throw new NetplumbError(
			"conflict",
			`${where} found a trunk in the isolated network "${bridge.name}", expected an access port, because nothing is declared about the addresses in a trunk's VLANs; write a tag, or portSecurity: false`,
		);
	refuseUnguardable(bridge, snapshot);
}
