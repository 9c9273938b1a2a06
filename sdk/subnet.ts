import {
	bits,
	type Cidr,
	contains,
	formatCidr,
	formatIp,
	type Ip,
	isMapped,
	isMulticast,
	lastAddress,
	network,
	overlaps,
	parseCidr,
	parseIp,
} from "./addressing/index";
import { type Range, Slots } from "./addressing/slots";

/** What can be said about a `Subnet` besides its prefix. All of it is optional. */
export interface SubnetOptions {
	/**
	 * The number of the gateway within the subnet: 254 means 10.20.0.254 in 10.20.0.0/24. Default: the first usable address.
	 * `allocate` never hands it out.
	 */
	gateway?: number;
	/**
	 * Addresses that `allocate` must not hand out: numbers within the subnet (`10`), addresses (`"10.20.0.10"`), ranges
	 * (`"10.20.0.100-10.20.0.199"`) or networks (`"10.20.0.128/25"`). Reserve what you number by hand with `address(n)`, and
	 * what belongs to machines outside the program. A name whose address becomes reserved moves; no other does.
	 */
	reserve?: (number | string)[];
	/**
	 * Addresses chosen by hand, by name: `{ db: 10 }` makes `allocate("db")` give 10.20.0.10/24. This is how two names that meet
	 * on one address are kept apart.
	 */
	pins?: Record<string, number>;
}

const MOST_PARTS = 65_536;

/**
 * An IPv4 or IPv6 subnet to take addresses from. It is plain arithmetic in the program: it creates nothing, asks no host, and
 * gives the same answers in every run and on every machine.
 *
 * ```ts
 * const lan = new Subnet("10.20.0.0/24");
 * lan.gateway;        // "10.20.0.1"
 * lan.address(10);    // "10.20.0.10/24", the form that `addresses` of StaticContainerIp takes
 * lan.ip(10);         // "10.20.0.10"
 * lan.allocate("db"); // "10.20.0.225/24", the same for as long as the name is "db"
 * ```
 */
export class Subnet {
	/** The subnet in canonical form: `"10.20.0.0/24"`. */
	readonly cidr: string;
	/** The prefix length: 24. */
	readonly prefix: number;
	/** 4 or 6. */
	readonly family: 4 | 6;
	/** The gateway's address without prefix: `"10.20.0.1"`. */
	readonly gateway: string;
	/** The gateway's address with prefix, as `addresses` of an OvsBridge takes it: `"10.20.0.1/24"`. */
	readonly gatewayCidr: string;
	/**
	 * How many addresses an interface can have here, the gateway's among them. An IPv4 subnet loses its network and broadcast
	 * address and an IPv6 subnet its first address (the routers' anycast address); two-address and one-address subnets lose none.
	 */
	readonly size: bigint;

	readonly #net: Cidr;
	readonly #usable: Range;
	readonly #slots: Slots;
	readonly #pins: Map<string, bigint>;

	/**
	 * @param cidr The subnet: `"10.20.0.0/24"` or `"fd00:20::/64"`. The host bits must be zero.
	 * @param options The gateway, reserved addresses and pinned names.
	 */
	constructor(cidr: string, options: SubnetOptions = {}) {
		this.#net = parseSubnet(cidr);
		this.cidr = formatCidr(this.#net);
		this.prefix = this.#net.prefix;
		this.family = this.#net.family;
		this.#usable = usableNumbers(this.#net);
		this.size = this.#usable.to - this.#usable.from + 1n;
		const gateway = options.gateway === undefined ? this.#usable.from : this.#number(options.gateway);
		this.gateway = formatIp(this.#at(gateway));
		this.gatewayCidr = `${this.gateway}/${this.prefix}`;
		const reserved = (options.reserve ?? []).map((item) => this.#range(item));
		this.#slots = new Slots(this.#usable, [{ from: gateway, to: gateway }, ...reserved]);
		this.#pins = new Map(Object.entries(options.pins ?? {}).map(([name, n]) => [name, this.#number(n)]));
		for (const [name, n] of this.#pins) {
			if (n === gateway) throw this.#error(`the pin of ${JSON.stringify(name)} is the gateway's number ${n}; choose another one`);
			const holder = this.#slots.claim(name, n);
			if (holder !== name) {
				throw this.#error(`${JSON.stringify(holder)} and ${JSON.stringify(name)} are pinned to the same number ${n}; change one`);
			}
		}
	}

	/** The n-th address of the subnet with its prefix: `address(10)` is `"10.20.0.10/24"`. It is not marked as taken. */
	address(n: number | bigint): string {
		return `${this.ip(n)}/${this.prefix}`;
	}

	/** The n-th address of the subnet without prefix: `ip(10)` is `"10.20.0.10"`; `ip("db")` is the address of that name. */
	ip(n: number | bigint | string): string {
		return typeof n === "string" ? this.allocate(n).split("/")[0]! : formatIp(this.#at(this.#number(n)));
	}

	/**
	 * An address for a name, with prefix: `"10.20.0.225/24"`. The address depends on the name, the size of the subnet and
	 * `reserve`, and on nothing else: not on which other names there are, nor on the order of calls. So adding or removing
	 * containers anywhere in the program never moves the others. The same name gets the same number in every subnet of one size.
	 *
	 * The price: in a small subnet two names can meet on one address (thirty names in a /24 do, more likely than not). No rule
	 * could part them without moving one when the other comes or goes, so this throws, and names the pin that parts them for
	 * good: `new Subnet("10.20.0.0/24", { pins: { cache: 105 } })`. Pin the newer of the two, and nothing that runs is moved.
	 * In an IPv6 /64 this does not happen in practice.
	 *
	 * Use one Subnet object for one subnet: names are compared within one object.
	 */
	allocate(name: string): string {
		return this.allocateAll([name])[name]!;
	}

	/**
	 * `allocate` for several names at once, which finds all names that meet and says in one message which pins part them.
	 * The order of the names does not matter for their addresses.
	 */
	allocateAll<const N extends string>(names: readonly N[]): Record<N, string> {
		const entries: [string, string][] = [];
		const meetings: { name: string; holder: string; n: bigint }[] = [];
		for (const name of new Set(names)) {
			const n = this.#pins.get(name) ?? this.#slots.hashed(name);
			if (name === "") throw this.#error("an address cannot be allocated to an empty name; give it a name");
			if (n === undefined) throw this.#exhausted(name);
			const holder = this.#slots.claim(name, n);
			if (holder !== name) meetings.push({ name, holder, n });
			entries.push([name, formatCidr({ ...this.#at(n), prefix: this.prefix })]);
		}
		if (meetings.length > 0) throw this.#parting(meetings);
		return Object.fromEntries(entries) as Record<N, string>;
	}

	/** True when the address (`"10.20.0.7"`) or the whole network (`"10.20.0.0/25"`) lies in this subnet. */
	contains(other: string | Subnet): boolean {
		const text = typeof other === "string" ? other : other.cidr;
		const inner = parseIp(text) ?? parseCidr(text);
		if (inner === undefined)
			throw new TypeError(`Subnet.contains: found ${JSON.stringify(text)}, expected an address or a network`);
		return contains(this.#net, inner);
	}

	/** True when this subnet and the other share an address. */
	overlaps(other: string | Subnet): boolean {
		return overlaps(this.#net, typeof other === "string" ? parseSubnet(other) : other.#net);
	}

	/** The subnets of this length that make up this one, in order: a /24 splits into four /26. At most 65536 of them. */
	split(prefix: number): Subnet[] {
		if (!Number.isInteger(prefix) || prefix < this.prefix || prefix > bits(this.family)) {
			throw this.#error(`it cannot be split into /${prefix}; choose a length from ${this.prefix} to ${bits(this.family)}`);
		}
		const count = 2 ** (prefix - this.prefix);
		if (count > MOST_PARTS) {
			throw new RangeError(
				`Subnet ${this.cidr}: a split into /${prefix} gives more than ${MOST_PARTS} parts; split in two steps`,
			);
		}
		const step = 1n << BigInt(bits(this.family) - prefix);
		return Array.from({ length: count }, (_, n) => new Subnet(formatCidr({ ...this.#at(BigInt(n) * step), prefix })));
	}

	/** The same as `cidr`, so that a Subnet can stand in a template text. */
	toString(): string {
		return this.cidr;
	}

	/** The same as `cidr`, so that a Subnet in a stack output or in JSON is its text. */
	toJSON(): string {
		return this.cidr;
	}

	#at(n: bigint): Ip {
		return { family: this.family, value: this.#net.value + n };
	}

	#number(n: number | bigint): bigint {
		const { from, to } = this.#usable;
		const whole = typeof n === "bigint" || Number.isSafeInteger(n) ? BigInt(n) : -1n;
		if (whole >= from && whole <= to) return whole;
		throw this.#error(`found address number ${n}, expected ${from} to ${to}; choose one in this range`);
	}

	#range(item: number | string): Range {
		if (typeof item === "number") return { from: this.#number(item), to: this.#number(item) };
		const [low = "", high = low, ...rest] = item.split("-").map((part) => part.trim());
		const cidr = parseCidr(item);
		const from = cidr ? network(cidr) : parseIp(low);
		const to = cidr ? lastAddress(cidr) : parseIp(high);
		const inside = from && to && rest.length === 0 && contains(this.#net, from) && contains(this.#net, to);
		if (inside && from.value <= to.value) return { from: from.value - this.#net.value, to: to.value - this.#net.value };
		throw this.#error(
			`found ${JSON.stringify(item)} in reserve, expected an address, a range "first-last" or a network inside it; correct it`,
		);
	}

	/** The error for names that meet: says which, where, and the pins that part them. */
	#parting(meetings: { name: string; holder: string; n: bigint }[]): Error {
		const proposed = new Set<bigint>();
		const pins = meetings.map(({ name, n }) => {
			const free = this.#slots.free(n, proposed);
			if (free === undefined) throw this.#exhausted(name);
			proposed.add(free);
			return `${JSON.stringify(name)}: ${free}`;
		});
		const pairs = meetings.map(
			({ name, holder, n }) => `${JSON.stringify(holder)} and ${JSON.stringify(name)} would share ${formatIp(this.#at(n))}`,
		);
		return this.#error(
			`${pairs.join(", ")}; add the option pins: { ${pins.join(", ")} }, or pin the other name of a pair where that is the newer one`,
		);
	}

	#exhausted(name: string): Error {
		return this.#error(`no address is left for ${JSON.stringify(name)}; take a larger subnet or reserve less`);
	}

	#error(message: string): RangeError {
		return new RangeError(`Subnet ${this.cidr}: ${message}`);
	}
}

/** The numbers of the addresses that an interface can have. */
function usableNumbers(net: Cidr): Range {
	const all = 1n << BigInt(bits(net.family) - net.prefix);
	// RFC 3021 and RFC 6164: both addresses of a point-to-point link are usable.
	if (all <= 2n) return { from: 0n, to: all - 1n };
	return { from: 1n, to: net.family === 4 ? all - 2n : all - 1n };
}

function parseSubnet(text: string): Cidr {
	const cidr = parseCidr(text);
	const wrong = (wayOut: string) => new TypeError(`Subnet: found ${JSON.stringify(text)}, expected a subnet; ${wayOut}`);
	if (cidr === undefined) throw wrong("write it like 10.20.0.0/24 or fd00:20::/64");
	const net = network(cidr);
	if (net.value !== cidr.value) throw wrong(`clear the host bits, as in ${formatCidr(net)}`);
	if (isMapped(cidr)) throw wrong("write it as an IPv4 network");
	if (isMulticast(cidr)) throw wrong("multicast addresses belong to no interface");
	return cidr;
}
