// Random programs of all kinds on the model host, with faults: every step ends where it was told to, and destroy leaves no trace.
import { expect } from "chai";
import * as fc from "fast-check";
import { kinds } from "../../provider/kinds/registry";
import { slotsOf, starts, stepsOf } from "./programs";
import { count, holds, seed } from "./report";
import { noTally, runProgram, withoutWaiting } from "./run";

const PROGRAMS = count("NETPLUMB_PROGRAMS", 25);

describe("random programs on the model host", function () {
	this.timeout(0);
	let waiting: () => void;
	before(() => {
		waiting = withoutWaiting();
	});
	after(() => waiting());

	it("are of all kinds but those of OVN, whose databases have a model of their own in tests/plan/ovn.spec.ts", () => {
		const expected = Object.keys(kinds).filter((name) => !name.startsWith("Ovn"));
		expect([...new Set(slotsOf().map(([, kind]) => kind))].sort()).to.deep.equal(expected.sort());
	});

	it("end where they were told to, step by step, and leave no trace", async () => {
		const tally = noTally();
		const property = fc.asyncProperty(starts, stepsOf(slotsOf()), (start, steps) => runProgram(start, steps, tally));
		const runs = await holds(property, PROGRAMS, (start, steps) =>
			[
				'import { runProgram } from "../run";',
				"",
				'describe("a program that failed once", () => {',
				'\tit("ends where it was told to, and leaves no trace", () =>',
				`\t\trunProgram(${JSON.stringify(start)}, ${JSON.stringify(steps)}));`,
				"});",
				"",
			].join("\n"),
		);
		expect(runs).to.equal(PROGRAMS);
		const { steps, made, refused, faults } = tally;
		console.log(`      ${runs} programs, seed ${seed}: ${steps} steps, ${made} resources, ${refused} refused, ${faults} faults`);
	});
});
