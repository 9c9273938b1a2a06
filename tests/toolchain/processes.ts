import { readdirSync, readFileSync } from "node:fs";

export interface Descendant {
	pid: number;
	/** The command line, joined by spaces. */
	command: string;
}

/** The processes that a process started, and those that these started, and so on. Linux only. */
export function descendants(pid: number): Descendant[] {
	const children = new Map<number, number[]>();
	for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
		const parent = parentOf(Number(name));
		if (parent) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
	}
	const below = (at: number): number[] => (children.get(at) ?? []).flatMap((child) => [child, ...below(child)]);
	return below(pid).map((child) => ({ pid: child, command: commandOf(child) }));
}

function parentOf(pid: number): number | undefined {
	try {
		// The name in parentheses may itself contain spaces and parentheses.
		const [, parent] = readFileSync(`/proc/${pid}/stat`, "utf8")
			.replace(/^.*\) /s, "")
			.split(" ");
		return Number(parent);
	} catch {
		return undefined; // it has just ended
	}
}

function commandOf(pid: number): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
	} catch {
		return "";
	}
}
