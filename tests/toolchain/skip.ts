import type { Hook, Runnable, Suite, Test } from "mocha";

export const inCi = (): boolean => ["true", "1"].includes(process.env["CI"] ?? "");

/** Where the reporter finds why a test, or every test of a suite, was skipped. */
const reasons = new WeakMap<Runnable | Suite, string>();

/**
 * Skips the test (from a hook: the tests that the hook is for) when there is a problem with the machine, and says so.
 * In CI, where everything must be there, it fails instead. Call it with the problem in plain words, or undefined.
 */
export function skipUnless(context: Mocha.Context, problem: string | undefined): void {
	if (problem === undefined) return;
	if (inCi()) throw new Error(`cannot be skipped in CI: ${problem}`);
	const runnable = context.test as Hook | Test | undefined;
	// A hook that runs once also names a "current" test, the first one, though it skips them all.
	const once = runnable?.type === "hook" && runnable.title.startsWith('"before all"');
	const reasonFor = once ? runnable.parent : (context.currentTest ?? runnable);
	if (reasonFor) reasons.set(reasonFor, problem);
	context.skip();
}

export function skipReason(test: Runnable): string | undefined {
	let at: Runnable | Suite | undefined = test;
	while (at) {
		const reason = reasons.get(at);
		if (reason) return reason;
		at = at.parent;
	}
	return undefined;
}
