// One session a host: requests that wait for the same host share one snapshot, one plan and one script.
import { randomBytes } from "node:crypto";
import { isNetplumbError, NetplumbError } from "../errors";
import type { Transport } from "../transport/transport";
import { assemble } from "./assemble";
import { type Operation, touches } from "./change";
import { shWord } from "./encode";
import { anyMark } from "./owned";
import { readCall, readFunctions } from "./read";
import { compile, EXIT, type Step } from "./script";
import type { Snapshot } from "./snapshot";

/** What one resource wants from its host. */
export interface Request<T> {
	/** The containers whose facts are needed, by id or name. */
	containers: string[];
	/** Pure: the operations that lead from the snapshot to what is wanted; none when it is so already. Throws NetplumbError. */
	plan(snapshot: Snapshot): Operation[];
	/** What to answer once the snapshot shows that nothing is left to do. */
	done(snapshot: Snapshot): T;
	/** True for deletions: a failure leaves what was deleted deleted, and the next try finishes. */
	keepOnFailure?: boolean;
}

interface Waiting {
	request: Request<unknown>;
	resolve(value: unknown): void;
	reject(error: unknown): void;
	tries: number;
}

/** Raised to a request whose operations failed; `after` is what is true on the host now, so that the caller can see what remains. */
export class ApplyError extends NetplumbError {
	constructor(
		message: string,
		readonly after: Snapshot | undefined,
	) {
		super("command", message);
	}
}

/** How often a request is planned again when the host changed under it or the connection was lost. */
const MAX_TRIES = 5;
const LOCK_SECONDS = 60;

export class HostSession {
	private waiting: Waiting[] = [];
	private running = false;

	constructor(
		private readonly transport: Transport,
		private readonly hostName: string,
	) {}

	submit<T>(request: Request<T>): Promise<T> {
		return new Promise<T>((resolve, reject) => {
			this.waiting.push({ request, resolve: resolve as (value: unknown) => void, reject, tries: 0 });
			if (this.running) return;
			this.running = true;
			// The engine sends its requests one by one: a short wait lets those of one wave meet.
			setTimeout(() => this.drain(), 5);
		});
	}

	private async drain(): Promise<void> {
		while (this.waiting.length > 0) {
			const batch = this.waiting;
			this.waiting = [];
			try {
				await this.settle(batch);
			} catch (error) {
				for (const one of batch) one.reject(error);
			}
		}
		this.running = false;
	}

	/** Brings every request of the batch to an end. A promise that is settled twice keeps its first answer. */
	private async settle(batch: Waiting[], known?: Snapshot): Promise<void> {
		const snapshot = known ?? (await this.read(containersOf(batch)));
		const taken = new Set<string>();
		const now: { one: Waiting; operations: Operation[] }[] = [];
		const later: Waiting[] = [];
		for (const one of batch) {
			let operations: Operation[];
			try {
				operations = one.request.plan(snapshot);
				if (operations.length === 0) {
					one.resolve(one.request.done(snapshot));
					continue;
				}
			} catch (error) {
				one.reject(error);
				continue;
			}
			const objects = operations.flatMap((operation) => touches(operation.change));
			if (objects.some((object) => taken.has(object))) {
				later.push(one);
				continue;
			}
			for (const object of objects) taken.add(object);
			now.push({ one, operations });
		}
		if (now.length > 0) await this.apply(now, snapshot);
		// What clashed inside the batch sees the other's work and decides again.
		if (later.length > 0) await this.settle(later);
	}

	private async apply(now: { one: Waiting; operations: Operation[] }[], before: Snapshot): Promise<void> {
		const batch = now.map(({ one }) => one);
		const containers = containersOf(batch);
		const steps: Step[] = now.flatMap(({ one, operations }) =>
			operations.map((operation) => ({ operation, undo: one.request.keepOnFailure !== true })),
		);
		let outcome: Outcome;
		try {
			outcome = await this.run(steps, before, containers);
		} catch (error) {
			if (!isNetplumbError(error, "outcome-unknown")) throw error;
			outcome = { kind: "again" }; // Something may have happened: only a new look can tell.
		}
		if (outcome.kind === "again") return this.again(batch);
		if (outcome.kind === "failed") {
			if (now.length === 1) {
				const [{ one, operations }] = now as [(typeof now)[0]];
				one.reject(new ApplyError(`host ${this.hostName}: could not ${doing(operations)}: ${outcome.reason}`, outcome.after));
				return;
			}
			// One of them is bad: halve until it stands alone, so that its neighbours are made.
			const middle = Math.ceil(batch.length / 2);
			await this.settle(batch.slice(0, middle));
			await this.settle(batch.slice(middle));
			return;
		}
		for (const { one } of now) {
			try {
				const left = one.request.plan(outcome.after);
				if (left.length === 0) one.resolve(one.request.done(outcome.after));
				else if (++one.tries < MAX_TRIES) await this.settle([one]);
				else
					one.reject(new ApplyError(`host ${this.hostName}: what was done did not last: still to ${doing(left)}`, outcome.after));
			} catch (error) {
				one.reject(error);
			}
		}
	}

	private async again(batch: Waiting[]): Promise<void> {
		const alive = batch.filter((one) => {
			if (++one.tries < MAX_TRIES) return true;
			one.reject(
				new NetplumbError(
					"conflict",
					`host ${this.hostName}: somebody else keeps changing it, gave up after ${MAX_TRIES} tries; run it again`,
				),
			);
			return false;
		});
		if (alive.length > 0) await this.settle(alive);
	}

	private async read(containers: string[]): Promise<Snapshot> {
		for (let tries = 1; ; tries++) {
			const mark = newMark();
			const script = [
				readFunctions(),
				`exec 9</run; flock -s -w ${LOCK_SECONDS} 9 || exit ${EXIT.locked}`,
				readCall(mark, containers),
			].join("\n");
			const result = await this.transport.run(script);
			if (result.exitCode === EXIT.locked) throw this.locked();
			const snapshot = this.understand(result.stdout, result.stderr, mark, containers);
			if (snapshot !== "changed") return snapshot;
			if (tries >= MAX_TRIES) {
				throw new NetplumbError(
					"conflict",
					`host ${this.hostName}: its containers keep restarting while they are read; look at them with docker ps`,
				);
			}
		}
	}

	private async run(steps: Step[], before: Snapshot, containers: string[]): Promise<Outcome> {
		const mark = newMark();
		const result = await this.transport.run(applyScript(steps, before, mark, containers));
		if (result.exitCode === EXIT.stale) return { kind: "again" };
		if (result.exitCode === EXIT.locked) throw this.locked();
		if (result.exitCode === EXIT.refused) throw new NetplumbError("conflict", `host ${this.hostName}: ${result.stderr.trim()}`);
		const after = this.understand(result.stdout, result.stderr, mark, containers);
		if (result.exitCode === EXIT.failed) {
			return { kind: "failed", reason: reasonOf(result.stderr), after: after === "changed" ? undefined : after };
		}
		return after === "changed" ? { kind: "again" } : { kind: "done", after };
	}

	private understand(stdout: string, stderr: string, mark: string, containers: string[]): Snapshot | "changed" {
		try {
			return assemble(stdout, mark, containers, this.hostName);
		} catch (error) {
			const said = stderr.trim();
			if (!isNetplumbError(error, "unreadable") || said === "") throw error;
			throw new NetplumbError("unreadable", `${error.message}; the host said: ${reasonOf(said)}`, { cause: error });
		}
	}

	private locked(): NetplumbError {
		return new NetplumbError(
			"timeout",
			`host ${this.hostName}: another netplumb run has held the lock for ${LOCK_SECONDS} s; try again when it has ended`,
		);
	}
}

type Outcome =
	| { kind: "again" }
	| { kind: "failed"; reason: string; after: Snapshot | undefined }
	| { kind: "done"; after: Snapshot };

/**
 * Lock, compare the generation, apply, read back. The lock is taken on the folder /run itself, so that no lock file remains.
 * The generation is written before the first change: a run that dies half-way leaves a new one behind.
 */
function applyScript(steps: Step[], before: Snapshot, mark: string, containers: string[]): string {
	const generation = randomBytes(8).toString("hex");
	const last = !anyMark(
		before,
		steps.map((step) => step.operation.change),
	); // nothing of ours will be left
	return [
		"trap '' HUP INT PIPE",
		readFunctions(),
		compile(steps, before),
		`exec 9</run; flock -x -w ${LOCK_SECONDS} 9 || exit ${EXIT.locked}`,
		"g=none; [ ! -r /run/netplumb/generation ] || read -r g </run/netplumb/generation",
		`[ "$g" = ${shWord(before.generation)} ] || exit ${EXIT.stale}`,
		"[ -d /run/netplumb ] || mkdir -m 700 /run/netplumb",
		`{ [ ! -L /run/netplumb ] && [ -O /run/netplumb ]; } || { echo "/run/netplumb is not a folder of root's; remove it" >&2; exit ${EXIT.refused}; }`,
		`printf '%s\\n' ${generation} >/run/netplumb/new && mv -f /run/netplumb/new /run/netplumb/generation || exit ${EXIT.refused}`,
		`apply && status=0 || status=${EXIT.failed}`,
		last ? "[ $status -ne 0 ] || rm -rf /run/netplumb" : "",
		readCall(mark, containers),
		"exit $status",
	].join("\n");
}

function newMark(): string {
	return `@${randomBytes(12).toString("hex")}`;
}

function containersOf(batch: Waiting[]): string[] {
	return [...new Set(batch.flatMap((one) => one.request.containers))];
}

function doing(operations: readonly Operation[]): string {
	const shown = operations.slice(0, 3).map((operation) => operation.describe);
	return shown.join(", ") + (operations.length > 3 ? ` and ${operations.length - 3} more` : "");
}

/** The first lines of what the tool said, bounded, on one line. */
function reasonOf(stderr: string): string {
	const text = stderr
		.trim()
		.replace(/\s*\n\s*/g, "; ")
		.replace(/RTNETLINK answers: |Error: |Command failed -:\d+;? ?/g, "")
		.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ");
	return text.length > 300 ? `${text.slice(0, 300)}…` : text || "the tool said nothing";
}
