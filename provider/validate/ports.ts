// Schema for the ports of a host: one port, or a range of them.
import { type Failure, fail, type Schema } from "./schema";

const PORT = /^[1-9]\d{0,4}$/;
const expected = 'a port or a range of ports from 1 to 65535, as in 3306, "3306" or "8000-8999"';

/** A number, or a text with one port or two and "-" between them. The normal form is a text. */
export const portRange: Schema<string> = {
	kinds: ["number", "string"],
	expected,
	accept(value, path, failures: Failure[]) {
		const [first = "", last = first, ...more] =
			typeof value === "number" || typeof value === "string" ? String(value).split("-") : [];
		const valid = [first, last].every((port) => PORT.test(port) && Number(port) <= 65535) && more.length === 0;
		if (valid && Number(first) <= Number(last)) return first === last ? first : `${first}-${last}`;
		const absent = value === undefined || value === null;
		const wayOut = absent ? "give it a value" : valid ? `write it as "${last}-${first}"` : "write it like this";
		fail(failures, path, value, expected, wayOut);
		return value as string;
	},
};

/** The first and the last port of a range in its normal form. */
export function portsOf(range: string): { first: number; last: number } {
	const [first = 0, last = first] = range.split("-").map(Number);
	return { first, last };
}
