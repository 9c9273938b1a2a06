// Resources of a program as plain values, and what they are told.
import type { Acceptable } from "../../sdk/program/clashes";
import type { Declared } from "../../sdk/program/declared";
import { Program } from "../../sdk/program/program";

export type Given = Record<string, unknown> & { host?: string; unknown?: string[]; attachment?: Declared };

export function declared(kind: string, name: string, { host = "h1", unknown = [], attachment, ...args }: Given): Declared {
	const here = host === "?" ? undefined : host;
	return { kind, name, owner: `p/s/${name}`, host: here, args, unknown: new Set(unknown), attachment };
}

/** The first sentence, if any. */
export function check(resources: Declared[], ...accepted: Acceptable[]): string | undefined {
	const program = new Program(new Set(accepted));
	for (const resource of resources) {
		const found = program.add(resource);
		if (found !== undefined) return found;
	}
	return undefined;
}
