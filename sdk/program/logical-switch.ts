// What resources of OVN claim in a logical switch: their addresses and MAC addresses. Inputs may hold mistakes: they claim nothing.
import { canonicalIp, canonicalMac, contains, derivedInterface, derivedMac, parseCidr, parseIp } from "../addressing/index";
import { type Declared, isKnown, seedOf } from "./declared";
import type { Fact } from "./facts";

/** One broadcast domain over all hosts. */
export interface LogicalSwitch {
	readonly logicalSwitch: string;
	/** Where its database is, in the words of a message. */
	readonly database: string;
}

type Values = Readonly<Record<string, unknown>>;

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
/** Nothing is written like an empty text. */
const written = (value: unknown): string => text(value) ?? "";
const listed = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
/** The entries of a list, each with its place. Those that are no objects have nothing in them. */
const entries = (value: unknown): [Values, number][] => listed(value).map((one, index) => [Object(one) as Values, index]);

/** The address at which names are asked for. */
export function switchFacts(declared: Declared): Fact[] {
	if (!isKnown(declared, "northbound", "name", "dns")) return [];
	const { name, dns } = declared.args;
	return addressFact(switchAt(declared, text(name) ?? derivedInterface(seedOf(declared))), "dns", dns);
}

export function portFacts(declared: Declared): Fact[] {
	if (!isKnown(declared, "northbound", "switch")) return [];
	const { switch: name, mac, addresses } = declared.args;
	const segment = switchAt(declared, name);
	return [
		...(isKnown(declared, "mac") ? macFact(segment, "mac", mac ?? derivedMac(seedOf(declared))) : []),
		...listed(addresses).flatMap((address, index) => addressFact(segment, `addresses[${index}]`, address)),
	];
}

/** A MAC address that is not given is derived for this router and switch alone. */
export function routerFacts(declared: Declared): Fact[] {
	if (!isKnown(declared, "northbound", "ports")) return [];
	const { ports, snat, publish } = declared.args;
	const outer = [
		...entries(publish).map(([{ address }, index]) => [`publish[${index}].address`, address] as const),
		...entries(snat).map(([{ to }, index]) => [`snat[${index}].to`, to] as const),
	];
	return entries(ports).flatMap(([port, index]) => {
		const segment = switchAt(declared, port["switch"]);
		const nets = listed(port["addresses"]).flatMap((address) => parseCidr(written(address)) ?? []);
		const isHere = (address: unknown) => {
			const ip = parseIp(written(address));
			return ip !== undefined && nets.some((net) => contains(net, ip));
		};
		return [
			...macFact(segment, `ports[${index}].mac`, port["mac"]),
			...listed(port["addresses"]).flatMap((address, place) =>
				addressFact(segment, `ports[${index}].addresses[${place}]`, written(address).split("/")[0]),
			),
			// The router answers ARP for these as for its own.
			...outer.filter(([, address]) => isHere(address)).flatMap(([input, address]) => addressFact(segment, input, address)),
		];
	});
}

/** The servers of a cluster may be named in any order. */
function switchAt({ host, args }: Declared, name: unknown): LogicalSwitch | undefined {
	const database = text(args["northbound"])?.split(",").sort().join() ?? `host ${host}`;
	return typeof name === "string" ? { logicalSwitch: name, database } : undefined;
}

function addressFact(segment: LogicalSwitch | undefined, input: string, address: unknown): Fact[] {
	const ip = canonicalIp(written(address));
	return segment && ip !== undefined ? [{ what: "address", input, ip, segment }] : [];
}

function macFact(segment: LogicalSwitch | undefined, input: string, given: unknown): Fact[] {
	const mac = canonicalMac(written(given));
	return segment && mac !== undefined ? [{ what: "mac", input, mac, segments: [segment] }] : [];
}
