// Runs one program on the model host and holds it to the promises, step by step.
import { aliasWithLocalnet, linkMark, markOf } from "../../provider/host/marks";
import { ROUTE_PROTOCOL } from "../../provider/host/render";
import type { Link, Snapshot } from "../../provider/host/snapshot";
import { overlaps, parseCidr } from "../../sdk/addressing/index";
import { difference, essence } from "../model/compare";
import { type Args, type Declared, Engine, type Run } from "./engine";
import { ModelExchange } from "./model-exchange";
import type { Edit, Step } from "./programs";

let hosts = 0;

/** The session waits a few milliseconds for other requests, and between waves: here all of them are there at once. */
export function withoutWaiting(): () => void {
	const real = globalThis.setTimeout;
	const quick = (work: () => void, after = 0) => (after > 300 ? real(work, after) : setImmediate(work));
	globalThis.setTimeout = quick as unknown as typeof setTimeout;
	return () => {
		globalThis.setTimeout = real;
	};
}

/** What a program did, for counting. */
export interface Tally {
	steps: number;
	made: number;
	refused: number;
	faults: number;
}

export const noTally = (): Tally => ({ steps: 0, made: 0, refused: 0, faults: 0 });

export interface World {
	engine: Engine;
	exchange: ModelExchange;
	declared: Declared;
	errors?: Record<string, string>;
}

export function worldOn(start: Snapshot): World {
	const exchange = new ModelExchange(start);
	// A session remembers its host for a moment, so that each has one of its own.
	const host = { address: `model-${++hosts}.invalid` };
	exchange.serve(host);
	return { exchange, engine: new Engine(host, exchange.log), declared: {} };
}

export async function runProgram(start: Snapshot, steps: readonly Step[], tally = noTally()): Promise<void> {
	const world = worldOn(start);
	const { exchange, engine } = world;
	const promise = (holds: unknown, what: () => string) => {
		if (!holds) throw new Error(`${what()}\n${exchange.log.join("\n")}`);
	};
	const same = (found: unknown, expected: unknown, when: string) => {
		const text = difference(found, expected);
		promise(text === undefined, () => `${when}: ${text}`);
	};
	for (const [number, step] of steps.entries()) {
		exchange.log.push(`step ${number + 1}`);
		const next = await nextOf(world, step.edits);
		exchange.begin(step.fault);
		if (step.fault) tally.faults++;
		let run = await engine.up(next);
		exchange.begin(undefined);
		// The next up mends what a fault left.
		if (step.fault?.refresh) await engine.refresh();
		if (step.fault) run = await engine.up(next);
		await settle(world, next, run, tally);
		tally.steps++;
		await followOthers(world);
		same(await engine.refresh(), {}, `step ${number + 1}: drift`);
		same(changes(await engine.up(world.declared)), { errors: {}, changed: 0 }, `step ${number + 1}: a second up`);
		same([...engine.live.keys()].sort(), Object.keys(world.declared).sort(), `step ${number + 1}: what is live`);
		const fresh = await freshly(start, world.declared);
		same(fresh.errors, {}, `step ${number + 1}: made at once`);
		const when = `step ${number + 1}: made step by step, and at once`;
		same(withoutHistory(exchange.snapshot, world.declared), withoutHistory(fresh.exchange.snapshot, world.declared), when);
	}
	exchange.log.push("destroy");
	same(changes(await engine.up({})).errors, {}, "destroy");
	same(facts(exchange.snapshot), facts(start), "after destroy");
	same(exchange.snapshot.desired ?? {}, {}, "the host's memory after destroy");
}

const changes = ({ errors, changed }: Run) => ({ errors, changed });

/**
 * What a resource needs of the host's links, other resources may change: a bridge in whose subnet a published target is, the MTU on the way
 * to a tunnel's far end, whether the members of a network see each other, the protocols that a guard is written with, whether
 * the attachment under addresses is guarded, where its own input does not say so, and in which bridge. The next refresh tells, and the up after it
 * mends; what cannot be mended is given up.
 */
async function followOthers({ engine, declared }: World): Promise<void> {
	const found = Object.entries(await engine.refresh());
	const follows = ([name, drift]: [string, string[] | undefined]) => {
		const kind = declared[name]?.kind;
		const forgot = drift?.join() === "keep the desired state on the host";
		if (forgot && (kind === "VethAttachment" || kind === "StaticContainerIp")) return true;
		if (kind === "StaticContainerIp" && drift?.some((text) => /^(record|forget) the addresses of port/.test(text))) return true;
		return kind === "NatPublish" || (["OvsTunnel", "VethAttachment"].includes(kind!) && drift?.[0]?.startsWith("host "));
	};
	const names = found.filter(follows);
	if (names.length === 0) return;
	for (const [name, drift] of names) if (drift?.some((text) => text.startsWith("host "))) delete declared[name];
	onlyWithBases(declared);
	await engine.up(declared);
}

/** What is declared after these edits; inputs that `check` refuses never get as far as a host. */
export async function nextOf({ engine, declared }: World, edits: readonly Edit[]): Promise<Declared> {
	const next = { ...declared };
	for (const { name, kind, args } of edits) {
		if (!args) delete next[name];
		else if (await engine.check(name, { kind, args })) next[name] = { kind, args };
	}
	onlyWithBases(next);
	return next;
}

/** Who takes something out of a program takes out what leans on it, and what leans on that. */
function onlyWithBases(next: Declared): void {
	const before = Object.keys(next).length;
	const has = (kind: string, fits: (args: Args) => boolean) =>
		Object.values(next).some((other) => other.kind === kind && fits(other.args));
	for (const [name, { kind, args }] of Object.entries(next)) {
		const { bridge, container } = args;
		if (bridge === "br0" && !has("OvsBridge", (base) => base["name"] === bridge)) delete next[name];
		if (bridge === "net0" && !has("IsolatedNetwork", () => true)) delete next[name];
		const wired = (base: Args) => base["container"] === container && base["interface"] === args["interface"];
		if (kind === "StaticContainerIp" && !has("VethAttachment", wired)) delete next[name];
	}
	if (Object.keys(next).length < before) onlyWithBases(next);
}

/** What the host refuses is given up by who wrote the program: the next one does not ask for it any more. */
export async function settle(world: World, next: Declared, first: Run, tally: Tally): Promise<void> {
	let run = first;
	for (let tries = 0; Object.keys(run.errors).length > 0; tries++) {
		for (const [name, error] of Object.entries(run.errors)) {
			if (!/^(conflict|missing|unsupported): host /.test(error) || tries > 20)
				throw new Error(`${name}: ${error}\n${world.exchange.log.join("\n")}`);
			tally.refused++;
			const old = world.declared[name];
			const live = world.engine.live.has(name);
			if (old && live && old !== next[name]) next[name] = old;
			else delete next[name];
			if (old === next[name]) delete world.declared[name];
		}
		onlyWithBases(next);
		run = await world.engine.up(next);
	}
	tally.made += Object.keys(next).length;
	world.declared = next;
}

/** The same declarations on the same host, at once. */
async function freshly(start: Snapshot, declared: Declared): Promise<World> {
	const world = worldOn(start);
	const run = await world.engine.up(declared);
	world.errors = run.errors;
	world.declared = declared;
	return world;
}

/** What is compared of a host: all but the notes of how a bridge was before it was adopted, which name every setting ever declared. */
function facts(snapshot: Snapshot) {
	const plain = structuredClone(essence(snapshot));
	for (const { columns } of Object.values(plain.bridges)) {
		const { "netplumb-before": _, ...ids } = columns["external_ids"] as unknown as Record<string, string>;
		columns["external_ids"] = ids as never;
	}
	return plain;
}

/**
 * Without what may depend on the order of events: an MTU that the program left to the bridge, a rule that goes with the last port, and which of two
 * bridges in one subnet the kernel takes to a published target.
 */
function withoutHistory(snapshot: Snapshot, declared: Declared) {
	const plain = facts(snapshot);
	for (const [name, { kind, args }] of Object.entries(declared)) {
		if (kind !== "VethAttachment" || args["mtu"] !== undefined) continue;
		const mark = markOf(`fuzz/test/${name}`, kind);
		for (const { links } of [plain.host, ...Object.values(plain.containers)].filter(
			(one) => typeof one === "object" && "links" in one,
		))
			for (const link of Object.values(links))
				if (linkMark(link as unknown as Link) === mark || link.peer === args["interface"]) link.mtu = 0;
	}
	if (typeof plain.firewall === "object" && "docker" in plain.firewall)
		for (const user of Object.values(plain.firewall.docker)) user.accepts = false;
	for (const link of inOneSubnet(Object.values(plain.host.links))) {
		if (link.alias) link.alias = aliasWithLocalnet(link.alias, false);
		if (typeof plain.firewall === "object" && "routeLocalnet" in plain.firewall) delete plain.firewall.routeLocalnet[link.name];
	}
	return plain;
}

function inOneSubnet<L extends Pick<Link, "addresses">>(links: L[]): L[] {
	const nets = ({ addresses }: L) => addresses.map((address) => parseCidr(address)!);
	const meet = (a: L, b: L) => nets(a).some((one) => nets(b).some((other) => overlaps(one, other)));
	return links.filter((link) => links.some((other) => other !== link && meet(link, other)));
}

export const marks = (declared: Declared) =>
	Object.entries(declared).map(([name, { kind }]) => markOf(`fuzz/test/${name}`, kind));

/** What a host and its model must have in common: all but what the kernel and Open vSwitch choose themselves. */
export function visible(snapshot: Snapshot) {
	const plain = facts(snapshot);
	const { links } = plain.host;
	// A bridge's own link is of the kernel's kind, whichever that is under the datapath.
	for (const link of Object.values(links)) Object.assign(link, { mac: "", kind: link.kind.replace("tun", "openvswitch") });
	for (const namespace of [{ links, routes: [] }, ...Object.values(plain.containers)])
		if (typeof namespace === "object" && "links" in namespace) {
			namespace.routes = namespace.routes.filter((route) => !/"(fe80|ff00)::/.test(route));
			for (const link of Object.values(namespace.links)) {
				delete link.details;
				// Below its least MTU there is no IPv6, and so no switch for it (RFC 8200, 5).
				if (link.mtu < 1280 && "ipv6Disabled" in namespace) delete namespace.ipv6Disabled[link.name];
			}
		}
	// The MTU of a bridge follows its ports, unless it is told otherwise (ovs-vswitchd.conf.db(5), mtu_request).
	const follows = (name: string) => links[name]!.kind === "bridge" || String(plain.ports[name]?.interface["mtu_request"]) === "";
	for (const link of Object.values(links)) if (follows(link.name)) link.mtu = 0;
	const chosen = ["_uuid", "ports", "interfaces", "controller", "datapath_id", "ofport"];
	const rows = [
		...Object.values(plain.bridges),
		...Object.values(plain.ports).flatMap((port) => [port, { columns: port.interface }]),
	];
	for (const { columns } of rows) for (const name of chosen) delete columns[name];
	// Of the host's routes, a look has those to the networks that were asked for.
	const routes = plain.host.routes.filter((route) => route.includes(`["protocol","${ROUTE_PROTOCOL}"]`));
	return { ...plain, host: { links, routes }, desired: snapshot.desired ?? {} };
}
