import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import type { HostSettings } from "../../provider/validate/host";
import { hostDump } from "../support/dump";
import { labHost, on, useLab } from "../support/lab";
import { declare, makeContainers, ports, removeContainers, wired } from "../support/program";
import { discard, expectNoChanges, fixtureStack, pings, succeed } from "../support/stacks";

const names = ["way-a", "way-b"];

describe("another way to a host", function () {
	this.timeout(120_000);
	useLab(1);

	const folder = mkdtempSync(path.join(os.tmpdir(), "netplumb-ways-"));
	const keygen = (...args: string[]) => execFileSync("ssh-keygen", ["-q", ...args]);
	let untouched: unknown;

	before(async () => {
		await makeContainers("h1", names);
		untouched = await hostDump("h1");
	});
	after(async () => {
		await removeContainers("h1", names);
		rmSync(folder, { recursive: true });
	});

	async function worksThrough(host: HostSettings): Promise<void> {
		const stack = fixtureStack("wires");
		try {
			await declare(stack, wired(names, { host }));
			await succeed(stack, "up");
			expect(await ports("h1")).to.have.length(2);
			expect(await pings("h1", "way-a", "10.50.0.2")).to.equal(true);
			await expectNoChanges(stack, ["--refresh"]);
			await succeed(stack, "destroy");
			expect(await hostDump("h1")).to.deep.equal(untouched);
		} finally {
			await discard(stack);
		}
	}

	it("is a user with sudo", () => worksThrough(labHost("h1", { user: "ops", sudo: true })));

	it("is the system's ssh with certificates of host and user", async () => {
		const [ca, key] = [path.join(folder, "ca"), path.join(folder, "key")];
		for (const file of [ca, key]) keygen("-t", "ed25519", "-N", "", "-f", file);
		keygen("-s", ca, "-I", "netplumb-test", "-n", "root", "-V", "+1h", `${key}.pub`);
		const { address } = labHost();
		const hostPublic = path.join(folder, "host.pub");
		writeFileSync(hostPublic, `${await on("h1", "cat", "/run/lab/ssh_host_ed25519_key.pub")}\n`);
		keygen("-s", ca, "-I", "h1", "-h", "-n", address, "-V", "+1h", hostPublic);
		const certificate = readFileSync(path.join(folder, "host-cert.pub"), "utf8").trim();
		const authority = readFileSync(`${ca}.pub`, "utf8").trim();
		const knownHostsFile = path.join(folder, "known_hosts");
		writeFileSync(knownHostsFile, `@cert-authority ${address} ${authority}\n`);
		const reload = "kill -HUP $(cat /run/sshd.pid); until [ -s /run/sshd.pid ]; do :; done";
		const script = `printf '%s\\n' "$1" >/etc/ssh/ca.pub; printf '%s\\n' "$2" >/etc/ssh/host-cert.pub; cp /etc/ssh/sshd_config /etc/ssh/kept
			printf 'TrustedUserCAKeys /etc/ssh/ca.pub\\nHostCertificate /etc/ssh/host-cert.pub\\n' >>/etc/ssh/sshd_config; ${reload}`;
		await on("h1", "sh", "-c", script, "-", authority, certificate);
		try {
			await worksThrough({ address, identityFile: key, knownHostsFile, transport: "openssh" });
			expect(await on("h1", "grep", "-c", 'Accepted certificate ID "netplumb-test"', "/var/log/sshd.log")).to.match(/^[1-9]/);
		} finally {
			await on("h1", "sh", "-c", `mv /etc/ssh/kept /etc/ssh/sshd_config; rm /etc/ssh/ca.pub /etc/ssh/host-cert.pub; ${reload}`);
		}
	});
});
