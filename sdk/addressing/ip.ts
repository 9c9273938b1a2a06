// IPv4 and IPv6 addresses and prefixes as numbers. Pure, and strict on purpose: text that two tools could read differently
// (leading zeros, short or hexadecimal IPv4, zones) is refused rather than guessed, because the reader after us is the kernel.

/** An IP address: the number, and which family it belongs to. */
export interface Ip {
	readonly family: 4 | 6;
	readonly value: bigint;
}

/** An address together with a prefix length. The host bits are kept: `10.0.0.5/24` is not `10.0.0.0/24`. */
export interface Cidr extends Ip {
	readonly prefix: number;
}

/** The number of bits in an address of this family. */
export function bits(family: 4 | 6): 32 | 128 {
	return family === 4 ? 32 : 128;
}

const DECIMAL_BYTE = /^(?:0|[1-9]\d{0,2})$/;
const HEX_GROUP = /^[0-9a-f]{1,4}$/i;
const LONGEST = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".length;

function parseV4(text: string): bigint | undefined {
	const parts = text.split(".");
	if (parts.length !== 4) return undefined;
	let value = 0n;
	for (const part of parts) {
		if (!DECIMAL_BYTE.test(part) || Number(part) > 255) return undefined;
		value = (value << 8n) | BigInt(part);
	}
	return value;
}

/** The 16-bit groups of one side of a `::`; an IPv4 tail, allowed only at the very end, counts as two groups. */
function parseGroups(text: string, last: boolean): bigint[] | undefined {
	if (text === "") return [];
	const parts = text.split(":");
	const groups: bigint[] = [];
	for (const [index, part] of parts.entries()) {
		if (HEX_GROUP.test(part)) {
			groups.push(BigInt(`0x${part}`));
			continue;
		}
		const v4 = last && index === parts.length - 1 ? parseV4(part) : undefined;
		if (v4 === undefined) return undefined;
		groups.push(v4 >> 16n, v4 & 0xffffn);
	}
	return groups;
}

function parseV6(text: string): bigint | undefined {
	const sides = text.split("::");
	if (sides.length > 2) return undefined;
	const head = parseGroups(sides[0]!, sides.length === 1);
	const tail = sides.length === 2 ? parseGroups(sides[1]!, true) : [];
	if (head === undefined || tail === undefined) return undefined;
	const missing = 8 - head.length - tail.length;
	// RFC 4291, 2.2: "::" stands for one or more groups, so eight groups beside it are one too many.
	if (sides.length === 1 ? missing !== 0 : missing < 1) return undefined;
	return [...head, ...Array<bigint>(missing).fill(0n), ...tail].reduce((value, group) => (value << 16n) | group, 0n);
}

/** Reads an IPv4 or IPv6 address; undefined when the text is not exactly one. */
export function parseIp(text: string): Ip | undefined {
	if (text.length > LONGEST) return undefined;
	const family = text.includes(":") ? 6 : 4;
	const value = family === 6 ? parseV6(text) : parseV4(text);
	return value === undefined ? undefined : { family, value };
}

/** Reads `address/prefix`; undefined when the text is not exactly that. Host bits are kept. */
export function parseCidr(text: string): Cidr | undefined {
	const slash = text.indexOf("/");
	if (slash < 0) return undefined;
	const ip = parseIp(text.slice(0, slash));
	const prefix = text.slice(slash + 1);
	if (ip === undefined || !DECIMAL_BYTE.test(prefix) || Number(prefix) > bits(ip.family)) return undefined;
	return { ...ip, prefix: Number(prefix) };
}

/** The canonical text of an address: dotted decimal, or RFC 5952. */
export function formatIp(ip: Ip): string {
	if (ip.family === 4) return [24n, 16n, 8n, 0n].map((shift) => (ip.value >> shift) & 0xffn).join(".");
	// RFC 5952, 5: only where the prefix says that an IPv4 address is inside is it written as one.
	if (isMapped(ip)) return `::ffff:${formatIp(unmapped(ip))}`;
	const digits = ip.value.toString(16).padStart(32, "0");
	const groups = Array.from({ length: 8 }, (_, index) => Number.parseInt(digits.slice(4 * index, 4 * index + 4), 16));
	// RFC 5952, 4.2: the longest run of zeros is shortened, the first of equals, and never a single group.
	let start = -1;
	let length = 1;
	for (let from = 0; from < 8; from++) {
		let to = from;
		while (to < 8 && groups[to] === 0) to++;
		if (to - from > length) [start, length] = [from, to - from];
	}
	const hex = groups.map((group) => group.toString(16));
	return start < 0 ? hex.join(":") : `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

/** The canonical text of an address with its prefix. */
export function formatCidr(cidr: Cidr): string {
	return `${formatIp(cidr)}/${cidr.prefix}`;
}

/** The canonical text of an address, or undefined. */
export function canonicalIp(text: string): string | undefined {
	const ip = parseIp(text);
	return ip && formatIp(ip);
}

/** The canonical text of `address/prefix`, host bits kept, or undefined. */
export function canonicalCidr(text: string): string | undefined {
	const cidr = parseCidr(text);
	return cidr && formatCidr(cidr);
}

function hostMask(cidr: Cidr): bigint {
	return (1n << BigInt(bits(cidr.family) - cidr.prefix)) - 1n;
}

/** The network that an address with prefix lies in: the same, with the host bits cleared. */
export function network(cidr: Cidr): Cidr {
	return { ...cidr, value: cidr.value & ~hostMask(cidr) };
}

/** The highest address of the network (in IPv4, the broadcast address). */
export function lastAddress(cidr: Cidr): Ip {
	return { family: cidr.family, value: cidr.value | hostMask(cidr) };
}

/** True when the address, or the whole of the inner network, lies in the outer network. Host bits of `outer` do not matter. */
export function contains(outer: Cidr, inner: Ip | Cidr): boolean {
	if (outer.family !== inner.family) return false;
	if ("prefix" in inner && inner.prefix < outer.prefix) return false;
	return (outer.value | hostMask(outer)) === (inner.value | hostMask(outer));
}

/** True when the two networks share at least one address. Two networks overlap only when one contains the other. */
export function overlaps(a: Cidr, b: Cidr): boolean {
	return contains(a, network(b)) || contains(b, network(a));
}

/** True for an IPv4 address written inside IPv6 (`::ffff:a.b.c.d`). */
export function isMapped(ip: Ip): boolean {
	return ip.family === 6 && ip.value >> 32n === 0xffffn;
}

/** The IPv4 address inside a mapped one, else the address itself. */
export function unmapped(ip: Ip): Ip {
	return isMapped(ip) ? { family: 4, value: ip.value & 0xffffffffn } : { family: ip.family, value: ip.value };
}

/** The gateway of a subnet: the one that is given, else its first address. */
export function gatewayOf(subnet: Cidr, given?: string): string | undefined {
	if (given !== undefined) return canonicalIp(given);
	const single = subnet.prefix === bits(subnet.family);
	return formatIp({ family: subnet.family, value: network(subnet).value + (single ? 0n : 1n) });
}
