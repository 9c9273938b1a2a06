// One transport a host, nothing loaded too early, and a process that can end.

import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { connect, transportFor } from "../../provider/transport/index.js";
import { closeAll, hostKeyOf } from "../../provider/transport/pool.js";
import { jumpHosts, parseSshG } from "../../provider/transport/ssh-config.js";
import { Fixture, failure } from "./fixture.js";
import { needSshd, startSshd } from "./real-sshd.js";

/** Runs a program in a process of its own, with this repository's loader. */
function program(text: string): { stdout: string; stderr: string; status: number | null } {
	const script = `(async () => {${text}})().catch((e) => { console.error(e); process.exit(9); });`;
	return spawnSync(process.execPath, ["--import", "tsx", "-e", script], {
		encoding: "utf8",
		timeout: 60_000,
		cwd: process.cwd(),
	});
}
const index = JSON.stringify(require.resolve("../../provider/transport/index.ts"));

describe("the pool of transports", () => {
	after(() => closeAll());

	it("knows equal hosts, whatever the order of their fields", () => {
		expect(transportFor({ address: "h", port: 22, user: "root" })).to.equal(
			transportFor({ user: "root", address: "h", port: 22 }),
		);
		const via = { address: "h", via: { address: "j", port: 1 } };
		expect(transportFor(via)).to.equal(transportFor({ via: { port: 1, address: "j" }, address: "h" }));
	});

	it("tells hosts apart by every field, and by who logs in", () => {
		const keys = [
			hostKeyOf({ address: "h" }),
			hostKeyOf({ address: "h2" }),
			hostKeyOf({ address: "h", user: "a" }),
			hostKeyOf({ address: "h", sudo: true }),
			hostKeyOf({ address: "h", via: { address: "j" } }),
			hostKeyOf({ address: "h", hostKey: "x" }),
			hostKeyOf({ address: "h" }, { privateKey: "canary" }),
		];
		expect(new Set(keys).size).to.equal(keys.length);
		expect(keys.join()).to.not.contain("canary");
	});

	it("loads neither ssh2 nor execa before the first script", () => {
		const { stdout, stderr, status } = program(`
			const { connect, transportFor } = require(${index});
			connect({ address: "h" }); transportFor({ address: "h", transport: "openssh" });
			console.log(Object.keys(require.cache).filter((name) => /node_modules.(ssh2|execa)/.test(name)).length);`);
		expect([stdout, status], stderr).to.deep.equal(["0\n", 0]);
	});

	it("lets the process end while shells are idle, through every transport", async function () {
		needSshd(this);
		const fixture = new Fixture();
		try {
			const key = fixture.key();
			const sshd = await startSshd(fixture, { hostKeys: [key], keys: [key] });
			const ssh = { address: "127.0.0.1", port: sshd.port, identityFile: key, hostKey: fixture.pub(key) };
			for (const host of [
				{ address: "localhost", transport: "local" },
				{ ...ssh, transport: "ssh2" },
				{ ...ssh, transport: "openssh" },
			]) {
				const { stdout, stderr, status } = program(`
					const { connect } = require(${index});
					const transport = connect(${JSON.stringify(host)});
					await Promise.all([1, 2].map(() => transport.run("sleep .1")));
					await transport.run("echo hi").then((r) => process.stdout.write(r.stdout));`);
				expect([stdout, status], `${host.transport}: ${stderr}`).to.deep.equal(["hi\n", 0]);
			}
		} finally {
			fixture.end();
		}
	});

	it("can be closed and used again, also while it connects", async () => {
		const transport = connect({ address: "localhost", transport: "local" });
		const first = transport.run("echo one");
		transport.close();
		expect((await first).stdout).to.equal("one\n");
		const flight = failure(transport.run("sleep 60"));
		while (transport.counters.roundTrips < 2) await new Promise((resolve) => setTimeout(resolve, 5));
		transport.close();
		expect((await flight).code).to.equal("outcome-unknown");
		expect((await transport.run("echo two")).stdout).to.equal("two\n");
		transport.close();
	});

	it("refuses a NUL byte, which no shell can take", async () => {
		expect((await failure(connect({ address: "localhost", transport: "local" }).run("a\0b"))).code).to.equal("input");
	});

	it("refuses fields that ssh or a shell would read as something else", () => {
		const bad = ["-oProxyCommand=x", "a b", "a\nb", "a;b", "$(x)", "", "a'b", "`x`", "a\u0000b"];
		for (const text of bad) {
			expect(() => connect({ address: text }), `address ${text}`).to.throw(/address/);
			expect(() => connect({ address: "h", user: text }), `user ${text}`).to.throw(/user/);
			expect(() => connect({ address: "h", via: { address: text } }), `via ${text}`).to.throw(/address/);
		}
		for (const text of ["-f", "a\nb", 'a"b'])
			expect(() => connect({ address: "h", identityFile: text })).to.throw(/identityFile/);
		for (const port of [0, 65536, 1.5]) expect(() => connect({ address: "h", port })).to.throw(/port/);
		for (const address of ["10.0.0.1", "::1", "fe80::1%eth0", "host.example.org", "my_host"]) connect({ address });
	});
});

describe("the ssh config", () => {
	it("keeps every value of a keyword that comes several times", () => {
		expect(parseSshG("user root\nidentityfile ~/a\nidentityfile ~/b c\n").get("identityfile")).to.deep.equal(["~/a", "~/b c"]);
	});

	it("turns ProxyJump into a chain, the last jump first", () => {
		expect(jumpHosts("a,b@c:2,[::1]:3")).to.deep.equal({
			address: "::1",
			port: 3,
			via: { address: "c", user: "b", port: 2, via: { address: "a" } },
		});
	});
});
