import { expect } from "chai";
import * as v from "../../provider/validate/index";

const vlan = v.union(
	v.integer(1, 4094),
	v.object({ tag: v.optional(v.integer(1, 4094)), trunks: v.optional(v.list(v.integer(0, 4095), { unique: true })) }),
);
const port = v.object({
	container: v.containerRef,
	interface: v.optional(v.interfaceName, "eth1"),
	mac: v.optional(v.mac),
	addresses: v.list(v.cidr, { min: 1, unique: true }),
	vlan: v.optional(vlan),
	otherConfig: v.optional(v.record(v.text({ max: 64 }), v.text())),
});
type Port = v.Infer<typeof port>;

const reasons = (schema: v.Schema<unknown>, value: unknown, path?: string) =>
	v.validate(schema, value, path).failures.map(({ reason }) => reason);
const properties = (schema: v.Schema<unknown>, value: unknown, path?: string) =>
	v.validate(schema, value, path).failures.map(({ property }) => property);

describe("objects", () => {
	it("have a type: what has a default is always there, what has none may be absent", () => {
		const least: Port = { container: "web", interface: "eth1", addresses: [] };
		const most: Port = { ...least, mac: "02:00:00:00:00:01", vlan: { tag: 1 }, otherConfig: { a: "b" } };
		// @ts-expect-error: interface has a default, so it is there
		const missing: Port = { container: "web", addresses: [] };
		// @ts-expect-error: a number
		const wrong: Port = { ...least, vlan: "1" };
		expect([most, missing, wrong]).to.have.length(3);
	});

	it("give back the normal form, with defaults", () => {
		expect(v.validate(port, { container: "web", addresses: ["FD00::1/64"], mac: null, vlan: undefined })).to.deep.equal({
			value: { container: "web", interface: "eth1", addresses: ["fd00::1/64"] },
			failures: [],
		});
	});

	it("report every mistake at once, each with its path", () => {
		const value = {
			container: "-x",
			interface: "a/b",
			addresses: ["10.0.0.1/24", "10.0.0.300/24", "10.0.0.1/24"],
			vlan: { tga: 5, trunks: [1, "2", 1] },
			otherConfig: { "mac-aging-time": 300, ok: "1" },
		};
		expect(properties(port, value)).to.deep.equal([
			"container",
			"interface",
			"addresses[1]",
			"addresses[2]",
			"vlan.tga",
			"vlan.trunks[1]",
			"vlan.trunks[2]",
			'otherConfig["mac-aging-time"]',
		]);
		expect(properties(port, value, "ports[3]")[4]).to.equal("ports[3].vlan.tga");
	});

	it("accept what is not known yet, anywhere, and still find the other mistakes", () => {
		const unknown = {
			container: v.UNKNOWN,
			interface: v.UNKNOWN,
			mac: v.UNKNOWN,
			addresses: [v.UNKNOWN, v.UNKNOWN],
			vlan: { tag: v.UNKNOWN, trunks: v.UNKNOWN },
			otherConfig: { a: v.UNKNOWN },
		};
		expect(v.validate(port, unknown)).to.deep.equal({ value: unknown, failures: [] });
		expect(properties(port, { ...unknown, vlan: { tag: v.UNKNOWN, trunks: [v.UNKNOWN, 9999] } })).to.deep.equal([
			"vlan.trunks[1]",
		]);
	});

	it("refuse unknown properties by name, and never show their values", () => {
		expect(
			reasons(port, { container: "a", addresses: ["10.0.0.1/24"], adresses: ["hunter2"], password: "hunter2" }),
		).to.deep.equal([
			'adresses: found "adresses", expected no such property; did you mean addresses?',
			'password: found "password", expected only container, interface, mac, addresses, vlan, otherConfig; remove it',
		]);
	});

	it("treat __proto__ and constructor as names like any other", () => {
		const value = JSON.parse(
			'{ "container": "a", "addresses": ["10.0.0.1/24"], "__proto__": 1, "constructor": 2, "toString": 3 }',
		);
		expect(properties(port, value)).to.deep.equal(["__proto__", "constructor", "toString"]);
		const free = v.validate(v.record(v.text(), v.text()), JSON.parse('{ "__proto__": "x" }'));
		expect(Object.entries(free.value)).to.deep.equal([["__proto__", "x"]]);
		expect(Object.getPrototypeOf(free.value)).to.equal(Object.prototype);
		expect(properties(v.object({ toString: v.text() }), {})).to.deep.equal(["toString"]);
	});
});

describe("lists, records and unions", () => {
	it("compare entries by their normal form", () => {
		expect(reasons(v.list(v.cidr, { unique: true }), ["fd00::1/64", "FD00:0::1/64"], "addresses")).to.deep.equal([
			'addresses[1]: found "FD00:0::1/64", expected every entry only once; remove it, addresses[0] is the same',
		]);
	});
	it("bound their length", () => {
		expect(reasons(v.list(v.cidr, { min: 1 }), [], "a")).to.deep.equal([
			"a: found [], expected a list of at least 1 entry; add one",
		]);
		expect(reasons(v.list(v.integer(0, 9), { min: 1, max: 2 }), [1, 2, 3], "a")).to.deep.equal([
			"a: found [1,2,3], expected a list of at most 2 entries; remove some",
		]);
	});
	it("say how to write one", () => {
		expect(reasons(v.list(v.cidr), "10.0.0.1/24", "a")).to.deep.equal([
			'a: found "10.0.0.1/24", expected a list, each entry an address with a prefix length; put it in [ ]',
		]);
		expect(reasons(v.record(v.text(), v.text()), [], "a")[0]).to.match(/write it as \{ key: value \}$/);
	});
	it("check keys of records, and leave out entries without a value", () => {
		const schema = v.record(v.interfaceName, v.boolean);
		expect(v.validate(schema, { a: true, b: null, c: undefined }).value).to.deep.equal({ a: true });
		expect(properties(schema, { "a/b": true }, "r")).to.deep.equal(['r["a/b"]']);
	});
	it("choose by the kind of value", () => {
		expect(v.validate(vlan, 5).value).to.equal(5);
		expect(v.validate(vlan, { tag: 5 }).value).to.deep.equal({ tag: 5 });
		expect(reasons(vlan, "5", "vlan")).to.deep.equal([
			'vlan: found "5", expected a whole number from 1 to 4094, or an object; write one of these',
		]);
		expect(() => v.union(v.text(), v.cidr)).to.throw(TypeError);
	});
});

describe("rules over several properties", () => {
	const route = v.rule(
		v.object({ a: v.integer(0, 9), b: v.optional(v.integer(0, 9)), c: v.optional(v.integer(0, 9)) }),
		["a", "b"],
		({ a, b }, complain) => {
			if (b !== undefined && b < a) complain("b", b, `at least a, which is ${a}`, "exchange them");
		},
	);
	it("complain with the path of the object", () => {
		expect(reasons(route, { a: 5, b: 2 })).to.deep.equal(["b: found 2, expected at least a, which is 5; exchange them"]);
		expect(properties(v.list(route), [{ a: 1 }, { a: 5, b: 2 }], "r")).to.deep.equal(["r[1].b"]);
	});
	it("wait until their properties are known and right, and for no others", () => {
		expect(reasons(route, { a: 5, b: v.UNKNOWN })).to.deep.equal([]);
		expect(properties(route, { a: 5, b: 12 })).to.deep.equal(["b"]);
		expect(properties(route, { a: 5, b: 2, c: v.UNKNOWN })).to.deep.equal(["b"]);
		expect(properties(route, { a: 5, b: 2, c: 99 })).to.deep.equal(["c", "b"]);
		expect(properties(route, "x", "r")).to.deep.equal(["r"]);
		expect(reasons(route, v.UNKNOWN)).to.deep.equal([]);
	});
	it("can be stacked, and each looks at its own", () => {
		const both = v.rule(route, ["c"], ({ c }, complain) => c === 3 && complain("c", c, "another number", "change it"));
		expect(properties(both, { a: 5, b: 2, c: 3 })).to.deep.equal(["b", "c"]);
	});
	it("find unknowns at any depth", () => {
		expect(v.hasUnknown({ a: [{ b: v.UNKNOWN }] })).to.equal(true);
		expect(v.hasUnknown({ a: [{ b: 1 }], c: null })).to.equal(false);
	});
});
