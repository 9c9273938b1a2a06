// One session a host: requests that wait for the same host share one snapshot, one plan and one script.
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorCode, isNetplumbError, NetplumbError } from "../errors";
import { isMemory } from "../heal/memory";
import { notice } from "../notice";
import type { Transport } from "../transport/transport";
import { type Operation, touches } from "./change";
import { enoughAreHere, underWay, withUs } from "./crowd";
import { isEnough, isInside, isOfTwoMoments, isRemembered } from "./enough";
import { Exchange, MAX_TRIES, type ReadOptions } from "./exchange";
import { CONFIRM_SECONDS } from "./guard";
import { containerOf } from "./index-of";
import { answers, answersOutside, type Look, needsOf, toldIn } from "./needs";
import { anyMark } from "./owned";
import { LOCK_SECONDS } from "./script";
import type { Database, Fact, Known, Snapshot } from "./snapshot";

/** What one resource wants from its host. */
export interface Request<T> {
	/** The containers whose facts are needed, by id or name. */
	containers: string[];
	/** What else has to be read; nothing where it is left out. */
	facts?: readonly Fact[];
	/** The addresses whose way from the host is needed. */
	destinations?: string[];
	/** The links of the host whose routes and switches are needed. */
	devices?: string[];
	/** The databases of OVN that are needed. */
	databases?: Database[];
	/** The desired states whose checksums are needed (heal/desired.ts). */
	desired?: string[];
	/** Who asks, for people who find an unconfirmed change on the host. */
	owner?: string;
	/** Seconds within which a change that can cut the way to the host has to be confirmed. */
	confirmSeconds?: number;
	/** Pure: the operations that lead from the snapshot to what is wanted; none when it is so already. Throws NetplumbError. */
	plan(snapshot: Snapshot): Operation[];
	/** What to answer once the snapshot shows that nothing is left to do. */
	done(snapshot: Snapshot): T;
	/** True where a container without a network may be presumed to be as Docker made it: see Kind.presumes. */
	presumes?: boolean;
	/** True where nothing will be changed: what others who only look will ask is then read along. */
	looks?: boolean;
	/** True for deletions: a failure leaves what was deleted deleted, and the next try finishes. */
	keepOnFailure?: boolean;
}

interface Waiting {
	request: Request<unknown>;
	resolve(value: unknown): void;
	reject(error: unknown): void;
	tries: number;
	/** True once a script that works for it was sent: from then on, something of it may be on the host. */
	begun: boolean;
	/** When another run was faster for the first time. */
	overtaken?: number;
}

interface Planned {
	one: Waiting;
	operations: Operation[];
}

/**
 * Raised to a request whose operations failed or ended unknown, or that is refused. `after` is what is true on the host now, so that
 * the caller can see what remains; undefined when nobody could look.
 */
export class ApplyError extends NetplumbError {
	constructor(
		code: ErrorCode,
		message: string,
		readonly after: Snapshot | undefined,
		/** False where nothing was sent: what remains is of an earlier run. */
		readonly begun = true,
	) {
		super(code, message);
	}
}

/** Milliseconds that the first request of a wave waits for others: the engine sends them one by one. */
const GATHER_MS = 5;
const MAX_PAUSE_MS = 250;

/** The longest pause before another try where other runs were faster. */
const MAX_TURN_MS = 1000;

/** Requests in one script: keeps a script within seconds, and so within its time limit, however many wait. */
const MAX_BATCH = 200;

export class HostSession {
	private readonly exchange: Exchange;
	private waiting: Waiting[] = [];
	private running = false;
	private look: Look | undefined;

	/** @param another Another connection to the same host; the time limit is for connecting. */
	constructor(transport: Transport, hostName: string, another?: (seconds: number) => Transport, helper?: boolean) {
		this.exchange = new Exchange(transport, hostName, another, helper);
	}

	submit<T>(request: Request<T>): Promise<T> {
		const answer = new Promise<T>((resolve, reject) => {
			this.waiting.push({ request, resolve: resolve as (value: unknown) => void, reject, tries: 0, begun: false });
			if (this.running) return;
			this.running = true;
			setTimeout(() => this.drain(), GATHER_MS);
		});
		return withUs(answer);
	}

	/** Works until nobody waits. An apply reads back for those who wait meanwhile, so a wave costs one round trip, not two. */
	private async drain(): Promise<void> {
		if (this.look) this.look = { ...this.look, past: true };
		while (this.waiting.length > 0) {
			const look = this.look && { ...this.look, snapshot: this.presuming(this.look.snapshot, this.waiting) };
			const covered = look ? this.waiting.filter(({ request }) => answers(look, request)) : [];
			// To look again costs less than another script for the rest.
			const ready = covered.length < this.waiting.length / 2 ? [] : covered;
			const batch = (ready.length > 0 ? ready : this.waiting).slice(0, MAX_BATCH);
			this.waiting = this.waiting.filter((one) => !batch.includes(one));
			const started = performance.now();
			try {
				const crowd = ready.length === 0 && underWay() > 1 && batch.every(({ request }) => request.looks === true);
				const known = look && !crowd ? knownFrom(look, requestsOf(batch)) : undefined;
				const before = ready.length > 0 ? look!.snapshot : await this.read(batch, { crowd, known });
				const snapshot = await this.settle(batch, before);
				// What was told on top of a look of an earlier wave is no newer.
				const past = look?.past === true && snapshot?.readAt === look.snapshot.readAt;
				if (snapshot !== look?.snapshot) this.look = snapshot && { snapshot, crowd, past };
			} catch (error) {
				this.look = undefined;
				for (const one of batch) one.reject(refusal(one, error, undefined));
			}
			// In a wave the engine's requests trickle in: half of them are worked for while it brings the other half. The pause is at most
			// as long as the work took.
			if (batch.length > 1 || this.waiting.length > 0)
				await enoughAreHere(Math.min(performance.now() - started, MAX_PAUSE_MS), () => this.waiting.length);
		}
		this.running = false;
	}

	private async read(batch: readonly Waiting[], options?: ReadOptions): Promise<Snapshot> {
		const snapshot = await this.exchange.read(needsOf(requestsOf(batch)), options);
		for (const what of snapshot.takenBack ?? [])
			notice(`host ${this.exchange.hostName}: an earlier run was not confirmed and was taken back (${what})`);
		return snapshot;
	}

	/** Brings every request of the batch to an end, and gives the last look at the host if it is still good. */
	private async settle(batch: Waiting[], known?: Snapshot): Promise<Snapshot | undefined> {
		const snapshot = await this.swept(known ?? (await this.read(batch)), batch);
		const taken = new Set<string>();
		const now: Planned[] = [];
		const later: Waiting[] = [];
		for (const one of batch) {
			const operations = planOrEnd(one, snapshot, known === undefined);
			if (operations === "unsure") later.push(one);
			if (!operations || operations === "unsure") continue;
			const objects = operations.flatMap((operation) => touches(operation.change));
			// What is under the guard is confirmed or taken back as a whole, so it is alone in its script.
			const alone = now.length > 0 && (isRisky(operations) || isRisky(now[0]!.operations));
			if (alone || objects.some((object) => taken.has(object))) {
				later.push(one);
				continue;
			}
			for (const object of objects) taken.add(object);
			now.push({ one, operations });
		}
		const after = now.length > 0 ? await this.apply(now, snapshot) : snapshot;
		// What clashed inside the batch sees the other's work and decides again.
		return later.length > 0 ? this.settle(later) : after;
	}

	/** A deletion that finds nothing of ours on the host, because all of it was removed by hand, still clears our own folder away. */
	private async swept(snapshot: Snapshot, batch: readonly Waiting[]): Promise<Snapshot> {
		const deleting = batch.some(({ request }) => request.keepOnFailure === true);
		if (!deleting || snapshot.generation === "none" || anyMark(snapshot, [])) return snapshot;
		const outcome = await this.exchange.apply([], snapshot, needsOf(requestsOf([...batch, ...this.waiting])));
		return outcome.kind === "done" ? outcome.after : snapshot;
	}

	private async apply(now: Planned[], planned: Snapshot): Promise<Snapshot | undefined> {
		const batch = now.map(({ one }) => one);
		const before = this.presuming(planned, this.waiting);
		const steps = now.flatMap(({ one, operations }) => {
			const onlyInside = operations.every((operation) => isMemory(operation.change) || isInside(operation));
			const undo = one.request.keepOnFailure !== true || isRisky(operations);
			const anew = isRemembered(one.request, planned);
			return operations.map((operation) => ({ operation, undo, onlyInside, anew }));
		});
		const fresh = batch.filter(({ begun }) => !begun);
		for (const one of fresh) one.begun = true;
		const needs = needsOf(requestsOf([...batch, ...this.waiting]));
		const told = this.lasting(now, before);
		const outcome = isRisky(now[0]!.operations)
			? await this.exchange.applyGuarded(steps, before, needs, guardOf(now[0]!))
			: await this.exchange.apply(steps, before, needs, { told });
		if (outcome.kind === "stale") {
			for (const one of fresh) one.begun = false;
			return this.overtaken(batch);
		}
		if (outcome.kind === "again") return this.again(batch);
		if (outcome.kind === "failed") return this.isolate(now, outcome, planned);
		const unfinished: Waiting[] = [];
		for (const { one } of now) {
			const left = planOrEnd(one, outcome.after);
			if (!left) continue;
			if (++one.tries < MAX_TRIES) unfinished.push(one);
			else if (left === "unsure") one.reject(this.failure("it kept changing; run it again", outcome.after));
			else one.reject(this.failure(`what was done did not last, still to ${doing(left)}`, outcome.after));
		}
		return unfinished.length > 0 ? this.settle(unfinished) : outcome.after;
	}

	/** The containers in which nothing is done, and that have told enough for those who wait. */
	private lasting(now: readonly Planned[], before: Snapshot): string[] {
		const entered = now.filter(({ one, operations }) => one.request.keepOnFailure !== true || operations.some(isInside));
		const changed = new Set(entered.flatMap(({ one }) => one.request.containers));
		const waiting = requestsOf([...now.map(({ one }) => one), ...this.waiting]);
		return toldIn({ snapshot: before, crowd: false, past: true }, waiting).filter((reference) => !changed.has(reference));
	}

	/** The snapshot, with what those who wait may presume of containers that nobody has looked into. */
	private presuming(snapshot: Snapshot, waiting: readonly Waiting[]): Snapshot {
		const presumed = waiting
			.flatMap(({ request }) => (request.presumes ? request.containers : []))
			.flatMap((reference) => {
				const one = reference in snapshot.containers ? undefined : this.exchange.presumed(reference);
				return one ? [[reference, containerOf(snapshot, one.id) ?? one] as const] : [];
			});
		if (presumed.length === 0) return snapshot;
		return { ...snapshot, containers: { ...snapshot.containers, ...Object.fromEntries(presumed) } };
	}

	/** Halves a failed batch until the bad request stands alone, so that its neighbours are made. */
	private async isolate(
		now: Planned[],
		{ reason, after }: { reason: string; after: Snapshot | undefined },
		before: Snapshot,
	): Promise<Snapshot | undefined> {
		if (now.length === 1) {
			const { one, operations } = now[0]!;
			if (isOfTwoMoments(one.request, before) && ++one.tries < MAX_TRIES) return this.settle([one]);
			// Somebody else brought it about meanwhile: what was to be deleted went with its container.
			if (after && isDone(one, after)) return after;
			one.reject(this.failure(`could not ${doing(operations)}: ${reason}`, after));
			return after;
		}
		const batch = now.map(({ one }) => one);
		const middle = Math.ceil(batch.length / 2);
		await this.settle(batch.slice(0, middle), after);
		return this.settle(batch.slice(middle));
	}

	private async again(batch: Waiting[]): Promise<Snapshot | undefined> {
		const text = `it kept changing, or the connection kept ending, in ${MAX_TRIES} tries; run it again`;
		const alive = this.goingOn(batch, (one) => ++one.tries < MAX_TRIES, text);
		return alive.length > 0 ? this.settle(alive) : undefined;
	}

	/** Its turn comes, as with the lock. Pauses of random length, longer and longer, keep many runs from overtaking each other for ever. */
	private async overtaken(batch: Waiting[]): Promise<Snapshot | undefined> {
		const now = performance.now();
		for (const one of batch) one.overtaken ??= now;
		const waited = ({ overtaken = now }: Waiting) => now - overtaken;
		const text = `other runs of netplumb were faster for ${LOCK_SECONDS} s; try again when they have ended`;
		const alive = this.goingOn(batch, (one) => waited(one) < LOCK_SECONDS * 1000, text);
		if (alive.length === 0) return undefined;
		await sleep(Math.random() * Math.min(50 + Math.max(...alive.map(waited)), MAX_TURN_MS));
		return this.settle(alive);
	}

	/** Those who have another try. The others end here. */
	private goingOn(batch: Waiting[], may: (one: Waiting) => boolean, text: string): Waiting[] {
		return batch.filter((one) => {
			if (may(one)) return true;
			one.reject(refusal(one, new NetplumbError("conflict", `host ${this.exchange.hostName}: ${text}`), undefined));
			return false;
		});
	}

	private failure(what: string, after: Snapshot | undefined): ApplyError {
		return new ApplyError("command", `host ${this.exchange.hostName}: ${what}`, after);
	}
}

/** What holds still for these requests, of what was told before; undefined where all is to be read again. */
function knownFrom(look: Look, requests: readonly Request<unknown>[]): Known | undefined {
	const outside = requests.every((request) => answersOutside(look, request));
	// With the rest, those who only look have their containers read anew.
	const told = toldIn(outside ? look : { ...look, crowd: false, past: true }, requests);
	return outside || told.length > 0 ? { snapshot: look.snapshot, outside, told } : undefined;
}

/**
 * The operations of a request; undefined when it came to its end here, with an answer or an error. "unsure" when it would be refused on
 * facts of two moments, or what its container told before is not enough for what it would do.
 * @param sure Whether all was read for it.
 */
function planOrEnd(one: Waiting, snapshot: Snapshot, sure = false): Operation[] | undefined | "unsure" {
	try {
		const operations = one.request.plan(snapshot);
		if (!sure && !isEnough(operations, one, snapshot)) return "unsure";
		if (operations.length > 0) return operations;
		one.resolve(one.request.done(snapshot));
	} catch (error) {
		if (!sure && isOfTwoMoments(one.request, snapshot)) return "unsure";
		one.reject(refusal(one, error, snapshot));
	}
	return undefined;
}

/** What to raise to a request that is refused, or did not come to its end. */
function refusal({ begun }: Waiting, error: unknown, after: Snapshot | undefined): unknown {
	const isOurs = isNetplumbError(error) && (begun || after !== undefined);
	return isOurs ? new ApplyError(error.code, error.message, after, begun) : error;
}

function isDone(one: Waiting, snapshot: Snapshot): boolean {
	try {
		if (one.request.plan(snapshot).length > 0) return false;
		one.resolve(one.request.done(snapshot));
		return true;
	} catch {
		return false;
	}
}

function requestsOf(waiting: readonly Waiting[]): Request<unknown>[] {
	return waiting.map(({ request }) => request);
}

function isRisky(operations: readonly Operation[]): boolean {
	return operations.some(({ risk }) => risk !== undefined);
}

function guardOf({ one: { request }, operations }: Planned) {
	const what = `${request.owner ?? "somebody"}: ${doing(operations)}`;
	return { seconds: request.confirmSeconds ?? CONFIRM_SECONDS, what };
}

function doing(operations: readonly Operation[]): string {
	const risky = operations.filter(({ risk }) => risk !== undefined);
	const all = risky.length > 0 ? risky : operations;
	const shown = all.slice(0, 3).map((operation) => operation.describe);
	return shown.join(", ") + (all.length > 3 ? ` and ${all.length - 3} more` : "");
}
