// Places for names in a range of numbers. A name's place depends on the name, the range and what is reserved in it, never on
// other names: a rule that moved one of two names that meet would move it again when the other goes, so meeting is left to
// the caller to report.
import { createHash } from "node:crypto";

/** Numbers from `from` to `to`, both included. */
export interface Range {
	readonly from: bigint;
	readonly to: bigint;
}

const TRIES = 64;

export class Slots {
	readonly #holders = new Map<bigint, string>();

	constructor(
		readonly all: Range,
		readonly reserved: readonly Range[],
	) {}

	get #size(): bigint {
		return this.all.to - this.all.from + 1n;
	}

	/** Which reserved range the number lies in. */
	reservation(n: bigint): Range | undefined {
		return this.reserved.find(({ from, to }) => n >= from && n <= to);
	}

	/** Where the name belongs: the first of the places that its hash leads to, in order, that is not reserved. */
	hashed(name: string): bigint | undefined {
		for (let round = 0; round < TRIES; round++) {
			const n = this.all.from + (this.#hash(name, round) % this.#size);
			if (this.reservation(n) === undefined) return n;
		}
		// Nearly everything is reserved: look in order, from where the hash points.
		return this.#firstFrom(this.#hash(name, TRIES) % this.#size, () => true);
	}

	/** Marks the place as taken by the name; gives back who has it. */
	claim(name: string, n: bigint): string {
		const holder = this.#holders.get(n) ?? name;
		this.#holders.set(n, holder);
		return holder;
	}

	/** A place that is neither reserved, nor taken, nor among `except`, if there is one. */
	free(near: bigint, except: ReadonlySet<bigint>): bigint | undefined {
		// In a large range the numbers near a hash are too long to write into a program; at its beginning they are short.
		const start = this.#size > 1n << 32n ? 0n : near - this.all.from;
		return this.#firstFrom(start, (n) => !this.#holders.has(n) && !except.has(n));
	}

	/** 256 bits, so that every place is as likely as any other, even in the largest range. */
	#hash(name: string, round: number): bigint {
		return BigInt(`0x${createHash("sha256").update(`${name}\0${round}`).digest("hex")}`);
	}

	/** Tries every number once, beginning at an offset and leaping over reserved ranges. */
	#firstFrom(offset: bigint, good: (n: bigint) => boolean): bigint | undefined {
		for (let seen = 0n; seen < this.#size; ) {
			const n = this.all.from + ((offset + seen) % this.#size);
			const range = this.reservation(n);
			if (range === undefined && good(n)) return n;
			let end = range?.to ?? n;
			if (end > this.all.to) end = this.all.to;
			seen += end - n + 1n;
		}
		return undefined;
	}
}
