// What stands for a host in model programs: the model host behind the real session, with faults at any operation.
import { NetplumbError } from "../../provider/errors";
import { isMemory } from "../../provider/heal/memory";
import type { Exchange, Outcome, ReadOptions } from "../../provider/host/exchange";
import { replaces } from "../../provider/host/inverse";
import { recalled } from "../../provider/host/recalled";
import { placeOf, render, Stage } from "../../provider/host/render";
import type { Step } from "../../provider/host/script";
import {
	type Container,
	isRunning,
	type Known,
	type Needs,
	type RunningContainer,
	type Snapshot,
} from "../../provider/host/snapshot";
import { sessionFor } from "../../provider/lifecycle/sessions";
import type { HostSettings } from "../../provider/validate/host";
import { applyChange, Refused, takeBack } from "../model/model-host";

/** What goes wrong once in a step, at the operation with this number, counted over the whole step. */
export interface Fault {
	at: number;
	/** The tool says no; the script dies half-way and nothing is taken back; it was done, but nobody heard of it; it runs past its limit. */
	what: "fails" | "dies" | "unheard" | "ends";
	/** Whether somebody looks before the next up. */
	refresh?: boolean;
}

export class ModelExchange {
	readonly hostName = "model";
	/** Everything that ran, for a report. */
	readonly log: string[] = [];
	fault: Fault | undefined;
	private count = 0;
	private applies = 0;

	constructor(public snapshot: Snapshot) {}

	/** Puts this host behind the session of `host`. */
	serve(host: HostSettings): void {
		(
			sessionFor(host) as unknown as { exchange: Pick<Exchange, "hostName" | "read" | "presumed" | "apply" | "applyGuarded"> }
		).exchange = this;
	}

	begin(fault: Fault | undefined): void {
		this.fault = fault;
		this.count = 0;
	}

	/** Of a container that nobody asks about it tells no more than what was known. */
	read = async (needs: Needs, { known: given }: ReadOptions = {}): Promise<Snapshot> => {
		const now = performance.now();
		const known = given?.snapshot.generation === this.snapshot.generation ? given : undefined;
		const asked = new Set(needs.containers.filter((reference) => !known?.told.includes(reference)));
		const told: Record<string, Container> = {};
		for (const [name, one] of Object.entries(this.snapshot.containers))
			if (!isRunning(one)) told[name] = one;
			else if ([name, one.id, one.name].some((reference) => asked.has(reference))) told[name] = { ...one, toldAt: now };
		const containers = { ...(known ? recalled(known, this.snapshot, told) : {}), ...told };
		return { ...this.snapshot, readAt: now, devices: needs.devices ?? [], containers };
	};

	presumed = (reference: string): RunningContainer | undefined => {
		const one = this.snapshot.containers[reference];
		return isRunning(one) ? { ...one, namespace: { links: {}, routes: [], ipv6Disabled: {} } } : undefined;
	};

	applyGuarded = (steps: readonly Step[], before: Snapshot, needs: Needs): Promise<Outcome> => this.apply(steps, before, needs);

	apply = async (
		steps: readonly Step[],
		planned: Snapshot,
		needs: Needs,
		{ told = [] }: { told?: string[] } = {},
	): Promise<Outcome> => {
		const answer = (kind: Outcome["kind"], reason = "") =>
			this.answer(kind, needs, { snapshot: planned, outside: false, told }, reason);
		if (planned.generation !== this.snapshot.generation) return { kind: "stale" };
		this.snapshot = { ...this.snapshot, generation: String(++this.applies) };
		const before = this.snapshot;
		const done: Step[] = [];
		let heard = true;
		for (const unit of unitsOf(steps)) {
			const what = this.faultIn(unit);
			if (what) this.log.push(`  here it ${what}`);
			if (what === "dies") return answer("again");
			if (what === "ends") {
				this.settle();
				throw new NetplumbError("timeout", "host model: the script ran past its limit");
			}
			if (what === "unheard") heard = false;
			const start = this.snapshot;
			for (const step of unit) {
				const { change, describe } = step.operation;
				try {
					// What the host remembers was written before the first change: it is only put in place (heal/memory.ts).
					if (what === "fails" && !isMemory(change)) throw new Refused("the tool said no");
					if (step.anew && replaces(change, this.snapshot)) throw new Refused("File exists");
					this.snapshot = applyChange(this.snapshot, change);
					this.log.push(`  ${describe} <${change.verb}>`);
				} catch (error) {
					if (!(error instanceof Refused)) throw error;
					const operations = done.filter(({ undo }) => undo).map(({ operation }) => operation);
					this.snapshot = takeBack({ after: start, done: operations }, before);
					return answer("failed", `could not ${describe}: ${error.message}`);
				}
			}
			done.push(...unit);
		}
		return answer(heard ? "done" : "again");
	};

	private faultIn(unit: readonly Step[]): Fault["what"] | undefined {
		const first = this.count;
		this.count += unit.length;
		if (!this.fault || this.fault.at < first || this.fault.at >= this.count) return undefined;
		const { what } = this.fault;
		this.fault = undefined;
		return what;
	}

	private async answer(kind: Outcome["kind"], needs: Needs, { snapshot, ...known }: Known, reason: string): Promise<Outcome> {
		this.settle();
		this.log.push(`  → ${kind} ${reason}`);
		if (kind === "again") return { kind };
		const { generation } = this.snapshot;
		const after = await this.read(needs, { known: { ...known, snapshot: { ...snapshot, generation } } });
		return kind === "done" ? { kind, after } : { kind, reason, after };
	}

	/** What the kernel has of every link, and a snapshot tells only where it was asked for. */
	private settle(): void {
		const { firewall, host } = this.snapshot;
		if (typeof firewall !== "object") return;
		const switches = [...["all", "default"].filter((name) => name in firewall.routeLocalnet), ...Object.keys(host.links)].map(
			(name) => [name, firewall.routeLocalnet[name] ?? false],
		);
		this.snapshot = { ...this.snapshot, firewall: { ...firewall, routeLocalnet: Object.fromEntries(switches) } };
	}
}

/** The steps of several requests in the order of their script, and together what is one transaction of a tool. */
function unitsOf(steps: readonly Step[]): Step[][] {
	const placed = steps.map((step, index) => {
		const { change } = step.operation;
		const { where, order, stage: own } = placeOf(change);
		const stage = step.onlyInside && !isMemory(change) ? Stage.ContainerBuild : own;
		// What the host remembers is forgotten before everything, and put in place after it.
		const rank = isMemory(change) ? (step.undo ? 2 : 0) : 1;
		const tool = isMemory(change) ? "" : render(change).tool;
		return { step, sort: [rank, stage, where, order, index], block: [rank, stage, where, tool].join(), tool };
	});
	placed.sort((a, b) => compare(a.sort, b.sort));
	const units: Step[][] = [];
	placed.forEach(({ step, block, tool }, index) => {
		if (["ovs", "nft"].includes(tool) && placed[index - 1]?.block === block) units.at(-1)!.push(step);
		else units.push([step]);
	});
	return units;
}

function compare(a: (string | number)[], b: (string | number)[]): number {
	const at = a.findIndex((value, index) => value !== b[index]);
	return at < 0 ? 0 : a[at]! < b[at]! ? -1 : 1;
}
