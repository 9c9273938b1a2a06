import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { hostInfo } from "../../lab/index";
import { hostDump } from "../support/dump";
import { image, labDir, labHost, useLab } from "../support/lab";
import { discard, exampleStack, expectNoChanges, succeed } from "../support/stacks";
import { COLUMNS, makePeers, removePeers, rowsOf } from "./docker-modes.cells";

const page = path.resolve(__dirname, "..", "..", "docs", "docker-networking.md");

/** The rows of the page's first table. */
function table(): string[][] {
	const lines = readFileSync(page, "utf8").split("\n");
	const start = lines.findIndex((line) => line.startsWith("| "));
	const rows = lines.slice(start, lines.indexOf("", start));
	return rows.filter((line) => line.startsWith("| ")).map((line) => line.slice(2, -2).split(" | "));
}

describe("example docker-modes", function () {
	this.timeout(120_000);
	useLab(2);

	const stack = exampleStack("docker-modes");
	const places = { h1: "", h2: "" };
	let untouched: unknown;
	const repair = async () => {
		await succeed(stack, "up", ["--refresh"]);
	};

	before(async () => {
		for (const name of ["h1", "h2"] as const) places[name] = hostInfo(name, { dir: labDir }).address;
		await removePeers();
		untouched = await hostDump("h1");
		await stack.setConfig({ image, host: labHost("h1", { heal: false }) });
	});
	after(async () => {
		await removePeers();
		await discard(stack);
	});

	it("makes one container in each mode, and joins them", async () => {
		await succeed(stack, "up");
		await expectNoChanges(stack);
		await makePeers();
	});

	// Titles need no host; what they prove does.
	const titles = rowsOf(places, repair);
	const seen: string[][] = [["Mode", ...COLUMNS]];
	for (const [mode, cells] of Object.entries(titles)) {
		seen.push([mode, ...COLUMNS.map((column) => cells[column].text)]);
		for (const column of COLUMNS)
			it(`${mode}: ${column}: ${cells[column].text}`, () => rowsOf(places, repair)[mode]![column].proof());
	}

	it("is what docs/docker-networking.md says, cell by cell", () => {
		expect(table()).to.deep.equal(seen);
	});

	it("destroys without a trace", async () => {
		await removePeers();
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
