import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, labHost, on, useLab } from "../support/lab";
import { bulk, fits } from "../support/sites";
import { discard, exampleStack, expectNoChanges, fail, fetchFrom, starts, succeed } from "../support/stacks";

const names = ["h1", "h2", "h3"];

describe("example overlay-mesh", function () {
	this.timeout(120_000);
	useLab(3);

	const stack = exampleStack("overlay-mesh");
	const site = (host: string) => ({ host, container: `mesh-${host}` });
	const hosts = (...chosen: string[]) => Object.fromEntries(chosen.map((name) => [name, labHost(name)]));
	const dumps = () => Promise.all(names.map(hostDump));
	let untouched: unknown[];
	let addresses: Record<string, string>;

	before(async () => {
		untouched = await dumps();
		await stack.setConfig({ image, hosts: hosts(...names) });
	});
	after(() => discard(stack));

	async function everybodyTalks(...chosen: string[]): Promise<void> {
		for (const from of chosen)
			for (const to of chosen.filter((name) => name !== from))
				expect(await fetchFrom(from, `mesh-${from}`, addresses[to]!, "/name"), `${from} to ${to}`).to.equal(to);
	}

	it("says once in a preview that it is not encrypted", async () => {
		const { diagnostics } = await succeed(stack, "preview");
		const warnings = diagnostics.filter(({ severity, message }) => severity === "warning" && message.includes("not encrypted"));
		expect(warnings.map(({ message }) => message.split(":")[0])).to.deep.equal(["network mesh"]);
	});

	it("lets every container reach every other, with whole packets", async () => {
		await succeed(stack, "up");
		({ addresses } = (await stack.outputs()) as { addresses: Record<string, string> });
		await everybodyTalks(...names);
		expect(await fits(site("h1"), addresses["h3"]!, 1450)).to.equal(true);
	});

	it("finds nothing to do in a preview, also after a look at the hosts", async () => {
		await expectNoChanges(stack);
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("takes a host away and adds it again while a stream between the others goes on", async () => {
		const started = [await starts("h1", "mesh-h1"), await starts("h2", "mesh-h2")];
		const stream = bulk(site("h1"), site("h2"), addresses["h2"]!, 25);
		await stack.setConfig({ hosts: hosts("h1", "h2") });
		// The tunnels from and to h3, four in all, its bridge, container, wire, address and docker provider.
		expect((await succeed(stack, "up")).summary).to.include({ delete: 9, create: 0, update: 0, replace: 0 });
		expect(await hostDump("h3")).to.deep.equal(untouched[2]);
		await stack.setConfig({ hosts: hosts(...names) });
		expect((await succeed(stack, "up")).summary).to.include({ create: 9, update: 0, replace: 0, delete: 0 });
		expect(await stream).to.be.greaterThan(10_000_000);
		expect([await starts("h1", "mesh-h1"), await starts("h2", "mesh-h2")]).to.deep.equal(started);
		await everybodyTalks(...names);
	});

	it("becomes a hub, and every container still reaches every other", async () => {
		await stack.setConfig({ topology: "hub" });
		// The tunnel between h2 and h3 goes at both ends; of the four that stay, those of the hub lose their split horizon.
		expect((await succeed(stack, "up")).summary).to.include({ delete: 2, update: 2, create: 0, replace: 0 });
		await everybodyTalks(...names);
		await expectNoChanges(stack);
	});

	it("wires the others when a host is down, names it, and completes it with the next up", async () => {
		await succeed(stack, "destroy");
		await stack.setConfig({ topology: "mesh", hosts: { ...hosts("h1", "h2"), h3: labHost("h3", { timeoutSeconds: 5 }) } });
		await on("h3", "sh", "-c", "kill $(cat /run/sshd.pid)");
		try {
			const said = await fail(stack, "up", ["--continue-on-error"]);
			expect(said.join("\n")).to.contain(`${labHost("h3").address}`);
			await everybodyTalks("h1", "h2");
		} finally {
			await on("h3", "/usr/sbin/sshd", "-E", "/var/log/sshd.log");
		}
		await succeed(stack, "up");
		await everybodyTalks(...names);
		await expectNoChanges(stack);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await dumps()).to.deep.equal(untouched);
	});
});
