// What two resources of OVN cannot both have in one logical switch.
import { expect } from "chai";
import fc from "fast-check";
import { ovnPort } from "../../provider/kinds/ovn-port";
import { ovnSwitch } from "../../provider/kinds/ovn-switch";
import type { Declared } from "../../sdk/program/declared";
import { check, declared, type Given } from "./declared";

const port = (name: string, args: Given) => declared("OvnPort", name, { switch: "apps", ...args });
const router = (name: string, ...ports: Record<string, unknown>[]) => declared("OvnRouter", name, { ports });
const MAC = "02:00:00:00:00:01";

/** Each of them has 10.72.0.5 in the switch. */
const holders: [input: string, resource: Declared][] = [
	["addresses[1]", port("web", { addresses: ["fd00::5", "10.72.0.5"] })],
	["ports[1].addresses[0]", router("edge", { switch: "data" }, { switch: "apps", addresses: ["10.72.0.5/24"] })],
	["dns", declared("OvnSwitch", "named", { name: "apps", dns: "10.72.0.5" })],
	[
		"publish[0].address",
		declared("OvnRouter", "in", {
			ports: [{ switch: "apps", addresses: ["10.72.0.2/24"], chassis: ["h1"] }],
			publish: [{ address: "10.72.0.5", port: 80, target: "10.73.0.5" }],
		}),
	],
	[
		"snat[1].to",
		declared("OvnRouter", "out", {
			ports: [{ switch: "apps", addresses: ["10.72.0.3/24"], chassis: ["h1"] }],
			snat: [{ from: "10.73.0.0/24" }, { from: "10.74.0.0/24", to: "10.72.0.5" }],
		}),
	],
];

describe("the resources of one program in a logical switch", () => {
	it("may not have an address twice, in no form and order", () => {
		for (const [, earlier] of holders)
			for (const [input, later] of holders.filter(([, other]) => other !== earlier))
				expect(check([earlier, later])).to.equal(
					`${later.kind} "${later.name}": ${input}: found 10.72.0.5 on logical switch apps of host h1, which ${earlier.kind} "${earlier.name}" has there too, expected an address of its own; choose another one`,
				);
		const written = port("api", { addresses: ["fd00:0:0::5"] });
		expect(check([holders[0]![1], written])).to.match(/^OvnPort "api": addresses\[0\]: found fd00::5 on logical switch apps/);
	});

	it("may not have a MAC address twice", () => {
		const web = port("web", { mac: MAC });
		const edge = router("edge", { switch: "apps", addresses: ["10.72.0.1/24"], mac: MAC });
		expect(check([web, edge])).to.equal(
			`OvnRouter "edge": ports[0].mac: found ${MAC} on logical switch apps of host h1, which OvnPort "web" has there too, expected a MAC address of its own; choose another one, or leave it out to have one derived`,
		);
		expect(check([edge, web])).to.match(/^OvnPort "web": mac: found .* which OvnRouter "edge" has there too/);
		expect(check([web, port("api", { mac: MAC.replaceAll(":", "-") })])).to.match(/which OvnPort "web" has/);
		// What is derived is what the provider derives.
		const { mac } = ovnPort.complete({ switch: "apps" }, "OvnPort:p/s/web");
		expect(check([port("web", {}), port("api", { mac })])).to.match(/^OvnPort "api": mac: found/);
	});

	it("are in one switch whoever writes to its database, and whatever order the servers are named in", () => {
		const servers = ["tcp:192.0.2.1:6641", "tcp:192.0.2.2:6641"];
		const at = (name: string, host: string, northbound: string[], more: Given = {}) =>
			port(name, { host, northbound: northbound.join(), addresses: ["10.72.0.5"], ...more });
		expect(check([at("web", "h1", servers), at("api", "h2", [...servers].reverse())])).to.contain(
			"found 10.72.0.5 on logical switch apps of tcp:192.0.2.1:6641,tcp:192.0.2.2:6641, which",
		);
		expect(check([at("web", "h1", servers), at("api", "h1", servers.slice(1))])).to.equal(undefined);
		const local = (host: string) => port(`on-${host}`, { host, addresses: ["10.72.0.5"] });
		expect(check([local("h1"), local("h2")])).to.equal(undefined);
		// A name that is not given is the one that the provider derives.
		const { name } = ovnSwitch.complete({}, "OvnSwitch:p/s/named");
		const named = declared("OvnSwitch", "named", { dns: "10.72.0.5" });
		expect(check([named, port("web", { switch: name, addresses: ["10.72.0.5"] })])).to.match(/^OvnPort "web"/);
	});

	it("may have in another one what they like, and an address of their own more than once", () => {
		const apps = { switch: "apps", addresses: ["10.72.0.1/24"], mac: MAC };
		const outside = { switch: "outside", addresses: ["192.0.2.50/24"], chassis: ["h1"] };
		const edge = declared("OvnRouter", "edge", {
			ports: [apps, { ...apps, switch: "data", addresses: ["10.73.0.1/24"] }, outside],
			snat: [{ from: "10.72.0.0/24", to: "192.0.2.60" }],
			publish: [80, 443].map((port) => ({ address: "192.0.2.60", port, target: "10.72.0.5" })),
		});
		const others = [
			port("web", { addresses: ["192.0.2.60", "192.0.2.50"] }),
			port("db", { switch: "data", addresses: ["10.72.0.1"] }),
			declared("OvnSwitch", "more", { name: "more", dns: "192.0.2.60" }),
		];
		expect(check([edge, ...others])).to.equal(undefined);
	});

	it("claim nothing with what is not known yet, or is wrong", () => {
		for (const [, resource] of holders)
			for (const input of Object.keys(resource.args)) {
				const { [input]: _, ...known } = resource.args;
				const half = { ...resource, name: "half", args: known, unknown: new Set([input]) };
				expect(check([port("api", { addresses: ["10.72.0.5"] }), half]), `${resource.name} ${input}`).to.equal(undefined);
			}
		const nowhere = port("api", { host: "?", addresses: ["10.72.0.5"], mac: MAC });
		expect(check([port("web", { addresses: ["10.72.0.5"], mac: MAC }), nowhere])).to.equal(undefined);
		const lost = port("api", { unknown: ["northbound"], addresses: ["10.72.0.5"] });
		expect(check([port("web", { addresses: ["10.72.0.5"] }), lost])).to.equal(undefined);
	});

	it("are looked at without harm, whatever their inputs hold", () => {
		const inputs = fc.dictionary(
			fc.constantFrom("switch", "name", "northbound", "dns", "mac", "addresses", "ports", "snat", "publish"),
			fc.oneof(fc.anything(), fc.array(fc.dictionary(fc.constantFrom("switch", "addresses", "mac", "to"), fc.anything()))),
		);
		const one = fc
			.tuple(fc.constantFrom("OvnSwitch", "OvnPort", "OvnRouter"), inputs)
			.map(([kind, args]) => declared(kind, kind, args as Given));
		fc.assert(
			fc.property(one, one, (...both) => {
				check(both);
			}),
		);
	});
});
