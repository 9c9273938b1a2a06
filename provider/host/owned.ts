// What on a host is whose: questions about owner marks over a whole snapshot.
import { type Change, HOST } from "./change";
import type { Element } from "./firewall";
import { addressMarks, hasLocalnet, linkMark, rowMark } from "./marks";
import { isRunning, type Link, type Namespace, type Snapshot } from "./snapshot";

/** Everything that carries one of these marks: links by place, and rows of OVSDB. */
export function ownedBy(snapshot: Snapshot, marks: readonly string[]) {
	const mine = (mark: string | undefined) => mark !== undefined && marks.includes(mark);
	const links: { where: string; link: Link }[] = [];
	const addressed: { where: string; link: Link }[] = [];
	const look = (where: string, { links: all }: Namespace) => {
		for (const name in all) {
			const link = all[name]!;
			// Every plan looks at every link of the host: most are told apart without taking their aliases to pieces.
			if (!marks.some((mark) => link.alias?.includes(mark))) continue;
			if (mine(linkMark(link))) links.push({ where, link });
			if (addressMarks(link).some(({ mark }) => mine(mark))) addressed.push({ where, link });
		}
	};
	look(HOST, snapshot.host);
	// One that is known by several names is looked at once.
	const containers = new Map(
		Object.values(snapshot.containers).flatMap((one) => (isRunning(one) ? [[one.id, one] as const] : [])),
	);
	for (const { id, namespace } of containers.values()) look(id, namespace);
	const ovs = typeof snapshot.ovs === "object" ? snapshot.ovs : { bridges: {}, ports: {} };
	return {
		links,
		addressed,
		bridges: Object.values(ovs.bridges).filter((bridge) => mine(rowMark(bridge.columns))),
		ports: Object.values(ovs.ports).filter((port) => mine(rowMark(port.columns))),
	};
}

/** The elements of our nftables table; none where nobody asked for it. */
export function elementsOf(snapshot: Snapshot): Element[] {
	return (typeof snapshot.firewall === "object" && snapshot.firewall.table?.elements) || [];
}

/** True when any object on the host would still carry a mark of netplumb after `changes`. Errs on the side of "yes". */
export function anyMark(snapshot: Snapshot, changes: readonly Change[]): boolean {
	const gone = new Set<string>();
	const forgotten = new Set<string>();
	for (const change of changes) {
		if (change.verb === "link.add" || change.verb === "desired.set") return true;
		if (change.verb === "desired.remove") forgotten.add(change.name);
		if (change.verb === "port.delete" || change.verb === "bridge.delete") gone.add(change.name);
		else if (change.verb === "link.delete" && change.where === HOST) gone.add(change.name);
		else if (change.verb === "link.set" && change.alias !== undefined) {
			if (change.alias.includes("netplumb")) return true;
			if (change.where === HOST) gone.add(change.name);
		} else if (["element.add", "ruleset.write", "docker-user.add", "record.add"].includes(change.verb)) return true;
		else if (change.verb === "record.remove" || change.verb === "chassis.leave") gone.add(change.row);
		else if (change.verb === "record.set" && "external_ids:netplumb" in change.columns) {
			if (change.columns["external_ids:netplumb"] !== undefined) return true;
			gone.add(change.row);
		} else if (change.verb === "ruleset.delete") gone.add("nft");
		else if (change.verb === "docker-user.delete") gone.add(`docker-user/${change.family}`);
		else if (change.verb === "row.set" && "external_ids:netplumb" in change.columns) {
			if (change.columns["external_ids:netplumb"] !== undefined) return true;
			gone.add(change.row);
		}
	}
	if (Object.keys(snapshot.desired ?? {}).some((name) => !forgotten.has(name))) return true;
	const { table = undefined, docker = {} } = typeof snapshot.firewall === "object" ? snapshot.firewall : {};
	if (table && !gone.has("nft")) return true;
	if (([4, 6] as const).some((family) => docker[family]?.accepts && !gone.has(`docker-user/${family}`))) return true;
	const marked = (link: Link) => linkMark(link) !== undefined || addressMarks(link).length > 0 || hasLocalnet(link);
	if (Object.values(snapshot.host.links).some((link) => marked(link) && !gone.has(link.name))) return true;
	// What lies in a database of another host is not on this one.
	const here = Object.entries(snapshot.databases ?? {}).filter(([words]) => !words.includes(" --db="));
	const records = here.map(([, tables]) => tables).flatMap((tables) => (typeof tables === "string" ? [] : Object.values(tables)));
	if (records.some((rows) => Object.entries(rows).some(([row, columns]) => rowMark(columns) !== undefined && !gone.has(row))))
		return true;
	if (typeof snapshot.ovs === "string") return false;
	return [...Object.values(snapshot.ovs.bridges), ...Object.values(snapshot.ovs.ports)].some(
		(row) => rowMark(row.columns) !== undefined && !gone.has(row.name),
	);
}
