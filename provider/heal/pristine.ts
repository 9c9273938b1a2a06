// The host as it would be without one resource: what its desired state is planned on, so that the plan makes it from nothing.
import { flowOwner, ownerOf } from "../host/flows";
import { localnetLinks } from "../host/index-of";
import { columnAt } from "../host/inverse";
import { addressMarks, aliasWithAddressMark, aliasWithLocalnet, hasLocalnet, linkMark, rowMark } from "../host/marks";
import { isParked, PARKED, ROUTE_PROTOCOL } from "../host/render";
import { isRunning, type Link, type Namespace, type Ovs, type OvsBridge, type Snapshot } from "../host/snapshot";
import { remembered } from "../kinds/columns";
import { addressKey, recordedPorts } from "../kinds/port-security";

/** What a resource is on its host. */
interface Being {
	marks: readonly string[];
	/** The physical name. */
	name: string;
	addresses: readonly string[];
	/** The containers that its plan looks at; there are no others in the answer. */
	containers: readonly string[];
}

/** Nothing of `snapshot` is changed, and what is not this resource's is shared, not copied: there can be hundreds of resources. */
export function pristine(snapshot: Snapshot, { marks, name, addresses, containers: references }: Being): Snapshot {
	const mine = (mark: string | undefined) => mark !== undefined && marks.includes(mark);
	const { ovs, dropped, wasDown } = withoutRows(snapshot.ovs, mine, name);
	const ends = new Set<number>();
	const found = snapshot.host.links;
	const touched = new Set([name, ...dropped, ...localnetLinks(found).map((link) => link.name)].filter((one) => one in found));
	const links = touched.size > 0 ? { ...found } : found;
	const bridges = typeof snapshot.ovs === "object" ? snapshot.ovs.bridges : {};
	for (const one of touched) {
		const link = found[one]!;
		const isBridge = dropped.has(link.name) && link.name in bridges;
		if (isBridge || (link.name === name && mine(linkMark(link)) && !isAdoptedBridge(snapshot, name))) {
			ends.add(link.index);
			delete links[link.name];
		} else if (dropped.has(link.name) || hasLocalnet(link))
			links[link.name] = freed(withoutLocalnet(link), dropped.has(link.name), wasDown.has(link.name));
	}
	const inside = (namespace: Namespace) => withoutAddressed(withoutEnds(namespace, ends, mine), mine, addresses);
	const containers: Snapshot["containers"] = {};
	for (const reference of references) {
		const container = snapshot.containers[reference];
		if (container === undefined) continue;
		containers[reference] = isRunning(container) ? { ...container, namespace: inside(container.namespace) } : container;
	}
	const adopted = links[name];
	if (adopted && mine(linkMark(adopted))) links[name] = unaddressed(adopted, addresses, keptOf(snapshot, name));
	const flows = withoutFlows(snapshot.flows, marks);
	const unrecorded = withoutRecords(ovs, snapshot.ovs, marks);
	// A static route on the host carries no mark; a plan looks only at the ones to its own network.
	const routes = snapshot.host.routes.filter(({ protocol, table }) => protocol !== ROUTE_PROTOCOL || table !== undefined);
	const bare = {
		...snapshot,
		host: { ...snapshot.host, links, routes },
		ovs: unrecorded,
		...(flows ? { flows } : {}),
		containers,
	};
	return withoutFirewall(bare);
}

function withoutFlows(flows: Snapshot["flows"], marks: readonly string[]): Snapshot["flows"] {
	const owners = marks.map(flowOwner);
	const left = Object.entries(flows ?? {}).map(([bridge, all]) => [
		bridge,
		all.filter((flow) => !owners.includes(ownerOf(flow))),
	]);
	return flows && Object.fromEntries(left);
}

/** The addresses of this resource, as the ports of others know them. */
function withoutRecords(ovs: Ovs | string, all: Ovs | string, marks: readonly string[]): Ovs | string {
	const keys = marks.map((mark) => addressKey(mark).split(":")[1]!);
	if (typeof ovs === "string" || typeof all === "string") return ovs;
	const recorded = recordedPorts(all.ports).filter(({ name }) => name in ovs.ports);
	const touched = recorded.filter(({ columns }) => keys.some((key) => key in ids(columns)));
	if (touched.length === 0) return ovs;
	const ports = touched.map((port) => {
		const left = Object.entries(ids(port.columns)).filter(([key]) => !keys.includes(key));
		return [port.name, { ...port, columns: { ...port.columns, external_ids: Object.fromEntries(left) } }];
	});
	return { ...ovs, ports: { ...ovs.ports, ...Object.fromEntries(ports) } };
}

/**
 * No table of ours, for nobody: the rules are the same for all, and the agent leaves them where they are. What Docker drops comes and
 * goes with dockerd, so the agent looks at it when it matters; here Docker drops all. Who listens was asked when a port was first taken.
 */
function withoutFirewall(snapshot: Snapshot): Snapshot {
	const { firewall, ports } = snapshot;
	if (typeof firewall !== "object") return snapshot;
	const drops = (tool: string) => ({ tool, forwardDrops: true, dropsTo: [], accepts: false });
	const docker = { 4: drops("iptables"), 6: drops("ip6tables") };
	return {
		...snapshot,
		firewall: { docker, routeLocalnet: {}, conntrack: firewall.conntrack },
		...(ports === undefined ? {} : { ports: [] }),
	};
}

type Mine = (mark: string | undefined) => boolean;

const ids = (columns: Record<string, unknown>) => (columns["external_ids"] ?? {}) as Record<string, string>;
const BEFORE = "external_ids:netplumb-before";
const before = (columns: OvsBridge["columns"]) => columnAt(columns, BEFORE);

function isAdoptedBridge(snapshot: Snapshot, name: string): boolean {
	const bridge = typeof snapshot.ovs === "object" ? snapshot.ovs.bridges[name] : undefined;
	return bridge !== undefined && before(bridge.columns) !== undefined;
}

/** The addresses that an adopted bridge had before. */
function keptOf(snapshot: Snapshot, name: string): string[] {
	const bridge = typeof snapshot.ovs === "object" ? snapshot.ovs.bridges[name] : undefined;
	return (bridge && remembered<{ addresses?: string[] }>(bridge, BEFORE, snapshot.hostName)?.addresses) ?? [];
}

function withoutRows(ovs: Ovs | string, mine: Mine, name: string) {
	const dropped = new Set<string>();
	const wasDown = new Set<string>();
	if (typeof ovs === "string") return { ovs, dropped, wasDown };
	const bridge = ovs.bridges[name];
	const gone = bridge && mine(rowMark(bridge.columns)) && before(bridge.columns) === undefined;
	for (const port of bridge ? Object.values(ovs.ports) : [ovs.ports[name]]) {
		if (!port || (port.name !== name && port.bridge !== name)) continue;
		if (!mine(rowMark(port.columns)) && !(gone && port.bridge === name)) continue;
		dropped.add(port.name);
		if (ids(port.columns)["netplumb-was-down"] !== undefined) wasDown.add(port.name);
	}
	if (dropped.size === 0) return { ovs, dropped, wasDown };
	const bridges = { ...ovs.bridges };
	const ports = { ...ovs.ports };
	for (const port of dropped) {
		const one = bridges[ports[port]!.bridge]!;
		bridges[one.name] = { ...one, ports: one.ports.filter((other) => !dropped.has(other)) };
		delete ports[port];
	}
	if (gone) delete bridges[name];
	return { ovs: { ...ovs, bridges, ports } as Ovs, dropped, wasDown };
}

/** What a published port wrote on a bridge lives as long as its switch, which is off here. */
function withoutLocalnet(link: Link): Link {
	if (!hasLocalnet(link)) return link;
	const { alias: before, ...rest } = link;
	const alias = aliasWithLocalnet(before, false);
	return { ...rest, ...(alias ? { alias } : {}) };
}

/** An uplink that is a port no longer. */
function freed(link: Link, isFreed: boolean, wasDown: boolean): Link {
	if (!isFreed) return link;
	const { master, ...rest } = link;
	return { ...rest, ...(master === undefined || master === "ovs-system" ? {} : { master }), up: link.up && !wasDown };
}

/** Both ends of a veth pair go together. */
function withoutEnds(namespace: Namespace, ends: Set<number>, mine: Mine): Namespace {
	const gone = Object.values(namespace.links).filter(
		(link) => mine(linkMark(link)) && link.peerIndex !== undefined && ends.has(link.peerIndex),
	);
	if (gone.length === 0) return namespace;
	const links = { ...namespace.links };
	for (const { name } of gone) delete links[name];
	return { ...namespace, links, routes: namespace.routes.filter(({ dev }) => dev in links) };
}

/** Without the addresses and routes of this resource on the links of others. */
function withoutAddressed(namespace: Namespace, mine: Mine, addresses: readonly string[]): Namespace {
	const touched = Object.values(namespace.links).filter((link) => addressMarks(link).some(({ mark }) => mine(mark)));
	if (touched.length === 0) return namespace;
	const links = { ...namespace.links };
	const ipv6Disabled = { ...namespace.ipv6Disabled };
	let { routes } = namespace;
	for (const link of touched) {
		const own = addressMarks(link).filter(({ mark }) => mine(mark));
		const alias = own.reduce((text, { mark }) => aliasWithAddressMark(text, mark), link.alias ?? "");
		const kept = own.flatMap((mark) => mark.kept);
		links[link.name] = unaddressed({ ...link, alias }, addresses, kept);
		if (own.some(({ enabledIpv6 }) => enabledIpv6)) ipv6Disabled[link.name] = true;
		routes = routes.filter(({ dev, protocol }) => dev !== link.name || protocol !== ROUTE_PROTOCOL);
		// The default routes that this resource parked.
		routes = routes.map((route) => (isParked(route) ? { ...route, metric: route.metric - PARKED } : route));
	}
	return { links, routes, ipv6Disabled };
}

function unaddressed(link: Link, addresses: readonly string[], kept: readonly string[]): Link {
	const { alias, ...rest } = link;
	const left = link.addresses.filter((address) => !addresses.includes(address) || kept.includes(address));
	return { ...rest, ...(alias ? { alias } : {}), addresses: left };
}
