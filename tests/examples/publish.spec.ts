import { expect } from "chai";
import { hostInfo } from "../../lab/index";
import { hostDump } from "../support/dump";
import { image, labDir, labHost, makeContainer, on, useLab } from "../support/lab";
import { discard, exampleStack, expectNoChanges, starts, succeed } from "../support/stacks";
import { inside, removeContainers } from "../support/wiring";

/** Stands in for the database: says who asks. */
const SERVER = `mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho\\necho db $REMOTE_ADDR\\n' >/www/cgi-bin/who
chmod +x /www/cgi-bin/who; exec httpd -f -p 3306 -h /www`;
/** Another address of the second host, outside of the clients' subnet. */
const STRANGER = "198.51.100.2";

describe("example publish", function () {
	this.timeout(90_000);
	useLab(2);

	const stack = exampleStack("publish");
	let [h1, h2] = ["", ""];
	let untouched: unknown;

	/** The last line of what the database says; undefined when nothing answers. */
	async function ask(from: string, to: string, ...options: string[]): Promise<string | undefined> {
		const curl = ["curl", "-s", "-m", "2", ...options, `http://${to}:3306/cgi-bin/who`];
		const said = from === "h1" || from === "h2" ? on(from, ...curl) : inside(from, ...curl);
		return said.then(
			(text) => text.trim().replace("::ffff:", "").replace(/[[\]]/g, ""),
			() => undefined,
		);
	}

	before(async () => {
		[h1, h2] = ["h1", "h2"].map((host) => hostInfo(host, { dir: labDir }).address) as [string, string];
		await on("h2", "ip", "address", "add", `${STRANGER}/32`, "dev", "lo");
		await on("h1", "ip", "route", "add", `${STRANGER}/32`, "via", h2);
		await removeContainers("publish-other");
		untouched = await hostDump("h1");
		await makeContainer("h1", "publish-other", "--network=bridge");
		await stack.setConfig({ image, host: labHost(), clients: `${h2}/32`, command: ["sh", "-c", SERVER] });
	});
	after(async () => {
		await discard(stack);
		await removeContainers("publish-other");
		await on("h1", "ip", "route", "delete", `${STRANGER}/32`);
		await on("h2", "ip", "address", "delete", `${STRANGER}/32`, "dev", "lo");
	});

	it("lets the clients in, with their own address, and nobody else", async () => {
		await succeed(stack, "up");
		expect(await ask("h2", h1)).to.equal(`db ${h2}`);
		expect(await ask("h2", h1, "--interface", STRANGER)).to.equal(undefined);
		expect(await ask("publish-other", h1), "a container of Docker's").to.equal(undefined);
		expect(await ask("publish-other", "10.34.0.10"), "the database's own address").to.equal(undefined);
		expect(await stack.outputs()).to.deep.equal({ published: "3306" });
	});

	it("lets nothing out", async () => {
		for (const to of [`${h2}:22`, `${h1}:22`, "10.34.0.1:22"]) {
			const said = inside("publish-db", "curl", "-s", "-m", "1", "--http0.9", `telnet://${to}`);
			expect(await said.then(String, () => ""), to).to.equal("");
		}
	});

	it("finds nothing to do in a preview, with and without a look at the host", async () => {
		await expectNoChanges(stack);
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("lets other clients in without a new container", async () => {
		const started = await starts("h1", "publish-db");
		await stack.setConfig({ clients: `${STRANGER}/32` });
		expect((await succeed(stack, "up")).summary).to.include({ update: 1, create: 0, replace: 0, delete: 0 });
		expect(await ask("h2", h1)).to.equal(undefined);
		expect(await ask("h2", h1, "--interface", STRANGER)).to.equal(`db ${STRANGER}`);
		expect(await starts("h1", "publish-db")).to.equal(started);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		await removeContainers("publish-other");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
