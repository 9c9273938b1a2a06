// Local processes through execa, loaded at first use: one that serves a shell, and one that answers once.

import type { Socket } from "node:net";
import type { ShellStream } from "./shell.js";

/** A shell stream that can also let this process end while it is idle. */
export interface ProcessStream extends ShellStream {
	hold(active: boolean): void;
}

/** Starts a program whose standard streams are a shell's. A program that is not there ends with code 127, as in sh. */
export async function startProcess(argv: readonly string[], env?: Record<string, string>): Promise<ProcessStream> {
	const { execa } = await import("execa");
	const child = execa(argv[0]!, argv.slice(1), {
		stdin: "pipe",
		stdout: "pipe",
		stderr: "pipe",
		buffer: false,
		reject: false,
		// A shell ends when its stdin does, so it needs no exit listener of ours (each would be one more on `process`).
		cleanup: false,
		env,
	});
	let missing: string | undefined;
	child.on("error", (error) => {
		missing = (error as NodeJS.ErrnoException).code === "ENOENT" ? `${argv[0]} is not installed` : error.message;
	});
	child.catch(() => {});
	child.stdin.on("error", () => {});
	let onEnd: ((end: { code: number | null; why?: string }) => void)[] = [];
	let end: { code: number | null; why?: string } | undefined;
	const finish = (code: number | null, why?: string) => {
		if (end) return;
		end = missing ? { code: 127, why: missing } : { code, why };
		for (const listener of onEnd) listener(end);
		onEnd = [];
	};
	// "close" comes after the last data. A child of the program may hold its pipes for ever, so "exit" does not wait long for it.
	child.once("close", (code) => finish(code));
	child.once("exit", (code) => {
		setTimeout(() => finish(code), 200);
	});
	child.once("error", () => setImmediate(() => finish(127)));
	return {
		write: (data) => void child.stdin.write(data),
		onData: (listener) => {
			child.stdout.on("data", (chunk: Buffer) => listener("stdout", chunk));
			child.stderr.on("data", (chunk: Buffer) => listener("stderr", chunk));
		},
		onClose: (listener) => {
			if (end) listener(end);
			else onEnd.push(listener);
		},
		end: () => void child.stdin.end(),
		kill: () => {
			child.stdin.destroy();
			child.stdout.destroy();
			child.stderr.destroy();
			child.kill("SIGTERM");
			finish(null, "it was closed");
		},
		hold: (active) => {
			const act = active ? "ref" : "unref";
			child[act]();
			for (const pipe of [child.stdin, child.stdout, child.stderr]) (pipe as unknown as Socket)[act]?.();
		},
	};
}

/** Runs a program to its end and gives back its exit code (127 when it is not there) and what it said; for programs that may
 * leave a child behind that holds their streams, so it does not wait for those to close. Null when it took too long. */
export async function runProcess(
	argv: readonly string[],
	milliseconds: number,
): Promise<{ exitCode: number | null; stderr: string }> {
	const stream = await startProcess(argv);
	let stderr = "";
	stream.onData((which, chunk) => {
		if (which === "stderr") stderr = (stderr + chunk.toString("utf8")).slice(-65536);
	});
	return new Promise((resolve) => {
		const timer = setTimeout(() => {
			stderr += "timed out";
			stream.kill();
		}, milliseconds);
		stream.onClose(({ code, why }) => {
			clearTimeout(timer);
			resolve({ exitCode: code, stderr: why && code === 127 ? why : stderr });
		});
	});
}
