// The lines of `netplumb status`, from what the agent prints.

/** Text of the host is shown on a terminal: control characters, and those that turn or hide text, are not. */
const clean = (text: string): string =>
	text.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g, "?");

const words: Record<string, string> = { unseen: "not looked at yet" };

export function statusLines(stdout: string, host: string, now: number): { lines: string[]; bad: boolean } {
	const rows = stdout
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => line.split("\t").map(clean));
	const agent = rows.find(([first]) => first === "agent");
	if (!agent) return { lines: [`${host}: nothing is healed here`], bad: false };
	const resources = rows.filter((row) => row !== agent);
	const lines = resources.map(([state = "", kind = "", mark = "", text = "", at = "", what = ""]) => {
		const said = text || (at === "" ? "" : `${ago(now / 1000 - Number(at))} ago: ${what}`);
		return [(words[state] ?? state).padEnd(8), kind, mark.replace(/-[0-9a-f]{10}$/, ""), said].filter(Boolean).join("  ");
	});
	const bad = agent[2] !== "running" || resources.some(([state]) => ["failed", "degraded", "damaged"].includes(state ?? ""));
	return { lines: [`${host}: agent ${agent[1]} ${agent[2]}, ${resources.length} resources`, ...lines], bad };
}

function ago(seconds: number): string {
	if (!(seconds >= 60)) return `${Math.max(0, Math.round(seconds) || 0)} s`;
	return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
