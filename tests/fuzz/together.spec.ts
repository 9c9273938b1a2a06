// Two resources of one wave that claim the same thing: one gets it, the other fails with the sentence that it would get alone.
import { expect } from "chai";
import { essence } from "../model/compare";
import { bareHost, emptyContainer, WEB } from "../model/hosts";
import type { Declared } from "./engine";
import { worldOn } from "./run";

const bridge = (name: string, addresses: string[]): Declared[string] => ({ kind: "OvsBridge", args: { name, addresses } });
const network = (name: string, subnet: string): Declared[string] => ({ kind: "IsolatedNetwork", args: { name, subnet } });

async function refused(declared: Declared, there: Declared = {}): Promise<string[]> {
	const start = bareHost();
	start.containers = { [WEB]: emptyContainer(WEB, "web") };
	const { engine, exchange } = worldOn(start);
	expect((await engine.up(there)).errors).to.deep.equal({});
	const { errors } = await engine.up({ ...there, ...declared });
	// What failed has left nothing behind: only the other one has to be destroyed.
	for (const name of Object.keys(errors)) expect([...engine.live.keys()]).to.not.include(name);
	expect((await engine.up({})).errors).to.deep.equal({});
	expect(essence(exchange.snapshot)).to.deep.equal(essence(start));
	return Object.values(errors);
}

describe("two resources that are made at once", () => {
	it("cannot both have one address of the host", async () => {
		const errors = await refused({ a: bridge("br0", ["10.20.0.2/24"]), b: bridge("br1", ["10.20.0.2/16"]) });
		expect(errors).to.have.length(1);
		expect(errors[0]).to.match(/addresses: found 10\.20\.0\.2\/\d+ on interface "br.", expected it to be free/);
	});

	it("cannot both have one address of a container", async () => {
		const wire = (name: string) => ({ container: WEB, bridge: "br0", interface: name });
		const ip = (name: string) => ({ container: WEB, interface: name, addresses: ["10.20.0.9/24"] });
		const errors = await refused({
			b: bridge("br0", []),
			v1: { kind: "VethAttachment", args: wire("eth1") },
			v2: { kind: "VethAttachment", args: wire("eth2") },
			i1: { kind: "StaticContainerIp", args: ip("eth1") },
			i2: { kind: "StaticContainerIp", args: ip("eth2") },
		});
		expect(errors).to.have.length(1);
		expect(errors[0]).to.match(/addresses: found 10\.20\.0\.9\/24 already on eth. of container "web", expected it to be free/);
	});

	it("cannot be networks with overlapping subnets", async () => {
		const two = { a: network("net0", "10.20.0.0/16"), b: network("net1", "10.20.7.0/24") };
		const errors = await refused(two, { other: network("net2", "10.30.0.0/16") });
		expect(errors).to.have.length(1);
		expect(errors[0]).to.contain("subnet: found 10.20.");
	});

	it("are marked in the transaction that makes them, whatever else is in their script", async () => {
		const start = bareHost();
		for (let at = 0; at < 8; at++) {
			const { engine, exchange } = worldOn(start);
			const wide = bridge("br0", []);
			expect((await engine.up({ a: { ...wide, args: { ...wide.args, mtu: 1400 } } })).errors).to.deep.equal({});
			exchange.begin({ at, what: "dies" });
			expect((await engine.up({ a: wide, b: bridge("br1", []) })).errors, `died at ${at}`).to.deep.equal({});
		}
	});
});
