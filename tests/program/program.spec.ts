// What two resources of one program cannot both have, as plain values; with the real CLI it is in tests/end-to-end/clashes.spec.ts.
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import fc from "fast-check";
import { ovsTunnel } from "../../provider/kinds/ovs-tunnel";
import { validate } from "../../provider/validate/index";
import { OvsBridge } from "../../sdk/index";
import type { Declared } from "../../sdk/program/declared";
import { Program } from "../../sdk/program/program";
import { check, declared, type Given } from "./declared";

const bridge = (name: string, args: Given) => declared("OvsBridge", name, args);
const wire = (name: string, args: Given) => declared("VethAttachment", name, { container: name, bridge: "br0", ...args });
const publish = (name: string, args: Given) => declared("NatPublish", name, args);
const ip = (name: string, attachment: Declared, ...addresses: string[]) =>
	declared("StaticContainerIp", name, { attachment, addresses });

const ovsTunnelArgs = validate(ovsTunnel.schema, { bridge: "br0", type: "vxlan", remote: "192.0.2.2" }).value;

describe("the resources of one program", () => {
	it("may want the same host port only on different addresses or protocols", () => {
		const taken = publish("db", { hostPorts: "3000-4000" });
		expect(check([taken, publish("web", { hostPorts: 3306 })])).to.equal(
			'NatPublish "web": hostPorts: found 3306/tcp on host h1, of which NatPublish "db" has 3000-4000, expected host ports of its own; choose other ports, or another hostIp for each of the two',
		);
		expect(check([taken, publish("web", { hostPorts: 3306, hostIp: "192.0.2.1" })])).to.match(/of which NatPublish "db" has/);
		expect(check([taken, publish("web", { hostPorts: 3306, protocol: "udp" })])).to.equal(undefined);
		expect(check([taken, publish("web", { hostPorts: "4001-4002" })])).to.equal(undefined);
		expect(check([taken, publish("web", { hostPorts: 3306, host: "h2" })])).to.equal(undefined);
		const [one, two] = ["192.0.2.1", "192.0.2.2"].map((hostIp, n) => publish(`at${n}`, { hostPorts: 80, hostIp }));
		expect(check([one!, two!])).to.equal(undefined);
	});

	it("of any kind that makes an interface or bridge may not have one name twice", () => {
		const tunnel = (name: string, args: Given) =>
			declared("OvsTunnel", name, { bridge: "br0", type: "vxlan", remote: "192.0.2.2", ...args });
		const network = (name: string, args: Given) => declared("IsolatedNetwork", name, { subnet: "10.9.0.0/24", ...args });
		const makers = [
			bridge("b", { name: "x0" }),
			network("n", { name: "x0" }),
			tunnel("t", { name: "x0" }),
			wire("w", { hostInterface: "x0" }),
		];
		for (const one of makers)
			for (const other of makers.filter((maker) => maker !== one))
				expect(check([one, other]), `${one.kind} and ${other.kind}`).to.match(
					new RegExp(`^${other.kind} "${other.name}": (?:name|hostInterface): found x0 on host h1, .*${one.kind} "${one.name}"`),
				);
		expect(check([tunnel("t", { name: "x0" }), network("n", { name: "x0", host: "h2" })])).to.equal(undefined);
		// What is derived is what the provider derives.
		const { name } = ovsTunnel.complete(ovsTunnelArgs, "OvsTunnel:p/s/t");
		expect(check([tunnel("t", {}), network("n", { name })])).to.match(new RegExp(`found ${name} on host h1`));
	});

	it("are compared the other way round when the attachment comes after the address", () => {
		const byName = declared("StaticContainerIp", "a", { container: "a", interface: "eth1", addresses: ["10.0.0.5/24"] });
		const other = wire("b", {});
		const said = check([byName, other, ip("b", other, "10.0.0.5/24"), wire("a", {})]);
		expect(said).to.match(
			/^StaticContainerIp "a": addresses\[0\]: found 10\.0\.0\.5 on bridge br0 of host h1, which StaticContainerIp "b"/,
		);
	});

	it("may have the same address in the form of the other family, and not in another form of the same", () => {
		const [a, b] = [wire("a", {}), wire("b", {})];
		expect(check([a, b, ip("a", a, "fd00::5/64"), ip("b", b, "fd00:0:0::5/64")])).to.match(/found fd00::5 on bridge br0/);
		expect(check([a, b, ip("a", a, "::ffff:10.0.0.5/120"), ip("b", b, "10.0.0.5/24")])).to.equal(undefined);
	});

	it("may share what is accepted in the configuration, and nothing else", () => {
		const [a, b] = [wire("a", { vlan: 10 }), wire("b", { vlan: { tag: 10 } })];
		const tags = [a, b, ip("a", a, "10.0.0.5/24"), ip("b", b, "10.0.1.5/24")];
		const overlap = [
			bridge("x", { name: "x", addresses: ["10.0.0.1/8"] }),
			bridge("y", { name: "y", addresses: ["10.1.0.1/16"] }),
		];
		const pool = [bridge("z", { name: "z", addresses: ["192.168.0.1/24"] })];
		for (const [program, accepted] of [
			[tags, "shared-tags"],
			[overlap, "overlapping-subnets"],
			[pool, "docker-pools"],
		] as const) {
			expect(check(program), accepted).to.include(`set netplumb:accept to ["${accepted}"]`);
			expect(check(program, accepted), accepted).to.equal(undefined);
		}
	});

	it("claim nothing with an input that is not known yet", () => {
		const same = { name: "br0", addresses: ["10.0.0.1/24"] };
		expect(check([bridge("a", same), bridge("b", same)])).to.be.a("string");
		expect(check([bridge("a", same), bridge("b", { ...same, host: "?" })])).to.equal(undefined);
		expect(check([bridge("a", same), bridge("b", { unknown: ["name", "addresses"] })])).to.equal(undefined);
		expect(check([wire("a", { mac: "02:00:00:00:00:01" }), wire("b", { unknown: ["mac"] })])).to.equal(undefined);
		const lost = wire("c", { bridge: undefined, unknown: ["bridge"] });
		expect(check([wire("a", {}), lost, ip("c", lost, "10.0.0.5/24"), ip("a", wire("a", {}), "10.0.0.5/24")])).to.equal(undefined);
	});

	it("claim nothing with an input that is wrong: that is for check to say", () => {
		for (const value of [7, null, {}, [], "", "x/y", ["10.0.0.300/24"]]) {
			const args = { name: value, addresses: value, mac: value, vlan: value, hostPorts: value, hostIp: value, interface: value };
			const all = ["OvsBridge", "VethAttachment", "StaticContainerIp", "NatPublish"].map((kind) => declared(kind, kind, args));
			expect(() => check(all), JSON.stringify(value)).to.not.throw();
		}
	});

	it("clash in every order of declaration, or in none", () => {
		const trunk = wire("t", { vlan: { trunks: [10, 20], native: 10 }, mac: "02:00:00:00:00:01" });
		const access = wire("u", { vlan: 20, mac: "02:00:00:00:00:01" });
		const free = wire("v", { vlan: 30, mac: "02:00:00:00:00:01" });
		const programs = [
			[trunk, access, ip("t", trunk, "10.0.0.5/24"), ip("u", access, "10.0.9.5/24"), free],
			[
				trunk,
				free,
				ip("t", trunk, "10.0.0.5/24"),
				ip("v", free, "10.0.0.5/24"),
				bridge("w", { name: "br0", addresses: ["10.0.0.5/24"] }),
			],
		];
		for (const [index, clashes] of [true, false].entries()) {
			const orders = fc.shuffledSubarray(programs[index]!, { minLength: 5, maxLength: 5 });
			fc.assert(fc.property(orders, (order) => (check(order) !== undefined) === clashes));
		}
	});

	it("take no time to speak of, by the thousand", () => {
		const program = new Program();
		for (let n = 0; n < 2000; n++) {
			const attachment = wire(`w${n}`, {});
			expect(program.add(attachment)).to.equal(undefined);
			expect(program.add(ip(`w${n}`, attachment, `10.0.${n >> 8}.${n & 255}/16`))).to.equal(undefined);
			expect(program.add(publish(`w${n}`, { hostPorts: 1000 + n }))).to.equal(undefined);
		}
	});
});

describe("two runs of programs in one process", () => {
	it("never see each other's resources", async () => {
		const rejected: unknown[] = [];
		const listener = (reason: unknown) => rejected.push(reason);
		process.on("unhandledRejection", listener);
		try {
			for (const stack of ["one", "two", "two"]) {
				const made: string[] = [];
				const newResource = ({ name, inputs }: pulumi.runtime.MockResourceArgs) => {
					made.push(name);
					return { id: name, state: inputs };
				};
				await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "project", stack);
				const lan = new OvsBridge("lan", { host: { address: "h1" }, name: "br-lan", addresses: ["10.0.0.1/24"] });
				await new Promise((resolve) => lan.id.apply(resolve));
				expect(made).to.deep.equal(["lan"]);
			}
			expect(rejected).to.deep.equal([]);
		} finally {
			process.off("unhandledRejection", listener);
		}
	});
});
