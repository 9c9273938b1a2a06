// What may be on a host after an update that did not come to its end: what was asked for before, and what was asked for then. Most things
// carry marks; addresses, and settings that go back to a default, are known by the inputs alone.
import { isDeepStrictEqual } from "node:util";

/** Inputs that name all that the two name: lists and maps have what is in either, a switch is on that is on in either. Of two values the old one. */
export function either<A extends object>(was: A, wanted: A): A {
	const old = was as Record<string, unknown>;
	const both = Object.entries(wanted).map(([key, value]) => [key, join(old[key], value)] as const);
	return { ...was, ...Object.fromEntries(both.filter(([, value]) => value !== undefined)) };
}

function join(old: unknown, value: unknown): unknown {
	if (typeof value === "boolean") return value || old;
	if (old === undefined) return value;
	if (Array.isArray(old) && Array.isArray(value))
		return [...old, ...value.filter((item) => !old.some((other) => isDeepStrictEqual(other, item)))];
	return isMap(old) && isMap(value) ? { ...value, ...old } : old;
}

function isMap(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
