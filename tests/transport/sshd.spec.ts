// Both SSH transports against a real, private sshd.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { connect } from "../../provider/transport/index.js";
import type { HostAddress } from "../../provider/transport/transport.js";
import { Fixture, failure } from "./fixture.js";
import { freePort, needSshd, type RealSshd, startSshd } from "./real-sshd.js";

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

for (const transport of ["ssh2", "openssh"] as const) {
	describe(`transport ${transport}, against a real sshd`, () => {
		let fixture: Fixture;
		let key: string;
		let hostKey: string;
		let sshd: RealSshd;
		const host = (more: Partial<HostAddress> = {}): HostAddress => ({
			address: "127.0.0.1",
			port: sshd.port,
			transport,
			identityFile: key,
			hostKey: fixture.pub(hostKey),
			...more,
		});
		before(function () {
			needSshd(this);
		});
		beforeEach(async () => {
			fixture = new Fixture();
			key = fixture.key();
			hostKey = fixture.key();
			sshd = await startSshd(fixture, { hostKeys: [hostKey], keys: [key] });
		});
		afterEach(() => fixture?.end());

		const ok = async (address: HostAddress, secrets = {}) => {
			const connected = connect(address, secrets);
			try {
				expect(await connected.run("echo ok; echo err >&2; exit 3")).to.deep.equal({
					stdout: "ok\n",
					stderr: "err\n",
					exitCode: 3,
				});
				return connected.counters;
			} finally {
				connected.close();
			}
		};

		it("runs scripts over one connection, many at a time", async () => {
			const connected = connect(host());
			const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => connected.run(`echo ${i}; exit ${i}`)));
			expect(answers.map(({ stdout, exitCode }) => [stdout, exitCode])).to.deep.equal(
				Array.from({ length: 100 }, (_, i) => [`${i}\n`, i]),
			);
			expect(connected.counters).to.include({ handshakes: 1, roundTrips: 100 });
			expect(sshd.log().match(/Connection from/g)).to.have.length(1);
			connected.close();
		});

		it("gives random text back unchanged", async () => {
			const connected = connect(host());
			await fc.assert(
				fc.asyncProperty(
					fc.string({ unit: "binary", maxLength: 2000 }).map((text) => text.replaceAll("\0", "").replace(/[\ud800-\udfff]/g, "")),
					async (text) => {
						const answer = await connected.run(`printf %s ${quoted(text)}; printf %s ${quoted(text)} >&2`);
						expect(answer).to.deep.equal({ stdout: text, stderr: text, exitCode: 0 });
					},
				),
				{ numRuns: 50 },
			);
			connected.close();
		});

		it("carries 500 kB each way", async () => {
			const connected = connect(host());
			const text = "é\n".repeat(166_000);
			expect((await connected.run(`printf %s ${quoted(text)}`)).stdout === text).to.equal(true);
			connected.close();
		});

		it("goes on when sshd allows two sessions", async () => {
			const narrow = await startSshd(fixture, { hostKeys: [hostKey], keys: [key], config: "MaxSessions 2" });
			const connected = connect(host({ port: narrow.port }));
			const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => connected.run(`echo ${i}`)));
			expect(answers.map(({ stdout }) => stdout)).to.deep.equal(Array.from({ length: 12 }, (_, i) => `${i}\n`));
			expect(connected.counters.handshakes).to.equal(1);
			expect(narrow.log().match(/Connection from/g)).to.have.length(1);
			connected.close();
		});

		it("goes on when the clock jumps by an hour with every look at it, in either direction", async () => {
			const clock = Date.now;
			for (const hour of [3_600_000, -3_600_000]) {
				let jumps = 0;
				Date.now = () => clock() + hour * ++jumps;
				try {
					expect(await ok(host({ timeoutSeconds: 30 }))).to.include({ handshakes: 1, roundTrips: 1 });
				} finally {
					Date.now = clock;
				}
			}
		});
		it("says outcome-unknown when the connection dies, and connects again", async () => {
			const connected = connect(host());
			await connected.run("true");
			const flights = Array.from({ length: 3 }, () => failure(connected.run("echo $PPID; sleep 60")));
			while (connected.counters.roundTrips < 4) await new Promise((resolve) => setTimeout(resolve, 5));
			sshd.dropConnections();
			expect((await Promise.all(flights)).map((error) => error.code)).to.deep.equal(Array(3).fill("outcome-unknown"));
			expect((await connected.run("echo again")).stdout).to.equal("again\n");
			expect(connected.counters.handshakes).to.equal(2);
			connected.close();
		});

		it("takes keys from known_hosts, by name and port", async () => {
			fixture.setKnownHosts(`[127.0.0.1]:${sshd.port} ${fixture.pub(hostKey)}\n`);
			await ok(host({ hostKey: undefined }));
			const file = fixture.path("other known hosts");
			writeFileSync(file, `[127.0.0.1]:${sshd.port} ${fixture.pub(hostKey)}\n`);
			fixture.setKnownHosts("");
			await ok(host({ hostKey: undefined, knownHostsFile: file }));
			await ok(host({ hostKey: undefined, insecureIgnoreHostKey: true }));
		});

		it("refuses unknown, changed, revoked and wrongly pinned keys before it authenticates", async () => {
			const name = `[127.0.0.1]:${sshd.port}`;
			const other = fixture.pub(fixture.key());
			const cases: [string, string | undefined, RegExp][] = [
				["", undefined, /unknown.*SHA256:/],
				[`${name} ${other}\n`, undefined, /changed.*SHA256:/],
				[`@revoked * ${fixture.pub(hostKey)}\n${name} ${fixture.pub(hostKey)}\n`, undefined, /revoked/],
				[`${name} ${fixture.pub(hostKey)}\n`, other, /SHA256:/],
			];
			for (const [text, pin, words] of cases) {
				fixture.setKnownHosts(text);
				const error = await failure(connect(host({ hostKey: pin })).run("true"));
				expect(error.code, error.message).to.equal("host-key");
				expect(error.message)
					.to.match(words)
					.and.match(/^root@127\.0\.0\.1:\d+: /);
			}
			expect(sshd.log()).to.not.match(/Accepted|Failed|Postponed|userauth/);
		});

		it("says what was refused when the key is not authorized", async () => {
			const error = await failure(connect(host({ identityFile: fixture.key() })).run("true"));
			expect(error.code).to.equal("authentication");
			expect(error.message).to.match(/^root@127\.0\.0\.1:\d+: the host refused/);
		});

		it("uses the agent, with only the named key when there are many", async () => {
			const many = Array.from({ length: 8 }, () => fixture.key());
			const locked = fixture.key({ passphrase: "words" });
			const open = fixture.path("open");
			writeFileSync(open, readFileSync(locked), { mode: 0o600 });
			execFileSync("ssh-keygen", ["-q", "-p", "-P", "words", "-N", "", "-f", open]);
			fixture.env("SSH_AUTH_SOCK", fixture.agent(...many, open));
			const other = await startSshd(fixture, { hostKeys: [hostKey], keys: [locked] });
			await ok(host({ port: other.port, identityFile: locked }));
			const alone = await startSshd(fixture, { hostKeys: [hostKey], keys: [many[0]!] });
			await ok(host({ port: alone.port, identityFile: undefined }));
		});

		it("goes through jump hosts that each have their own key, port and pin", async () => {
			const jumpKey = fixture.key();
			const jumpHostKey = fixture.key();
			const [first, second] = await Promise.all([
				startSshd(fixture, { hostKeys: [jumpHostKey], keys: [jumpKey] }),
				startSshd(fixture, { hostKeys: [jumpHostKey], keys: [jumpKey] }),
			]);
			const jump = { ...host(), identityFile: jumpKey, hostKey: fixture.pub(jumpHostKey) };
			const via = { ...jump, port: second.port, via: { ...jump, port: first.port } };
			await ok(host({ via }));
			expect([first, second, sshd].map((one) => /Accepted publickey/.test(one.log()))).to.deep.equal([true, true, true]);
			const error = await failure(connect(host({ via: { ...via, hostKey: fixture.pub(hostKey) } })).run("true"));
			expect(error.code, error.message).to.equal("host-key");
		});

		it("follows the ssh config: name, port, user, key and ProxyJump", async () => {
			const jump = await startSshd(fixture, { hostKeys: [hostKey], keys: [key] });
			fixture.setConfig(
				[
					"Host target",
					`\tHostName 127.0.0.1\n\tPort ${sshd.port}\n\tIdentityFile ${key}\n\tHostKeyAlias alias\n\tProxyJump jump`,
					"Host jump",
					`\tHostName 127.0.0.1\n\tPort ${jump.port}\n\tIdentityFile ${key}\n\tHostKeyAlias alias\n`,
				].join("\n"),
			);
			// ssh does not strip the port of an alias; both ways of writing it are there.
			fixture.setKnownHosts(
				["alias", `[alias]:${sshd.port}`, `[alias]:${jump.port}`].map((name) => `${name} ${fixture.pub(hostKey)}\n`).join(""),
			);
			await ok({ address: "target", transport });
			expect(jump.log()).to.contain("Accepted publickey");
		});

		it("refuses a host that has only SHA-1", async () => {
			const rsa = fixture.key({ type: "rsa", bits: 2048 });
			for (const config of [
				"HostKeyAlgorithms ssh-rsa",
				"KexAlgorithms diffie-hellman-group14-sha1",
				"MACs hmac-sha1\nCiphers aes128-ctr",
			]) {
				const old = await startSshd(fixture, { hostKeys: [rsa], keys: [key], config });
				const error = await failure(connect(host({ port: old.port, hostKey: fixture.pub(rsa) })).run("true"));
				expect(error.message, config).to.match(/SHA-1|key of a type|common algorithm/);
				expect(old.log()).to.not.match(/Accepted|Failed publickey/);
			}
		});

		it("says in one sentence that nobody listens", async () => {
			const error = await failure(connect(host({ port: await freePort() })).run("true"));
			expect(error.code).to.equal("host-unreachable");
			expect(error.message).to.contain("the TCP connection was refused");
			const unnamed = await failure(connect(host({ address: "host.invalid" })).run("true"));
			expect(unnamed.message).to.contain("DNS");
		});

		it("user and host certificates: work through openssh, get a clear sentence through ssh2", async () => {
			const authority = fixture.key();
			execFileSync("ssh-keygen", ["-q", "-s", authority, "-h", "-I", "h", "-n", "127.0.0.1", "-V", "+1h", `${hostKey}.pub`]);
			execFileSync("ssh-keygen", ["-q", "-s", authority, "-I", "u", "-n", "root", "-V", "+1h", `${key}.pub`]);
			const modern = await startSshd(fixture, {
				hostKeys: [hostKey],
				config: `HostCertificate ${hostKey}-cert.pub\nTrustedUserCAKeys ${authority}.pub`,
			});
			fixture.setKnownHosts(`@cert-authority [127.0.0.1]:${modern.port} ${fixture.pub(authority)}\n`);
			const address = host({ port: modern.port, hostKey: undefined });
			if (transport === "openssh") {
				await ok(address);
				expect(modern.log()).to.contain("Accepted publickey").and.contain("CA ED25519");
			} else {
				const hostSide = await failure(connect(address).run("true"));
				expect(hostSide.code).to.equal("host-key");
				expect(hostSide.message).to.contain("cannot check host certificates").and.contain('transport: "openssh"');
				const userSide = await failure(connect({ ...address, hostKey: fixture.pub(hostKey) }).run("true"));
				expect(userSide.code).to.equal("authentication");
				expect(userSide.message).to.contain(`${key}-cert.pub is a user certificate`).and.contain('transport: "openssh"');
			}
		});

		if (transport === "ssh2")
			it("logs in with every kind of key, locked or not, from a file or a secret", async () => {
				const passphrase = "canary 4711";
				const keys = [
					fixture.key({ type: "ed25519", passphrase }),
					fixture.key({ type: "ecdsa", passphrase }),
					fixture.key({ type: "rsa", bits: 2048, passphrase, format: "PEM" }),
					fixture.key({ type: "rsa", bits: 2048 }),
				];
				const many = await startSshd(fixture, { hostKeys: [hostKey], keys });
				for (const file of keys) {
					await ok(host({ port: many.port, identityFile: file }), { passphrase });
					await ok(host({ port: many.port, identityFile: undefined }), { privateKey: readFileSync(file, "utf8"), passphrase });
				}
			});
		else
			it("does not take a private key as a secret, nor connect without its master", async () => {
				const error = await failure(connect(host(), { privateKey: "canary" }).run("true"));
				expect(error.code).to.equal("unsupported");
				expect(error.message).to.contain("identityFile").and.not.contain("canary");
			});

		it("shows no secret in the command line or environment of any program that it starts", async () => {
			const passphrase = "canary-4711";
			const secret = readFileSync(key, "utf8");
			const log = fixture.path("argv");
			const bin = fixture.programs({ ssh: `#!/bin/sh\n{ printf '%s\\n' "$@"; env; } >>${log}\nexec /usr/bin/ssh "$@"\n` });
			fixture.env("PATH", `${bin}:${process.env.PATH}`);
			fixture.setConfig("# asked anew");
			await ok(
				host({ identityFile: transport === "ssh2" ? undefined : key }),
				transport === "ssh2" ? { privateKey: secret, passphrase } : { passphrase },
			);
			const seen = readFileSync(log, "utf8");
			expect(seen).to.contain("-G");
			for (const canary of [passphrase, ...secret.split("\n").slice(1, 4)]) expect(seen).to.not.contain(canary);
		});
	});
}
