import { expect } from "chai";
import fc from "fast-check";
import { contains, parseCidr, parseIp } from "../../sdk/addressing/index";
import { Subnet } from "../../sdk/subnet";

const lan = () => new Subnet("10.20.0.0/24");
const app = (count: number) => Array.from({ length: count }, (_, n) => `app${n}`);

describe("Subnet", () => {
	it("says its parts", () => {
		const { cidr, prefix, family, gateway, gatewayCidr, size } = lan();
		expect({ cidr, prefix, family, gateway, gatewayCidr, size }).to.deep.equal({
			cidr: "10.20.0.0/24",
			prefix: 24,
			family: 4,
			gateway: "10.20.0.1",
			gatewayCidr: "10.20.0.1/24",
			size: 254n,
		});
		expect(`${lan()} ${JSON.stringify(lan())}`).to.equal('10.20.0.0/24 "10.20.0.0/24"');
	});

	it("gives addresses by number, with and without prefix", () => {
		expect(lan().address(10)).to.equal("10.20.0.10/24");
		expect(lan().ip(10)).to.equal("10.20.0.10");
		expect(new Subnet("10.20.0.0/16").address(300)).to.equal("10.20.1.44/16");
		expect(new Subnet("fd00:20::/64").address(2n ** 63n)).to.equal("fd00:20:0:0:8000::/64");
	});

	for (const [cidr, size, gateway, last, beyond] of [
		["10.0.0.0/30", 2n, "10.0.0.1", 2, 3],
		["10.0.0.0/31", 2n, "10.0.0.0", 1, 2],
		["10.0.0.7/32", 1n, "10.0.0.7", 0, 1],
		["fd00::/64", 2n ** 64n - 1n, "fd00::1", 7, -1],
		["fd00::/126", 3n, "fd00::1", 3, 4],
		["fd00::/127", 2n, "fd00::", 1, 2],
		["fd00::9/128", 1n, "fd00::9", 0, 1],
	] as const) {
		it(`knows what is usable in ${cidr}`, () => {
			const subnet = new Subnet(cidr);
			expect(subnet.size).to.equal(size);
			expect(subnet.gateway).to.equal(gateway);
			expect(() => subnet.address(last)).not.to.throw();
			expect(() => subnet.address(beyond)).to.throw(RangeError, /expected \d+ to \d+; choose one/);
		});
	}

	it("never gives the network or broadcast address", () => {
		for (const n of [0, 255, 256, -1, 1.5, Number.NaN]) expect(() => lan().address(n), String(n)).to.throw(RangeError);
	});

	it("refuses what is no subnet, in one sentence with a way out", () => {
		for (const [text, message] of [
			["10.20.0.5/24", 'Subnet: found "10.20.0.5/24", expected a subnet; clear the host bits, as in 10.20.0.0/24'],
			["10.20.0.0", 'Subnet: found "10.20.0.0", expected a subnet; write it like 10.20.0.0/24 or fd00:20::/64'],
			["224.0.0.0/24", 'Subnet: found "224.0.0.0/24", expected a subnet; multicast addresses belong to no interface'],
		] as const) {
			expect(() => new Subnet(text)).to.throw(TypeError, message);
		}
	});

	it("contains and overlaps", () => {
		expect(lan().contains("10.20.0.7")).to.equal(true);
		expect(lan().contains("10.20.0.0/25")).to.equal(true);
		expect(lan().contains("10.20.0.0/23")).to.equal(false);
		expect(lan().contains("fd00::1")).to.equal(false);
		expect(lan().overlaps("10.20.0.0/16")).to.equal(true);
		expect(lan().overlaps(new Subnet("10.20.1.0/24"))).to.equal(false);
		expect(() => lan().contains("nonsense")).to.throw(TypeError);
	});

	it("splits into parts that cover it and do not overlap", () => {
		expect(lan().split(26).map(String)).to.deep.equal(["10.20.0.0/26", "10.20.0.64/26", "10.20.0.128/26", "10.20.0.192/26"]);
		expect(lan().split(24).map(String)).to.deep.equal(["10.20.0.0/24"]);
		expect(new Subnet("fd00::/48").split(64)[65_535]!.cidr).to.equal("fd00:0:0:ffff::/64");
		expect(() => lan().split(23)).to.throw(RangeError, "choose a length from 24 to 32");
		expect(() => new Subnet("fd00::/48").split(65)).to.throw(RangeError, "more than 65536 parts");
	});
});

describe("Subnet.allocate", () => {
	// All names in a random order, interleaved with others: the top promise of the class.
	it("gives a name the same address whatever other names there are, in whatever order", () => {
		const cidrs = fc.constantFrom("10.20.0.0/16", "10.0.0.0/8", "fd00:20::/64");
		fc.assert(
			fc.property(
				cidrs,
				fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
				fc.nat(),
				(cidr, names, pick) => {
					const name = names[pick % names.length]!;
					const alone = new Subnet(cidr).allocate(name);
					const together = new Subnet(cidr);
					let others: Record<string, string>;
					try {
						others = together.allocateAll(names);
					} catch {
						return; // names that meet are refused, never moved
					}
					expect(others[name]).to.equal(alone);
					expect(together.allocate(name)).to.equal(alone);
					expect(new Set(Object.values(others)).size).to.equal(names.length);
				},
			),
			{ numRuns: 500 },
		);
	});

	it("gives only usable addresses that are not reserved, in every kind of subnet", () => {
		const subnets = fc.constantFrom("10.20.0.0/28", "10.20.0.0/30", "10.20.0.0/31", "fd00::/64", "fd00::/125", "0.0.0.0/0");
		fc.assert(
			fc.property(subnets, fc.string({ minLength: 1 }), (cidr, name) => {
				const subnet = new Subnet(cidr);
				const address = parseCidr(subnet.allocate(name))!;
				const net = parseCidr(cidr)!;
				expect(contains(net, parseIp(subnet.ip(name))!) && address.prefix === net.prefix).to.equal(true);
				expect(subnet.ip(name)).not.to.equal(subnet.gateway);
				expect(() => subnet.address(address.value - net.value)).not.to.throw();
			}),
			{ numRuns: 500 },
		);
	});

	// A change of these values would move every user's containers.
	it("stays as it is between versions", () => {
		expect(lan().allocate("db")).to.equal("10.20.0.225/24");
		expect(new Subnet("fd00:20::/64").allocate("db")).to.equal("fd00:20::968:b16a:61f7:b402/64");
	});

	it("gives a name the same number in every subnet of one size", () => {
		expect(new Subnet("192.168.7.0/24").allocate("db")).to.equal("192.168.7.225/24");
	});

	it("refuses names that meet, and the pin that it proposes parts them without moving the first", () => {
		const [a, b] = ["app18", "app19"];
		const subnet = lan();
		const first = subnet.allocate(a);
		expect(() => subnet.allocate(b)).to.throw(
			RangeError,
			'Subnet 10.20.0.0/24: "app18" and "app19" would share 10.20.0.217; add the option pins: { "app19": 218 }, ' +
				"or pin the other name of a pair where that is the newer one",
		);
		const pinned = new Subnet("10.20.0.0/24", { pins: { app19: 218 } });
		expect(pinned.allocateAll([b, a])).to.deep.equal({ app18: first, app19: "10.20.0.218/24" });
	});

	it("proposes pins that part all names at once", () => {
		fc.assert(
			fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 100 }), (names) => {
				let message = "";
				try {
					lan().allocateAll(names);
					return;
				} catch (error) {
					message = (error as Error).message;
				}
				const pins = JSON.parse(/pins: (\{.*\}), or pin/s.exec(message)![1]!) as Record<string, number>;
				const addresses = new Subnet("10.20.0.0/24", { pins }).allocateAll(names);
				expect(new Set(Object.values(addresses)).size).to.equal(names.length);
				for (const name of names) if (!Object.hasOwn(pins, name)) expect(addresses[name]).to.equal(lan().allocate(name));
			}),
			{ numRuns: 300 },
		);
	});

	it("moves, when something becomes reserved, only the names that stood there", () => {
		const before = app(18).map((name) => lan().allocate(name));
		const reserve = ["10.20.0.100-10.20.0.160", 7, "10.20.0.240/28", "10.20.0.9"];
		for (const [index, name] of app(18).entries()) {
			const after = parseCidr(new Subnet("10.20.0.0/24", { reserve }).allocate(name))!;
			const last = Number(after.value & 0xffn);
			expect((last >= 100 && last <= 160) || last === 7 || last >= 240 || last === 9, String(last)).to.equal(false);
			const old = Number(parseCidr(before[index]!)!.value & 0xffn);
			const taken = (old >= 100 && old <= 160) || old === 7 || old >= 240 || old === 9;
			if (!taken) expect(last).to.equal(old);
		}
	});

	it("finds the last free address, and says when there is none", () => {
		const nearlyFull = new Subnet("10.0.0.0/8", { reserve: ["10.0.0.0-10.200.0.4", "10.200.0.6-10.255.255.255"] });
		expect(nearlyFull.allocate("x")).to.equal("10.200.0.5/8");
		expect(() => nearlyFull.allocate("y")).to.throw(
			RangeError,
			'no address is left for "y"; take a larger subnet or reserve less',
		);
		expect(() => new Subnet("10.0.0.7/32").allocate("x")).to.throw(RangeError, "no address is left");
		expect(new Subnet("10.0.0.0/31").allocate("x")).to.equal("10.0.0.1/31");
	});

	it("takes another gateway, and keeps pins away from it and from one another", () => {
		expect(new Subnet("10.0.0.0/24", { gateway: 254 }).gatewayCidr).to.equal("10.0.0.254/24");
		expect(() => new Subnet("10.0.0.0/24", { gateway: 254, pins: { a: 254 } })).to.throw(RangeError, "the gateway's number 254");
		expect(() => new Subnet("10.0.0.0/24", { pins: { a: 5, b: 5 } })).to.throw(
			RangeError,
			'"a" and "b" are pinned to the same number 5',
		);
		expect(() => new Subnet("10.0.0.0/24", { pins: { a: 256 } })).to.throw(RangeError, "expected 1 to 254");
		expect(() => lan().allocate("")).to.throw(RangeError, "give it a name");
	});

	it("refuses reservations outside the subnet", () => {
		for (const item of ["10.21.0.5", "10.20.0.9-10.20.0.5", "10.20.0.5-10.20.1.5", "10.20.0.0/16", "x", "", "1-2-3", 300]) {
			expect(() => new Subnet("10.20.0.0/24", { reserve: [item] }), String(item)).to.throw(RangeError);
		}
	});
});
