import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { hostDump } from "../support/dump";
import { labHost, on, useLab } from "../support/lab";
import { makeContainers, removeContainers } from "../support/program";
import { discard, fixtureStack, succeed } from "../support/stacks";
import type { Result } from "../toolchain/pulumi";

const names = ["mistake-runs", "mistake-stopped"];

/** The error messages by the name of the resource that they are about. */
function errorsByName({ diagnostics }: Result): Record<string, string[]> {
	const found: Record<string, string[]> = {};
	for (const { severity, urn, message } of diagnostics) {
		if (severity !== "error" || !urn || urn.includes("pulumi:pulumi:Stack")) continue;
		const name = urn.split("::").at(-1)!;
		found[name] = [...(found[name] ?? []), message];
	}
	return found;
}

describe("mistakes", function () {
	this.timeout(120_000);
	useLab(2);

	const folder = mkdtempSync(path.join(os.tmpdir(), "netplumb-mistakes-"));
	const stack = fixtureStack("mistakes");
	const previewed = fixtureStack("mistakes");
	after(async () => {
		await discard(stack);
		previewed.remove();
		rmSync(folder, { recursive: true });
	});

	describe("that only a host can know", () => {
		let hidden: string[] = [];
		let untouched: unknown;
		let result: Result;

		before(async () => {
			await makeContainers("h1", names);
			await on("h1", "docker", "kill", "mistake-stopped");
			untouched = await Promise.all(["h1", "h2"].map(hostDump));
			const key = path.join(folder, "key");
			execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
			const { address, identityFile, hostKey } = labHost();
			const empty = path.join(folder, "empty");
			execFileSync("touch", [empty]);
			const wire = (more: object) => ({
				host: labHost(),
				container: "mistake-runs",
				bridge: "br-phy",
				interface: "eth9",
				...more,
			});
			const attachments = {
				"not-running": wire({ container: "mistake-stopped" }),
				"no-container": wire({ container: "mistake-absent" }),
				"no-bridge": wire({ bridge: "br-absent" }),
				"unknown-key": wire({ host: { address, identityFile, knownHostsFile: empty } }),
				"changed-key": wire({ host: labHost("h1", { hostKey: labHost("h2").hostKey }) }),
				"wrong-login": wire({ host: labHost("h1", { identityFile: key }) }),
				"nothing-listens": wire({ host: labHost("h1", { port: 2222 }) }),
				"no-host": wire({ host: { address: address.replace(/\d+$/, "250"), identityFile, hostKey, timeoutSeconds: 5 } }),
				"no-sudo": wire({ host: labHost("h1", { user: "nobody-ops", sudo: true }) }),
				"not-root": wire({ host: labHost("h1", { user: "ops" }) }),
				"no-docker": wire({ host: labHost("h2") }),
			};
			await stack.setConfig({ attachments, bridges: { "no-ovs": { host: labHost("h2"), name: "br-none" } } });
			const which = "which -a docker ovs-vsctl | xargs realpath | sort -u";
			hidden = (await on("h2", "sh", "-c", which)).split("\n");
			for (const file of hidden) await on("h2", "mount", "--bind", "/dev/null", file);
			try {
				result = await stack.up(["--continue-on-error"]);
			} finally {
				for (const file of hidden) await on("h2", "umount", file);
			}
		});
		after(() => removeContainers("h1", names));

		const sentences: Record<string, RegExp> = {
			"not-running": /container: found "mistake-stopped" exited/,
			"no-container": /container: found no container "mistake-absent"/,
			"no-bridge": /bridge "br-absent"/,
			"unknown-key": /host key is unknown.*ssh-ed25519/,
			"changed-key": /host key.*(hostKey|changed|pinned)/,
			"wrong-login": /refused.*key/,
			"nothing-listens": /connection was refused/,
			"no-host": /no route|no answer/,
			"no-sudo": /sudo/,
			"not-root": /not root.*sudo: true/,
			"no-docker": /[Dd]ocker/,
			"no-ovs": /Open vSwitch|ovs-vsctl/,
		};

		for (const [name, sentence] of Object.entries(sentences)) {
			it(`are one sentence: ${name}`, () => {
				const said = errorsByName(result)[name] ?? [];
				expect(said).to.have.length(1);
				expect(said[0]).to.match(sentence);
				expect(said[0]).to.match(/^[^\n]+$/);
				expect(said[0]).to.not.match(/\bat .*:\d+:\d+|NetplumbError|undefined|\[object/);
			});
		}

		it("fail the up and leave nothing on the hosts or in the state", async () => {
			expect(result.exitCode).to.not.equal(0);
			expect(await Promise.all(["h1", "h2"].map(hostDump))).to.deep.equal(untouched);
			const { resources } = (await stack.exportState()).deployment;
			expect(resources!.filter(({ type }) => type.includes("netplumb:"))).to.deep.equal([]);
			await succeed(stack, "destroy");
		});
	});

	// The engine stops at the first resource with mistakes, so each program has one resource.
	const host = { address: "192.0.2.1", port: 70000 };
	const programs = {
		bridges: [{ host, name: "a-name-that-is-too-long", mtu: 20, colour: "red" }, ["host.port", "name", "mtu", "colour"]],
		attachments: [
			{ host, container: "-v", bridge: "b", mac: "00:11", vlan: { trunks: [1, 4095], native: 0 }, mtu: 9 },
			["host.port", "container", "mac", "vlan.trunks[1]", "vlan.native", "mtu"],
		],
		addresses: [
			{ host, container: "c", interface: "eth1", addresses: ["10.0.0.300/24", "10.0.0.5"], gateway: "10.1.0.1/8" },
			["host.port", "addresses[0]", "addresses[1]", "gateway"],
		],
	} as const;

	for (const [name, [args, paths]] of Object.entries(programs)) {
		it(`in the inputs of one of the ${name} are all reported by a preview, with their paths`, async () => {
			const none = { bridges: {}, attachments: {}, addresses: {} };
			await previewed.setConfig({ ...none, [name]: { wrong: args } });
			const result = await previewed.preview();
			expect(result.exitCode).to.not.equal(0);
			const said = errorsByName(result)["wrong"] ?? [];
			const found = said.map((message) => / has a problem: (\S+): found .+, expected .+; .+$/.exec(message)?.[1]);
			expect(found, said.join("\n")).to.have.members([...paths]);
		});
	}
});
