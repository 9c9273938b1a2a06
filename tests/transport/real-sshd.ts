// A private sshd on 127.0.0.1, with its own config, host keys and authorized keys.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Context } from "mocha";
import type { Fixture } from "./fixture.js";

const SSHD = "/usr/sbin/sshd";

/** Skips with a reason where no sshd can run; in CI that is a failure, because a skipped test proves nothing. */
export function needSshd(context: Context): void {
	const why = !existsSync(SSHD) ? `${SSHD} is not installed` : process.getuid?.() !== 0 ? "sshd needs root" : undefined;
	if (!why) return;
	if (process.env.CI) throw new Error(`this test must run in CI, but ${why}`);
	console.log(`      skipped: ${why}`);
	context.skip();
}

/** A port that nobody listens on at the moment. */
export function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once("error", reject);
		server.listen(0, "127.0.0.1", () => {
			const { port } = server.address() as { port: number };
			server.close(() => resolve(port));
		});
	});
}

export interface RealSshd {
	port: number;
	/** What sshd logged so far. */
	log(): string;
	/** The daemon only: its connections live on, in processes of their own. */
	process: ChildProcess;
	/** Ends every connection, as a crash of the host would. */
	dropConnections(): void;
}

/** Starts sshd and waits until it listens. `keys` may log in, as root. */
export async function startSshd(
	fixture: Fixture,
	options: { hostKeys: string[]; keys?: string[]; config?: string },
): Promise<RealSshd> {
	mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
	const port = await freePort();
	const authorized = fixture.path(`authorized${port}`);
	writeFileSync(authorized, (options.keys ?? []).map((key) => `${fixture.pub(key)}\n`).join(""));
	const file = fixture.path(`sshd${port}`);
	writeFileSync(
		file,
		[
			// The first word wins, so a test's own lines come first.
			options.config ?? "",
			`Port ${port}`,
			"ListenAddress 127.0.0.1",
			...options.hostKeys.map((key) => `HostKey ${key}`),
			`AuthorizedKeysFile ${authorized}`,
			"PidFile none",
			"PermitRootLogin yes",
			"StrictModes no",
			"UsePAM no",
			"PasswordAuthentication no",
			"KbdInteractiveAuthentication no",
			"LogLevel VERBOSE",
			"",
		].join("\n"),
	);
	const child = spawn(SSHD, ["-D", "-e", "-f", file], { stdio: ["ignore", "ignore", "pipe"] });
	let log = "";
	let onLog = () => {};
	child.stderr.on("data", (chunk) => {
		log += chunk;
		onLog();
	});
	fixture.undo(() => {
		child.kill("SIGKILL");
		drop();
	});
	const drop = () => {
		for (const pid of childrenOf(child.pid!))
			try {
				process.kill(pid, "SIGKILL");
			} catch {}
	};
	await new Promise<void>((resolve, reject) => {
		onLog = () => log.includes("Server listening") && resolve();
		child.once("exit", () => reject(new Error(`sshd did not start: ${log}`)));
	});
	return { port, log: () => log, process: child, dropConnections: drop };
}

function childrenOf(pid: number): number[] {
	try {
		return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
	} catch {
		return [];
	}
}
