import { expect } from "chai";
import { Subnet } from "../../sdk/subnet";
import { labHost, useLab } from "../support/lab";
import { cloudDump, expectNoTrace, useOvn } from "../support/ovn";
import { reaches, useSites } from "../support/sites";
import { discard, expectNoChanges, fixtureStack, starts, succeed } from "../support/stacks";
import { eventually } from "../support/wiring";

describe("a network that changes its engine", function () {
	this.timeout(120_000);
	useLab(2);
	useOvn("h1", "h2");
	const [a] = useSites("en", "h1", "h2");

	const stack = fixtureStack("engine");
	const far = () => new Subnet("10.76.0.0/24").allocate("h2").split("/")[0]!;
	let untouched: string[];
	let started: string;

	before(async () => {
		untouched = await cloudDump("h1", "h2");
		started = await starts("h1", "en-h1");
		await stack.setConfig({ engine: "ovs", hosts: { h1: labHost("h1"), h2: labHost("h2") } });
	});
	after(() => discard(stack));

	it("is bridges and tunnels first", async () => {
		await succeed(stack, "up");
		await eventually(() => reaches(a!, far()), true);
	});

	it("becomes a switch of OVN: attachments move in place, and no container is touched", async () => {
		await stack.setConfig({ engine: "ovn" });
		const { summary } = await succeed(stack, "up");
		// Two bridges and two tunnel ends go; a switch and two ports come; the attachments are updated.
		expect(summary).to.include({ create: 3, delete: 4, update: 2, replace: 0 });
		await eventually(() => reaches(a!, far()), true);
		expect(await starts("h1", "en-h1")).to.equal(started);
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("becomes bridges and tunnels again, and leaves no trace", async () => {
		await stack.setConfig({ engine: "ovs" });
		await succeed(stack, "up");
		await eventually(() => reaches(a!, far()), true);
		await succeed(stack, "destroy");
		await expectNoTrace(untouched, "h1", "h2");
	});
});
