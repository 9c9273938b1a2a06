import { expect } from "chai";
import { image, inContainer, labHost, on, useLab } from "../support/lab";
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
		const [address, gateway] = [200, 1].map((last) => labHost("h1").address.replace(/\d+$/, String(last)));
		const outside = { bridge: "br-phy", address: `${address}/24`, gateway };
		await stack.setConfig({ image, outside, hosts: Object.fromEntries(names.map((name) => [name, labHost(name)])) });
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

	it("lets everyone reach the outside with the router's address, and the outside reach the web server", async () => {
		const { address } = labHost("h3");
		const router = address.replace(/\d+$/, "200");
		await eventually(() => reaches(batch, address), true);
		expect(await on("h3", "curl", "-sS", "--max-time", "10", `http://${router}:8080/name`)).to.equal("web");
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
