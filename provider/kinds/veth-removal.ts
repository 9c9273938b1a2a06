// The end of an attachment: its pair and its port are deleted, or given back as they were.
import { type ColumnValue, HOST, type Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { aliasWithLinkMark, rowMark } from "../host/marks";
import { ownedBy } from "../host/owned";
import type { Snapshot } from "../host/snapshot";
import { FOLLOWS } from "./clients";
import { remembered } from "./columns";
import { dockerTells, ovsTells } from "./facts";
import { operation, type Wish } from "./kind";
import { GUARD, planUnguard, recordColumns, recordedOn } from "./port-security";
import { BEFORE, type Before, foreignIds } from "./veth-adoption";
import type { VethAttachmentArgs } from "./veth-inputs";

/** Works without the container: what stays behind when its namespace is gone lies on the host. */
export function planRemoval(wish: Wish<VethAttachmentArgs>, snapshot: Snapshot): Operation[] {
	// A port in a database that does not answer would stay behind; a Linux bridge has its ports in the kernel.
	if (snapshot.host.links[wish.previous?.bridge ?? ""]?.kind !== "bridge") ovsTells(snapshot);
	const owned = ownedBy(snapshot, wish.marks);
	const operations: Operation[] = planUnguard(wish.marks, owned.ports, snapshot);
	const adopted = owned.ports.find((port) => columnAt(port.columns, BEFORE) !== undefined);
	if (adopted) {
		if (wish.previous) dockerTells(snapshot, wish.previous.container);
		const was = remembered<Before>(adopted, BEFORE, snapshot.hostName)!;
		const columns: Record<string, ColumnValue> = {
			"external_ids:netplumb": undefined,
			"external_ids:netplumb-container": undefined,
			[BEFORE]: undefined,
			[GUARD]: undefined,
			[FOLLOWS]: undefined,
			...Object.fromEntries(Object.keys(recordColumns(recordedOn(adopted))).map((path) => [path, undefined])),
		};
		for (const [path, value] of Object.entries(was.columns)) columns[path] = value ?? undefined;
		const { name, bridge } = adopted;
		const move = bridge !== was.bridge && typeof snapshot.ovs === "object" && was.bridge in snapshot.ovs.bridges;
		if (move)
			operations.push(
				operation({ verb: "port.delete", bridge, name }, `take port ${name} out of bridge ${bridge}`),
				operation({ verb: "port.add", bridge: was.bridge, name }, `put port ${name} back into bridge ${was.bridge}`),
			);
		const filled = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
		const given = move ? { ...filled, ...foreignIds(adopted) } : columns;
		operations.push(
			operation({ verb: "row.set", table: "Port", row: name, columns: given }, `give port ${name} its settings back`),
		);
		for (const { where, link } of owned.links) {
			const back = where === HOST ? was.outside : { ...was.inside, mac: was.mac };
			operations.push(
				operation(
					{ verb: "link.set", where, name: link.name, ...back, alias: aliasWithLinkMark(link.alias, undefined) },
					`give ${link.name} its settings back`,
				),
			);
		}
		return operations;
	}
	const outside = owned.links.filter(({ where }) => where === HOST);
	// A row without a mark, for an interface of ours, would stay behind as a port without a device.
	const { ports = {} } = typeof snapshot.ovs === "object" ? snapshot.ovs : {};
	const rows = outside.flatMap(({ link }) => {
		const port = ports[link.name];
		return port && rowMark(port.columns) === undefined ? [port] : [];
	});
	for (const port of [...owned.ports, ...rows])
		operations.push(
			operation(
				{ verb: "port.delete", bridge: port.bridge, name: port.name },
				`take port ${port.name} out of bridge ${port.bridge}`,
			),
		);
	const deleted = outside.length > 0 ? outside : owned.links;
	for (const { where, link } of deleted)
		operations.push(operation({ verb: "link.delete", where, name: link.name }, `delete interface ${link.name}`));
	return operations;
}
