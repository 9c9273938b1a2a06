import { BlockList, isIP } from "node:net";
import { expect } from "chai";
import fc from "fast-check";
import {
	bits,
	type Cidr,
	canonicalCidr,
	canonicalIp,
	contains,
	formatCidr,
	formatIp,
	type Ip,
	isAssignable,
	isLinkLocal,
	isLoopback,
	isMapped,
	isMulticast,
	isUnspecified,
	lastAddress,
	network,
	overlaps,
	parseCidr,
	parseIp,
} from "../../sdk/addressing/index";

const runs = { numRuns: 2000 };
const v4: fc.Arbitrary<Ip> = fc.bigInt(0n, 2n ** 32n - 1n).map((value) => ({ family: 4, value }));
// Groups that are often zero, so that the rules about "::" are exercised.
const v6: fc.Arbitrary<Ip> = fc
	.array(fc.oneof(fc.constant(0n), fc.constant(0xffffn), fc.bigInt(0n, 0xffffn)), { minLength: 8, maxLength: 8 })
	.map((groups) => ({ family: 6, value: groups.reduce((value, group) => (value << 16n) | group, 0n) }));
const anyIp = fc.oneof(v4, v6);
const anyCidr: fc.Arbitrary<Cidr> = anyIp.chain((ip) =>
	fc.integer({ min: 0, max: bits(ip.family) }).map((prefix) => ({ ...ip, prefix })),
);

/** Texts that are addresses, nearly are, or look as if. */
const nearly = fc.oneof(
	fc.ipV4(),
	fc.ipV4Extended(),
	fc.ipV6(),
	fc.stringMatching(/^[0-9a-f:.]{0,40}$/),
	fc
		.array(fc.constantFrom(":", "::", "0", "1", "ffff", "10000", "00001", ".", "255", "256", "1.2.3.4", "g", " ", "-", "x"), {
			maxLength: 12,
		})
		.map((parts) => parts.join("")),
	fc
		.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(40), fc.constantFrom("", "0", ":", ".", "f", "\n"))
		.map(([text, at, extra]) => text.slice(0, at) + extra + text.slice(at + 1)),
);

describe("addresses", () => {
	it("are accepted exactly when Node accepts them", () => {
		fc.assert(
			fc.property(nearly, (text) => {
				expect(parseIp(text)?.family ?? 0, JSON.stringify(text)).to.equal(isIP(text));
			}),
			{ numRuns: 10_000 },
		);
	});

	for (const text of [
		"",
		"1.2.3",
		"1.2.3.4.5",
		"01.2.3.4",
		"1.2.3.04",
		"0x7f.0.0.1",
		"127.1",
		"2130706433",
		"1.2.3.256",
		" 1.2.3.4",
		"1.2.3.4\n",
	]) {
		it(`refuse ${JSON.stringify(text)}`, () => expect(parseIp(text)).to.equal(undefined));
	}
	for (const text of [
		":",
		":::",
		"1::2::3",
		"::1%eth0",
		"[::1]",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7::8",
		"::12345",
		"::1.2.3",
		"1.2.3.4::",
		"::1.2.3.4:5",
		"1:",
	]) {
		it(`refuse ${JSON.stringify(text)}`, () => expect(parseIp(text)).to.equal(undefined));
	}

	it("come back from their text", () => {
		fc.assert(
			fc.property(anyIp, (ip) => void expect(parseIp(formatIp(ip))).to.deep.equal(ip)),
			runs,
		);
	});

	it("are written as the URL standard writes them (RFC 5952)", () => {
		const oracle = (ip: Ip) =>
			ip.family === 4 ? new URL(`http://${formatIp(ip)}/`).hostname : new URL(`http://[${formatIp(ip)}]/`).hostname.slice(1, -1);
		fc.assert(
			fc.property(
				anyIp.filter((ip) => !isMapped(ip)),
				(ip) => void expect(formatIp(ip)).to.equal(oracle(ip)),
			),
			runs,
		);
	});

	// The examples of RFC 5952 itself, and the edges of its rules.
	for (const [text, canonical] of [
		["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
		["2001:0DB8::0001", "2001:db8::1"],
		["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
		["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
		["0:0:0:0:0:0:0:0", "::"],
		["1:0:0:0:0:0:0:0", "1::"],
		["::ffff:c000:0201", "::ffff:192.0.2.1"],
		["::192.0.2.1", "::c000:201"],
		["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
	] as const) {
		it(`write ${text} as ${canonical}`, () => expect(canonicalIp(text)).to.equal(canonical));
	}
});

describe("addresses with a prefix", () => {
	it("come back from their text, host bits and all", () => {
		fc.assert(
			fc.property(anyCidr, (cidr) => {
				expect(parseCidr(formatCidr(cidr))).to.deep.equal(cidr);
				expect(canonicalCidr(formatCidr(cidr))).to.equal(formatCidr(cidr));
			}),
			runs,
		);
	});

	for (const text of [
		"10.0.0.1",
		"10.0.0.1/",
		"10.0.0.1/33",
		"10.0.0.1/08",
		"10.0.0.1/+8",
		"10.0.0.1/8/8",
		"/8",
		"::/129",
		"::1/ 64",
		"10.0.0.0/255.0.0.0",
	]) {
		it(`refuse ${JSON.stringify(text)}`, () => expect(parseCidr(text)).to.equal(undefined));
	}

	it("contain what Node's BlockList finds in them", () => {
		const pair = fc.oneof(
			fc.tuple(v4, v4),
			fc.tuple(v6, v6),
			// Neighbours, which random pairs never are.
			anyIp.chain((ip) =>
				fc.tuple(
					fc.constant(ip),
					fc.nat(bits(ip.family) - 1).map((bit) => ({ ...ip, value: ip.value ^ (1n << BigInt(bit)) })),
				),
			),
		);
		fc.assert(
			fc.property(pair, fc.nat(128), ([net, ip], length) => {
				fc.pre(!isMapped(net) && !isMapped(ip));
				const prefix = length % (bits(net.family) + 1);
				const list = new BlockList();
				const family = net.family === 4 ? "ipv4" : "ipv6";
				list.addSubnet(formatIp(network({ ...net, prefix })), prefix, family);
				// BlockList takes no /0 into account for addresses; there everything is inside.
				const expected = prefix === 0 || list.check(formatIp(ip), family);
				expect(contains({ ...net, prefix }, ip), `${formatIp(net)}/${prefix} ${formatIp(ip)}`).to.equal(expected);
			}),
			runs,
		);
	});

	it("contain their first and last address and not the ones beside", () => {
		fc.assert(
			fc.property(anyCidr, (cidr) => {
				const first = network(cidr);
				const last = lastAddress(cidr);
				expect(contains(cidr, first) && contains(cidr, last) && contains(cidr, cidr)).to.equal(true);
				expect(last.value - first.value + 1n).to.equal(1n << BigInt(bits(cidr.family) - cidr.prefix));
				if (first.value > 0n) expect(contains(cidr, { family: cidr.family, value: first.value - 1n })).to.equal(false);
				expect(contains(cidr, { family: cidr.family === 4 ? 6 : 4, value: cidr.value & 0xffffffffn })).to.equal(false);
			}),
			runs,
		);
	});

	it("overlap when their ranges do, in either order", () => {
		const close = anyCidr.chain((a) =>
			fc.tuple(
				fc.constant(a),
				fc
					.tuple(fc.nat(bits(a.family)), fc.nat(bits(a.family) - 1))
					.map(([prefix, bit]): Cidr => ({ ...a, value: a.value ^ (1n << BigInt(bit)), prefix })),
			),
		);
		fc.assert(
			fc.property(fc.oneof(close, fc.tuple(anyCidr, anyCidr)), ([a, b]) => {
				const meet =
					a.family === b.family && network(a).value <= lastAddress(b).value && network(b).value <= lastAddress(a).value;
				expect(overlaps(a, b)).to.equal(meet);
				expect(overlaps(b, a)).to.equal(meet);
			}),
			runs,
		);
	});
});

describe("what an address is for", () => {
	const ip = (text: string) => parseIp(text)!;
	for (const [name, check, inside, outside] of [
		[
			"loopback",
			isLoopback,
			["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"],
			["128.0.0.0", "126.255.255.255", "::2"],
		],
		[
			"multicast",
			isMulticast,
			["224.0.0.1", "239.255.255.255", "ff02::1", "::ffff:224.0.0.1"],
			["223.255.255.255", "240.0.0.0", "feff::1"],
		],
		["link-local", isLinkLocal, ["169.254.0.1", "fe80::1", "febf::1"], ["169.253.0.1", "fec0::1"]],
		["unspecified", isUnspecified, ["0.0.0.0", "::", "::ffff:0.0.0.0"], ["0.0.0.1", "::1"]],
	] as const) {
		it(name, () => {
			for (const text of inside) expect(check(ip(text)), text).to.equal(true);
			for (const text of outside) expect(check(ip(text)), text).to.equal(false);
		});
	}
	it("assignable", () => {
		for (const text of ["10.0.0.1", "fd00::1", "169.254.1.1"]) expect(isAssignable(ip(text)), text).to.equal(true);
		for (const text of ["0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.1", "::", "::1"])
			expect(isAssignable(ip(text)), text).to.equal(false);
	});
});
