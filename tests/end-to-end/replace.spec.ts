import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, labHost, on, useLab } from "../support/lab";
import { declare, makeContainers, ports, removeContainers, wired } from "../support/program";
import { discard, expectNoChanges, fetchFrom, fixtureStack, pings, starts, succeed } from "../support/stacks";

describe("replacement", function () {
	this.timeout(120_000);
	useLab(1);

	const stack = fixtureStack("replace");
	let untouched: unknown;
	const page = () => fetchFrom("h1", "replace-client", "10.51.0.10");

	before(async () => {
		untouched = await hostDump("h1");
		await stack.setConfig({ image, host: labHost(), bridge: "br-one", text: "first" });
		await succeed(stack, "up");
		expect(await page()).to.equal("first");
	});
	after(() => discard(stack));

	it("of a container takes its attachment and address along in the same up", async () => {
		const client = await starts("h1", "replace-client");
		const web = await starts("h1", "replace-web");
		await stack.setConfig({ text: "second" });
		const { summary } = await succeed(stack, "up");
		expect(summary).to.include({ replace: 3, update: 0 });
		expect(await starts("h1", "replace-web")).to.not.equal(web);
		expect(await starts("h1", "replace-client")).to.equal(client);
		expect(await page()).to.equal("second");
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("of a bridge takes the attachments along, and no container restarts", async () => {
		const started = await starts("h1", "replace-web", "replace-client");
		await stack.setConfig({ bridge: "br-two" });
		await succeed(stack, "up");
		expect(await starts("h1", "replace-web", "replace-client")).to.equal(started);
		expect((await on("h1", "ovs-vsctl", "list-br")).split("\n"))
			.to.include("br-two")
			.and.not.include("br-one");
		expect(await ports("h1", "br-two")).to.have.length(2);
		expect(await page()).to.equal("second");
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("leaves nothing to clear up", async () => {
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});

describe("two stacks on one host", function () {
	this.timeout(120_000);
	useLab(1);

	const names = ["owner-a", "owner-b", "owner-c", "owner-d"];
	const one = fixtureStack("wires", { name: "one" });
	const two = fixtureStack("wires", { name: "two" });
	let untouched: unknown;

	before(async () => {
		await makeContainers("h1", names);
		await on("h1", "ovs-vsctl", "add-br", "br-shared", "--", "set", "Bridge", "br-shared", "datapath_type=netdev");
		untouched = await hostDump("h1");
		const shared = wired(names, { bridge: "br-shared", existing: true });
		const [a, b, c, d] = Object.entries(shared.wires);
		await declare(one, { ...shared, wires: Object.fromEntries([a!, b!]) });
		await declare(two, { ...shared, wires: Object.fromEntries([c!, d!]) });
	});
	after(async () => {
		for (const stack of [one, two]) await discard(stack);
		await removeContainers("h1", names);
		await on("h1", "ovs-vsctl", "--if-exists", "del-br", "br-shared");
	});

	it("end in the union when they go up at once", async () => {
		await Promise.all([succeed(one, "up"), succeed(two, "up")]);
		expect(await ports("h1", "br-shared")).to.have.length(4);
		for (const name of names.slice(1)) expect(await pings("h1", name, "10.50.0.1"), name).to.equal(true);
	});

	it("leave each other alone", async () => {
		await succeed(one, "destroy");
		expect(await ports("h1", "br-shared")).to.have.length(2);
		expect(await pings("h1", "owner-c", "10.50.0.4")).to.equal(true);
		await expectNoChanges(two, ["--refresh"]);
		await succeed(two, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
