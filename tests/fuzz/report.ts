// How many programs run, from which seed, and what becomes of one that fails: the smallest that still does, as a test file.
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import * as fc from "fast-check";

/** The same seed gives the same programs: `npm run test:fuzz -- --seed 5`. `npm run test:fuzz` draws one, `npm test` always has the same. */
export const seed = Number(process.env["NETPLUMB_SEED"] ?? 11);

/** `npm run test:fuzz` asks for all; otherwise as many as take a few seconds. */
export function count(variable: string, few: number): number {
	return Number(process.env[variable] ?? few);
}

const found = path.join(__dirname, "found");

/** Runs the property; a failure is made small, written out as a test file of its own, and told with its seed. */
export async function holds<T extends unknown[]>(
	property: fc.IAsyncProperty<T>,
	runs: number,
	write: (...counterexample: T) => string,
): Promise<number> {
	const result = await fc.check(property, { numRuns: runs, seed, endOnFailure: process.env["NETPLUMB_NO_SHRINK"] !== undefined });
	if (!result.failed) return result.numRuns;
	mkdirSync(found, { recursive: true });
	const file = path.join(found, `seed-${seed}.spec.ts`);
	writeFileSync(file, write(...result.counterexample!));
	const reason = (result.errorInstance as Error | undefined)?.message ?? String(result.errorInstance);
	throw new Error(`program ${result.numRuns} of seed ${seed} fails; the smallest one is in ${file}: ${reason}`);
}
