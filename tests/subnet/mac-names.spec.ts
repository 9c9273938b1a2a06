import { expect } from "chai";
import fc from "fast-check";
import {
	canonicalMac,
	derivedMac,
	derivedName,
	formatMac,
	isUnicastMac,
	parseMac,
	validHostAddress,
	validInterfaceName,
	validUserName,
} from "../../sdk/addressing/index";

describe("Ethernet addresses", () => {
	it("come back from their text, in any case and with either separator", () => {
		fc.assert(
			fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
				const text = formatMac(bytes);
				expect([...parseMac(text)!]).to.deep.equal([...bytes]);
				expect(canonicalMac(text.toUpperCase().replaceAll(":", "-"))).to.equal(text);
			}),
		);
	});
	for (const text of [
		"",
		"02:00:00:00:00",
		"02:00:00:00:00:00:00",
		"02:00-00:00:00:01",
		"2:0:0:0:0:1",
		"020000000001",
		"0200.0000.0001",
		"02:00:00:00:00:0g",
	]) {
		it(`refuse ${JSON.stringify(text)}`, () => expect(canonicalMac(text)).to.equal(undefined));
	}
	it("are unicast unless the group bit is set or all is zero", () => {
		expect(isUnicastMac("02:00:00:00:00:01")).to.equal(true);
		for (const text of ["01:00:5e:00:00:01", "33:33:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "x"]) {
			expect(isUnicastMac(text), text).to.equal(false);
		}
	});
	it("are derived from a seed: always unicast and locally administered, never other for the same seed", () => {
		fc.assert(
			fc.property(fc.string(), (seed) => {
				const mac = derivedMac(seed);
				expect(isUnicastMac(mac) && (parseMac(mac)![0]! & 2) === 2).to.equal(true);
				expect(derivedMac(seed)).to.equal(mac);
			}),
		);
		// A change of this value would give every container a new address.
		expect(derivedMac("project/stack/web")).to.equal("e6:22:af:23:2e:38");
	});
});

describe("interface names", () => {
	for (const name of ["eth0", "br-lan", "a", "eth0.100", "_x", ".hidden", "123456789012345"]) {
		it(`accept ${name}`, () => expect(validInterfaceName(name)).to.equal(true));
	}
	for (const name of [
		"",
		".",
		"..",
		"all",
		"default",
		"-a",
		"a/b",
		"a:b",
		"a b",
		"a\tb",
		"a\nb",
		"eth0\n",
		"é",
		"a%d",
		"1234567890123456",
	]) {
		it(`refuse ${JSON.stringify(name)}`, () => expect(validInterfaceName(name)).to.equal(false));
	}
	it("are derived: valid, short, and the same every time, whatever the prefix and seed", () => {
		fc.assert(
			fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" })), fc.string(), (prefix, seed) => {
				const name = derivedName(prefix, seed);
				expect(validInterfaceName(name), name).to.equal(true);
				expect(derivedName(prefix, seed)).to.equal(name);
			}),
			{ numRuns: 500 },
		);
		expect(derivedName("web", "project/stack/web")).to.equal("web-bmvt590");
	});
	it("are derived differently for different prefixes and seeds", () => {
		const names = Array.from({ length: 2000 }, (_, n) => derivedName("br", `p/s/${n}`));
		expect(new Set(names).size).to.equal(names.length);
		expect(derivedName("long-prefix-one", "x")).not.to.equal(derivedName("long-prefix-two", "x"));
	});
});

describe("names of hosts and users", () => {
	for (const name of [
		"web",
		"web-1.example.com",
		"10.0.0.1",
		"fd00::1",
		"my_host",
		"1a",
		"a".repeat(63),
		"xn--bcher-kva.example",
	]) {
		it(`accept the host ${name}`, () => expect(validHostAddress(name)).to.equal(true));
	}
	for (const name of [
		"",
		"-oProxyCommand=x",
		"a b",
		"a;b",
		"$(x)",
		"web-",
		"a..b",
		".a",
		"a.",
		"10.0.0.256",
		"10.0.0",
		"0x7f000001",
		"1",
		"[::1]",
		"fe80::1%eth0",
		"user@web",
		"web:22",
		"a\n",
		"a".repeat(64),
	]) {
		it(`refuse the host ${JSON.stringify(name)}`, () => expect(validHostAddress(name)).to.equal(false));
	}
	it("users", () => {
		for (const name of ["root", "ops_1", "_apt", "first.last"]) expect(validUserName(name), name).to.equal(true);
		for (const name of ["", "-l", "a b", "a@b", "a;b", "a\n", "$x", ".a"]) expect(validUserName(name), name).to.equal(false);
	});
});
