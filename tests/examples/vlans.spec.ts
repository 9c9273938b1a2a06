import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, labHost, on, useLab } from "../support/lab";
import { connections, discard, exampleStack, expectNoChanges, fetchFrom, pings, starts, succeed } from "../support/stacks";

const address = { red1: "10.40.0.1", red2: "10.40.0.2", blue: "10.40.0.3", trunk: "10.40.0.4" };
type Member = keyof typeof address;
const members = Object.keys(address) as Member[];

/** Which members each member reaches over TCP. */
async function reachable(): Promise<Record<Member, Member[]>> {
	const rows = await Promise.all(
		members.map(async (from) => {
			const others = members.filter((to) => to !== from);
			const said = await Promise.all(others.map((to) => fetchFrom("h1", `vlan-${from}`, address[to], "/name")));
			for (const [index, name] of said.entries()) expect(name).to.be.oneOf([undefined, others[index]]);
			return [from, others.filter((_, index) => said[index] !== undefined)] as const;
		}),
	);
	return Object.fromEntries(rows) as Record<Member, Member[]>;
}

describe("example vlans", function () {
	this.timeout(90_000);
	useLab(1);

	const stack = exampleStack("vlans");
	let untouched: unknown;

	before(async () => {
		untouched = await hostDump("h1");
		await stack.setConfig({ image, host: labHost() });
	});
	after(() => discard(stack));

	it("lets equal tags talk, and the trunk with its native VLAN", async () => {
		await succeed(stack, "up");
		expect(await reachable()).to.deep.equal({
			red1: ["red2", "trunk"],
			red2: ["red1", "trunk"],
			blue: [],
			trunk: ["red1", "red2"],
		});
		expect(await pings("h1", "vlan-red1", address.red2)).to.equal(true);
		expect(await pings("h1", "vlan-blue", address.red1)).to.equal(false);
	});

	it("carries the other VLAN tagged on the trunk", async () => {
		const pid = await on("h1", "docker", "inspect", "-f", "{{.State.Pid}}", "vlan-blue");
		const trunk = await on("h1", "docker", "inspect", "-f", "{{.State.Pid}}", "vlan-trunk");
		const sniff = [
			`timeout 10 nsenter -t ${trunk} -n tcpdump -U -e -n -c 1 -i eth1 vlan 20 and arp & sniffer=$!`,
			`while kill -0 $sniffer 2>/dev/null; do nsenter -t ${pid} -n ping -c 1 -W 0.2 10.40.0.99 >/dev/null; done; wait $sniffer`,
		].join("\n");
		expect(await on("h1", "bash", "-c", sniff)).to.match(/vlan 20, .*who-has 10\.40\.0\.99/i);
	});

	it("finds nothing to do in a preview", () => expectNoChanges(stack));

	it("touches no host in a second up", async () => {
		const seen = async () => [await connections("h1"), await on("h1", "cat", "/run/netplumb/generation")];
		const first = await seen();
		expect((await succeed(stack, "up")).summary).to.include({ create: 0, update: 0, replace: 0, delete: 0 });
		expect(await seen()).to.deep.equal(first);
	});

	it("moves red2 to VLAN 20 in place", async () => {
		const started = await starts("h1", "vlan-red1", "vlan-red2", "vlan-blue", "vlan-trunk");
		await stack.setConfig({ red2: "20" });
		expect((await succeed(stack, "up")).summary).to.include({ update: 1, create: 0, replace: 0, delete: 0 });
		expect(await starts("h1", "vlan-red1", "vlan-red2", "vlan-blue", "vlan-trunk")).to.equal(started);
		expect(await reachable()).to.deep.equal({ red1: ["trunk"], red2: ["blue"], blue: ["red2"], trunk: ["red1"] });
		await expectNoChanges(stack);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
