import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { labHost, useLab } from "../support/lab";
import { declare, makeContainers, removeContainers, wired } from "../support/program";
import { discard, fixtureStack, succeed } from "../support/stacks";

describe("the state", function () {
	this.timeout(120_000);
	useLab(1);

	const stack = fixtureStack("wires");
	before(() => makeContainers("h1", ["line-a"]));
	after(async () => {
		await discard(stack);
		await removeContainers("h1", ["line-a"]);
	});

	const ours = async () => (await stack.exportState()).deployment.resources!.filter(({ type }) => type.includes("netplumb:"));

	it("knows of each resource the line of the program that made it, and no more of the stack", async () => {
		await declare(stack, wired(["line-a"], { host: labHost() }));
		await succeed(stack, "up");
		const resources = await ours();
		const program = readFileSync(path.join(__dirname, "fixtures", "wires", "index.ts"), "utf8").split("\n");
		for (const kind of ["VethAttachment", "StaticContainerIp"]) {
			const made = resources.find(({ type }) => type.endsWith(`:${kind}`))!;
			expect(made.stackTrace).to.deep.equal([{ sourcePosition: made.sourcePosition }]);
			const [, line] = /^project:\/\/\/index\.ts#(\d+),/.exec(made.sourcePosition ?? "") ?? [];
			expect(program[Number(line) - 1], made.sourcePosition).to.contain(`new ${kind}(`);
		}
	});

	it("holds the host as one text, of which the program has the fields", async () => {
		expect(await stack.outputs()).to.deep.equal({ hosts: [labHost()] });
		for (const { inputs, outputs } of await ours())
			for (const host of [inputs!["host"], outputs!["host"]]) expect(JSON.parse(host as string)).to.deep.equal(labHost());
	});

	it("hides all of a host of which a field is secret", async () => {
		await declare(stack, wired(["line-a"], { host: labHost(), secret: true }));
		await succeed(stack, "up");
		expect(await stack.outputs()).to.deep.equal({ hosts: [labHost()] });
		const all = await ours();
		expect(all).to.have.length(3);
		expect(JSON.stringify(all)).to.contain("ciphertext").and.not.contain(labHost().identityFile);
	});
});
