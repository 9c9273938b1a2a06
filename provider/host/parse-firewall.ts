// Parsers for what nft, iptables, ss and docker say about a host's firewall and ports. As in parse.ts, anything that is not fully
// understood is an error, never "nothing there".
import { canonicalCidr, canonicalIp } from "../../sdk/addressing/ip";
import { NetplumbError } from "../errors";
import { type DockerUser, type Element, type Family, type Firewall, NFT_ABSENT, type PortHolder, type Table } from "./firewall";
import { ACCEPT_RULE } from "./render-firewall";
import { SETS } from "./ruleset";

function unreadable(tool: string, found: unknown, cause?: unknown): NetplumbError {
	const text = typeof found === "string" ? found : (JSON.stringify(found) ?? "nothing");
	const shown = text.length > 120 ? `${text.slice(0, 120)}…` : text;
	return new NetplumbError("unreadable", `the answer of ${tool} cannot be understood: found ${JSON.stringify(shown)}`, { cause });
}

/** The text before the line "status N" that ends an answer, and N. */
function answer(tool: string, text: string): { body: string; status: string } {
	const match = /^([\s\S]*?)\n*(?:^|\n)status (\d+)$/.exec(text);
	if (!match) throw unreadable(tool, text);
	return { body: match[1]!, status: match[2]! };
}

interface FilterText {
	tool: string | undefined;
	text: string;
}

export function parseFirewall(nft: string, localnet: string, filters: { 4: FilterText; 6: FilterText }): Firewall | string {
	if (nft === "absent") return NFT_ABSENT;
	const { body, status } = answer("nft", nft);
	const routeLocalnet: Record<string, boolean> = {};
	const lines = localnet.split("\n").filter((line) => line !== "");
	const end = lines.pop();
	if (!end?.startsWith("complete")) throw unreadable("route_localnet", localnet);
	for (const line of lines) {
		const match = /^(\S+) ([01])$/.exec(line);
		if (!match) throw unreadable("route_localnet", line);
		routeLocalnet[match[1]!] = match[2] === "1";
	}
	const firewall: Firewall = { docker: {}, routeLocalnet, conntrack: end === "complete" };
	for (const family of [4, 6] as const) {
		const { tool, text } = filters[family];
		if (tool === undefined) continue;
		const { body, status } = answer(tool, text);
		if (status !== "0") return `${tool} does not answer: ${body.replace(/\s+/g, " ").slice(0, 200)}`;
		firewall.docker[family] = parseFilter(tool, body);
	}
	if (status === "0") firewall.table = parseTable(body);
	// The whole answer of "there is no such table"; anything else may be a host that cannot tell.
	else if (!/^Error: No such file or directory\nlist table inet netplumb\n/.test(body))
		return `nftables does not answer: ${body.replace(/\s+/g, " ").slice(0, 200)}`;
	return firewall;
}

/** "1 0 ": IPv4, IPv6. */
export function parseForwarding(text: string): { 4: boolean; 6: boolean } {
	const [, four, six] = /^([01]) ([0-2]) ?$/.exec(text) ?? [];
	if (four === undefined) throw unreadable("the forwarding switches", text);
	return { 4: four === "1", 6: six !== "0" };
}

/** `nft -j list table` (libnftables-json(5)). */
export function parseTable(text: string): Table {
	let items: Record<string, Record<string, unknown>>[];
	try {
		items = (JSON.parse(text) as { nftables: typeof items }).nftables;
	} catch (cause) {
		throw unreadable("nft", text, cause);
	}
	if (!Array.isArray(items) || !items.some((item) => item["table"])) throw unreadable("nft", text);
	const table: Table = { elements: [], chains: {}, sets: [] };
	for (const item of items) {
		const set = item["set"] ?? item["map"];
		if (set) {
			const name = String(set["name"]);
			table.sets.push(name);
			for (const element of (set["elem"] as unknown[] | undefined) ?? [])
				table.elements.push(parseElement(name, element, "map" in item));
		}
		const chain = item["chain"];
		if (chain) {
			const hook = chain["hook"] === undefined ? "" : `${chain["type"]} ${chain["hook"]} ${chain["prio"]}`;
			table.chains[String(chain["name"])] = { hook, rules: [] };
		}
		const rule = item["rule"];
		if (rule) table.chains[String(rule["chain"])]?.rules.push(String(rule["comment"] ?? ""));
	}
	return table;
}

/** `key`, or `{ elem: { val: key, comment } }`; in a map it is the first of two, the value is the second. */
function parseElement(set: string, item: unknown, map: boolean): Element {
	const [first, second] = map ? (item as [unknown, unknown]) : [item, undefined];
	const elem = (first as { elem?: { val: unknown; comment?: string } } | null)?.elem;
	const element: Element = { set, key: fields(elem ? elem.val : first, SETS[set]?.key), comment: elem?.comment ?? "" };
	if (second !== undefined) element.value = fields(second, SETS[set]?.value);
	return element;
}

function fields(value: unknown, types: string[] = []): string[] {
	const parts = typeof value === "object" && value !== null && "concat" in value ? (value.concat as unknown[]) : [value];
	return parts.map((part, index) => field(part, types[index]));
}

/** Without /etc/protocols, nft has no names to print. */
const PROTOCOL_NAMES: Record<string, string> = { 6: "tcp", 17: "udp", 47: "gre", 132: "sctp" };

/** In the form of the inputs: addresses canonical, protocols by name, ranges as "8000-8999". */
function field(value: unknown, type?: string): string {
	if (type === "ifname" && typeof value === "string") return value;
	if (typeof value === "number") return type === "inet_proto" ? (PROTOCOL_NAMES[value] ?? String(value)) : String(value);
	// An IPv4 address has one form only, in which nft prints it.
	if (typeof value === "string") return value.includes(":") ? (canonicalIp(value) ?? value) : value;
	const { prefix, range } = (value ?? {}) as { prefix?: { addr: unknown; len: unknown }; range?: [unknown, unknown] };
	if (prefix) {
		const network = `${prefix.addr}/${prefix.len}`;
		return network.includes(":") ? (canonicalCidr(network) ?? network) : network;
	}
	if (range?.length === 2) return `${field(range[0])}-${field(range[1])}`;
	throw unreadable("nft", value);
}

/** `iptables -S`: all chains of the filter table. */
export function parseFilter(tool: string, text: string): DockerUser {
	const lines = text.split("\n");
	const policy = lines.find((line) => line.startsWith("-P FORWARD "))?.slice("-P FORWARD ".length);
	if (policy === undefined) throw unreadable(tool, text);
	const dropsTo = lines.flatMap((line) => {
		const chain = /^-A (DOCKER\S*) /.exec(line)?.[1];
		const out = / -o (\S+) .*-j DROP$/.exec(line)?.[1];
		return chain && chain !== "DOCKER-USER" && out ? [out] : [];
	});
	const ours = `-A DOCKER-USER ${ACCEPT_RULE.join(" ")}`;
	return { tool, forwardDrops: policy === "DROP", dropsTo: [...new Set(dropsTo)], accepts: lines.includes(ours) };
}

/** `ss -Hlnp` of all protocols, and the names and ports of `docker ps`. */
export function parsePorts(listeners: string, published: string): PortHolder[] | string {
	const docker = answer("docker ps", published);
	// 124 is timeout's own.
	if (docker.status === "124") return "Docker does not answer within 20 s";
	if (docker.status !== "0") return `Docker does not answer: ${docker.body.replace(/\s+/g, " ").slice(0, 200)}`;
	if (listeners === "absent") return "iproute2 is not complete (no ss command)";
	const sockets = answer("ss", listeners);
	if (sockets.status !== "0") throw unreadable("ss", sockets.body);
	const lines = (text: string) => text.split("\n").filter((line) => line !== "");
	// Docker first: its proxies are listeners too, and "docker-proxy" says less than the container's name.
	return [...lines(docker.body).flatMap(parsePublished), ...lines(sockets.body).flatMap(parseListener)];
}

/** `tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=91,fd=3))` */
function parseListener(line: string): PortHolder[] {
	const [protocol, , , , local, , users = ""] = line.trim().split(/\s+/);
	const match = /^(.*):(\d+|\*)$/.exec(local ?? "");
	if (!match) throw unreadable("ss", line);
	if (match[2] === "*" || !/^(tcp|udp|sctp)$/.test(protocol!)) return [];
	const port = Number(match[2]);
	const program = /"([^"]*)"/.exec(users)?.[1];
	const name = program === undefined ? "a listener" : `the listener "${program.replace(/[^ -~]/g, "?")}"`;
	return [{ protocol: protocol!, ...listensOn(match[1]!.replace(/%[^\]]*/, "")), first: port, last: port, name }];
}

function listensOn(text: string): { address?: string; family?: Family } {
	if (text === "*") return {};
	const address = canonicalIp(text.replace(/^\[|\]$/g, ""));
	if (address === undefined) throw unreadable("ss", text);
	const family = address.includes(":") ? 6 : 4;
	return address === "0.0.0.0" || address === "::" ? { family } : { family, address };
}

/** `"web" "0.0.0.0:8080-8081->80-81/tcp, :::8080-8081->80-81/tcp, 9000/tcp"` */
function parsePublished(line: string): PortHolder[] {
	const match = /^("(?:[^"\\]|\\.)*") ("(?:[^"\\]|\\.)*")$/.exec(line);
	if (!match) throw unreadable("docker ps", line);
	const name = `Docker's container ${match[1]}`;
	const parts = (JSON.parse(match[2]!) as string).split(", ").filter((part) => part.includes("->"));
	return parts.map((part) => {
		const [, address = "", first = "", last = first, protocol = ""] = /^(.*):(\d+)(?:-(\d+))?->[\d-]+\/(\w+)$/.exec(part) ?? [];
		if (protocol === "") throw unreadable("docker ps", line);
		return { protocol, ...listensOn(address), first: Number(first), last: Number(last), name };
	});
}
