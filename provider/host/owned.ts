// What on a host is whose: questions about owner marks over a whole snapshot.
import type { Change } from "./change";
import { addressMarks, linkMark, rowMark } from "./marks";
import { isRunning, type Link, type Namespace, type Snapshot } from "./snapshot";

/** The namespaces in a snapshot, the host's first. */
export function namespaces(snapshot: Snapshot): { where: string; namespace: Namespace }[] {
	const inside = Object.values(snapshot.containers)
		.filter(isRunning)
		.map((container) => ({ where: container.id, namespace: container.namespace }));
	return [{ where: "host", namespace: snapshot.host }, ...inside];
}

/** Everything that carries one of these marks: links by place, and names of OVSDB rows. */
export function ownedBy(snapshot: Snapshot, marks: readonly string[]) {
	const mine = (mark: string | undefined) => mark !== undefined && marks.includes(mark);
	const links: { where: string; link: Link }[] = [];
	const addressed: { where: string; link: Link }[] = [];
	for (const { where, namespace } of namespaces(snapshot)) {
		for (const link of Object.values(namespace.links)) {
			if (mine(linkMark(link))) links.push({ where, link });
			if (addressMarks(link).some(({ mark }) => mine(mark))) addressed.push({ where, link });
		}
	}
	const ovs = typeof snapshot.ovs === "object" ? snapshot.ovs : { bridges: {}, ports: {} };
	return {
		links,
		addressed,
		bridges: Object.values(ovs.bridges).filter((bridge) => mine(rowMark(bridge.columns))),
		ports: Object.values(ovs.ports).filter((port) => mine(rowMark(port.columns))),
	};
}

/** True when any object on the host would still carry a mark of netplumb after `changes`. Errs on the side of "yes". */
export function anyMark(snapshot: Snapshot, changes: readonly Change[]): boolean {
	if (changes.some((change) => !change.verb.endsWith(".delete") && change.verb !== "row.set" && change.verb !== "link.set"))
		return true;
	const gone = new Set(
		changes.filter((change) => change.verb.endsWith(".delete")).map((change) => ("name" in change ? change.name : "")),
	);
	for (const change of changes) {
		if (
			change.verb === "row.set" &&
			change.columns["external_ids:netplumb"] === undefined &&
			"external_ids:netplumb" in change.columns
		)
			gone.add(change.row);
		else if (change.verb === "link.set" && change.alias === "") gone.add(change.name);
		else if (!change.verb.endsWith(".delete")) return true;
	}
	const marked = (link: Link) => linkMark(link) !== undefined || addressMarks(link).length > 0;
	if (Object.values(snapshot.host.links).some((link) => marked(link) && !gone.has(link.name))) return true;
	if (typeof snapshot.ovs === "string") return false;
	return [...Object.values(snapshot.ovs.bridges), ...Object.values(snapshot.ovs.ports)].some(
		(row) => rowMark(row.columns) !== undefined && !gone.has(row.name),
	);
}
