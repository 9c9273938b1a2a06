// Changes that can cut the way to the host, such as moving its own address. The host itself takes them back at a deadline, unless they
// are confirmed over a new connection: an established one survives rules that kill every new one. This side of it: probes before,
// arming and applying, confirmation, and the reason when there was none. The host's side is guard-script.ts.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isNetplumbError, NetplumbError } from "../errors";
import { wiringOf } from "../heal/memory";
import type { ScriptResult, Transport } from "../transport/transport";
import type { Outcome } from "./exchange";
import { type Baseline, baselineScript, confirmScript, GUARD_EXIT, type GuardText } from "./guard-script";
import { anyMark } from "./owned";
import { newMark } from "./read";
import { compileRollback, EXIT, LOCK_SECONDS, type Step } from "./script";
import type { Fact, Snapshot } from "./snapshot";

/** Seconds until the host takes back what was not confirmed. */
export const CONFIRM_SECONDS = 30;

export interface Guarded {
	seconds: number;
	/** Who changes what: for the next run, should this one die. */
	what: string;
}

interface Work extends Guarded {
	steps: readonly Step[];
	before: Snapshot;
	facts: readonly Fact[];
	another(seconds: number): Transport;
	apply(guard: GuardText): Promise<Outcome>;
	/** The call that prints what the host is like then. */
	readCall(mark: string): string;
	read(transport: Transport): Promise<Snapshot>;
	understand(result: ScriptResult, mark: string): Snapshot | "changed";
	/** Gives up the old connection, which may lead nowhere now. */
	reconnect(): void;
}

/** Seconds that one new connection may take: several fit into the time until the deadline. */
const LOGIN_SECONDS = 5;
const PAUSE_MS = 300;
/** How long the old connection is listened to before a new one is tried, as a part of the time: its answer may never arrive. */
const ANSWER_PART = 1 / 6;
/** How long after the deadline the host is waited for. It needs two seconds; a host that boots needs longer. */
const RETURN_MS = 30_000;

export async function guardedApply(work: Work): Promise<Outcome> {
	const baseline = await takeBaseline(work);
	if (typeof baseline === "string") return { kind: "failed", reason: baseline, after: work.before };
	const token = randomBytes(8).toString("hex");
	const started = performance.now();
	const answer = work.apply({
		token,
		seconds: work.seconds,
		what: work.what,
		// What the host remembers for healing is no wiring: the next run brings it in line with what is then there.
		rollback: compileRollback(wiringOf(work.steps), work.before),
		anythingBefore: anyMark(work.before, []),
	});
	const first = await Promise.race([
		answer.catch((error: unknown) => error as Error),
		sleep(work.seconds * 1000 * ANSWER_PART, undefined),
	]);
	answer.catch(() => {});
	// Nothing was risked, or the script has taken back its own work; "done" and silence alike have to be looked at from outside.
	if (first instanceof Error) {
		if (!isNetplumbError(first, "outcome-unknown", "timeout", "host-unreachable", "unreadable")) throw first;
	} else if (first && first.kind !== "done" && !(first.kind === "again" && first.applied)) return first;

	const deadline = started + work.seconds * 1000;
	let reason = "afterwards a new login got no answer in time";
	while (performance.now() < deadline) {
		const end = await confirm(work, token, baseline, deadline - performance.now());
		if ("kind" in end) return end;
		reason = end.reason ?? reason;
		if (end.final) break;
		await sleep(PAUSE_MS);
	}
	work.reconnect();
	return { kind: "failed", ...(await afterwards(work, deadline, reason)) };
}

/** Which probes pass now. A sentence when not even a second connection can be opened: then nothing could ever be confirmed. */
async function takeBaseline(work: Work): Promise<Baseline | string> {
	try {
		const result = await once(work, LOGIN_SECONDS * 2, baselineScript(), LOGIN_SECONDS * 4);
		const [boot, ...probes] = result.stdout.split("\n").filter((line) => line !== "");
		if (!boot?.startsWith("boot "))
			throw new NetplumbError("unreadable", `the probes said ${JSON.stringify(result.stdout.slice(0, 80))}`);
		return { boot: boot.slice(5), probes };
	} catch (error) {
		if (!isNetplumbError(error)) throw error;
		return `a second connection is needed to confirm it, and failed before anything was done (${firstPart(error.message)})`;
	}
}

/** Without a reason of its own, what was found before stays the reason. */
type End = Outcome | { reason?: string; final: boolean };

async function confirm(work: Work, token: string, baseline: Baseline, milliseconds: number): Promise<End> {
	const mark = newMark();
	const script = confirmScript(token, baseline, work.readCall(mark), work.facts, LOCK_SECONDS);
	const left = Math.max(1, Math.min(LOGIN_SECONDS, milliseconds / 1000));
	try {
		const result = await once(work, left, script, milliseconds / 1000 + 1);
		switch (result.exitCode) {
			case GUARD_EXIT.early:
				return { reason: "its script did not come to an end", final: false };
			case GUARD_EXIT.probe:
				return { reason: `afterwards ${inWords(result.stdout)}`, final: false };
			case GUARD_EXIT.takenBack:
				return { final: true };
			case GUARD_EXIT.restarted:
				return { reason: "the host was restarted before it was confirmed", final: true };
			case EXIT.locked:
				return { kind: "again" };
			default: {
				const after = work.understand(result, mark);
				return after === "changed" ? { kind: "again" } : { kind: "done", after };
			}
		}
	} catch (error) {
		if (!isNetplumbError(error)) throw error;
		return { reason: `afterwards a new login failed (${firstPart(error.message)})`, final: false };
	}
}

/** Waits until the host has taken the change back, and says what is true then. */
async function afterwards(
	work: Work,
	deadline: number,
	reason: string,
): Promise<{ reason: string; after: Snapshot | undefined }> {
	await sleep(Math.max(0, deadline - performance.now()));
	const until = performance.now() + RETURN_MS;
	for (;;) {
		const transport = work.another(LOGIN_SECONDS);
		try {
			return { reason: `${reason}, so the host has taken it back`, after: await work.read(transport) };
		} catch (error) {
			if (!isNetplumbError(error)) throw error;
			if (performance.now() > until)
				return {
					reason: `${reason}; the host takes it back by itself, but has not answered since (${firstPart(error.message)})`,
					after: undefined,
				};
			await sleep(PAUSE_MS);
		} finally {
			transport.close();
		}
	}
}

/** One script over a connection of its own. */
async function once(work: Work, seconds: number, script: string, limit: number): Promise<ScriptResult> {
	const transport = work.another(seconds);
	try {
		return await transport.run(script, { timeoutSeconds: limit });
	} finally {
		transport.close();
	}
}

function inWords(probe: string): string {
	const [kind, what = ""] = probe.split(" ");
	if (kind === "gateway") return `the gateway ${what} did not answer`;
	return `${kind === "docker" ? "Docker" : "Open vSwitch"} did not answer`;
}

/** A message without its advice, which is about another situation. */
function firstPart(message: string): string {
	return message.split("; ")[0]!.replace(/\.$/, "");
}
