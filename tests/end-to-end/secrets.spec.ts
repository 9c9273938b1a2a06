import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { hostDump } from "../support/dump";
import { labHost, on, useLab } from "../support/lab";
import { declare, makeContainers, removeContainers, wired } from "../support/program";
import { discard, errorsOf, fixtureStack, succeed } from "../support/stacks";
import type { Result } from "../toolchain/pulumi";

const names = ["secret-a"];
const passphrase = "canary-passphrase-5b1d9e";

/** The command lines and environments' keys of every process, again and again until stopped. */
function watchProcesses(): () => string {
	const seen = new Set<string>();
	const timer = setInterval(() => {
		for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
			try {
				seen.add(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
			} catch {
				// It has just ended.
			}
		}
	}, 25);
	return () => {
		clearInterval(timer);
		return [...seen].join("\n");
	};
}

/**
 * At -v9 the engine logs what it hands to any provider, and it does not mask a secret of the stack configuration there (Pulumi 3.259:
 * an argument of MarshalProperties that is no plain string passes its filter). No other line may hold one.
 */
function withoutHandover(log: string): string {
	const handover = /^\{"time":.*"msg":"Marshaling property for RPC\[Provider\[[^\]]*\]\.Configure\(\)\.inputs\]: value=\{.*\}$/;
	return log
		.split("\n")
		.filter((line) => !handover.test(line))
		.join("\n");
}

describe("a private key in the stack configuration", function () {
	this.timeout(120_000);
	useLab(1);

	const stack = fixtureStack("wires");
	const key = path.join(stack.backendDir, "canary-key");
	const places: Record<string, string> = {};
	let canaries: string[];
	let untouched: unknown;
	const outputOf = ({ stdout, stderr, events }: Result) => withoutHandover(stdout + stderr) + JSON.stringify(events);

	before(async () => {
		await makeContainers("h1", names);
		execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", passphrase, "-C", "canary", "-f", key]);
		const open = `${key}-open`;
		execFileSync("cp", [key, open]);
		execFileSync("ssh-keygen", ["-q", "-p", "-P", passphrase, "-N", "", "-f", open]);
		// Every line of both forms: none of them may be anywhere. The first lines of all keys are alike.
		const body = (file: string) => readFileSync(file, "utf8").split("\n").slice(1, -2);
		canaries = [passphrase, ...body(key).slice(2), ...body(open).slice(2)];
		rmSync(open);
		await on(
			"h1",
			"sh",
			"-c",
			'cp /etc/ssh/authorized_keys /root/keys; printf "%s\\n" "$1" >>/etc/ssh/authorized_keys',
			"-",
			readFileSync(`${key}.pub`, "utf8").trim(),
		);
		untouched = await hostDump("h1");
		const { address, hostKey } = labHost();
		await declare(stack, wired(names, { host: { address, hostKey } }));
		await stack.setConfig({ "netplumb:privateKey": readFileSync(key, "utf8") }, { secret: true });
		rmSync(key);
	});
	after(async () => {
		await on("h1", "sh", "-c", "[ ! -e /root/keys ] || { cat /root/keys >/etc/ssh/authorized_keys; rm /root/keys; }");
		await discard(stack);
		await removeContainers("h1", names);
	});

	it("logs in with its passphrase, and not with a wrong one", async () => {
		await stack.setConfig({ "netplumb:passphrase": "canary-of-another-key" }, { secret: true });
		const wrong = await stack.up(["-v9", "--logtostderr"]);
		expect(wrong.exitCode).to.not.equal(0);
		const said = errorsOf(wrong);
		expect(said, said.join("\n")).to.have.length(1);
		expect(said[0], said[0]).to.contain("the passphrase is wrong");
		places["the run with a wrong passphrase"] = outputOf(wrong);

		await stack.setConfig({ "netplumb:passphrase": passphrase }, { secret: true });
		const stop = watchProcesses();
		const up = await succeed(stack, "up", ["-v9", "--logtostderr"]);
		places["command lines"] = stop();
		places["the run"] = outputOf(up);
		expect(up.summary.create).to.equal(3);
		expect(places["command lines"]).to.contain("dynamic-provider"); // the watch has seen the run
		expect(places["the run"].length).to.be.greaterThan(100_000); // the log is a full one
	});

	it("is nowhere in state, logs, errors and command lines, and not on the host", async () => {
		places["the state"] = stack.stateFile();
		places["the exported state"] = JSON.stringify(await stack.exportState());
		const folders = "/run/netplumb /var/lib/netplumb /tmp /root /var/log/sshd.log";
		places["the host"] = await on(
			"h1",
			"sh",
			"-c",
			`find ${folders} -type f -exec cat {} + 2>/dev/null; cat /proc/[0-9]*/cmdline`,
		);
		for (const [place, text] of Object.entries(places)) {
			expect(text.length, place).to.be.greaterThan(50);
			for (const canary of canaries) expect(text.includes(canary), `${place} holds ${canary.slice(0, 12)}…`).to.equal(false);
		}
	});

	it("is there at destroy time too", async () => {
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});

describe("an identity file", function () {
	this.timeout(120_000);
	useLab(1);
	const stack = fixtureStack("wires");
	after(async () => {
		await discard(stack);
		await removeContainers("h1", names);
	});

	it("is read by the provider alone: the whole -v9 log and the state hold nothing of it", async () => {
		await makeContainers("h1", names);
		await declare(stack, wired(names));
		const { stdout, stderr, events } = await succeed(stack, "up", ["-v9", "--logtostderr"]);
		const places = { output: stdout + stderr, events: JSON.stringify(events), state: stack.stateFile() };
		const lines = readFileSync(labHost().identityFile!, "utf8").split("\n").slice(1, -2);
		for (const [place, text] of Object.entries(places)) {
			expect(text.length, place).to.be.greaterThan(1000);
			for (const line of lines.slice(2)) expect(text.includes(line), `${place} holds ${line.slice(0, 12)}…`).to.equal(false);
		}
	});
});
