// How values and suggestions look in messages: short, on one line, and never a key.

const LONGEST = 60;
// Everything that moves the cursor, breaks the line or reorders text in a terminal, beyond what JSON itself escapes.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function escaped(text: string): string {
	return text.replace(INVISIBLE, (character) => {
		const hex = Array.from({ length: character.length }, (_, index) => character.charCodeAt(index).toString(16).padStart(4, "0"));
		return hex.map((unit) => `\\u${unit}`).join("");
	});
}

/** The value as JSON, at most sixty characters, on one line. Key material is named, not shown. */
export function shown(value: unknown): string {
	if (value === undefined || value === null) return "nothing";
	let json: string;
	try {
		json = JSON.stringify(value) ?? typeof value;
	} catch {
		return `a value of type ${typeof value}`;
	}
	if (/PRIVATE KEY/i.test(json)) return "key material, which is not shown";
	const text = escaped(json.length > 4 * LONGEST ? json.slice(0, 4 * LONGEST) : json);
	const characters = Array.from(text);
	return characters.length <= LONGEST ? text : `${characters.slice(0, LONGEST - 1).join("")}…`;
}

/** The number of letters to insert, drop, replace or swap with their neighbour, to get from one word to the other. */
export function distance(a: string, b: string): number {
	let before: number[] = [];
	let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const row = [i];
		for (let j = 1; j <= b.length; j++) {
			const same = a[i - 1] === b[j - 1] ? 0 : 1;
			row[j] = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + same);
			const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
			if (swapped) row[j] = Math.min(row[j]!, before[j - 2]! + 1);
		}
		[before, previous] = [previous, row];
	}
	return previous[b.length]!;
}

/** The known word that was probably meant, if one is close. */
export function nearest(word: string, known: readonly string[]): string | undefined {
	if (word.length > 64) return undefined;
	const plain = (text: string) => text.toLowerCase().replace(/[-_ ]/g, "");
	const ranked = known
		.map((candidate) => ({ candidate, steps: distance(plain(word), plain(candidate)) }))
		.filter(({ candidate, steps }) => steps <= Math.max(1, Math.floor(Math.min(word.length, candidate.length) / 3)))
		.sort((a, b) => a.steps - b.steps);
	return ranked[0]?.candidate;
}
