import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, inContainer, labHost, on, useLab } from "../support/lab";
import { connections, discard, exampleStack, expectNoChanges, fetchFrom, pings, starts, succeed } from "../support/stacks";

const h1 = ["h1-web", "h1-client"];
const generation = (host: string) => on(host, "cat", "/run/netplumb/generation");

describe("example quickstart", function () {
	this.timeout(90_000);
	useLab(2);

	const stack = exampleStack("quickstart");
	let untouched: unknown[];
	const dumps = () => Promise.all(["h1", "h2"].map(hostDump));

	before(async () => {
		untouched = await dumps();
		await stack.setConfig({ image, hosts: { h1: labHost("h1"), h2: labHost("h2") } });
	});
	after(() => discard(stack));

	it("gives both hosts a bridge with containers that talk over TCP", async () => {
		const { summary } = await succeed(stack, "up");
		expect(summary.create).to.equal(17); // the stack, two docker providers; a host: a bridge, two containers, wires and addresses
		for (const [name, lan] of [
			["h1", "10.20.1"],
			["h2", "10.20.2"],
		] as const) {
			expect(await fetchFrom(name, `${name}-client`, `${lan}.10`)).to.equal(`hello from ${name}`);
			expect(await pings(name, `${name}-web`, `${lan}.20`)).to.equal(true);
			expect(await pings(name, `${name}-web`, `${lan}.1`)).to.equal(true);
		}
		expect(await stack.outputs()).to.deep.equal({
			addresses: { "h1-web": "10.20.1.10", "h1-client": "10.20.1.20", "h2-web": "10.20.2.10", "h2-client": "10.20.2.20" },
		});
	});

	it("sets the default route of each container to the bridge", async () => {
		const routes = await inContainer("h1", "h1-web", "ip", "route");
		expect(routes.split("\n").map((line) => line.trim())).to.deep.equal([
			"default via 10.20.1.1 dev eth1",
			"10.20.1.0/24 dev eth1 scope link  src 10.20.1.10",
		]);
	});

	it("finds nothing to do in a preview", () => expectNoChanges(stack));

	it("touches no host in a second up", async () => {
		const seen = async () => [await connections("h1"), await connections("h2"), await generation("h1"), await generation("h2")];
		const first = await seen();
		expect((await succeed(stack, "up")).summary).to.include({ same: 17, create: 0, update: 0, replace: 0, delete: 0 });
		expect(await seen()).to.deep.equal(first);
	});

	it("clears a host that leaves the program and keeps the other running", async () => {
		const started = await starts("h1", ...h1);
		const wiring = await hostDump("h1");
		await stack.setConfig({ hosts: { h1: labHost("h1") } });
		expect((await succeed(stack, "up")).summary).to.include({ delete: 8, create: 0, update: 0, replace: 0 });
		expect(await starts("h1", ...h1)).to.equal(started);
		expect(await hostDump("h1")).to.deep.equal(wiring);
		expect(await hostDump("h2")).to.deep.equal(untouched[1]);
		expect(await fetchFrom("h1", "h1-client", "10.20.1.10")).to.equal("hello from h1");
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await dumps()).to.deep.equal(untouched);
	});
});
