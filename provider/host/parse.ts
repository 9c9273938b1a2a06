// Parsers for what the tools print. Anything that is not fully understood is an error, never "nothing there":
// tools have been seen to print an error and exit with 0.
import { canonicalCidr, canonicalIp } from "../../sdk/addressing/ip";
import { NetplumbError } from "../errors";
import {
	type AddressDetail,
	type Link,
	type Namespace,
	OVS_ABSENT,
	type Ovs,
	type OvsBridge,
	type OvsPort,
	type OvsValue,
	type Path,
	type Route,
	type Tables,
} from "./snapshot";

function unreadable(tool: string, text: string, cause?: unknown): NetplumbError {
	const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text;
	return new NetplumbError("unreadable", `the answer of ${tool} cannot be understood: found ${JSON.stringify(shown)}`, { cause });
}

function json(tool: string, text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw unreadable(tool, text, cause);
	}
}

function array(tool: string, text: string): Record<string, unknown>[] {
	const value = json(tool, text);
	if (!Array.isArray(value)) throw unreadable(tool, text);
	// A kernel without one address family makes iproute2 print empty objects.
	return value.filter((item) => Object.keys(item as object).length > 0) as Record<string, unknown>[];
}

/** `ip -j -d address show` */
export function parseLinks(text: string): Record<string, Link> {
	const links: Record<string, Link> = {};
	for (const item of array("ip address", text)) {
		const name = item["ifname"];
		if (typeof name !== "string" || typeof item["ifindex"] !== "number" || typeof item["mtu"] !== "number") {
			throw unreadable("ip address", JSON.stringify(item));
		}
		const addresses = ((item["addr_info"] as Record<string, unknown>[] | undefined) ?? []).filter(
			(address) => address["scope"] !== "link" && typeof address["local"] === "string",
		);
		const cidrOf = (address: Record<string, unknown>) => canonicalCidr(`${address["local"]}/${address["prefixlen"]}`) ?? "";
		const link: Link = {
			name,
			index: item["ifindex"],
			kind: ((item["linkinfo"] as Record<string, unknown> | undefined)?.["info_kind"] as string | undefined) ?? "",
			mac: String(item["address"] ?? ""),
			mtu: item["mtu"],
			up: Array.isArray(item["flags"]) && item["flags"].includes("UP"),
			addresses: addresses.map(cidrOf).filter((cidr) => cidr !== ""),
			details: Object.fromEntries(addresses.map((address) => [cidrOf(address), detailOf(address, name)])),
		};
		// The other end is named where it lives in the same namespace, and numbered where it does not.
		if (typeof item["link_index"] === "number") link.peerIndex = item["link_index"];
		if (typeof item["master"] === "string") link.master = item["master"];
		if (typeof item["ifalias"] === "string") link.alias = item["ifalias"];
		if (/^\d+$/.test(String(item["group"] ?? ""))) link.group = Number(item["group"]);
		const tunnel = tunnelOf(item["linkinfo"] as Record<string, unknown> | undefined);
		if (tunnel) link.tunnel = tunnel;
		links[name] = link;
	}
	if (Object.keys(links).length === 0) throw unreadable("ip address", text);
	for (const item of array("ip address", text)) {
		const peer = typeof item["link"] === "string" ? links[item["link"]] : undefined;
		if (peer) links[item["ifname"] as string]!.peerIndex = peer.index;
	}
	return links;
}

const TUNNEL_KINDS: Record<string, NonNullable<Link["tunnel"]>["type"]> = {
	vxlan: "vxlan",
	geneve: "geneve",
	gretap: "gre",
	ip6gretap: "gre",
};

/** The kernel's own tunnel devices; "any" and a multicast group are no far end. */
function tunnelOf(info: Record<string, unknown> | undefined): Link["tunnel"] {
	const type = TUNNEL_KINDS[String(info?.["info_kind"])];
	if (!type) return undefined;
	const data = (info?.["info_data"] ?? {}) as Record<string, unknown>;
	const far = data["remote"] ?? data["remote6"];
	const remote = typeof far === "string" && far !== "any" ? canonicalIp(far) : undefined;
	return {
		type,
		...(typeof data["port"] === "number" ? { port: data["port"] } : {}),
		...(remote === undefined ? {} : { remote }),
	};
}

const FOREVER = 4294967295;

/** How the address was made, in the words of ip-address(8). */
function detailOf(address: Record<string, unknown>, dev: string): AddressDetail {
	const words: string[] = [];
	const put = (word: string, value: unknown) => value !== undefined && words.push(word, String(value));
	put("broadcast", address["broadcast"]);
	if (address["scope"] !== "global") put("scope", address["scope"]);
	if (address["label"] !== dev) put("label", address["label"]);
	put("metric", address["metric"]);
	for (const flag of ["noprefixroute", "nodad", "home"]) if (address[flag] === true) words.push(flag);
	if (address["valid_life_time"] !== FOREVER && address["valid_life_time"] !== undefined)
		return { words, bound: `it expires in ${address["valid_life_time"]} s, so a DHCP client or router advertisements renew it` };
	if (address["address"] !== undefined) return { words, bound: `it belongs to a link with the peer ${address["address"]}` };
	if (address["preferred_life_time"] === 0) words.push("valid_lft", "forever", "preferred_lft", "0");
	return { words };
}

/** `ip -j -d route show table all dev DEV`, of one family: everything that the kernel does not make by itself. */
export function parseDeviceRoutes(text: string, dev: string): Route[] {
	return array("ip route", text)
		.filter((item) => (item["type"] ?? "unicast") === "unicast" && item["protocol"] !== "kernel" && item["table"] !== "local")
		.map((item) => {
			const [route] = parseRoutes(JSON.stringify([{ ...item, dev, table: "main" }]));
			if (!route) throw unreadable("ip route", JSON.stringify(item));
			const table = item["table"] ?? "main";
			if (table !== "main") route.table = String(table);
			const isV6 = route.to.includes(":");
			const words: string[] = [];
			if (!isV6 && item["scope"] !== undefined && item["scope"] !== "global") words.push("scope", String(item["scope"]));
			if (item["tos"] !== undefined) words.push("tos", String(item["tos"]));
			if (item["pref"] !== undefined && item["pref"] !== "medium") words.push("pref", String(item["pref"]));
			for (const metrics of (item["metrics"] as Record<string, unknown>[] | undefined) ?? [])
				for (const [name, value] of Object.entries(metrics)) words.push(name, String(value));
			if (words.length > 0) route.words = words;
			const strange = ["nexthops", "encap", "nhid", "via", "from"].find((key) => item[key] !== undefined);
			if (item["expires"] !== undefined || route.protocol === "ra")
				route.bound = "it comes from router advertisements, which go on to arrive there";
			else if (route.protocol === "dhcp") route.bound = "a DHCP client looks after it";
			else if (strange !== undefined) route.bound = `netplumb cannot write a route with "${strange}"`;
			return route;
		});
}

/** `ip -j -d route show table all` */
export function parseRoutes(text: string): Route[] {
	const routes: Route[] = [];
	for (const item of array("ip route", text)) {
		if ((item["table"] ?? "main") !== "main" || (item["type"] ?? "unicast") !== "unicast") continue;
		if (typeof item["dst"] !== "string" || typeof item["dev"] !== "string") continue; // multipath: not ours
		const via = item["gateway"] as string | undefined;
		const flags = Array.isArray(item["flags"]) ? item["flags"] : [];
		const isV6 = item["dst"].includes(":") || (via ?? "").includes(":") || "pref" in item;
		const route: Route = {
			to: destination(item["dst"], isV6),
			dev: item["dev"],
			metric: typeof item["metric"] === "number" ? item["metric"] : 0,
			protocol: String(item["protocol"] ?? "boot"),
			onlink: flags.includes("onlink"),
		};
		if (via !== undefined) route.via = via;
		if (typeof item["prefsrc"] === "string") route.source = item["prefsrc"];
		routes.push(route);
	}
	return routes;
}

function destination(text: string, isV6: boolean): string {
	if (text === "default") return isV6 ? "::/0" : "0.0.0.0/0";
	return canonicalCidr(text.includes("/") ? text : `${text}/${isV6 ? 128 : 32}`) ?? text;
}

/** One line for each address: the address, and what `ip -j route get` said about it, on standard error too. */
export function parsePaths(text: string, destinations: readonly string[]): Record<string, Path | "unreachable"> {
	const lines = new Map(text.split("\n").map((line) => [line.split(" ")[0], line.slice(line.indexOf(" ") + 1).trim()]));
	return Object.fromEntries(destinations.map((address) => [address, parsePath(lines.get(address) ?? "")]));
}

/** One line for each network: the network, and what `ip -j -d route show exact` said about it. Routes over several interfaces have no one device. */
export function parseNetworkRoutes(text: string, networks: readonly string[]): Route[] {
	return networks.flatMap((network) => {
		const line = text.split("\n").find((one) => one.startsWith(`${network} `));
		return array("ip route", line?.slice(network.length + 1).trim() ?? "").flatMap((item) =>
			parseDeviceRoutes(JSON.stringify([item]), typeof item["dev"] === "string" ? item["dev"] : "several interfaces"),
		);
	});
}

function parsePath(said: string): Path | "unreachable" {
	// No route, or one of the types unreachable, prohibit and blackhole (ip-route(8)): the kernel answers with an error.
	if (/^(?:RTNETLINK answers|Error): /.test(said)) return "unreachable";
	const [item] = array("ip route get", said);
	if (typeof item?.["dev"] !== "string") throw unreadable("ip route get", said);
	const path: Path = { dev: item["dev"], local: item["type"] === "local" };
	if (typeof item["gateway"] === "string") path.via = item["gateway"];
	if (typeof item["prefsrc"] === "string") path.source = item["prefsrc"];
	const [metrics] = (item["metrics"] as Record<string, unknown>[] | undefined) ?? [];
	if (typeof metrics?.["mtu"] === "number") path.mtu = metrics["mtu"];
	return path;
}

/** The facts of one container's namespace: two JSON lines of `ip -batch`, then "name 0|1" lines. */
export function parseNamespace(text: string): Namespace {
	const lines = text.split("\n").filter((line) => line !== "");
	// The last line says that nothing is missing before it.
	const [addresses, routes, complete] = lines.splice(-3);
	if (addresses === undefined || routes === undefined || complete !== "complete") throw unreadable("ip -batch", text);
	const ipv6Disabled: Record<string, boolean> = {};
	for (const line of lines) {
		const match = /^(\S+) ([01])$/.exec(line);
		if (!match) throw unreadable("disable_ipv6", line);
		ipv6Disabled[match[1]!] = match[2] === "1";
	}
	return { links: parseLinks(addresses), routes: parseRoutes(routes), ipv6Disabled };
}

/** SIGALRM, 128 + 14: what `--timeout` ends ovs-vsctl with. */
const KILLED_BY_TIMER = "142";

/** What a tool of Open vSwitch said last, without its log. */
function lastWords(lines: string[]): string {
	const said = lines.filter((line) => !/^\d{4}-\d\d-\d\dT\S*\|/.test(line)).at(-1) ?? lines.at(-1) ?? "it said nothing";
	return said.replace(/^ovs-vsctl: /, "").slice(0, 200);
}

/** Four tables of `ovs-vsctl --format=json`, one a line, and its exit status. */
export function parseOvs(text: string, kernelDatapath: boolean): Ovs | string {
	const lines = text.split("\n").filter((line) => line !== "");
	if (lines[0] === "absent") return OVS_ABSENT;
	const status = /^status (\d+)$/.exec(lines.pop() ?? "")?.[1];
	if (status === undefined) throw unreadable("ovs-vsctl", text);
	if (status !== "0")
		return `Open vSwitch does not answer: ${status === KILLED_BY_TIMER ? "nothing within 10 s" : lastWords(lines)}`;
	if (lines.length !== 4) throw unreadable("ovs-vsctl", text);
	const [bridgeRows, portRows, interfaceRows, controllerRows] = lines.map((line) => table(line)) as [Rows, Rows, Rows, Rows];
	const byUuid = (rows: Rows) => new Map(rows.map((row) => [row["_uuid"] as string, row]));
	const portByUuid = byUuid(portRows);
	const interfaceByUuid = byUuid(interfaceRows);
	const controllerByUuid = byUuid(controllerRows);
	const bridges: Record<string, OvsBridge> = {};
	const ports: Record<string, OvsPort> = {};
	for (const row of bridgeRows) {
		const name = String(row["name"]);
		const members = uuids(row["ports"]).map((uuid) => portByUuid.get(uuid));
		bridges[name] = {
			name,
			columns: row,
			ports: members.map((port) => String(port?.["name"])),
			controllers: uuids(row["controller"]).map((uuid) => String(controllerByUuid.get(uuid)?.["target"])),
		};
		for (const port of members) {
			if (!port) throw unreadable("ovs-vsctl list Port", portRows.length.toString());
			const portName = String(port["name"]);
			const [first] = uuids(port["interfaces"]);
			ports[portName] = { name: portName, bridge: name, columns: port, interface: interfaceByUuid.get(first ?? "") ?? {} };
		}
	}
	return { bridges, ports, kernelDatapath };
}

/** The tables of a database that were asked for, one a line, and the exit status; a sentence where it does not answer. */
export function parseDatabase(text: string, tool: string, names: readonly string[]): Tables | string {
	const lines = text.split("\n").filter((line) => line !== "");
	if (lines[0] === "absent") return `${tool} is not installed`;
	const status = /^status (\d+)$/.exec(lines.pop() ?? "")?.[1];
	if (status === undefined) throw unreadable(tool, text);
	// 128 and SIGALRM: its own timer.
	if (status !== "0") return `${tool} gets no answer: ${(status === "142" ? "nothing in time" : lines.join(" ")).slice(0, 200)}`;
	if (lines.length !== names.length) throw unreadable(tool, text);
	const rows = (line: string) => Object.fromEntries(table(line).map((row) => [String(row["_uuid"]), row]));
	return Object.fromEntries(names.map((name, index) => [name, rows(lines[index]!)]));
}

type Rows = Record<string, OvsValue>[];

function table(line: string): Rows {
	const value = json("ovs-vsctl", line) as { headings?: string[]; data?: unknown[][] };
	if (!Array.isArray(value.headings) || !Array.isArray(value.data)) throw unreadable("ovs-vsctl", line);
	return value.data.map((row) => Object.fromEntries(value.headings!.map((heading, index) => [heading, atom(row[index])])));
}

/** RFC 7047, 5.1: sets are ["set", […]], maps ["map", [[k, v]…]], references ["uuid", "…"]. */
function atom(value: unknown): OvsValue {
	if (!Array.isArray(value)) return value as OvsValue;
	const [kind, content] = value as [string, unknown];
	if (kind === "uuid") return String(content);
	if (kind === "set") return (content as unknown[]).map((item) => atom(item)) as OvsValue;
	if (kind === "map") return Object.fromEntries((content as [string, string][]).map(([key, item]) => [key, String(item)]));
	throw unreadable("ovs-vsctl", JSON.stringify(value));
}

function uuids(value: OvsValue | undefined): string[] {
	if (value === undefined) return [];
	return Array.isArray(value) ? (value as string[]) : [value as string];
}
