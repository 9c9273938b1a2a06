import { expect } from "chai";
import fc from "fast-check";
import * as v from "../../provider/validate/index";
import { distance, shown } from "../../provider/validate/shown";

/** The one message, or "" when the value is accepted. */
function message(schema: v.Schema<unknown>, value: unknown, path = "p"): string {
	const { failures } = v.validate(schema, value, path);
	expect(failures.length, JSON.stringify(failures)).to.be.at.most(1);
	return failures[0]?.reason ?? "";
}

const every: Record<string, v.Schema<unknown>> = {
	string: v.string({ grammar: /^a+$/, expected: "letters a", wayOut: "write a" }),
	text: v.text(),
	interfaceName: v.interfaceName,
	containerRef: v.containerRef,
	ip: v.ip(),
	ip4: v.ip({ family: 4 }),
	cidr: v.cidr,
	mac: v.mac,
	integer: v.integer(1, 4094),
	boolean: v.boolean,
	oneOf: v.oneOf("tcp", "udp", "sctp"),
	list: v.list(v.cidr),
	record: v.record(v.text(), v.text()),
	object: v.object({ tag: v.integer(1, 4094) }),
	union: v.union(v.integer(1, 2), v.list(v.integer(1, 2))),
	host: v.hostSchema,
};

describe("every schema", () => {
	for (const [name, schema] of Object.entries(every)) {
		it(`${name} accepts what is not known yet`, () => {
			expect(v.validate(schema, v.UNKNOWN)).to.deep.equal({ value: v.UNKNOWN, failures: [] });
		});
		it(`${name} says so when it is missing, and takes undefined and null where it is optional`, () => {
			for (const nothing of [undefined, null]) {
				expect(message(schema, nothing)).to.match(
					/^p: found nothing, expected .*; (give it a value|write it as \{ key: value \})$/,
				);
				expect(v.validate(v.optional(schema), nothing)).to.deep.equal({ value: undefined, failures: [] });
			}
		});
		it(`${name} survives any value, and its messages are one line of one form`, () => {
			fc.assert(
				fc.property(fc.oneof(fc.anything(), fc.string({ unit: "binary" }), fc.jsonValue()), (value) => {
					for (const { reason } of v.validate(schema, value, "p").failures) {
						expect(reason).to.match(/^p.*: found .+, expected .+; .+$/u);
						expect(reason).not.to.match(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
						expect(reason.length).to.be.below(600);
					}
				}),
				{ numRuns: 300 },
			);
		});
		it(`${name} gives back a normal form, of which it is the normal form itself`, () => {
			fc.assert(
				fc.property(
					fc.oneof(
						fc.anything(),
						fc.ipV4(),
						fc.ipV6(),
						fc.ipV6().map((ip) => `${ip}/64`),
						fc.integer(),
						fc.constantFrom("tcp", "aa"),
					),
					(value) => {
						const once = v.validate(schema, value);
						if (once.failures.length > 0) return;
						expect(v.validate(schema, once.value)).to.deep.equal({ value: once.value, failures: [] });
					},
				),
				{ numRuns: 300 },
			);
		});
	}
});

describe("messages", () => {
	for (const [schema, value, expected] of [
		[
			v.cidr,
			"10.0.0.5",
			'p: found "10.0.0.5", expected an address with a prefix length; add the prefix length, as in 10.0.0.5/24',
		],
		[
			v.cidr,
			"10.0.0.05/24",
			'p: found "10.0.0.05/24", expected an address with a prefix length; write 10.0.0.5/24, without leading zeros',
		],
		[v.ip(), "10.0.0.5/24", 'p: found "10.0.0.5/24", expected an IPv4 or IPv6 address; leave out the prefix length'],
		[v.ip(), "fe80::1%eth0", 'p: found "fe80::1%eth0", expected an IPv4 or IPv6 address; leave out the zone after "%"'],
		[v.ip({ family: 4 }), "fd00::1", 'p: found "fd00::1", expected an IPv4 address; write it like 10.0.0.5'],
		[v.ip({ family: 6 }), "10.0.0.1", 'p: found "10.0.0.1", expected an IPv6 address; write it like fd00::5'],
		[
			v.mac,
			"01:00:5e:00:00:01",
			'p: found "01:00:5e:00:00:01", expected a unicast Ethernet address; clear the lowest bit of the first byte, which marks a group',
		],
		[v.integer(1, 4094), "100", 'p: found "100", expected a whole number from 1 to 4094; write it without quotes'],
		[v.integer(1, 4094), 4095, "p: found 4095, expected a whole number from 1 to 4094; choose one in this range"],
		[v.integer(1, 4094), 1.5, "p: found 1.5, expected a whole number from 1 to 4094; choose one in this range"],
		[v.boolean, "true", 'p: found "true", expected true or false; write it without quotes'],
		[
			v.containerRef,
			7,
			"p: found 7, expected a container's name or id: A-Z a-z 0-9 _ . -, beginning with a letter or digit; write it in quotes",
		],
		[v.oneOf("tcp", "udp"), "TPC", 'p: found "TPC", expected one of "tcp", "udp"; did you mean "tcp"?'],
		[v.oneOf("tcp", "udp"), "icmp", 'p: found "icmp", expected one of "tcp", "udp"; choose one of these'],
		[v.text({ max: 4 }), "ééé", 'p: found "ééé", expected printable text on one line, not empty; shorten it to at most 4 bytes'],
		[
			v.text({ secret: true }),
			"hunter2\n",
			"p: found a value that is not shown, expected printable text on one line, not empty; remove line breaks and control characters",
		],
		[v.text({ secret: true }), undefined, "p: found nothing, expected printable text on one line, not empty; give it a value"],
	] as const) {
		it(expected, () => expect(message(schema, value)).to.equal(expected));
	}

	it("begin with what was found when there is no path", () => {
		expect(v.validate(v.boolean, 1).failures).to.deep.equal([
			{ property: "", reason: "found 1, expected true or false; write one of them" },
		]);
	});
});

describe("single values", () => {
	it("have one normal form", () => {
		expect(v.validate(v.cidr, "FD00:0::5/64").value).to.equal("fd00::5/64");
		expect(v.validate(v.ip(), "FD00:0::5").value).to.equal("fd00::5");
		expect(v.validate(v.mac, "02-AB-00-00-00-01").value).to.equal("02:ab:00:00:00:01");
	});
	for (const [name, schema, bad] of [
		["interface names", v.interfaceName, ["-a", "", "a/b", "..", "a\n", "1234567890123456", "all"]],
		["container references", v.containerRef, ["", "-a", ".a", "a/b", "/web", "a b", "$(x)", "a\n", "a".repeat(256)]],
		["texts", v.text(), ["", "a\nb", "a\0b", "\u001b[31m", "a\u202eb", "\ud800", "a\u2028b", "\u007f", "\u0085"]],
		["numbers", v.integer(0, 9), [Number.NaN, Number.POSITIVE_INFINITY, -1, 10, 0.5, true, [], {}]],
	] as const) {
		it(`refuse bad ${name}`, () => {
			for (const value of bad)
				expect(v.validate(schema as v.Schema<unknown>, value).failures, JSON.stringify(value)).to.have.length(1);
		});
	}
	it("accept what they should", () => {
		for (const value of ["web", "0a1b", "a_b.c-d", "f".repeat(64)]) expect(message(v.containerRef, value)).to.equal("");
		for (const value of ["größe", "a b", "👩‍💻", "-x; rm"]) expect(message(v.text(), value)).to.equal("");
	});
});

describe("values in messages", () => {
	it("are at most sixty characters, without control characters, and never keys", () => {
		fc.assert(
			fc.property(fc.oneof(fc.anything(), fc.string({ unit: "binary", maxLength: 500 })), (value) => {
				const text = shown(value);
				expect(Array.from(text).length).to.be.at.most(60);
				expect(text).not.to.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
			}),
			{ numRuns: 2000 },
		);
		expect(shown("x".repeat(100))).to.equal(`"${"x".repeat(58)}…`);
		expect(shown("a\nb\u202e")).to.equal('"a\\nb\\u202e"');
		expect(shown({ deep: ["-----BEGIN RSA PRIVATE KEY-----\nMIIE"] })).to.equal("key material, which is not shown");
		const circular: Record<string, unknown> = {};
		circular["self"] = circular;
		expect(shown(circular)).to.equal("a value of type object");
	});
	it("distance counts inserts, drops, replacements and swaps", () => {
		for (const [a, b, steps] of [
			["", "", 0],
			["tga", "tag", 1],
			["tag", "tags", 1],
			["tag", "tug", 1],
			["kitten", "sitting", 3],
		] as const) {
			expect(distance(a, b)).to.equal(steps);
			expect(distance(b, a)).to.equal(steps);
		}
	});
});
