// One long-lived root shell on a host, whatever carries its bytes: an SSH channel, the system's ssh, or a local process.

import { NetplumbError } from "../errors.js";
import { bootstrap, FrameReader, frame, newMarker, POKE, readFacts, type ShellFacts } from "./framing.js";
import { shown } from "./text.js";
import type { ScriptResult, TransportCounters } from "./transport.js";

/** The bytes of one shell. `onClose` is told once, after the last data. */
export interface ShellStream {
	write(data: Buffer): void;
	onData(listener: (stream: "stdout" | "stderr", chunk: Buffer) => void): void;
	onClose(listener: (end: { code: number | null; why?: string }) => void): void;
	/** Says that no more comes; the shell ends after what it has. */
	end(): void;
	/** Ends the shell and everything that carries it. */
	kill(): void;
}

/** How a shell ended before it was ready: the caller knows what its words mean for sudo, ssh or a login shell. */
export class ShellDied extends Error {
	constructor(
		readonly exitCode: number | null,
		readonly stderr: string,
		readonly stdout: string,
		readonly why?: string,
	) {
		super("the shell ended before it was ready");
	}
}

/** How long the local timer waits for the host's own to do its work, in seconds. */
const GRACE_SECONDS = 2;

export class Shell {
	facts: ShellFacts | undefined;
	/** False after a drop, a time-out, or a script that left processes behind which may still print. */
	usable = true;
	#onChunk: ((stream: "stdout" | "stderr", chunk: Buffer) => void) | undefined;
	#onEnd: ((end: { code: number | null; why?: string }) => void) | undefined;
	#ended: { code: number | null; why?: string } | undefined;

	constructor(
		private readonly stream: ShellStream,
		private readonly where: string,
		private readonly counters: TransportCounters,
	) {
		stream.onData((which, chunk) => {
			counters.bytesReceived += chunk.length;
			this.#onChunk?.(which, chunk);
		});
		stream.onClose((end) => {
			this.usable = false;
			this.#ended = end;
			this.#onEnd?.(end);
		});
	}

	/** Waits until the shell can take scripts. Rejects with ShellDied, or a timeout NetplumbError. */
	start(milliseconds: number, welcome: (marker: string) => string = bootstrap): Promise<ShellFacts> {
		const marker = newMarker();
		let stdout = "";
		let stderr = "";
		return this.#exchange<ShellFacts>(Buffer.from(welcome(marker)), milliseconds, {
			chunk: (which, chunk) => {
				// The login profile's noise is bounded: only the end can hold the marker.
				if (which === "stdout") stdout = (stdout + chunk.toString("latin1")).slice(-65536);
				else stderr = (stderr + chunk.toString("latin1")).slice(-65536);
				if (!stderr.includes(marker)) return undefined;
				this.facts = readFacts(stdout, marker);
				return this.facts;
			},
			ended: (end) => new ShellDied(end.code, stderr, stdout, end.why),
			late: () =>
				new NetplumbError(
					"host-unreachable",
					`${this.where}: a root shell was not ready after ${milliseconds / 1000} s; expected "sh" to start at once, so look at the host's load and login profile, or raise timeoutSeconds.`,
				),
		});
	}

	/** Runs one script; one at a time. */
	run(script: string, seconds: number): Promise<ScriptResult> {
		const marker = newMarker();
		const out = new FrameReader(marker);
		const err = new FrameReader(marker);
		const limits = this.facts?.limits ?? false;
		// The host ends the script at the limit; the local timer only covers a host that cannot answer.
		const limit = Math.max(1, Math.ceil(seconds));
		const started = performance.now();
		const late = () =>
			new NetplumbError(
				"timeout",
				`${this.where}: a script ran past its limit of ${seconds} s and was ended; read the host again, and raise timeoutSeconds if it needs longer.`,
			);
		const bytes = frame(marker, script, limit);
		this.counters.roundTrips += 1;
		this.counters.bytesSent += bytes.length;
		return this.#exchange<ScriptResult>(bytes, (limits ? limit + GRACE_SECONDS : seconds) * 1000, {
			chunk: (which, chunk) => {
				(which === "stdout" ? out : err).push(chunk);
				if (!out.result || !err.result) {
					// sshd leaves Nagle on, and a TCP acknowledgement that has no data to go with waits 40 ms, at each jump host. A byte
					// of ours takes it along at once. Only small pieces are held back like this.
					if (chunk.length < 16384) this.stream.write(POKE);
					return undefined;
				}
				if (out.result.busy) this.usable = false;
				const { exitCode } = out.result;
				// 124 and 137 are what `timeout` answers, 143 is busybox's; a script may answer them too, but not so late.
				if (limits && [124, 137, 143].includes(exitCode) && performance.now() - started >= limit * 1000 - 50) {
					this.usable = false;
					throw late();
				}
				return { stdout: out.body().toString("utf8"), stderr: err.body().toString("utf8"), exitCode };
			},
			ended: (end) =>
				new NetplumbError(
					"outcome-unknown",
					`${this.where}: the connection ended while a script ran${end.why ? ` (${shown(end.why)})` : ""}, so it is not known whether it finished; the host has to be read again before anything is decided.`,
				),
			late,
		});
	}

	/** Ends the shell; a script in flight is rejected with outcome-unknown. */
	close(): void {
		this.usable = false;
		this.stream.kill();
	}

	#exchange<T>(
		bytes: Buffer,
		milliseconds: number,
		on: {
			chunk: (which: "stdout" | "stderr", chunk: Buffer) => T | undefined;
			ended: (end: { code: number | null; why?: string }) => Error;
			late: () => Error;
		},
	): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			const settle = (act: () => void) => {
				clearTimeout(timer);
				this.#onChunk = undefined;
				this.#onEnd = undefined;
				act();
			};
			const timer = setTimeout(() => {
				settle(() => reject(on.late()));
				this.close();
			}, milliseconds);
			this.#onChunk = (which, chunk) => {
				try {
					const result = on.chunk(which, chunk);
					if (result !== undefined) settle(() => resolve(result));
				} catch (error) {
					settle(() => reject(error));
				}
			};
			this.#onEnd = (end) => settle(() => reject(on.ended(end)));
			if (this.#ended) this.#onEnd(this.#ended);
			else this.stream.write(bytes);
		});
	}
}
