import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, labHost, useLab } from "../support/lab";
import { discard, exampleStack, expectNoChanges, fetchFrom, succeed } from "../support/stacks";

const address = { web: "10.33.1.10", app: "10.33.2.10", db: "10.33.3.10" };
type Tier = keyof typeof address;
const tiers = Object.keys(address) as Tier[];

describe("example isolated-tiers", function () {
	this.timeout(90_000);
	useLab(1);

	const stack = exampleStack("isolated-tiers");
	let untouched: unknown;

	before(async () => {
		untouched = await hostDump("h1");
		await stack.setConfig({ image, host: labHost() });
	});
	after(() => discard(stack));

	it("lets each tier reach the next one, and no other", async () => {
		await succeed(stack, "up");
		for (const from of tiers)
			for (const to of tiers.filter((tier) => tier !== from)) {
				const said = await fetchFrom("h1", `tier-${from}`, address[to], "/name");
				expect(said, `${from} to ${to}`).to.equal(["web app", "app db"].includes(`${from} ${to}`) ? to : undefined);
			}
	});

	it("finds nothing to do in a preview", () => expectNoChanges(stack));

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
