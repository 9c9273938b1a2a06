import { expect } from "chai";
import { labPowerOff, labPowerOn } from "../../lab";
import { hostDump } from "../support/dump";
import { image, labDir, labHost, on, useLab } from "../support/lab";
import { declare, makeContainers, markedLinks, ports, removeContainers, wired } from "../support/program";
import { discard, exampleStack, expectNoChanges, fail, fixtureStack, succeed } from "../support/stacks";

const names = ["power-a", "power-b"];

describe("hosts without power", function () {
	this.timeout(120_000);
	useLab(2);

	const stack = fixtureStack("wires");
	const fresh = exampleStack("quickstart");
	const program = () => wired(names, { host: labHost("h1", { timeoutSeconds: 5 }) });
	let untouched: unknown;
	// Docker and Open vSwitch themselves give their links new MAC addresses at every boot.
	const remains = async () => {
		const { ovs, files, containers, routes } = await hostDump("h1");
		return { ovs, files, containers, routes };
	};
	let off = false;

	before(async () => {
		untouched = await remains();
		await makeContainers("h1", names);
		await declare(stack, program());
		await succeed(stack, "up");
		for (const name of ["h1", "h2"]) await labPowerOff(name, { dir: labDir });
		off = true;
	});
	after(async () => {
		if (off) for (const name of ["h1", "h2"]) await labPowerOn(name, { dir: labDir });
		await discard(stack);
		await discard(fresh);
		await removeContainers("h1", names);
	});

	it("do not keep a preview from showing what would be made", async () => {
		await fresh.setConfig({ image, hosts: { h1: labHost("h1"), h2: labHost("h2") } });
		const { summary, stdout } = await succeed(fresh, "preview");
		expect(summary).to.include({ create: 17, update: 0, delete: 0 });
		expect(stdout).to.contain("netplumb:VethAttachment");
	});

	it("do not keep a preview from showing what would change", async () => {
		await expectNoChanges(stack);
		const changed = program();
		changed.wires["power-b"]!.vlan = 20;
		await declare(stack, changed);
		const { summary, stdout } = await succeed(stack, "preview", ["--diff"]);
		expect(summary).to.include({ create: 0, update: 1, replace: 0, delete: 0 });
		expect(stdout).to.match(/\+ vlan +: 20/);
	});

	it("fail an up and a refresh with one sentence, and nothing is forgotten", async () => {
		const known = (await stack.exportState()).deployment.resources!.length;
		for (const operation of ["up", "refresh"] as const) {
			const errors = await fail(stack, operation);
			expect(errors.length).to.be.greaterThan(0);
			for (const error of errors) expect(error).to.match(/^(error: )?root@10\.99\.\d+\.11:22: [^\n]+\.$/);
		}
		expect((await stack.exportState()).deployment.resources).to.have.length(known);
	});

	it("are wired again by up when they are back", async () => {
		for (const name of ["h1", "h2"]) await labPowerOn(name, { dir: labDir });
		off = false;
		await on("h1", "docker", "start", ...names);
		await succeed(stack, "up", ["--refresh"]);
		expect(await ports("h1")).to.have.length(2);
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("are clean after destroy", async () => {
		await succeed(stack, "destroy");
		await removeContainers("h1", names);
		expect(await remains()).to.deep.equal(untouched);
		expect(await markedLinks("h1")).to.deep.equal([]);
	});
});
