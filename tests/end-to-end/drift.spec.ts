import { expect } from "chai";
import { hostDump } from "../support/dump";
import { inContainer, labHost, on, useLab } from "../support/lab";
import { declare, makeContainers, removeContainers, wired } from "../support/program";
import { discard, expectNoChanges, fixtureStack, pings, succeed } from "../support/stacks";

const names = ["drift-a", "drift-b", "drift-c"];

describe("drift", function () {
	this.timeout(120_000);
	useLab(1);

	const stack = fixtureStack("wires");
	let untouched: unknown;
	let wires: Record<string, { hostInterface: string }>;

	before(async () => {
		await makeContainers("h1", names);
		untouched = await hostDump("h1");
		const program = wired(names, { host: labHost("h1", { heal: false }) });
		for (const wire of Object.values(program.wires)) wire.vlan = 10;
		await declare(stack, program);
		await succeed(stack, "up");
		const { resources } = (await stack.exportState()).deployment;
		wires = Object.fromEntries(
			resources!
				.filter(({ type }) => type.endsWith(":VethAttachment"))
				.map(({ urn, outputs }) => [urn.split("::").at(-1), outputs as { hostInterface: string }]),
		);
	});
	after(async () => {
		await discard(stack);
		await removeContainers("h1", names);
	});

	it("is shown by a preview with refresh", async () => {
		await on("h1", "ip", "link", "delete", wires["drift-a"]!.hostInterface);
		await on("h1", "ovs-vsctl", "set", "Port", wires["drift-b"]!.hostInterface, "tag=99");
		await on("h1", "docker", "restart", "-t", "0", "drift-c");
		const { stdout, summary } = await succeed(stack, "preview", ["--refresh", "--diff"]);
		expect(summary.create + summary.update).to.equal(5); // two attachments with their addresses, and a tag
		expect(stdout).to.contain("make interface eth1 of container drift-a");
		expect(stdout).to.match(/set tag .*of port/);
		expect(stdout).to.contain("make interface eth1 of container drift-c");
	});

	it("is mended by up with refresh", async () => {
		await succeed(stack, "up", ["--refresh"]);
		for (const [from, to] of [
			["drift-a", 2],
			["drift-b", 3],
			["drift-c", 1],
		] as const)
			expect(await pings("h1", from, `10.50.0.${to}`), from).to.equal(true);
		expect(await on("h1", "ovs-vsctl", "get", "Port", wires["drift-b"]!.hostInterface, "tag")).to.equal("10");
		expect(await inContainer("h1", "drift-c", "cat", "/sys/class/net/eth1/operstate")).to.equal("up");
	});

	it("is gone after that", () => expectNoChanges(stack, ["--refresh"]));

	it("leaves nothing to clear up", async () => {
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
