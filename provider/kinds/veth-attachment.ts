// VethAttachment: a veth pair between a container's network namespace and a bridge (Open vSwitch or Linux).
// Sources: veth(4), ovs-vswitchd.conf.db(5) table Port (vlan_mode, tag, trunks).
import { derivedInterface, derivedMac } from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import { HOST, type Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { aliasWithLinkMark, linkMark } from "../host/marks";
import { ownedBy } from "../host/owned";
import { PORT_GROUP } from "../host/ruleset-isolation";
import { isRunning, OVS_ABSENT, type OvsBridge, type OvsPort, type Snapshot } from "../host/snapshot";
import { LEAST_IPV6_MTU } from "./addresses";
import { findBridge } from "./bridges";
import { networkVlan } from "./clients";
import { runningContainer } from "./facts";
import { type Kind, operation, type Wish } from "./kind";
import { planWidening, refuseNarrowing } from "./narrow";
import { GUARD, isGuarded, planGuard, planUnguard, recordedOn } from "./port-security";
import { BEFORE } from "./veth-adoption";
import { findEnds, planEnds, planHostEnd } from "./veth-ends";
import { type VethAttachmentArgs, vethAttachmentSchema } from "./veth-inputs";
import { IFACE_ID, planPort, refuseGuard } from "./veth-port";
import { planRemoval } from "./veth-removal";
import { observedVlan } from "./vlan";

const bridgeOf = (port: OvsPort, { ovs }: Snapshot): OvsBridge | undefined =>
	typeof ovs === "object" ? ovs.bridges[port.bridge] : undefined;

export const vethAttachment: Kind<VethAttachmentArgs> = {
	name: "VethAttachment",
	schema: vethAttachmentSchema,
	outputs: [],
	defaulted: ["mtu"],
	replace: ["container", "interface", "hostInterface"],
	replaceWhenUnknown: ["bridge"],
	complete: (args, owner) => ({
		...args,
		hostInterface: args.hostInterface ?? derivedInterface(owner),
		mac: args.mac ?? derivedMac(owner),
	}),
	physicalName: (args) => args.hostInterface!,
	containers: (args) => [args.container],
	presumes: true,
	plan: (wish, snapshot) => (wish.wanted ? planAttachment(wish, wish.wanted, snapshot) : planRemoval(wish, snapshot)),

	observe(args, _mark, snapshot) {
		const container = snapshot.containers[args.container];
		const inside = isRunning(container) ? container.namespace.links[args.interface] : undefined;
		const outside = snapshot.host.links[args.hostInterface!];
		const port = typeof snapshot.ovs === "object" ? snapshot.ovs.ports[args.hostInterface!] : undefined;
		const found: VethAttachmentArgs = { ...args };
		if (inside) found.mac = inside.mac;
		if (inside && args.mtu !== undefined) found.mtu = inside.mtu === args.mtu ? (outside?.mtu ?? inside.mtu) : inside.mtu;
		if (port) found.bridge = port.bridge;
		else if (outside?.master) found.bridge = outside.master;
		if (port) {
			const declared = args.vlan ?? networkVlan(bridgeOf(port, snapshot));
			const vlan = observedVlan(declared, port);
			found.vlan = vlan === declared ? args.vlan : vlan;
		}
		if (found.vlan === undefined) delete found.vlan;
		if (port && args.portSecurity !== undefined) found.portSecurity = columnAt(port.columns, GUARD) !== undefined;
		const logical = port && columnAt(port.interface, IFACE_ID);
		if (port && args.ovnPort !== undefined) found.ovnPort = String(logical ?? "");
		return { args: found, outputs: { ...(inside && args.mtu === undefined ? { mtu: inside.mtu } : {}) } };
	},

	exists(marks, snapshot) {
		const { links, ports } = ownedBy(snapshot, marks);
		if (links.length > 0 || ports.length > 0) return true;
		// Both ends of a veth pair go together, so the host's end tells; only a port row may lie in a database that does not answer.
		return typeof snapshot.ovs === "string" && snapshot.ovs !== OVS_ABSENT ? snapshot.ovs : false;
	},
};

function planAttachment(wish: Wish<VethAttachmentArgs>, args: VethAttachmentArgs, snapshot: Snapshot): Operation[] {
	const container = runningContainer(snapshot, args.container);
	const bridge = findBridge(snapshot, args.bridge, args.vlan !== undefined);
	const name = args.interface;
	const hostName = args.hostInterface!;
	// An MTU that is not declared is the bridge's at the time of making, and then stays.
	const mtu = args.mtu ?? wish.previous?.mtu ?? bridge.mtu;
	const ends = findEnds(wish, args, container, snapshot);
	const port = bridge.ovs?.ports[hostName] ?? (typeof snapshot.ovs === "object" ? snapshot.ovs.ports[hostName] : undefined);
	const operations: Operation[] = [];
	const pair = ends.paired ? ends : undefined;
	const v6 = mtu < LEAST_IPV6_MTU && pair?.inside?.addresses.find((address) => address.includes(":"));
	if (v6)
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: mtu: found ${mtu} for interface "${name}" of container "${container.name}", which has the address ${v6}, expected at least ${LEAST_IPV6_MTU} for IPv6; raise it, or remove the IPv6 addresses first`,
		);
	refuseNarrowing(mtu, bridge, snapshot);
	operations.push(...planWidening(pair?.outside, mtu));
	if (!pair) {
		if (ends.outside)
			operations.push(operation({ verb: "link.delete", where: HOST, name: hostName }, `delete the stale interface ${hostName}`));
		else if (ends.inside)
			operations.push(
				operation(
					{ verb: "link.delete", where: container.id, name },
					`delete the stale interface ${name} of container ${container.name}`,
				),
			);
		operations.push(
			operation(
				{
					verb: "link.add",
					where: container.id,
					name,
					mac: args.mac!,
					mtu,
					alias: aliasWithLinkMark(undefined, wish.mark),
					peer: { name: hostName, mtu },
				},
				`make interface ${name} of container ${container.name} with host end ${hostName}`,
			),
			...planHostEnd(hostName),
		);
	}
	if (bridge.userspace && (!pair || port?.bridge !== bridge.name)) {
		operations.push(
			operation({ verb: "offload.disable", where: HOST, name: hostName }, `switch checksum offload off on ${hostName}`),
			operation(
				{ verb: "offload.disable", where: container.id, name },
				`switch checksum offload off on ${name} of container ${container.name}`,
			),
		);
	}
	const adopting = pair !== undefined && args.adopt === true && linkMark(pair.inside!) === undefined;
	const row = bridge.ovs?.bridges[bridge.name];
	const guarded = isGuarded(args.portSecurity, row);
	if (guarded) refuseGuard(args, row, snapshot);
	// A row that is made again for another pair has no addresses yet.
	const recorded = pair ? recordedOn(port) : {};
	operations.push(...planPort(wish, args, bridge, port, pair?.outside, adopting, container, recorded, snapshot));
	if (row) operations.push(...planGuard({ ...wish, mac: args.mac!, bridge: row, name: hostName, recorded, guarded }, snapshot));
	else operations.push(...planUnguard(wish.marks, port ? [port] : [], snapshot));
	const isDown = operations.some(({ change }) => change.verb === "link.set" && change.up === false);
	const adopted = adopting || (port !== undefined && columnAt(port.columns, BEFORE) !== undefined);
	const group = bridge.ovs && !adopted ? PORT_GROUP : 0;
	operations.push(...planEnds(wish, args, { mtu, group, isDown }, pair, container));
	return operations;
}
