import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { freeze, type Relay, startRelay, thaw } from "../../lab";
import { hostDump } from "../support/dump";
import { labDir, labHost, useLab } from "../support/lab";
import { declare, makeContainers, markedLinks, ports, removeContainers, wired } from "../support/program";
import { discard, expectNoChanges, fixtureStack, pings, succeed } from "../support/stacks";
import type { Running, Stack } from "../toolchain/pulumi";

const names = Array.from({ length: 8 }, (_, index) => `fault-${index}`);

describe("a fault in the middle of up", function () {
	this.timeout(120_000);
	useLab(1);

	let stack: Stack;
	let relay: Relay;
	let untouched: unknown;

	before(async () => {
		await makeContainers("h1", names);
		untouched = await hostDump("h1");
	});
	after(() => removeContainers("h1", names));

	beforeEach(async () => {
		stack = fixtureStack("wires");
		const host = labHost("h1");
		relay = await startRelay({ target: host.address, delayMs: 150 });
		// The address that the state keeps is the relay's: its pinned host key is the host's own.
		const through = { ...host, address: "127.0.0.1", port: relay.port, timeoutSeconds: 6 };
		await declare(stack, wired(names, { host: through }));
	});
	afterEach(async function () {
		// What a killed run made is known to Pulumi only after the next up.
		if (this.currentTest?.state !== "passed") await stack.up();
		await discard(stack);
		await relay.close();
	});

	/** Starts up and comes back when the host has the first ports, of which the engine has not heard yet. */
	async function inTheMiddle(): Promise<Running> {
		const running = await stack.start("up");
		while ((await ports("h1")).length === 0) {
			if (running.child.exitCode !== null) throw new Error((await running.done).stdout);
			await sleep(25);
		}
		return running;
	}

	async function expectWhole(): Promise<void> {
		expect(await ports("h1")).to.have.length(names.length);
		expect(await markedLinks("h1")).to.have.length(names.length + 1); // with the bridge itself
		for (const name of names.slice(-2)) expect(await pings("h1", name, "10.50.0.1"), name).to.equal(true);
		await expectNoChanges(stack, ["--refresh"]);
	}

	async function expectClean(): Promise<void> {
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	}

	it("that ends the provider is mended by the next up", async () => {
		const running = await inTheMiddle();
		running.kill("provider");
		expect((await running.done).exitCode).to.not.equal(0);
		await succeed(stack, "up");
		await expectWhole();
		await expectClean();
	});

	it("that ends pulumi with all its processes is mended by the next up", async () => {
		const running = await inTheMiddle();
		running.kill("all");
		await running.done;
		await stack.unlock();
		const pending = (await stack.exportState()).deployment.pending_operations ?? [];
		expect(pending).to.not.deep.equal([]); // the engine has sent some, and has heard of none
		const { stdout, stderr } = await succeed(stack, "up");
		expect(stdout + stderr).to.contain("pending");
		await expectWhole();
		await expectClean();
	});

	for (const times of [1, 2])
		it(`that is Ctrl-C, pressed ${times === 1 ? "once" : "twice"}, is mended by the next up`, async () => {
			const running = await inTheMiddle();
			running.child.kill("SIGINT");
			// Pulumi waits for what is under way after the first one, and for nothing after the second one.
			if (times === 2) await sleep(200).then(() => running.child.kill("SIGINT"));
			const { exitCode, stdout, stderr } = await running.done;
			expect(exitCode, stdout + stderr).to.not.equal(0);
			expect(stdout + stderr).to.not.match(/\n {4}at |TypeError/);
			await stack.unlock().catch(() => undefined); // after the first one the engine has done so itself
			await succeed(stack, "up");
			await expectWhole();
			await expectClean();
		});

	it("that cuts the connection does not fail the up", async () => {
		const running = await inTheMiddle();
		relay.cut();
		const { exitCode, stdout, stderr } = await running.done;
		expect(exitCode, stdout + stderr).to.equal(0);
		expect(relay.connections).to.equal(2);
		await expectWhole();
		await expectClean();
	});

	it("that freezes the host fails with a sentence and is mended by the next up", async () => {
		const running = await inTheMiddle();
		freeze("h1", { dir: labDir, scope: "all" });
		const { exitCode, diagnostics } = await running.done.finally(() => thaw("h1", { dir: labDir }));
		expect(exitCode).to.not.equal(0);
		const errors = diagnostics.filter(({ severity, urn }) => severity === "error" && urn?.includes("VethAttachment"));
		for (const { message } of errors)
			expect(message.trim()).to.match(/^(1 error occurred:\n\t\* )?(root@|host )127\.0\.0\.1:\d+: [^\n]+$/);
		await succeed(stack, "up");
		await expectWhole();
		await expectClean();
	});
});
