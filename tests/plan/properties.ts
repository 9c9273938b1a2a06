// What must hold for every kind, on every host and for all inputs. The specs of this folder give the hosts and the inputs.
import { expect } from "chai";
import * as fc from "fast-check";
import { isNetplumbError } from "../../provider/errors";
import type { Operation } from "../../provider/host/change";
import { markOf } from "../../provider/host/marks";
import { render } from "../../provider/host/render";
import type { Snapshot } from "../../provider/host/snapshot";
import type { Kind, Wish } from "../../provider/kinds/kind";
import { validate } from "../../provider/validate/index";
import { difference, essence } from "../model/compare";
import { type Applied, applyPlan, cuts, takeBack } from "../model/model-host";

export const OWNER = "shop/prod/thing";
export const MARK = markOf(OWNER, "VethAttachment");
/** Every property runs this often, each run with its own host and inputs that can be planned. fast-check prints the seed of a failure. */
export const RUNS = Number(process.env["NETPLUMB_RUNS"] ?? 200);

/** The value, where there is one; fast-check draws another case where there is none, and fails when it hardly ever finds one. */
function given<T>(value: T | undefined): T {
	fc.pre(value !== undefined);
	return value as T;
}

export interface Case<A extends object> {
	kind: Kind<A>;
	start: fc.Arbitrary<Snapshot>;
	inputs: fc.Arbitrary<Record<string, unknown>>;
	/** Compares what is not ours before and after. */
	untouched(before: Snapshot, after: Snapshot, args: A): void;
	/** What an update must leave exactly as a creation would. */
	ours(snapshot: Snapshot, args: A): unknown;
	/** Fewer runs, where another spec has most of the kind already. */
	runs?: number;
}

/** The inputs as they come out of `check`; undefined when check refuses them. */
export function checked<A extends object>(kind: Kind<A>, inputs: Record<string, unknown>): A | undefined {
	const { value, failures } = validate(kind.schema, inputs);
	return failures.length > 0 ? undefined : kind.complete(value, OWNER);
}

export function wish<A extends object>(wanted: A | undefined, previous?: A): Wish<A> {
	return { mark: MARK, marks: [MARK], ...(wanted ? { wanted } : {}), ...(previous ? { previous } : {}) };
}

/** The plan, or undefined where the kind says that it cannot be; any other error is a bug. */
export function plan<A extends object>(kind: Kind<A>, asked: Wish<A>, snapshot: Snapshot): Operation[] | undefined {
	try {
		return kind.plan(asked, snapshot);
	} catch (error) {
		if (isNetplumbError(error, "conflict", "missing", "unsupported")) return undefined;
		throw error;
	}
}

export function lookAt(operations: readonly Operation[]): void {
	for (const { change, describe } of operations) {
		expect(describe, JSON.stringify(change)).to.match(/^\S.*\S$/);
		render(change); // throws when a word is not fit for ip -batch
	}
}

function same(found: unknown, expected: unknown, when: string): void {
	const text = difference(found, expected);
	if (text !== undefined) throw new Error(`${when}: ${text}`);
}

function stateAfter<A extends object>(kind: Kind<A>, args: A, snapshot: Snapshot): A {
	return { ...args, ...kind.observe(args, MARK, snapshot).outputs };
}

export function itKeepsItsPromises<A extends object>({ kind, start, inputs, untouched, ours, runs = RUNS }: Case<A>): void {
	/** Runs `body` for hosts and inputs where a plan exists. */
	function holds(body: (before: Snapshot, args: A, created: Applied) => void): void {
		const property = fc.property(start, inputs, (before, drawn) => {
			const args = given(checked(kind, drawn));
			const operations = given(plan(kind, wish(args), before));
			lookAt(operations);
			body(before, args, applyPlan(before, operations));
		});
		fc.assert(property, { numRuns: runs });
	}

	it("reaches what was declared, and a second plan is empty", () =>
		holds((_before, args, { after }) => {
			expect(kind.plan(wish(args), after)).to.deep.equal([]);
			expect(kind.plan(wish(args, stateAfter(kind, args, after)), after)).to.deep.equal([]);
			expect(kind.observe(args, MARK, after).args).to.deep.equal(args);
			expect(kind.exists([MARK], after)).to.equal(true);
		}));

	it("does not touch what is not ours", () => holds((before, args, { after }) => untouched(before, after, args)));

	it("is taken back to the start from every point of its script", () =>
		holds((before, _args, created) => {
			const operations = created.done;
			for (let count = 0; count <= operations.length; count++) {
				const part = applyPlan(before, operations, count);
				same(essence(takeBack(part, before)), essence(before), `taken back after ${count} operations`);
			}
		}));

	it("returns to the start when it is deleted, and a second delete has nothing to do", () =>
		holds((before, args, { after }) => {
			const previous = stateAfter(kind, args, after);
			const removal = kind.plan(wish<A>(undefined, previous), after);
			lookAt(removal);
			const left = applyPlan(after, removal).after;
			same(essence(left), essence(before), "after the delete");
			expect(kind.plan(wish<A>(undefined, previous), left)).to.deep.equal([]);
			expect(kind.exists([MARK], left)).to.equal(false);
		}));

	it("finishes a creation that stopped anywhere, and knows what it has to take back", () =>
		holds((before, args, created) => {
			const previous = stateAfter(kind, args, created.after);
			for (const count of cuts(kind.plan(wish(args), before))) {
				const stopped = applyPlan(before, created.done, count).after;
				const { after } = applyPlan(stopped, kind.plan(wish(args), stopped));
				same(
					ours(structuredClone(after), args),
					ours(structuredClone(created.after), args),
					`the creation stopped after ${count}`,
				);
				const left = applyPlan(after, kind.plan(wish<A>(undefined, previous), after)).after;
				same(essence(left), essence(before), `the creation stopped after ${count}, and the delete after it`);
			}
		}));

	it("finishes a delete that stopped anywhere", () =>
		holds((before, args, { after }) => {
			const previous = stateAfter(kind, args, after);
			const removal = kind.plan(wish<A>(undefined, previous), after);
			for (const count of cuts(removal)) {
				const stopped = applyPlan(after, removal, count).after;
				const rest = kind.plan(wish<A>(undefined, previous), stopped);
				const left = applyPlan(stopped, rest).after;
				same(essence(left), essence(before), `the delete stopped after ${count}`);
			}
		}));

	function updates(body: (between: Snapshot, a: A, b: A, updated: Applied, direct: Snapshot) => void): void {
		const property = fc.property(start, inputs, inputs, (before, first, second) => {
			const fixed = Object.fromEntries(kind.replace.map((key) => [key, first[key]]));
			const a = given(checked(kind, first));
			const b = given(checked(kind, { ...second, ...fixed }));
			const toA = given(plan(kind, wish(a), before));
			const toB = given(plan(kind, wish(b), before));
			const between = applyPlan(before, toA).after;
			const change = given(plan(kind, wish(b, stateAfter(kind, a, between)), between));
			lookAt(change);
			body(between, a, b, applyPlan(between, change), applyPlan(before, toB).after);
		});
		fc.assert(property, { numRuns: runs });
	}

	it("updates to the same that a creation would have made", () =>
		updates((between, a, b, updated, direct) => {
			for (const previous of [stateAfter(kind, a, between), stateAfter(kind, b, updated.after)])
				same(kind.plan(wish(b, previous), updated.after), [], "a second plan");
			same(ours(updated.after, b), ours(direct, b), "updated, and made directly");
		}));

	it("takes an update back to what was before it, from every point of its script", () =>
		updates((between, _a, _b, updated) => {
			for (let count = 0; count <= updated.done.length; count++) {
				const part = applyPlan(between, updated.done, count);
				same(essence(takeBack(part, between)), essence(between), `taken back after ${count} operations`);
			}
		}));
}
