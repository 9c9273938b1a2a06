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

	it("knows of each resource the line of the program that made it, and no more of the stack", async () => {
		await declare(stack, wired(["line-a"], { host: labHost() }));
		await succeed(stack, "up");
		const { resources } = (await stack.exportState()).deployment;
		const program = readFileSync(path.join(__dirname, "fixtures", "wires", "index.ts"), "utf8").split("\n");
		for (const kind of ["VethAttachment", "StaticContainerIp"]) {
			const made = resources!.find(({ type }) => type.endsWith(`:${kind}`))!;
			expect(made.stackTrace).to.deep.equal([{ sourcePosition: made.sourcePosition }]);
			const [, line] = /^project:\/\/\/index\.ts#(\d+),/.exec(made.sourcePosition ?? "") ?? [];
			expect(program[Number(line) - 1], made.sourcePosition).to.contain(`new ${kind}(`);
		}
	});
});
