// Puts the sections that the read script printed together into a snapshot.
import { NetplumbError } from "../errors";
import { type Flow, parseFlow } from "./flows";
import { parseDatabase, parseDeviceRoutes, parseLinks, parseNamespace, parseNetworkRoutes, parseOvs, parsePaths } from "./parse";
import { parseFirewall, parseForwarding, parsePorts } from "./parse-firewall";
import type { Seen } from "./read";
import { recalled } from "./recalled";
import { databaseId, tablesOf } from "./records";
import {
	type Container,
	DOCKER_ABSENT,
	isRunning,
	type Known,
	type Namespace,
	type Needs,
	type RunningContainer,
	type Snapshot,
} from "./snapshot";

interface Section {
	words: string[];
	text: string;
}

interface Inspected {
	id: string;
	name: string;
	status: string;
	pid: number;
	startedAt: string;
	networkMode: string;
}

/** "changed" when a container started or stopped while it was read: read again. `known` is what was not asked about again. */
export function assemble(
	output: string,
	mark: string,
	needs: Needs,
	seen: Seen,
	hostName: string,
	known?: Known,
): Snapshot | "changed" {
	const sections = split(output, mark);
	const only = (name: string) => sections.find((section) => section.words[0] === name)?.text;
	if (only("end") === undefined)
		throw new NetplumbError("unreadable", `host ${hostName}: the facts end early, so nothing was decided on them`);
	const named = <T>(work: () => T): T => {
		try {
			return work();
		} catch (error) {
			if (error instanceof NetplumbError)
				throw new NetplumbError(error.code, `host ${hostName}: ${error.message}`, { cause: error });
			throw error;
		}
	};
	return named(() => {
		const snapshot = known?.outside ? onTopOf(known.snapshot, only, needs) : outside(sections, only, needs, hostName);
		const inside = readContainers(sections, needs.containers, seen);
		if (inside === "changed") return inside;
		const { containers } = inside;
		if (known) Object.assign(containers, recalled(known, snapshot, containers));
		// The name that it was known by is another one's now.
		if (known?.told.some((reference) => !(reference in containers))) return "changed";
		return { ...snapshot, ...inside };
	});
}

type Only = (name: string) => string | undefined;

/** All that is not in a container. */
function outside(sections: Section[], only: Only, needs: Needs, hostName: string): Snapshot {
	const { facts, destinations } = needs;
	const snapshot: Snapshot = {
		hostName,
		generation: only("generation") ?? "none",
		readAt: performance.now(),
		host: { links: parseLinks(only("host") ?? ""), routes: [], ipv6Disabled: {} },
		ovs: parseOvs(only("ovs") ?? "", only("datapath") === "kernel"),
		containers: {},
		paths: parsePaths(
			only("paths") ?? "",
			destinations.filter((to) => !to.includes("/")),
		),
		networks: destinations.filter((to) => to.includes("/")),
		...parseDesired(only("desired") ?? ""),
		...readFlows(sections),
	};
	const numbered = (name: string, word: string) =>
		sections.find((section) => section.words[0] === name && section.words[1] === word);
	if (facts.includes("firewall")) {
		const filter = (family: string) => numbered("filter", family);
		snapshot.firewall = parseFirewall(only("nft") ?? "", only("route_localnet") ?? "", {
			4: { tool: filter("4")?.words[2], text: filter("4")?.text ?? "" },
			6: { tool: filter("6")?.words[2], text: filter("6")?.text ?? "" },
		});
		if (typeof snapshot.firewall === "object") snapshot.firewall.forwarding = parseForwarding(only("forwarding") ?? "");
	}
	if (facts.includes("ports")) snapshot.ports = parsePorts(only("listeners") ?? "", only("published") ?? "");
	if (facts.includes("chassis")) snapshot.chassis = only("chassis") ?? "";
	if (needs.databases) {
		const tables = needs.databases.map((database, index) => [
			databaseId(database),
			parseDatabase(numbered("database", String(index))?.text ?? "", database[0]!, tablesOf(database)),
		]);
		snapshot.databases = Object.fromEntries(tables);
	}
	Object.assign(snapshot, readTakenBack(only));
	if (needs.devices) readDevices(snapshot, sections, needs.devices);
	addNetworkRoutes(snapshot, only("paths") ?? "");
	return snapshot;
}

/** What was known, with the generation and the desired states as they are now. */
function onTopOf(known: Snapshot, only: Only, { desired: asked = [] }: Needs): Snapshot {
	const { takenBack: _, dockerProblem: __, agent: ___, ...rest } = known;
	const now = parseDesired(only("desired") ?? "");
	const isAsked = (name: string) => asked.some((ending) => ending === "all" || name.endsWith(ending));
	const desired = Object.entries(now.desired ?? {}).map(([name, sum]) => [
		name,
		sum === "" && !isAsked(name) ? (known.desired?.[name] ?? "") : sum,
	]);
	return {
		...rest,
		...now,
		desired: Object.fromEntries(desired),
		generation: only("generation") ?? "none",
		mixed: true,
		...readTakenBack(only),
	};
}

function readTakenBack(only: Only): Pick<Snapshot, "takenBack"> {
	const text = only("taken-back");
	return text === undefined ? {} : { takenBack: linesOf(text) };
}

/** By the references that were asked for, and those that were told along by id and name. */
function readContainers(
	sections: Section[],
	references: readonly string[],
	seen: Seen,
): Pick<Snapshot, "containers" | "dockerProblem"> | "changed" {
	const containers: Record<string, Container> = {};
	for (const reference of references) {
		const same = sameAsSeen(seen.get(reference), sections);
		if (same) containers[reference] = same;
	}
	const unknown = references.filter((reference) => !(reference in containers));
	const text = (name: string) => sections.find(({ words }) => words[0] === name)?.text ?? "";
	const docker = text("docker") === "" ? [] : parseDocker(text("docker"));
	if (typeof docker === "string") return { containers, ...(unknown.length > 0 ? { dockerProblem: docker } : {}) };
	const again = new Set(linesOf(text("again")));
	for (const reference of unknown) {
		const found = match(docker, reference);
		// Missing only where Docker says so about this very container.
		if (!found && !saidMissing(text("docker"), reference)) throw unreadable(text("docker"));
		const container = found ? assembleContainer(found, again, sections) : "missing";
		if (container === "changed") return container;
		containers[reference] = container;
	}
	// Those that were told along. That one of them cannot be told concerns nobody yet.
	const whole = sections.filter(({ text }) => text.endsWith("complete"));
	const asked = new Set(Object.values(containers).map((one) => one !== "missing" && one.id));
	for (const found of docker) {
		const container = asked.has(found.id) ? "changed" : assembleContainer(found, again, whole);
		if (container !== "changed" && isRunning(container))
			for (const name of [container.id, container.name]) containers[name] ??= container;
	}
	return { containers };
}

/** Those that a device of its own was asked for are there already. */
function addNetworkRoutes(snapshot: Snapshot, text: string): void {
	const known = new Set(snapshot.devices ?? []);
	const routes = parseNetworkRoutes(text, snapshot.networks ?? []);
	snapshot.host.routes.push(...routes.filter(({ dev }) => !known.has(dev)));
}

/** Per device: the routes of IPv4, those of IPv6, and two switches, each on a line. */
function readDevices(snapshot: Snapshot, sections: Section[], devices: string[]): void {
	snapshot.devices = devices;
	for (const { words, text } of sections.filter(({ words }) => words[0] === "device")) {
		const name = words.slice(1).join(" ");
		const lines = linesOf(text);
		const [, arp, disabled] = /^switches (\d+) ([01])$/.exec(lines.pop() ?? "") ?? [];
		if (arp === undefined || lines.length !== 2)
			throw new NetplumbError(
				"unreadable",
				`the facts of ${name} cannot be understood: found ${JSON.stringify(text.slice(0, 120))}`,
			);
		snapshot.host.routes.push(...lines.flatMap((line) => parseDeviceRoutes(line, name)));
		snapshot.host.ipv6Disabled[name] = disabled === "1";
		snapshot.host.arpIgnore = { ...snapshot.host.arpIgnore, [name]: arp };
	}
}

/** A bridge that does not tell its flows has none that could be relied on. */
function readFlows(sections: Section[]): Pick<Snapshot, "flows"> {
	const told = sections.filter(({ words, text }) => words[0] === "flows" && /(?:^|\n)complete$/.test(text));
	if (told.length === 0) return {};
	const flows = told.map(({ words, text }) => {
		const lines = text.split("\n").filter((line) => line.includes("cookie="));
		return [words[1]!, lines.map(readFlow)] as const;
	});
	return { flows: Object.fromEntries(flows) };
}

function readFlow(line: string): Flow {
	const flow = parseFlow(line);
	if (flow) return flow;
	const shown = JSON.stringify(line.slice(0, 120));
	throw new NetplumbError("unreadable", `the answer of ovs-ofctl cannot be understood: found ${shown}`);
}

function linesOf(text: string): string[] {
	return text.split("\n").filter((line) => line !== "");
}

function split(output: string, mark: string): Section[] {
	return `\n${output}`
		.split(`\n${mark} `)
		.slice(1)
		.map((part) => {
			const end = part.indexOf("\n");
			return {
				words: (end < 0 ? part : part.slice(0, end)).split(" "),
				text: end < 0 ? "" : part.slice(end + 1).replace(/\n+$/, ""),
			};
		});
}

/** The second line of the agent, then the checksums of it and of the desired states that were asked for, then the names of all. */
function parseDesired(text: string): Pick<Snapshot, "desired" | "agent"> {
	const version = Number(/^# netplumb agent (\d+)$/m.exec(text)?.[1] ?? 0);
	const sums = [...text.matchAll(/^([0-9a-f]{64}) {2}\/var\/lib\/netplumb\/(agent$|desired\/[0-9a-f-]+$)/gm)];
	const agent = sums.find(([, , path]) => path === "agent");
	const desired = sums.filter(([, , path]) => path !== "agent").map(([, sum, path]) => [path!.slice("desired/".length), sum!]);
	const kept = [...text.matchAll(/^kept ([0-9a-f-]+)$/gm)].map(([, name]) => [name!, ""]);
	return { ...(agent ? { agent: { version, sum: agent[1]! } } : {}), desired: Object.fromEntries([...kept, ...desired]) };
}

/** The inspected containers, or a sentence when Docker as a whole does not answer. */
function parseDocker(text: string): Inspected[] | string {
	const lines = linesOf(text);
	if (lines[0] === "absent") return DOCKER_ABSENT;
	const status = /^status (\d+)$/.exec(lines.pop() ?? "")?.[1];
	const found: Inspected[] = [];
	for (const line of lines) {
		const match = /^\d+ (\{.*\})$/.exec(line);
		if (match) found.push(inspected(match[1]!));
		else if (!/no such (object|container)/i.test(line)) {
			return status === "124" ? "Docker does not answer within 20 s" : `Docker does not answer: ${line.slice(0, 200)}`;
		}
	}
	if (status === "124") return "Docker does not answer within 20 s";
	if (status === undefined) throw unreadable(text);
	return found;
}

function unreadable(text: string, cause?: unknown): NetplumbError {
	return new NetplumbError(
		"unreadable",
		`the answer of docker inspect cannot be understood: found ${JSON.stringify(text.slice(0, 120))}`,
		{
			cause,
		},
	);
}

function inspected(text: string): Inspected {
	try {
		return JSON.parse(text) as Inspected;
	} catch (cause) {
		throw unreadable(text, cause);
	}
}

function saidMissing(text: string, reference: string): boolean {
	return text.split("\n").some((line) => /no such (object|container)/i.test(line) && line.trimEnd().endsWith(reference));
}

/** By full id, by name, then by the beginning of the id: the order in which Docker looks. */
function match(found: Inspected[], reference: string): Inspected | undefined {
	return (
		found.find((container) => container.id === reference) ??
		found.find((container) => container.name === `/${reference}` || container.name === reference) ??
		found.find((container) => container.id.startsWith(reference))
	);
}

function assembleContainer(found: Inspected, again: Set<string>, sections: Section[]): Container | "changed" {
	const name = found.name.replace(/^\//, "");
	if (found.pid === 0) return { id: found.id, name, status: found.status };
	const section = sections.find(({ words }) => words[0] === "container" && words[1] === String(found.pid));
	if (!section) return "changed";
	const [, , startTime = "", whose, sure] = section.words;
	if (sure !== "sure" && !again.has(`${found.id} ${found.pid} ${found.startedAt}`)) return "changed";
	const { id, pid, networkMode } = found;
	const sharesHost = whose === "host";
	return { id, name, pid, startTime, networkMode, sharesHost, namespace: namespaceIn(section), toldAt: performance.now() };
}

/** The container as it was at the last look, with its namespace as it is now; undefined where it is not surely the same. */
function sameAsSeen(seen: RunningContainer | undefined, sections: Section[]): RunningContainer | undefined {
	if (!seen) return undefined;
	const same = ["container", String(seen.pid), seen.startTime, undefined, "sure", seen.id];
	const section = sections.find(({ words }) => same.every((word, index) => word === undefined || words[index] === word));
	if (!section) return undefined;
	return { ...seen, sharesHost: section.words[3] === "host", namespace: namespaceIn(section), toldAt: performance.now() };
}

/** The containers that run besides those that were asked about, with nothing of their namespaces. */
export function othersIn(output: string, mark: string): RunningContainer[] {
	const text = split(output, mark).find(({ words }) => words[0] === "others")?.text ?? "";
	return text.split("\n").flatMap((line) => {
		const [, startTime, facts] = /^(\d+) (\{.*\})$/.exec(line) ?? [];
		if (startTime === undefined || facts === undefined) return [];
		const { id, name, pid, networkMode } = inspected(facts);
		return [{ id, name: name.replace(/^\//, ""), pid, startTime, networkMode, sharesHost: false, namespace: NOTHING_READ }];
	});
}

const NOTHING_READ: Namespace = { links: {}, routes: [], ipv6Disabled: {} };

function namespaceIn({ words, text }: Section): Namespace {
	return words[3] === "host" ? NOTHING_READ : parseNamespace(text);
}
