// Which claims of two resources cannot both be met, and the sentence that says so. Pure.
import { formatCidr, overlaps, parseCidr } from "../addressing/index";
import { type Declared, title } from "./declared";
import type { Fact, Segment } from "./facts";
import type { LogicalSwitch } from "./logical-switch";

/** Claims that are right on some networks, and that `netplumb:accept` in the stack configuration lets pass. */
export const ACCEPTABLE = ["docker-pools", "overlapping-subnets", "shared-tags"] as const;
export type Acceptable = (typeof ACCEPTABLE)[number];

export interface Claim {
	readonly by: Declared;
	readonly fact: Fact;
}

type Where = Extract<Fact, { what: "address" }>["segment"];

/**
 * From where Docker takes the subnets of networks that declare none (default-address-pools, in the order in which it uses them:
 * moby, libnetwork/ipamutils). The rest of 192.168.0.0/16 comes when these are used up, and is common outside of Docker.
 */
const DOCKER_POOLS = ["172.17.0.0/16", "172.18.0.0/15", "172.20.0.0/14", "172.24.0.0/13", "192.168.0.0/20"];

/** Claims with different keys never clash; undefined: the claim stands in nobody's way. */
export function keysOf({ by, fact }: Claim): string[] {
	const at = (...parts: unknown[]) => JSON.stringify([fact.what, by.host, ...parts]);
	// Whoever writes to a database, its switches are the same.
	const on = (where: Where, value: string) =>
		where !== "host" && "database" in where ? JSON.stringify([fact.what, where, value]) : at(where, value);
	switch (fact.what) {
		case "owner":
			return [at(by.kind, by.name)];
		case "interface":
			return [at(fact.link)];
		case "mac":
			return fact.segments.map((segment) => on(segment, fact.mac));
		case "address":
			return [on(fact.segment, fact.ip)];
		case "subnet":
			return [at()];
		case "tag":
			return [at(fact.segment.bridge, fact.segment.vlan)];
		case "port":
			return [at(fact.protocol)];
	}
}

/** The sentence about two claims with the same key, or undefined when both can be met. */
export function clash(earlier: Claim, later: Claim, accepted: ReadonlySet<Acceptable>): string | undefined {
	const [a, b] = [earlier.fact, later.fact];
	const other = title(earlier.by);
	const host = `host ${later.by.host}`;
	const sentence = (input: string, found: string, expected: string, wayOut: string) =>
		`${title(later.by)}: ${input}: found ${found}, expected ${expected}; ${wayOut}`;
	if (a.what === "owner" && b.what === "owner")
		return sentence(
			"name",
			`a second ${title(later.by)} on ${host}`,
			"one of a kind and name, because it is the owner mark on the host",
			"give one of the two another name",
		);
	if (a.what === "interface" && b.what === "interface") {
		const why = a.derived && b.derived ? "a derived name of its own" : "a name of its own";
		return sentence(b.input, `${b.link} on ${host}, which is the ${a.input} of ${other}`, why, `set ${b.input} to another name`);
	}
	if (a.what === "mac" && b.what === "mac") {
		const shared = b.segments.find((one) => a.segments.some((two) => sameSegment(one, two)))!;
		return sentence(
			b.input,
			`${b.mac} on ${shown(shared, host)}, which ${other} has there too`,
			"a MAC address of its own",
			"choose another one, or leave it out to have one derived",
		);
	}
	if (a.what === "address" && b.what === "address") {
		return sentence(
			b.input,
			`${b.ip} on ${shown(b.segment, host)}, which ${other} has there too`,
			"an address of its own",
			"choose another one",
		);
	}
	if (a.what === "subnet" && b.what === "subnet") {
		if (a.link === b.link || accepted.has("overlapping-subnets") || !overlaps(a.net, b.net)) return undefined;
		return sentence(
			b.input,
			`the subnet ${formatCidr(b.net)} on ${host}, which overlaps ${formatCidr(a.net)} of ${other}`,
			"subnets that share no address",
			`choose another one, or ${accept("overlapping-subnets")}`,
		);
	}
	if (a.what === "tag" && b.what === "tag") {
		if (a.net.family !== b.net.family || formatCidr(a.net) === formatCidr(b.net) || accepted.has("shared-tags")) return undefined;
		return sentence(
			b.input,
			`the subnet ${formatCidr(b.net)} on ${shown(b.segment, host)}, where ${other} has ${formatCidr(a.net)}`,
			"one subnet on a VLAN",
			`correct the tag or the address, or ${accept("shared-tags")}`,
		);
	}
	if (a.what === "port" && b.what === "port") {
		const apart = a.to < b.from || b.to < a.from || (a.ip !== undefined && b.ip !== undefined && a.ip !== b.ip);
		if (apart) return undefined;
		return sentence(
			"hostPorts",
			`${range(b)}/${b.protocol} on ${host}, of which ${other} has ${range(a)}`,
			"host ports of its own",
			"choose other ports, or another hostIp for each of the two",
		);
	}
	return undefined;
}

/** A subnet that Docker may give to a network of its own at any time. */
export function dockerClash({ by, fact }: Claim, accepted: ReadonlySet<Acceptable>): string | undefined {
	if (fact.what !== "subnet" || fact.given || accepted.has("docker-pools")) return undefined;
	const pool = DOCKER_POOLS.find((candidate) => overlaps(parseCidr(candidate)!, fact.net));
	if (pool === undefined) return undefined;
	return `${title(by)}: ${fact.input}: found the subnet ${formatCidr(fact.net)}, which overlaps ${pool} of Docker's default address pools, expected a subnet that Docker does not give to its own networks; choose another one, or ${accept("docker-pools")} where Docker's default-address-pools are others`;
}

function accept(what: Acceptable): string {
	return `set netplumb:accept to ["${what}"]`;
}

function sameSegment(a: Segment | LogicalSwitch, b: Segment | LogicalSwitch): boolean {
	return JSON.stringify(a) === JSON.stringify(b);
}

function shown(where: Where, host: string): string {
	if (where === "host") return host;
	if ("database" in where) return `logical switch ${where.logicalSwitch} of ${where.database}`;
	if ("container" in where) return `${where.interface} of container ${where.container.slice(0, 40)} of ${host}`;
	return `${where.vlan > 0 ? `VLAN ${where.vlan} of ` : ""}bridge ${where.bridge} of ${host}`;
}

function range({ from, to }: { from: number; to: number }): string {
	return from === to ? String(from) : `${from}-${to}`;
}
