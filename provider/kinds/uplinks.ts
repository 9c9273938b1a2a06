// The physical interfaces of an OvsBridge. Only interfaces without addresses: moving the host's own address is another matter.
import { NetplumbError } from "../errors";
import { HOST, type Operation } from "../host/change";
import { rowMark } from "../host/marks";
import type { Ovs, Snapshot } from "../host/snapshot";
import { operation, type Wish } from "./kind";

/** Remembers that we brought the interface up, so that it is put down again. */
const WAS_DOWN = "external_ids:netplumb-was-down";

export function planUplinks(
	wish: Pick<Wish<object>, "mark" | "marks">,
	uplinks: string[],
	bridge: string,
	ovs: Ovs,
	snapshot: Snapshot,
): Operation[] {
	const operations: Operation[] = [];
	const mine = Object.values(ovs.ports).filter(
		(port) => port.bridge === bridge && wish.marks.includes(rowMark(port.columns) ?? "") && port.name !== bridge,
	);
	for (const port of mine.filter(({ name }) => !uplinks.includes(name))) {
		operations.push(
			operation({ verb: "port.delete", bridge, name: port.name }, `take uplink ${port.name} out of bridge ${bridge}`),
		);
		if ((port.columns["external_ids"] as Record<string, string>)["netplumb-was-down"] !== undefined) {
			operations.push(operation({ verb: "link.set", where: HOST, name: port.name, up: false }, `put ${port.name} down again`));
		}
	}
	for (const name of uplinks) {
		const link = snapshot.host.links[name];
		const port = ovs.ports[name];
		const where = `host ${snapshot.hostName}: uplinks:`;
		if (!link)
			throw new NetplumbError(
				"missing",
				`${where} found no interface "${name}", expected one of the host's; see ip link for their names`,
			);
		if (port && port.bridge !== bridge)
			throw new NetplumbError(
				"conflict",
				`${where} found "${name}" in bridge "${port.bridge}", expected it to be free; take it out there first`,
			);
		if (link.master !== undefined && link.master !== "ovs-system")
			throw new NetplumbError(
				"conflict",
				`${where} found "${name}" in bridge "${link.master}", expected it to be free; take it out there first`,
			);
		if (link.addresses.length > 0) {
			throw new NetplumbError(
				"conflict",
				`${where} found address ${link.addresses[0]} on "${name}", expected none; an interface in a bridge cannot use its address: move it to the bridge (addresses) by hand first`,
			);
		}
		if (port) {
			if (!link.up) operations.push(operation({ verb: "link.set", where: HOST, name, up: true }, `bring uplink ${name} up`));
			continue;
		}
		const columns = { "external_ids:netplumb": wish.mark, ...(link.up ? {} : { [WAS_DOWN]: "true" }) };
		operations.push(
			operation({ verb: "port.add", bridge, name }, `add uplink ${name} to bridge ${bridge}`),
			operation({ verb: "row.set", table: "Port", row: name, columns }, `mark uplink ${name}`),
			operation({ verb: "link.set", where: HOST, name, up: true }, `bring uplink ${name} up`),
		);
	}
	return operations;
}
