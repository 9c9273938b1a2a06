// The host of a resource as the state keeps it: one text, for the engine pays for each value (provider/lifecycle/stored.ts). Pure: both
// processes use it.
import { isDeepStrictEqual } from "node:util";

/** What JSON would change (NaN becomes null there, and an absent port) stays as it is, to be refused for what it is. */
export function hostText<T>(fields: T): T | string {
	const text = asJson(fields);
	return text?.startsWith("{") && isDeepStrictEqual(JSON.parse(text), fields) ? text : fields;
}

/** Its fields; what is no such text stays as it is. */
export function hostFields<T>(host: T | string): T | string {
	if (typeof host !== "string" || !host.startsWith("{")) return host;
	try {
		return JSON.parse(host) as T;
	} catch {
		return host;
	}
}

/** Undefined where there is none, as of a BigInt. */
function asJson(value: unknown): string | undefined {
	try {
		return JSON.stringify(value);
	} catch {
		return undefined;
	}
}
