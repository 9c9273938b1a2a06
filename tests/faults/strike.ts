// One fault before one operation of one step, what mends it, and back to nothing: the host ends as it began.
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { Exchange } from "../../provider/host/exchange";
import type { HostSettings } from "../../provider/validate/host";
import { type Declared, Engine } from "../fuzz/engine";
import type { Case } from "./cases";
import { arm, disarm, FAULTS, type Fault, killedWithConnection, powerCycle } from "./fault";

export const STEPS = ["create", "update", "delete"] as const;
type StepName = (typeof STEPS)[number];

/** `npm run test:faults` asks for all, or for some of them by name; otherwise every so many-th, without those that reboot the host. */
const asked = process.env["NETPLUMB_FAULTS"] ?? "";
const every = FAULTS.filter((fault) => asked === "all" || asked.split(",").includes(fault));
const FEW = 30;
const SILENCE_SECONDS = 5;

/** What a spec knows of its host. */
export interface Ground {
	host: HostSettings;
	/** All that is on it, a line a fact. */
	look(): Promise<string[]>;
	/** Which of these lines a power loss does not change. */
	lasts(line: string): boolean;
	/** After a power loss: brings back what belongs to the host and lives as long as its power. */
	revived(): Promise<unknown>;
}

export class Strikes {
	/** Of every operation that was planned. */
	readonly verbs = new Set<string>();
	private readonly outcomes: Record<string, Record<Fault, number>> = {};
	private clean: string[] = [];
	private number = 0;
	private readonly apply = Exchange.prototype.apply;

	constructor(private readonly ground: Ground) {
		const { apply, verbs } = this;
		Exchange.prototype.apply = function (steps, ...rest) {
			for (const { operation } of steps) verbs.add(operation.change.verb);
			return apply.call(this, steps, ...rest);
		};
	}

	/** Counts the operations of a step, and then strikes before each of them, or before some. */
	async all(row: string, one: Case, step: StepName): Promise<void> {
		this.clean = await this.ground.look();
		const count = await this.strike(row, one, step, "nothing", -1);
		expect(count).to.be.greaterThan(0);
		for (let at = 0; at < count; at++)
			for (const fault of FAULTS)
				if (every.includes(fault) || (asked === "" && fault !== "power" && this.number++ % FEW === 0))
					await this.strike(row, one, step, fault, at);
	}

	/** Prints what was struck. */
	end(): void {
		Exchange.prototype.apply = this.apply;
		console.log("      case                       step    fails  cut  killed  power");
		for (const [what, counts] of Object.entries(this.outcomes))
			console.log(`      ${what.padEnd(34)} ${FAULTS.map((fault) => String(counts[fault]).padStart(6)).join("")}`);
		const struck = Object.values(this.outcomes).flatMap((counts) => Object.values(counts));
		console.log(`      ${struck.reduce((sum, count) => sum + count, 0)} faults, each mended by the next up`);
	}

	/** From nothing to the state before the step, the step with the fault, what mends it, and back to nothing. */
	private async strike(row: string, one: Case, step: StepName, fault: Fault | "nothing", at: number): Promise<number> {
		const { host, revived } = this.ground;
		const what = `${one.kind} ${step}, ${fault} before operation ${at}`;
		const [from, to] = around(one, step);
		// A host without power does not even say that the connection is gone.
		const engine = new Engine(fault === "power" ? { ...host, timeoutSeconds: SILENCE_SECONDS } : host);
		await succeed(engine, from, what);
		const known = structuredClone([...engine.live]);
		const revive = fault === "killed" ? killedWithConnection(host) : () => undefined;
		await arm(fault, at);
		const { errors } = await engine.up(to).finally(revive);
		if (fault === "power") await powerCycle().then(revived);
		const { count, struck } = fault === "power" ? { count: 0, struck: true } : await disarm();
		expect(struck, `${what}: struck`).to.equal(fault !== "nothing");
		for (const text of Object.values(errors)) expect(text, what).to.match(/^[a-z-]+: [^\n]+$/);
		// What fails once may be tried again by the script itself, as conntrack is.
		if (fault === "killed") expect(errors, what).to.not.deep.equal({});
		if (fault === "cut" || fault === "nothing") expect(errors, what).to.deep.equal({});
		if (fault === "killed") {
			engine.live.clear();
			for (const [name, state] of known) engine.live.set(name, state);
		}
		await engine.refresh();
		await succeed(engine, to, `${what}: the next up`);
		expect(await engine.refresh(), `${what}: drift after the next up`).to.deep.equal({});
		expect((await engine.up(to)).changed, `${what}: a second up`).to.equal(0);
		await succeed(engine, {}, `${what}: destroy`);
		await this.expectClean(what, fault === "power" ? this.ground.lasts : () => true);
		// Links and containers are others after it.
		if (fault === "power") this.clean = await this.ground.look();
		this.outcomes[row] ??= { fails: 0, cut: 0, killed: 0, power: 0 };
		if (fault !== "nothing") this.outcomes[row][fault]++;
		return count;
	}

	/** Daemons that follow a database are a moment behind it. */
	private async expectClean(what: string, counts: (line: string) => boolean): Promise<void> {
		let found = { left: [] as string[], gone: [] as string[] };
		for (let tries = 0; tries < 20; tries++) {
			const now = await this.ground.look();
			const lacks = (lines: string[]) => (line: string) => counts(line) && !lines.includes(line);
			found = { left: now.filter(lacks(this.clean)), gone: this.clean.filter(lacks(now)) };
			if (found.left.length + found.gone.length === 0) return;
			await sleep(200);
		}
		expect(found, what).to.deep.equal({ left: [], gone: [] });
	}
}

/** What is declared before and after a step. */
function around(one: Case, step: StepName): [Declared, Declared] {
	const target = (args: Case["first"]): Declared => ({ ...one.base, target: { kind: one.kind, args } });
	if (step === "create") return [one.base, target(one.first)];
	return step === "update" ? [target(one.first), target(one.second)] : [target(one.second), one.base];
}

async function succeed(engine: Engine, declared: Declared, what: string): Promise<void> {
	const { errors } = await engine.up(declared);
	expect(errors, `${what}: ${JSON.stringify(errors)}`).to.deep.equal({});
}
