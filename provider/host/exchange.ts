// One exchange with a host: read it, or apply steps to it and read it back. Builds the whole script and understands the answer.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isNetplumbError, NetplumbError } from "../errors";
import { memory, NOT_FLUSHED, wiringOf } from "../heal/memory";
import { applyRequest, readRequest } from "../helper/request";
import type { Transport } from "../transport/transport";
import { assemble, othersIn } from "./assemble";
import { bootHookOff } from "./boot-hook";
import { shWord } from "./encode";
import { type Guarded, guardedApply } from "./guard";
import { armFunctions, type GuardText } from "./guard-script";
import { anyMark } from "./owned";
import { newMark, type Others, readCall, readFunctions, readInsideCall } from "./read";
import { compile, EXIT, LOCK_SECONDS, type Step } from "./script";
import { type Fact, isRunning, type Known, type Needs, type RunningContainer, type Snapshot } from "./snapshot";

/** How often the same thing is tried when the host changes meanwhile. */
export const MAX_TRIES = 5;
/** Under the guard the time is short, and the other side counts it from the sending. */
const GUARDED_LOCK_SECONDS = 5;

/** How long a change of another run may be pending: longer than the longest deadline (Host.confirmSeconds) and its taking back. */
const PENDING_MS = 120_000;

export type Outcome =
	/** Nothing was done, because another run did something since the look: read and plan again. */
	| { kind: "stale" }
	/** It is not known what was done, or the host changed meanwhile: read and plan again. `applied`: but it was done. */
	| { kind: "again"; applied?: true }
	/** Everything was taken back. `after` is what is true now. */
	| { kind: "failed"; reason: string; after: Snapshot | undefined }
	| { kind: "done"; after: Snapshot };

export interface ReadOptions {
	crowd?: boolean;
	transport?: Transport;
	/** Good as long as no other run has done something since; then all is read. */
	known?: Known | undefined;
}

export class Exchange {
	/** The containers as they were at the last look. */
	private readonly seen = new Map<string, RunningContainer>();
	/** How often Docker was asked about containers. */
	private asked = 0;

	constructor(
		private readonly transport: Transport,
		readonly hostName: string,
		/** Another connection to the same host, which the caller closes. */
		private readonly another: (seconds: number) => Transport = () => transport,
		/** The far end is the helper, which takes requests, not scripts. */
		private readonly helper = false,
	) {}

	/**
	 * Waits until no change of a dead run is pending any more.
	 * @param crowd Whether many are looking: then all that we attached is told at once, whoever asks about it next.
	 */
	async read(asked: Needs, { crowd = false, transport = this.transport, known }: ReadOptions = {}): Promise<Snapshot> {
		const all = crowd ? { ...asked, desired: ["all"] } : asked;
		let base = this.helper ? undefined : known;
		let takenBack: string[] | undefined;
		const started = performance.now();
		for (let tries = 1; ; tries++) {
			const mark = newMark();
			const needs = without(all, base);
			const others = crowd && tries === 1 ? "attached" : this.othersFor(needs);
			const script = this.helper
				? readRequest(mark, needs, this.seen, others)
				: this.readScript(mark, needs, others, base?.outside);
			const result = await transport.run(script).catch((error: unknown) => {
				// A look can be repeated: the connection was lost, perhaps long ago, and the next one may stand.
				if (!isNetplumbError(error, "outcome-unknown") || tries >= MAX_TRIES) throw error;
				return undefined;
			});
			if (!result) {
				base = undefined;
				continue;
			}
			if (result.exitCode === EXIT.locked) throw this.locked();
			if (result.exitCode === EXIT.denied) throw this.denied(result.stderr);
			if (result.exitCode === EXIT.pending) {
				if (performance.now() - started > PENDING_MS) throw this.pending();
				base = undefined;
				tries--;
				await sleep(500);
				continue;
			}
			const snapshot = this.understand(result.stdout, result.stderr, mark, needs, base);
			if (base && (snapshot === "changed" || snapshot.generation !== base.snapshot.generation)) {
				if (snapshot !== "changed") takenBack = snapshot.takenBack;
				base = undefined;
				continue;
			}
			if (snapshot !== "changed") return takenBack ? { ...snapshot, takenBack } : snapshot;
			if (tries >= MAX_TRIES) {
				throw new NetplumbError(
					"conflict",
					`host ${this.hostName}: its containers keep restarting while they are read; look at them with docker ps`,
				);
			}
		}
	}

	/**
	 * Applies `steps`, which were planned on `before`, and reads back what is true then, with all that `asked` names.
	 * @param told The containers that are as they were in `before`.
	 */
	async apply(
		steps: readonly Step[],
		before: Snapshot,
		asked: Needs,
		{ guard, told = [] }: { guard?: GuardText; told?: string[] } = {},
	): Promise<Outcome> {
		const mark = newMark();
		// What is done in containers alone changes nothing outside, unless it is a pair, whose other end is there.
		const stays = ({ onlyInside, operation: { change } }: Step) =>
			onlyInside && change.verb !== "link.add" && change.verb !== "link.delete";
		const known = this.helper || guard ? undefined : { snapshot: before, outside: steps.every(stays), told };
		const needs = without(asked, known);
		try {
			const script = this.helper
				? applyRequest(mark, steps, before, needs, this.seen, this.othersFor(needs))
				: applyScript(mark, steps, before, this.readCall(mark, needs, known?.outside), needs.facts, guard);
			// What is under the guard is over, or taken back, by its deadline.
			const result = await this.transport.run(script, guard ? { timeoutSeconds: guard.seconds + GUARDED_LOCK_SECONDS } : {});
			if (result.exitCode === EXIT.stale) return { kind: "stale" };
			if (result.exitCode === EXIT.locked && guard)
				return { kind: "failed", reason: "another run holds the lock", after: before };
			if (result.exitCode === EXIT.locked) throw this.locked();
			if (result.exitCode === EXIT.denied)
				return { kind: "failed", reason: `the helper on the host refuses it: ${reasonOf(result.stderr)}`, after: before };
			if (result.exitCode === EXIT.readOnly) throw this.denied(result.stderr);
			if (result.exitCode === EXIT.refused) throw new NetplumbError("conflict", `host ${this.hostName}: ${result.stderr.trim()}`);
			const after = this.understand(result.stdout, result.stderr, mark, needs, known);
			if (result.exitCode === EXIT.failed) {
				return { kind: "failed", reason: reasonOf(result.stderr), after: after === "changed" ? undefined : after };
			}
			return after === "changed" ? { kind: "again", applied: true } : { kind: "done", after };
		} catch (error) {
			if (!guard && isNetplumbError(error, "outcome-unknown")) return { kind: "again" }; // Only a new look can tell what happened.
			throw error;
		}
	}

	/** Applies steps that can cut the way to the host. What is not confirmed over a new connection, the host takes back (guard.ts). */
	async applyGuarded(steps: readonly Step[], before: Snapshot, needs: Needs, guarded: Guarded): Promise<Outcome> {
		// What takes it back is a program that root would run, so the helper does not take it.
		if (this.helper)
			throw new NetplumbError(
				"privilege",
				`host ${this.hostName}: a change that can cut the way to the host needs a guard there, which the helper cannot arm; make it with a login as root (helper: false)`,
			);
		return guardedApply({
			...guarded,
			steps,
			before,
			facts: needs.facts,
			readCall: (mark) => this.readCall(mark, needs),
			another: this.another,
			apply: (guard) => this.apply(steps, before, needs, { guard }),
			read: (transport) => this.read(needs, { transport }),
			understand: (result, mark) => this.understand(result.stdout, result.stderr, mark, needs),
			reconnect: () => this.transport.close(),
		});
	}

	/** The container, with nothing in it, where Docker told that it runs without a network and nobody has asked about it by this reference. */
	presumed(reference: string): RunningContainer | undefined {
		const container = this.helper ? undefined : this.seen.get(reference);
		return container?.toldAt === undefined && container?.networkMode === "none" ? container : undefined;
	}

	private readScript(mark: string, needs: Needs, others: Others, inside = false): string {
		return [
			readFunctions(needs.facts),
			`settle_guards ${mark} || exit ${EXIT.pending}`,
			`exec 9</run; flock -s -w ${LOCK_SECONDS} 9 || exit ${EXIT.locked}`,
			(inside ? readInsideCall : readCall)(mark, needs, this.seen, others),
		].join("\n");
	}

	private readCall(mark: string, needs: Needs, inside = false): string {
		return (inside ? readInsideCall : readCall)(mark, needs, this.seen, this.othersFor(needs));
	}

	/** Where Docker is asked a second time, more questions are likely: then it tells about all that runs. */
	private othersFor(needs: Needs): Others {
		const asks = needs.containers.some((reference) => !this.seen.has(reference));
		if (asks) this.asked++;
		return asks && this.asked === 2 ? "names" : "";
	}

	private understand(stdout: string, stderr: string, mark: string, needs: Needs, known?: Known): Snapshot | "changed" {
		try {
			const snapshot = assemble(stdout, mark, needs, this.seen, this.hostName, known);
			if (snapshot === "changed") this.seen.clear();
			else {
				for (const container of othersIn(stdout, mark))
					for (const name of [container.id, container.name]) if (!this.seen.has(name)) this.seen.set(name, container);
				for (const [reference, container] of Object.entries(snapshot.containers))
					if (isRunning(container)) this.seen.set(reference, container);
					else this.seen.delete(reference);
			}
			return snapshot;
		} catch (error) {
			const said = stderr.trim();
			if (!isNetplumbError(error, "unreadable") || said === "") throw error;
			throw new NetplumbError("unreadable", `${error.message}; the host said: ${reasonOf(said)}`, { cause: error });
		}
	}

	private denied(stderr: string): NetplumbError {
		return new NetplumbError("privilege", `host ${this.hostName}: the helper on the host refuses it: ${reasonOf(stderr)}`);
	}

	private pending(): NetplumbError {
		return new NetplumbError(
			"timeout",
			`host ${this.hostName}: a change of another run waits to be confirmed or taken back for more than ${PENDING_MS / 1000} s; look at /run/netplumb/guard-* there`,
		);
	}

	private locked(): NetplumbError {
		return new NetplumbError(
			"timeout",
			`host ${this.hostName}: another netplumb run has held the lock for ${LOCK_SECONDS} s; try again when it has ended`,
		);
	}
}

function without(needs: Needs, known: Known | undefined): Needs {
	return known ? { ...needs, containers: needs.containers.filter((reference) => !known.told.includes(reference)) } : needs;
}

/**
 * Lock, compare the generation, apply, read back. The lock is taken on the folder /run itself, so that no lock file remains.
 * The generation is written before the first change: a run that dies half-way leaves a new one behind.
 */
function applyScript(
	mark: string,
	steps: readonly Step[],
	before: Snapshot,
	readBack: string,
	facts: readonly Fact[],
	guard: GuardText | undefined,
): string {
	const generation = randomBytes(8).toString("hex");
	const changes = steps.map((step) => step.operation.change);
	const nothingOfOursIsLeft = !anyMark(before, changes);
	// A request that did not ask for the firewall does not know whether our table is there.
	const noTable = before.firewall === undefined ? "! nft list table inet netplumb >/dev/null 2>&1" : ":";
	const forget = `{ ! { ${noTable}; } || { rm -rf /run/netplumb; ${bootHookOff()}; }; }`;
	return [
		"trap '' HUP INT PIPE",
		readFunctions(facts),
		compile(wiringOf(steps), before),
		memory(steps, before),
		...(guard ? [armFunctions(guard)] : []),
		`exec 9</run; flock -x -w ${guard ? GUARDED_LOCK_SECONDS : LOCK_SECONDS} 9 || exit ${EXIT.locked}`,
		"g=none; [ ! -r /run/netplumb/generation ] || read -r g </run/netplumb/generation",
		`[ "$g" = ${shWord(before.generation)} ] || exit ${EXIT.stale}`,
		"prepare",
		"own_folder /run/netplumb",
		`printf '%s\\n' ${generation} >/run/netplumb/generation 2>/dev/null || { rm -f /run/netplumb/generation; refuse "/run/netplumb cannot be written to (is /run full?), so nothing was changed"; }`,
		// Its deadline is for the changes, not for the disk.
		...(guard ? [`flushed || refuse "${NOT_FLUSHED}, so nothing was changed"`] : []),
		...(guard ? [`arm || { disarm; echo "the guard could not be armed, so nothing was done" >&2; exit ${EXIT.refused}; }`] : []),
		"forget",
		`apply && { flushed || { echo "${NOT_FLUSHED}" >&2; take_back; false; }; } && status=0 || status=${EXIT.failed}`,
		"[ $status -eq 0 ] || end_flush",
		...(guard ? ['if [ $status -eq 0 ]; then : >"$guard/applied"; else disarm; fi'] : []),
		"[ $status -ne 0 ] || commit",
		"tidy",
		...(nothingOfOursIsLeft && !guard ? [`[ $status -ne 0 ] || ${forget}`] : []),
		// What failed is taken back: where nothing of ours was before, nothing is now.
		...(anyMark(before, []) ? [] : [`[ $status -eq 0 ] || ${forget}`]),
		`[ $status -ne 0 ] || { mark=${mark}; tell; }`,
		readBack,
		"flushed",
		"exit $status",
	].join("\n");
}

/** What the tool said: on one line, without its own decoration, bounded. */
export function reasonOf(stderr: string): string {
	const text = stderr
		.trim()
		.replace(/\s*\n\s*/g, "; ")
		.replace(/RTNETLINK answers: |Error: |;? ?Command failed -:\d+/g, "")
		.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ");
	return text.length > 300 ? `${text.slice(0, 300)}…` : text || "the tool said nothing";
}
