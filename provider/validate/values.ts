// Schemas for single values. Each gives back the normal form, so that two spellings of one address are no difference.
import {
	canonicalCidr,
	canonicalIp,
	canonicalMac,
	formatCidr,
	formatIp,
	type Ip,
	isMapped,
	isUnicastMac,
	parseCidr,
	parseIp,
	unmapped,
	validInterfaceName,
} from "../../sdk/addressing/index";
import { fail, type Kind, type Schema } from "./schema";
import { nearest } from "./shown";

interface Words {
	/** Completes "expected …". */
	expected: string;
	/** What to do about it, when nothing better is known. */
	wayOut: string;
	/** The value is never shown; or not when this says so. */
	secret?: boolean | ((value: unknown) => boolean);
}

/** The normal form of a value, or what to do about it (`{ wayOut }`), or undefined: not acceptable. */
type Normal<T> = { ok: T } | { wayOut: string } | undefined;

function leaf<T>(kind: Kind, words: Words, normal: (value: never) => Normal<NoInfer<T>>): Schema<T> {
	const accept: Schema<T>["accept"] = (value, path, failures) => {
		const result = typeof value === kind ? normal(value as never) : undefined;
		if (result && "ok" in result) return result.ok;
		const absent = value === undefined || value === null;
		const wayOut = absent ? "give it a value" : (result?.wayOut ?? unquoted(kind, value) ?? words.wayOut);
		const secret = typeof words.secret === "function" ? words.secret(value) : words.secret;
		fail(failures, path, value, words.expected, wayOut, secret);
		return value as T;
	};
	return { kinds: [kind], expected: words.expected, accept };
}

function unquoted(kind: Kind, value: unknown): string | undefined {
	const quoted = kind !== "string" && typeof value === "string" && /^(?:-?\d+|true|false)$/.test(value);
	if (quoted) return "write it without quotes";
	return kind === "string" && typeof value === "number" ? "write it in quotes" : undefined;
}

/** A text that matches a grammar. `max` counts bytes. */
export function string(options: Words & { grammar: RegExp | ((text: string) => boolean); max?: number }): Schema<string> {
	const { grammar, max = 1024 } = options;
	return leaf<string>("string", options, (text: string) => {
		if (Buffer.byteLength(text) > max) return { wayOut: `shorten it to at most ${max} bytes` };
		return (typeof grammar === "function" ? grammar(text) : grammar.test(text)) ? { ok: text } : undefined;
	});
}

// Control characters, halves of surrogate pairs, line and paragraph separators, and what reverses the reading direction.
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** Any printable text on one line. A secret one is never shown in a message. */
export function text(options: { max?: number; min?: number; secret?: boolean } = {}): Schema<string> {
	const { max = 1024, min = 1, secret } = options;
	return string({
		grammar: (value) => value.length >= min && !UNPRINTABLE.test(value),
		max,
		expected: min > 0 ? "printable text on one line, not empty" : "printable text on one line",
		wayOut: "remove line breaks and control characters",
		secret,
	});
}

/** `constructor`, `valueOf` …: things of a host are looked up by name in objects, which have these from birth. */
const isWordOfObjects = (text: string) => text in Object.prototype;

/** A name of a network interface or bridge. */
export const interfaceName = string({
	grammar: (text) => validInterfaceName(text) && !isWordOfObjects(text),
	max: 15,
	expected: 'an interface name: 1 to 15 of A-Z a-z 0-9 . _ -, not beginning with "-"',
	wayOut: "choose another name, or leave it out to have one derived",
});

/** A container's name or id. */
export const containerRef = string({
	grammar: (text) => /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(text) && !isWordOfObjects(text),
	max: 255,
	expected: "a container's name or id: A-Z a-z 0-9 _ . -, beginning with a letter or digit",
	wayOut: "pass a docker.Container, its id or its name",
});

/** An IPv4 or IPv6 address, in one family only if so asked. */
export function ip(options: { family?: 4 | 6 } = {}): Schema<string> {
	const expected = options.family ? `an IPv${options.family} address` : "an IPv4 or IPv6 address";
	const like = { 4: "10.0.0.5", 6: "fd00::5", any: "10.0.0.5 or fd00::5" }[options.family ?? "any"];
	return leaf<string>("string", { expected, wayOut: `write it like ${like}` }, (value: string) => {
		if (canonicalCidr(value)) return { wayOut: "leave out the prefix length" };
		const parsed = parseIp(value);
		if (parsed && isMapped(parsed)) return options.family === 6 ? undefined : plainly(parsed);
		return parsed && (!options.family || parsed.family === options.family) ? { ok: formatIp(parsed) } : hint(value);
	});
}

/** An address with its prefix length. Host bits are kept. */
export const cidr: Schema<string> = leaf<string>(
	"string",
	{ expected: "an address with a prefix length", wayOut: "write it like 10.0.0.5/24 or fd00::5/64" },
	(value: string) => {
		const address = canonicalIp(value);
		if (address) return { wayOut: `add the prefix length, as in ${address}/${address.includes(":") ? 64 : 24}` };
		const parsed = parseCidr(value);
		if (parsed && isMapped(parsed)) return plainly(parsed, `/${Math.max(0, parsed.prefix - 96)}`);
		return parsed ? { ok: formatCidr(parsed) } : hint(value);
	},
);

/** An IPv4 address in the clothes of IPv6 is on no wire (RFC 4291, 2.5.5.2): a rule for it would never match. */
function plainly(mapped: Ip, prefix = ""): Normal<string> {
	return { wayOut: `write ${formatIp(unmapped(mapped))}${prefix}, without "::ffff:"` };
}

/** The mistakes that have a better answer than the general one. */
function hint(value: string): Normal<string> {
	if (value.includes("%")) return { wayOut: 'leave out the zone after "%"' };
	const plain = value.replace(/(^|\.)0+(?=\d)/g, "$1");
	if (plain !== value && (canonicalIp(plain) || canonicalCidr(plain))) return { wayOut: `write ${plain}, without leading zeros` };
	return undefined;
}

/** An Ethernet address that one interface can have. */
export const mac: Schema<string> = leaf<string>(
	"string",
	{ expected: "a unicast Ethernet address", wayOut: "write it like 02:00:00:00:00:01" },
	(value: string) => {
		const canonical = canonicalMac(value);
		if (canonical === undefined) return undefined;
		if (isUnicastMac(value)) return { ok: canonical };
		if (canonical === "00:00:00:00:00:00") return { wayOut: "leave it out to have one derived" };
		return { wayOut: "clear the lowest bit of the first byte, which marks a group" };
	},
);

/** A whole number within bounds, both included. */
export function integer(min: number, max: number): Schema<number> {
	const words = { expected: `a whole number from ${min} to ${max}`, wayOut: "choose one in this range" };
	return leaf<number>("number", words, (value: number) =>
		Number.isInteger(value) && value >= min && value <= max ? { ok: value } : undefined,
	);
}

export const boolean: Schema<boolean> = leaf<boolean>(
	"boolean",
	{ expected: "true or false", wayOut: "write one of them" },
	(ok) => ({ ok }),
);

/** One of a few words. */
export function oneOf<const T extends string>(...words: T[]): Schema<T> {
	const list = words.map((word) => JSON.stringify(word)).join(", ");
	return leaf<T>("string", { expected: `one of ${list}`, wayOut: "choose one of these" }, (value: string) => {
		if ((words as string[]).includes(value)) return { ok: value as T };
		const meant = nearest(value, words);
		return meant ? { wayOut: `did you mean ${JSON.stringify(meant)}?` } : undefined;
	});
}
