import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, labHost, on, useLab } from "../support/lab";
import { bulk, fits } from "../support/sites";
import { discard, exampleStack, expectNoChanges, fetchFrom, succeed } from "../support/stacks";

const names = ["h1", "h2", "h3"];

describe("example routed", function () {
	this.timeout(120_000);
	useLab(3);

	const stack = exampleStack("routed");
	const site = (host: string) => ({ host, container: `routed-${host}` });
	// What is damaged by hand here shall stay so until the next up.
	const hosts = (...chosen: string[]) => Object.fromEntries(chosen.map((name) => [name, labHost(name, { heal: false })]));
	const subnets = Object.fromEntries(names.map((name) => [name, `10.80.${name.slice(1)}.0/24`]));
	const dumps = () => Promise.all(names.map(hostDump));
	/** With what Docker does where it finds forwarding off at its start. */
	const policy = (word: string) => Promise.all(names.map((name) => on(name, "iptables", "-P", "FORWARD", word)));
	let untouched: unknown[];
	let addresses: Record<string, string>;

	before(async () => {
		await policy("DROP");
		untouched = await dumps();
		await stack.setConfig({ image, hosts: hosts(...names), subnets });
	});
	after(async () => {
		await discard(stack);
		await policy("ACCEPT");
	});

	async function everybodyTalks(...chosen: string[]): Promise<void> {
		for (const from of chosen)
			for (const to of chosen.filter((name) => name !== from))
				expect(await fetchFrom(from, `routed-${from}`, addresses[to]!, "/name"), `${from} to ${to}`).to.equal(to);
	}

	it("says once in a preview that it is not encrypted", async () => {
		const { diagnostics } = await succeed(stack, "preview");
		const warnings = diagnostics.filter(({ severity, message }) => severity === "warning" && message.includes("not encrypted"));
		expect(warnings.map(({ message }) => message.split(":")[0])).to.deep.equal(["network routed"]);
	});

	it("lets every container reach every other, both ways, with whole packets of the underlay, where Docker forwards nothing", async () => {
		await succeed(stack, "up");
		({ addresses } = (await stack.outputs()) as { addresses: Record<string, string> });
		await everybodyTalks(...names);
		expect(await fits(site("h1"), addresses["h3"]!, 1500)).to.equal(true);
		expect(await bulk(site("h1"), site("h2"), addresses["h2"]!)).to.be.greaterThan(1_000_000);
		expect(await bulk(site("h2"), site("h1"), addresses["h1"]!)).to.be.greaterThan(1_000_000);
	});

	it("shows the containers' own addresses to each other, and keeps others out", async () => {
		const seen = await on("h2", "sh", "-c", "ip route show proto 78");
		expect(seen.split("\n").map((line) => line.trim())).to.have.members([
			`10.80.1.0/24 via ${labHost("h1").address} dev br-phy`,
			`10.80.3.0/24 via ${labHost("h3").address} dev br-phy`,
		]);
		// The host itself is no network of the program: Docker's policy goes on to hold for it.
		await on("h3", "ip", "route", "add", "10.81.0.0/24", "dev", "lo");
		await on("h3", "ip", "address", "add", "10.81.0.1/24", "dev", "lo");
		await on("h2", "ip", "route", "add", "10.81.0.0/24", "via", labHost("h3").address);
		try {
			const script = "ping -c 1 -W 1 10.81.0.1 >/dev/null 2>&1 && echo yes || echo no";
			expect(await on("h2", "docker", "exec", "routed-h2", "sh", "-c", script)).to.equal("no");
		} finally {
			await on("h2", "ip", "route", "delete", "10.81.0.0/24");
			await on("h3", "ip", "address", "delete", "10.81.0.1/24", "dev", "lo");
			await on("h3", "sh", "-c", "ip route delete 10.81.0.0/24 dev lo 2>/dev/null || true");
		}
	});

	it("finds nothing to do in a preview, also after a look at the hosts", async () => {
		await expectNoChanges(stack);
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("shows a route that was taken away in a refresh, and up brings it back", async () => {
		await on("h1", "ip", "route", "delete", "10.80.2.0/24");
		expect(await fetchFrom("h1", "routed-h1", addresses["h2"]!, "/name")).to.equal(undefined);
		expect((await succeed(stack, "refresh")).summary).to.include({ update: 1 });
		expect((await succeed(stack, "up")).summary).to.include({ update: 1, create: 0, replace: 0, delete: 0 });
		await everybodyTalks("h1", "h2");
	});

	it("takes a host away and adds it again while a stream between the others goes on", async () => {
		const stream = bulk(site("h1"), site("h2"), addresses["h2"]!, 20);
		await stack.setConfig({ hosts: hosts("h1", "h2") });
		// The routes from and to h3, four in all, its bridge, container, wire, address and docker provider.
		expect((await succeed(stack, "up")).summary).to.include({ delete: 9, create: 0, update: 0, replace: 0 });
		expect(await hostDump("h3")).to.deep.equal(untouched[2]);
		await stack.setConfig({ hosts: hosts(...names) });
		expect((await succeed(stack, "up")).summary).to.include({ create: 9, update: 0, replace: 0, delete: 0 });
		expect(await stream).to.be.greaterThan(10_000_000);
		await everybodyTalks(...names);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await dumps()).to.deep.equal(untouched);
	});
});
