// Schemas for lists, records, objects, and values that may have one of several forms.
import { type Failure, fail, type Infer, type Kind, read, type Schema, UNKNOWN } from "./schema";
import { nearest } from "./shown";

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The path of a member, written as Pulumi writes paths. */
export function member(path: string, key: string): string {
	if (/^[A-Za-z_$][\w$]*$/.test(key)) return path === "" ? key : `${path}.${key}`;
	return `${path}[${JSON.stringify(key.length > 60 ? `${key.slice(0, 59)}…` : key)}]`;
}

/** A list. With `unique`, two entries with the same normal form are a mistake; unknown entries are compared when known. */
export function list<T>(of: Schema<T>, options: { min?: number; max?: number; unique?: boolean } = {}): Schema<T[]> {
	const { min = 0, max = 10_000, unique = false } = options;
	const expected = `a list, each entry ${of.expected}`;
	const accept = (value: unknown, path: string, failures: Failure[]): T[] => {
		if (!Array.isArray(value)) {
			fail(failures, path, value, expected, value === undefined || value === null ? "give it a value" : "put it in [ ]");
			return value as T[];
		}
		if (value.length < min || value.length > max) {
			const size = value.length < min ? `at least ${min} ${min === 1 ? "entry" : "entries"}` : `at most ${max} entries`;
			fail(failures, path, value, `a list of ${size}`, value.length < min ? "add one" : "remove some");
			if (value.length > max) return value;
		}
		const first = new Map<string, string>();
		return value.map((entry, index) => {
			const at = `${path}[${index}]`;
			const before = failures.length;
			const normal = read(of, entry, at, failures);
			if (!unique || normal === UNKNOWN || failures.length > before) return normal;
			const key = JSON.stringify(normal);
			const same = first.get(key);
			if (same === undefined) first.set(key, at);
			else fail(failures, at, entry, "every entry only once", `remove it, ${same} is the same`);
			return normal;
		});
	};
	return { kinds: ["list"], expected, accept };
}

/** An object with free keys. Entries with the value null or undefined are left out. */
export function record<T>(key: Schema<string>, of: Schema<T>): Schema<Record<string, T>> {
	const expected = `an object, each key ${key.expected}, each value ${of.expected}`;
	const accept = (value: unknown, path: string, failures: Failure[]): Record<string, T> => {
		if (!isObject(value)) {
			fail(failures, path, value, expected, "write it as { key: value }");
			return value as never;
		}
		const entries = Object.entries(value).filter(([, entry]) => entry !== undefined && entry !== null);
		// Object.fromEntries defines own properties, so that a key "__proto__" is a key like any other.
		return Object.fromEntries(
			entries.map(([name, entry]) => {
				const at = member(path, name);
				return [key.accept(name, at, failures), read(of, entry, at, failures)];
			}),
		);
	};
	return { kinds: ["object"], expected, accept };
}

type Shape = Record<string, Schema<unknown>>;
// A property that may be left out and has no default is an optional property of the result; every other one is always there.
type MayLack<S extends Shape> = { [K in keyof S]: S[K] extends { staysOut: true } ? K : never }[keyof S];
// Written out as one object type: in an intersection with `{}`, TypeScript would take a text for an object without properties.
type Flat<T> = { [K in keyof T]: T[K] };
export type ObjectOf<S extends Shape> = Flat<
	{ [K in Exclude<keyof S, MayLack<S>>]: Infer<S[K]> } & { [K in MayLack<S>]?: Exclude<Infer<S[K]>, undefined> }
>;

/** An object with these properties and no others. */
export function object<S extends Shape>(shape: S, expected = "an object"): Schema<ObjectOf<S>> {
	const known = Object.keys(shape);
	const accept = (value: unknown, path: string, failures: Failure[]): ObjectOf<S> => {
		if (!isObject(value)) {
			const wayOut =
				value === undefined || value === null ? "give it a value" : `write it as { ${known.slice(0, 3).join(", ")} … }`;
			fail(failures, path, value, expected, wayOut);
			return value as never;
		}
		for (const key of Object.keys(value)) {
			if (Object.hasOwn(shape, key) || value[key] === undefined) continue;
			// The name is shown, not the value: what stands under "password" or "privateKey" is nobody's business.
			const meant = nearest(key, known);
			const wayOut = meant ? `did you mean ${meant}?` : "remove it";
			fail(failures, member(path, key), key, meant ? "no such property" : `only ${known.join(", ")}`, wayOut);
		}
		const entries: [string, unknown][] = [];
		for (const key of known) {
			const schema = shape[key]!;
			const given = Object.hasOwn(value, key) ? value[key] : undefined;
			const normal = read(schema, given, member(path, key), failures);
			if (normal !== undefined) entries.push([key, normal]);
		}
		return Object.fromEntries(entries) as ObjectOf<S>;
	};
	return { kinds: ["object"], expected, accept };
}

function kindOf(value: unknown): Kind | undefined {
	if (Array.isArray(value)) return "list";
	return isObject(value)
		? "object"
		: typeof value === "string" || typeof value === "number" || typeof value === "boolean"
			? (typeof value as Kind)
			: undefined;
}

/** One of several forms, told apart by the kind of value: a number or an object, a text or a list. */
export function union<S extends Schema<unknown>[]>(...schemas: S): Schema<Infer<S[number]>> {
	const kinds = schemas.flatMap((schema) => schema.kinds);
	if (new Set(kinds).size !== kinds.length) throw new TypeError(`a union cannot choose between two forms of one kind: ${kinds}`);
	const expected = schemas.map((schema) => schema.expected).join(", or ");
	const accept = (value: unknown, path: string, failures: Failure[]): Infer<S[number]> => {
		const kind = kindOf(value);
		const chosen = schemas.find((schema) => kind !== undefined && schema.kinds.includes(kind));
		if (chosen) return chosen.accept(value, path, failures) as Infer<S[number]>;
		fail(failures, path, value, expected, value === undefined || value === null ? "give it a value" : "write one of these");
		return value as never;
	};
	return { kinds, expected, accept };
}
