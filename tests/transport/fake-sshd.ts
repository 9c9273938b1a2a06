// An SSH server inside this process, for what a real one does not do on demand: drop, refuse a channel, change its key.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import ssh2, { type Connection, type ServerChannel } from "ssh2";
import type { Fixture } from "./fixture.js";

export interface FakeSshd {
	port: number;
	counts: { tcp: number; handshakes: number; authAttempts: number; sessions: number; openSessions: number; mostSessions: number };
	/** Scripts see this instead of a real shell, when set. True: handled. */
	onExec: ((command: string, channel: ServerChannel) => boolean) | undefined;
	/** Refuse to open a session. */
	refuse: () => boolean;
	/** Cut this many new connections before the handshake. */
	cut: number;
	dropAll(): void;
	stop(): Promise<void>;
}

/** Starts a server that lets anybody in and runs commands in a real sh. `path` comes first in the shells' PATH. */
export async function startFake(
	fixture: Fixture,
	options: { hostKeys: string[]; path?: string; port?: number; deny?: boolean; algorithms?: ssh2.ServerConfig["algorithms"] },
): Promise<FakeSshd> {
	const sockets = new Set<Socket>();
	const children = new Set<ChildProcess>();
	const server = new ssh2.Server({ hostKeys: options.hostKeys.map((key) => readFileSync(key)), algorithms: options.algorithms });
	const fake: FakeSshd = {
		port: 0,
		counts: { tcp: 0, handshakes: 0, authAttempts: 0, sessions: 0, openSessions: 0, mostSessions: 0 },
		onExec: undefined,
		refuse: () => false,
		cut: 0,
		dropAll: () => {
			for (const socket of sockets) socket.destroy();
		},
		stop: () =>
			new Promise((resolve) => {
				for (const child of children) child.kill("SIGKILL");
				server.close(() => resolve());
				fake.dropAll();
			}),
	};
	// The TCP server inside, to count and to cut connections below SSH.
	const inner = (server as unknown as { _srv: { prependListener(name: string, listener: (socket: Socket) => void): void } })._srv;
	inner.prependListener("connection", (socket: Socket) => {
		fake.counts.tcp += 1;
		sockets.add(socket);
		socket.on("close", () => sockets.delete(socket));
		if (fake.cut > 0) {
			fake.cut -= 1;
			socket.destroy();
		}
	});
	server.on("connection", (client: Connection) => {
		client.on("error", () => {});
		client.on("handshake", () => {
			fake.counts.handshakes += 1;
		});
		client.on("authentication", (context) => {
			fake.counts.authAttempts += 1;
			if (options.deny) context.reject();
			else context.accept();
		});
		client.on("session", (accept, reject) => {
			fake.counts.sessions += 1;
			if (fake.refuse()) return reject();
			fake.counts.openSessions += 1;
			fake.counts.mostSessions = Math.max(fake.counts.mostSessions, fake.counts.openSessions);
			const session = accept();
			session.on("close", () => {
				fake.counts.openSessions -= 1;
			});
			session.on("exec", (accepted, _refused, info) => {
				const channel = accepted();
				channel.on("error", () => {});
				if (fake.onExec?.(info.command, channel)) return;
				const env = { ...process.env, PATH: `${options.path ? `${options.path}:` : ""}${process.env.PATH}` };
				const child = spawn("/bin/sh", ["-c", info.command], { env, stdio: "pipe" });
				children.add(child);
				child.stdin.on("error", () => {});
				channel.pipe(child.stdin);
				child.stdout.pipe(channel, { end: false });
				child.stderr.pipe(channel.stderr, { end: false });
				channel.on("close", () => child.kill());
				child.on("close", (code, signal) => {
					children.delete(child);
					if (signal) channel.exit(signal.replace("SIG", ""), false, "");
					else channel.exit(code ?? 0);
					channel.end();
				});
			});
		});
	});
	await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
	fake.port = (server.address() as { port: number }).port;
	fixture.undo(() => void fake.stop());
	return fake;
}
