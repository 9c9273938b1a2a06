// What a schema is, and how one is applied. A schema says what a value must look like, gives back its normal form, and
// reports every mistake with the path of the property. Pure and synchronous: `check` runs in preview, without any host.
import { shown } from "./shown";

/** What Pulumi puts in the place of a value that is not known before `up`. It is accepted wherever a value is. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The same shape as Pulumi's CheckFailure. The reason is a whole sentence and begins with the property. */
export interface Failure {
	property: string;
	reason: string;
}

export type Kind = "string" | "number" | "boolean" | "list" | "object";

export interface Schema<T> {
	/** The forms a value can have before it is read; `union` chooses by them. */
	readonly kinds: readonly Kind[];
	/** "a whole number from 1 to 4094": completes the words "expected …". */
	readonly expected: string;
	/** Adds to `failures` and gives back the normal form. Never called with UNKNOWN: use `read`. */
	readonly accept: (value: unknown, path: string, failures: Failure[]) => T;
}

/** A schema whose property may be left out. `L`: it then stays out (true), or a default takes its place (false). */
export interface Optional<T, L extends boolean> extends Schema<L extends true ? T | undefined : T> {
	readonly staysOut: L;
}

/** The type of the values that a schema gives back. In preview any part of it may be `UNKNOWN` instead. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

/** Says what is wrong, in the one form that all messages have. `secret` leaves the value out. */
export function fail(failures: Failure[], path: string, value: unknown, expected: string, wayOut: string, secret = false): void {
	const found = secret && value !== undefined && value !== null ? "a value that is not shown" : shown(value);
	failures.push({
		property: path,
		reason: `${path === "" ? "" : `${path}: `}found ${found}, expected ${expected}; ${wayOut}`,
	});
}

/** Applies a schema to one value; every combinator goes through here, so that none forgets UNKNOWN. */
export function read<T>(schema: Schema<T>, value: unknown, path: string, failures: Failure[]): T {
	return value === UNKNOWN ? (value as T) : schema.accept(value, path, failures);
}

/**
 * Checks a value. The result holds all failures, and the normal form of what could be read (defaults filled in, addresses
 * canonical); where there are failures, the value is only good for showing.
 */
export function validate<T>(schema: Schema<T>, value: unknown, path = ""): { value: T; failures: Failure[] } {
	const failures: Failure[] = [];
	return { value: read(schema, value, path, failures), failures };
}

/** The property may be left out (or be null); then the fallback, which is not checked, takes its place. */
export function optional<T>(schema: Schema<T>): Optional<T, true>;
export function optional<T>(schema: Schema<T>, fallback: NoInfer<T>): Optional<T, false>;
export function optional<T>(schema: Schema<T>, fallback?: T): Schema<T | undefined> & { staysOut: boolean } {
	const accept = (value: unknown, path: string, failures: Failure[]) =>
		value === undefined || value === null ? fallback : schema.accept(value, path, failures);
	return { ...schema, accept, staysOut: fallback === undefined };
}

/** Puts off building a schema, for one that contains itself. */
export function lazy<T>(kinds: readonly Kind[], expected: string, make: () => Schema<T>): Schema<T> {
	return { kinds, expected, accept: (value, path, failures) => read(make(), value, path, failures) };
}

/** True when UNKNOWN is the value or stands anywhere inside it. */
export function hasUnknown(value: unknown): boolean {
	if (typeof value !== "object" || value === null) return value === UNKNOWN;
	return Object.values(value).some(hasUnknown);
}

export type Complain = (property: string, value: unknown, expected: string, wayOut: string) => void;

/**
 * A rule over several properties of an object. It runs only when these are all known and free of failures, so that it need
 * not think of UNKNOWN; rules over other properties are not held up by them.
 */
export function rule<T extends object, K extends keyof T & string>(
	schema: Schema<T>,
	properties: readonly K[],
	check: (value: Pick<T, K>, complain: Complain) => void,
): Schema<T> {
	const accept = (value: unknown, path: string, failures: Failure[]): T => {
		const own: Failure[] = [];
		const result = schema.accept(value, path, own);
		failures.push(...own);
		const join = (property: string) => (path === "" ? property : property === "" ? path : `${path}.${property}`);
		const within = (property: string, start: string) => property === start || /^[.[]/.test(property.slice(start.length));
		const failed = (start: string) => own.some(({ property }) => property.startsWith(start) && within(property, start));
		if (typeof result !== "object" || result === null || Array.isArray(result)) return result;
		if (properties.some((key) => hasUnknown(result[key]) || failed(join(key)))) return result;
		check(result, (property, found, expected, wayOut) => fail(failures, join(property), found, expected, wayOut));
		return result;
	};
	return { ...schema, accept };
}
