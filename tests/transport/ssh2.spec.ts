// The ssh2 transport against a server inside this process, which drops, refuses and lies on demand.

import { createServer, type Socket } from "node:net";
import { expect } from "chai";
import { connect } from "../../provider/transport/index.js";
import type { HostAddress } from "../../provider/transport/transport.js";
import { type FakeSshd, startFake } from "./fake-sshd.js";
import { Fixture, failure } from "./fixture.js";
import { freePort, needSshd, startSshd } from "./real-sshd.js";

describe("transport ssh2, against a scripted server", () => {
	let fixture: Fixture;
	let key: string;
	let hostKey: string;
	let server: FakeSshd;
	const host = (more: Partial<HostAddress> = {}): HostAddress => ({
		address: "127.0.0.1",
		port: server.port,
		identityFile: key,
		hostKey: fixture.pub(hostKey),
		...more,
	});
	beforeEach(async () => {
		fixture = new Fixture();
		key = fixture.key();
		hostKey = fixture.key();
		server = await startFake(fixture, { hostKeys: [hostKey] });
	});
	afterEach(() => fixture.end());

	it("shares one connection and at most four shells among many scripts", async () => {
		const transport = connect(host());
		const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => transport.run(`echo ${i}`)));
		expect(answers.map((answer) => answer.stdout)).to.deep.equal(Array.from({ length: 40 }, (_, i) => `${i}\n`));
		expect(server.counts).to.include({ tcp: 1, handshakes: 1 });
		expect(server.counts.mostSessions).to.be.within(2, 4);
		expect(transport.counters).to.include({ handshakes: 1, roundTrips: 40 });
		transport.close();
	});

	it("opens one shell when scripts come one by one", async () => {
		const transport = connect(host());
		for (let i = 0; i < 5; i += 1) await transport.run("true");
		expect(server.counts.sessions).to.equal(1);
		transport.close();
	});

	it("says outcome-unknown for every script in flight when the connection drops, and connects again for the next", async () => {
		const transport = connect(host());
		await transport.run("true");
		const flights = Array.from({ length: 4 }, () => failure(transport.run("echo started; sleep 60")));
		while (server.counts.mostSessions < 4 || transport.counters.roundTrips < 5)
			await new Promise((resolve) => setTimeout(resolve, 5));
		server.dropAll();
		for (const error of await Promise.all(flights)) {
			expect(error.code).to.equal("outcome-unknown");
			expect(error.message).to.match(/^root@127\.0\.0\.1:\d+: the connection ended while a script ran/);
		}
		expect((await transport.run("echo again")).stdout).to.equal("again\n");
		expect(server.counts.handshakes).to.equal(2);
		transport.close();
	});

	it("runs scripts that were never sent on a new connection", async () => {
		const transport = connect(host());
		await transport.run("true");
		const flights = Array.from({ length: 4 }, () => failure(transport.run("sleep 60")));
		while (transport.counters.roundTrips < 5) await new Promise((resolve) => setTimeout(resolve, 5));
		const waiting = Array.from({ length: 3 }, (_, i) => transport.run(`echo late ${i}`));
		server.dropAll();
		expect((await Promise.all(flights)).map((error) => error.code)).to.deep.equal(Array(4).fill("outcome-unknown"));
		expect((await Promise.all(waiting)).map((answer) => answer.stdout)).to.deep.equal(["late 0\n", "late 1\n", "late 2\n"]);
		transport.close();
	});

	it("never takes a channel that closes without an answer for success", async () => {
		server.onExec = (_command, channel) => {
			channel.on("data", (data: Buffer) => {
				const marker = /np-[0-9a-f]{32}/.exec(data.toString())![0];
				if (data.toString().includes("np_child")) {
					channel.write(`${marker} 0 root 1\n`);
					channel.stderr.write(`${marker}\n`);
				} else {
					channel.write("half an answer");
					channel.close();
				}
			});
			return true;
		};
		const error = await failure(connect(host()).run("true"));
		expect(error.code).to.equal("outcome-unknown");
	});

	it("goes on with fewer shells when the host refuses more", async () => {
		server.refuse = () => server.counts.openSessions >= 2;
		const transport = connect(host());
		const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => transport.run(`echo ${i}`)));
		expect(answers.map((answer) => answer.stdout.trim())).to.deep.equal(Array.from({ length: 12 }, (_, i) => `${i}`));
		expect(server.counts.mostSessions).to.equal(2);
		transport.close();
	});

	it("tries a refused first channel again, and says it when that does not help", async () => {
		let refusals = 2;
		server.refuse = () => refusals-- > 0;
		const transport = connect(host());
		expect((await transport.run("echo ok")).stdout).to.equal("ok\n");
		expect(server.counts).to.include({ sessions: 3, handshakes: 1 });
		transport.close();
		server.refuse = () => true;
		const error = await failure(connect(host()).run("true"));
		expect(error.code).to.equal("host-unreachable");
		expect(error.message).to.contain("refused to open a channel 5 times").and.contain("MaxSessions");
	});

	it("connects again when connections are cut before the handshake, as MaxStartups does", async () => {
		server.cut = 2;
		const transport = connect(host());
		expect((await transport.run("echo ok")).stdout).to.equal("ok\n");
		expect(server.counts).to.include({ tcp: 3, handshakes: 1 });
		transport.close();
	});

	it("refuses an unknown host key with the line that would accept it, before any authentication", async () => {
		const error = await failure(connect(host({ hostKey: undefined })).run("true"));
		expect(error.code).to.equal("host-key");
		expect(error.message).to.contain(`hostKey: "${fixture.pub(hostKey)}"`);
		const line = `[127.0.0.1]:${server.port} ${fixture.pub(hostKey)}`;
		expect(error.message).to.contain(line).and.contain("SHA256:");
		expect(server.counts).to.include({ tcp: 1, authAttempts: 0 });
		fixture.setKnownHosts(`${line}\n`);
		const transport = connect(host({ hostKey: undefined }));
		expect((await transport.run("echo ok")).stdout).to.equal("ok\n");
		transport.close();
	});

	it("refuses another key than known_hosts or the pin says", async () => {
		const other = fixture.pub(fixture.key());
		fixture.setKnownHosts(`[127.0.0.1]:${server.port} ${other}\n`);
		for (const [address, words] of [
			[host({ hostKey: undefined }), "has changed"],
			[host({ hostKey: other }), "not the pinned one"],
		] as const) {
			const error = await failure(connect(address).run("true"));
			expect(error.code).to.equal("host-key");
			expect(error.message).to.contain(words);
			expect(error.message.match(/SHA256:/g)).to.have.length(2);
		}
		expect(server.counts).to.include({ tcp: 2, authAttempts: 0 });
	});

	it("refuses a revoked key", async () => {
		const name = `[127.0.0.1]:${server.port}`;
		fixture.setKnownHosts(`${name} ${fixture.pub(hostKey)}\n@revoked * ${fixture.pub(hostKey)}\n`);
		const error = await failure(connect(host({ hostKey: undefined })).run("true"));
		expect(error.code).to.equal("host-key");
		expect(error.message).to.contain("revoked").and.contain(`${fixture.knownHosts}:2`);
		expect(server.counts.authAttempts).to.equal(0);
	});

	it("checks the key again at every connection", async () => {
		fixture.setKnownHosts(`[127.0.0.1]:${server.port} ${fixture.pub(hostKey)}\n`);
		const transport = connect(host({ hostKey: undefined }));
		await transport.run("true");
		const { port } = server;
		await server.stop();
		const swapped = await startFake(fixture, { hostKeys: [fixture.key()], port });
		let error = await failure(transport.run("true"));
		// The first script may have been sent before the end of the old connection was heard.
		if (error.code === "outcome-unknown") error = await failure(transport.run("true"));
		expect(error.code).to.equal("host-key");
		expect(error.message).to.contain("has changed");
		expect(swapped.counts.authAttempts).to.equal(0);
	});

	it("accepts any key when told to, and only then", async () => {
		const transport = connect(host({ hostKey: undefined, insecureIgnoreHostKey: true }));
		expect((await transport.run("echo ok")).stdout).to.equal("ok\n");
		transport.close();
	});

	it("asks for the key type that is known, so that another key of the host raises no alarm", async () => {
		const rsa = fixture.key({ type: "rsa", bits: 2048, format: "PEM" });
		const both = await startFake(fixture, { hostKeys: [hostKey, rsa] });
		fixture.setKnownHosts(`[127.0.0.1]:${both.port} ${fixture.pub(rsa)}\n`);
		const transport = connect(host({ hostKey: undefined, port: both.port }));
		expect((await transport.run("echo ok")).stdout).to.equal("ok\n");
		transport.close();
	});

	it("says that the host lost its known key types", async () => {
		const rsa = fixture.key({ type: "rsa", bits: 2048 });
		fixture.setKnownHosts(`[127.0.0.1]:${server.port} ${fixture.pub(rsa)}\n`);
		const error = await failure(connect(host({ hostKey: undefined })).run("true"));
		expect([error.code, error.message]).to.deep.equal(["host-key", error.message]);
		expect(error.message).to.contain("no key of a type that is known").and.contain("rsa-sha2-512");
	});

	it("points at transport openssh when known_hosts trusts a certificate authority", async () => {
		fixture.setKnownHosts(`@cert-authority * ${fixture.pub(fixture.key())}\n`);
		const error = await failure(connect(host({ hostKey: undefined })).run("true"));
		expect(error.code).to.equal("host-key");
		expect(error.message).to.contain("certificate authority").and.contain('transport: "openssh"');
	});

	it("offers no SHA-1", async () => {
		const rsa = fixture.key({ type: "rsa", bits: 2048, format: "PEM" });
		for (const [algorithms, words] of [
			[{ serverHostKey: ["ssh-rsa"] }, "no host key without SHA-1"],
			[{ kex: ["diffie-hellman-group14-sha1"] }, "no matching key exchange"],
			[{ hmac: ["hmac-sha1"], cipher: ["aes128-ctr"] }, "no matching C->S MAC"],
		] as const) {
			const old = await startFake(fixture, { hostKeys: [rsa], algorithms: algorithms as never });
			const error = await failure(connect(host({ port: old.port, hostKey: undefined })).run("true"));
			expect(error.code).to.equal("host-unreachable");
			expect(error.message).to.contain(words);
			expect(old.counts).to.include({ tcp: 1, authAttempts: 0 });
		}
	});

	it("goes through two jump hosts and checks each one's key", async function () {
		needSshd(this);
		const keys = [fixture.key(), fixture.key()];
		const jumps = await Promise.all(keys.map((one) => startSshd(fixture, { hostKeys: [one], keys: [key] })));
		const via = (pin: string): HostAddress =>
			host({ port: jumps[1]!.port, hostKey: fixture.pub(keys[1]!), via: host({ port: jumps[0]!.port, hostKey: pin }) });
		const transport = connect(host({ via: via(fixture.pub(keys[0]!)) }));
		expect((await transport.run("echo through")).stdout).to.equal("through\n");
		expect(transport.counters.handshakes).to.equal(3);
		transport.close();
		const error = await failure(connect(host({ via: via(fixture.pub(hostKey)) })).run("true"));
		expect(error.code).to.equal("host-key");
		expect(error.message).to.match(new RegExp(`^root@127.0.0.1:${jumps[0]!.port}: `));
		expect(server.counts.tcp).to.equal(1);
	});

	it("tells refused, unnamed, silent and foreign ports apart", async () => {
		const started = Date.now();
		const refused = await failure(connect(host({ port: await freePort() })).run("true"));
		expect(refused.message).to.contain("refused");
		expect(Date.now() - started).to.be.lessThan(4000);
		const unnamed = await failure(connect(host({ address: "host.invalid" })).run("true"));
		expect(unnamed.message).to.match(/DNS/);
		const listen = async (onSocket: (socket: Socket) => void) => {
			const tcp = createServer(onSocket).on("error", () => {});
			await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
			fixture.undo(() => tcp.close());
			return (tcp.address() as { port: number }).port;
		};
		const open: Socket[] = [];
		const silent = await failure(
			connect(host({ timeoutSeconds: 0.5, port: await listen((socket) => open.push(socket)) })).run("true"),
		);
		expect(silent.message).to.contain("handshake was not finished within 0.5 s");
		const foreign = await failure(
			connect(
				host({
					timeoutSeconds: 3,
					port: await listen((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n")),
				}),
			).run("true"),
		);
		expect(foreign.message).to.match(/not as an SSH server|before the SSH handshake/);
		for (const socket of open) socket.destroy();
		for (const error of [refused, unnamed, silent, foreign]) expect(error.code).to.equal("host-unreachable");
	});

	it("tells the ways that a key fails apart", async () => {
		const locked = fixture.key({ passphrase: "secret words" });
		const cases: [Partial<HostAddress>, { privateKey?: string; passphrase?: string }, RegExp][] = [
			[{ identityFile: fixture.path("absent") }, {}, /absent does not exist; correct the path/],
			[{ identityFile: fixture.dir }, {}, /cannot be read \(EISDIR\)/],
			[{ identityFile: locked }, {}, /is encrypted, and no passphrase is set/],
			[{ identityFile: locked }, { passphrase: "other words" }, /the passphrase is wrong/],
			[{ identityFile: `${key}.pub` }, {}, /not a private key/],
			[{ identityFile: undefined }, { privateKey: "no key" }, /netplumb:privateKey\) is not a private key/],
			[{ identityFile: undefined }, {}, /no key to log in with/],
		];
		for (const [more, secrets, words] of cases) {
			const error = await failure(connect(host(more), secrets).run("true"));
			expect(error.code, String(words)).to.equal("authentication");
			expect(error.message).to.match(words);
		}
		expect(server.counts.tcp).to.equal(0);
	});

	it("says what was refused when nobody is let in, and tries once", async () => {
		const closed = await startFake(fixture, { hostKeys: [hostKey], deny: true });
		const error = await failure(connect(host({ port: closed.port })).run("true"));
		expect(error.code).to.equal("authentication");
		expect(error.message).to.contain("the host refused").and.contain(key);
		expect(closed.counts.tcp).to.equal(1);
	});

	it("keeps key and passphrase out of every message", async () => {
		const { readFileSync } = await import("node:fs");
		const passphrase = "canary-passphrase-4711";
		const locked = fixture.key({ passphrase });
		const secret = readFileSync(locked, "utf8");
		const body = secret.split("\n").slice(1, 4);
		const closed = await startFake(fixture, { hostKeys: [hostKey], deny: true });
		for (const secrets of [
			{ privateKey: secret, passphrase },
			{ privateKey: secret },
			{ privateKey: secret, passphrase: `${passphrase}x` },
			{ privateKey: secret.slice(0, 120), passphrase },
			{ privateKey: `x${secret}`, passphrase },
		])
			for (const transport of ["ssh2", "openssh"] as const) {
				const error = await failure(
					connect(host({ port: closed.port, identityFile: undefined, transport }), secrets).run("true"),
				);
				const text = `${error.message}${error.stack}${JSON.stringify(error)}${String(error.cause)}`;
				for (const canary of [passphrase, ...body]) expect(text).to.not.contain(canary);
			}
	});

	it("does not connect when the ssh config asks for what ssh2 cannot do", async () => {
		fixture.setConfig(`Host proxied\n\tProxyCommand nc %h %p\n`);
		const error = await failure(connect(host({ address: "proxied" })).run("true"));
		expect(error.code).to.equal("unsupported");
		expect(error.message).to.contain("ProxyCommand").and.contain('transport: "openssh"');
	});
});
