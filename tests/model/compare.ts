// What of a snapshot counts when two hosts are compared: everything but numbers that the kernel deals out.
import { isDeepStrictEqual } from "node:util";
import { addressMarks, elementMark, linkMark, rowMark } from "../../provider/host/marks";
import { isRunning, type Link, type Namespace, type OvsValue, type Snapshot } from "../../provider/host/snapshot";

import { essenceOf as ovnOf } from "./ovn";

type Keep = (mark: string | undefined, what: "link" | "address" | "row") => boolean;

const texts = (values: readonly unknown[]) => values.map((value) => JSON.stringify(value)).sort();

function peerName(link: Link, snapshot: Snapshot): string | undefined {
	if (link.peerIndex === undefined) return undefined;
	const all = [
		snapshot.host,
		...Object.values(snapshot.containers)
			.filter(isRunning)
			.map(({ namespace }) => namespace),
	];
	for (const { links } of all)
		for (const other of Object.values(links))
			if (other.index === link.peerIndex && other.peerIndex === link.index) return other.name;
	return "?";
}

function namespaceOf(namespace: Namespace, snapshot: Snapshot, keep: Keep) {
	const links = Object.values(namespace.links).filter((link) => keep(linkMark(link), "link"));
	const names = new Set(links.map(({ name }) => name));
	return {
		links: Object.fromEntries(
			links.map(({ index: _, peerIndex: __, ...link }) => [
				link.name,
				{ ...link, addresses: [...link.addresses].sort(), peer: peerName(namespace.links[link.name]!, snapshot) },
			]),
		),
		routes: texts(
			namespace.routes
				.filter((route) => names.has(route.dev))
				// Which address of a subnet is the first one is not compared: the kernel's own route names it as its source.
				.map(({ source, ...route }) => Object.entries(route.protocol === "kernel" ? route : { ...route, source }).sort()),
		),
		ipv6Disabled: Object.fromEntries(Object.entries(namespace.ipv6Disabled).filter(([name]) => names.has(name))),
	};
}

const columns = (row: Record<string, OvsValue>) =>
	Object.fromEntries(
		Object.entries(row).map(([name, value]) => [name, Array.isArray(value) ? [...value].map(String).sort() : value]),
	);

const everything = () => true;

/** Elements by their marks; what all elements share, and what is around the table, only where everything is compared. */
function firewallOf(snapshot: Snapshot, keep: Keep) {
	if (typeof snapshot.firewall !== "object") return snapshot.firewall;
	const { table, ...around } = snapshot.firewall;
	const kept = (table?.elements ?? []).filter((element) => keep(elementMark(element), "row"));
	const elements = texts(kept.map(({ set, key, value, comment }) => ({ set, key, value, comment })));
	if (keep !== everything) return { elements };
	return { elements, ...around, chains: table?.chains, sets: table && [...table.sets].sort() };
}

function flowsOf({ flows = {} }: Snapshot) {
	const all = Object.entries(flows).flatMap(([bridge, list]) => list.map(({ cookie, port = "" }) => [bridge, cookie, port]));
	return texts(all);
}

/** A plain value for deep comparison. `keep` decides by the owner mark which objects take part. */
export function essence(snapshot: Snapshot, keep: Keep = everything) {
	const ovs = typeof snapshot.ovs === "string" ? undefined : snapshot.ovs;
	const bridges = Object.values(ovs?.bridges ?? {}).filter((bridge) => keep(rowMark(bridge.columns), "row"));
	const ports = Object.values(ovs?.ports ?? {}).filter((port) => {
		const own = port.name === port.bridge ? ovs!.bridges[port.bridge]!.columns : port.columns;
		return keep(rowMark(own), "row");
	});
	const names = new Set(ports.map(({ name }) => name));
	return {
		host: namespaceOf(snapshot.host, snapshot, keep),
		...(keep === everything ? { flows: flowsOf(snapshot) } : {}),
		firewall: firewallOf(snapshot, keep),
		ovn: ovnOf(snapshot, (mark) => keep(mark, "row")),
		containers: Object.fromEntries(
			Object.entries(snapshot.containers).map(([reference, container]) => [
				reference,
				isRunning(container) ? namespaceOf(container.namespace, snapshot, keep) : container,
			]),
		),
		bridges: Object.fromEntries(
			bridges.map((bridge) => [
				bridge.name,
				{
					columns: columns(bridge.columns),
					ports: bridge.ports.filter((port) => names.has(port)).sort(),
					controllers: [...bridge.controllers].sort(),
				},
			]),
		),
		ports: Object.fromEntries(
			ports.map((port) => [
				port.name,
				{ bridge: port.bridge, columns: columns(port.columns), interface: columns(port.interface) },
			]),
		),
	};
}

/** Everything that does not carry this mark. */
export function foreign(snapshot: Snapshot, mark: string) {
	return essence(snapshot, (other) => other !== mark);
}

/** Only what carries this mark. */
export function own(snapshot: Snapshot, mark: string) {
	return essence(snapshot, (other) => other === mark);
}

/** True when any link says that a resource's addresses are on it. */
export function addressed(snapshot: Snapshot, mark: string): boolean {
	return Object.values(snapshot.containers)
		.filter(isRunning)
		.some(({ namespace }) => Object.values(namespace.links).some((link) => addressMarks(link).some((one) => one.mark === mark)));
}

/** Where two plain values differ, in one line each; undefined when they are equal. */
export function difference(found: unknown, expected: unknown, path = ""): string | undefined {
	if (isDeepStrictEqual(found, expected)) return undefined;
	const objects = [found, expected].every((value) => typeof value === "object" && value !== null && !Array.isArray(value));
	if (!objects) return `${path}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`;
	const [a, b] = [found, expected] as [Record<string, unknown>, Record<string, unknown>];
	const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
	const texts = keys.map((key) => difference(a[key], b[key], `${path}/${key}`)).filter((text) => text !== undefined);
	// Two objects with the same values may differ in their prototypes, which is no difference between hosts.
	return texts.length > 0 ? texts.slice(0, 5).join("; ") : undefined;
}
