import { expect } from "chai";
import { image, inContainer, labHost, useLab } from "../support/lab";
import { cloudDump, expectNoTrace, useOvn } from "../support/ovn";
import { reaches } from "../support/sites";
import { discard, exampleStack, expectNoChanges, fetchFrom, succeed } from "../support/stacks";
import { eventually } from "../support/wiring";

const names = ["h1", "h2", "h3"];
const DB = "10.72.0.20";

describe("example overlay-ovn", function () {
	this.timeout(120_000);
	useLab(3);
	useOvn(...names);

	const stack = exampleStack("overlay-ovn");
	const batch = { host: "h3", container: "ovn-batch" };
	let untouched: string[];

	before(async () => {
		untouched = await cloudDump(...names);
		await stack.setConfig({ image, hosts: Object.fromEntries(names.map((name) => [name, labHost(name)])) });
	});
	after(() => discard(stack));

	it("lets the web server reach the database by its name, and nobody else", async () => {
		await succeed(stack, "up");
		expect(await fetchFrom("h1", "ovn-web", DB, "/name")).to.equal("db");
		expect(await inContainer("h1", "ovn-web", "sh", "-c", "nslookup -type=a db 2>&1 || true")).to.contain(DB);
		await eventually(() => reaches(batch, "10.72.0.10"), true);
		expect(await reaches(batch, DB, 1)).to.equal(false);
		expect(await reaches(batch, "10.73.0.20"), "by the network for backups").to.equal(true);
	});

	it("finds nothing to do in a preview, also after a look at the hosts", async () => {
		await expectNoChanges(stack);
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		await expectNoTrace(untouched, ...names);
	});
});
