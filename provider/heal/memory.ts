// The part of an apply that keeps desired states on the host: written before the first change, flushed while the changes are made, put in
// place when all are made, thrown away when they are taken back. The agent comes with the first file and goes with the last one.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Change } from "../host/change";
import { shWord } from "../host/encode";
import { ACCEPT_RULE, FLUSH_FUNCTION } from "../host/render-firewall";
import { RULE_COMMENT, writeLines } from "../host/ruleset";
import { EXIT, type Step } from "../host/script";
import type { Snapshot } from "../host/snapshot";
import { sumOf } from "./desired";

const HOME = "/var/lib/netplumb";

/** Why `flushed` failed; in whole, as docs/troubleshooting.md has it. */
export const NOT_FLUSHED = "/var/lib/netplumb cannot be flushed to the disk";

let agentText: string | undefined;

function agent(): string {
	if (agentText === undefined) {
		let root = __dirname;
		while (!existsSync(join(root, "package.json")) && root !== dirname(root)) root = dirname(root);
		const text = readFileSync(join(root, "provider", "heal", "agent.sh"), "utf8");
		agentText = text.replace(/^# @firewall$/m, firewallFunctions);
	}
	return agentText;
}

/** What the agent has to know about our table; its text changes with every version of the rules. */
function firewallFunctions(): string {
	const [, ...lines] = writeLines();
	return [
		`RULE_COMMENT=${shWord(RULE_COMMENT)}`,
		`RULES=${lines.filter((line) => line.startsWith("add rule ")).length}`,
		`ACCEPT=${shWord(ACCEPT_RULE.join(" "))}`,
		"ruleset() { cat <<'RULES'",
		...lines,
		"RULES",
		"}",
		FLUSH_FUNCTION,
	].join("\n");
}

const versionOf = (header: string) => Number(/^# netplumb agent (\d+)$/m.exec(header)?.[1] ?? 0);

export function isMemory(change: Change): change is Extract<Change, { verb: "desired.set" | "desired.remove" }> {
	return change.verb === "desired.set" || change.verb === "desired.remove";
}

/** The steps that change the wiring; the others are what the host remembers of it. */
export function wiringOf(steps: readonly Step[]): Step[] {
	return steps.filter(({ operation }) => !isMemory(operation.change));
}

/**
 * Functions of the apply script. `prepare` writes what is to be kept, and refuses while nothing is changed yet; `forget` comes
 * before the changes, `commit` after them, and after `flushed`, which waits for the disk and fails where nothing on the host can flush it;
 * `tidy` clears the folder away when nothing is kept in it any more; the boot hook of a moved card (boot-hook.ts) may stay in it. What
 * `commit` did is flushed meanwhile, until another `flushed`.
 */
export function memory(steps: readonly Step[], before: Snapshot): string {
	const set = steps.flatMap(({ operation: { change } }) => (change.verb === "desired.set" ? [change] : []));
	const removed = steps.filter(({ operation }) => operation.change.verb === "desired.remove");
	const files = set.map(({ name, text }) => ({ name, text }));
	const installs = set.length > 0 && differs(before);
	if (installs) files.push({ name: "agent", text: agent() });
	const names = (undo: boolean) =>
		removed
			.filter((step) => step.undo === undo)
			.map(({ operation }) => shWord(`${HOME}/desired/${(operation.change as { name: string }).name}`))
			.join(" ");
	const remove = (paths: string) => (paths === "" ? ":" : `rm -f ${paths}`);
	return `
made= flushing=
flush() {
	sync "$@" 2>/dev/null 7<&- 8<&- 9<&- &
	flushing=$!
}
flushed() {
	[ -z "$flushing" ] || wait "$flushing" || sync || return 1
	flushing=
}
# Nobody needs it any more, and nothing of it outlives the script.
end_flush() {
	[ -z "$flushing" ] || wait "$flushing"
	flushing=
}
refuse() {
	end_flush
	echo "$1" >&2
	[ ! -d ${HOME}/new ] || rm -rf ${HOME}/new
	[ -z "$made" ] || rmdir $made 2>/dev/null
	exit ${EXIT.refused}
}
own_folder() {
	[ -e "$1" ] || [ -L "$1" ] || { mkdir -m 700 "$1" 2>/dev/null && made="$1 $made"; } || refuse "$1 cannot be made"
	{ [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; } || refuse "$1 is not a folder of root's; remove it"
}
is_empty() {
	for file in "$1"/*; do [ ! -e "$file" ] && [ ! -L "$file" ] || return 1; done
}
# What was written and not put in place. The folder stays: to make and remove it each time would be two processes more.
clear_new() { is_empty ${HOME}/new || rm -rf ${HOME}/new; }
prepare() {
	${files.length === 0 ? "return 0" : prepareText(files)}
}
forget() { ${remove(names(false))}; }
agent_runs() { read -r pid began </run/netplumb/agent.d/process && start_of "$pid" && [ "$start" = "$began" ]; } 2>/dev/null
commit() {
	${remove(names(true))}
	${installs ? `mv -f ${HOME}/new/agent ${HOME}/agent` : ":"}
	${set.length > 0 ? `mv -f ${HOME}/new/* ${HOME}/desired/; flush ${HOME}/desired` : ":"}
	${set.length > 0 ? `${installs ? "" : "agent_runs || "}sh ${HOME}/agent start 7<&- 8<&- 9<&- </dev/null >/dev/null 2>&1` : ":"}
}
tidy() {
	[ -d ${HOME} ] && [ ! -L ${HOME} ] && [ -O ${HOME} ] || return 0
	clear_new
	is_empty ${HOME}/desired || return 0
	rmdir ${HOME}/desired ${HOME}/new 2>/dev/null
	[ ! -f ${HOME}/agent ] || sh ${HOME}/agent stop 9<&- </dev/null
	rm -f ${HOME}/agent ${HOME}/log ${HOME}/log.new
	rmdir ${HOME} 2>/dev/null || :
}`.trim();
}

function differs(before: Snapshot): boolean {
	const text = agent();
	if (before.agent === undefined) return true;
	return before.agent.version <= versionOf(text) && before.agent.sum !== sumOf(text);
}

/** The files are written by the shell itself, which says when the disk is full, and flushed by one process beside it. */
function prepareText(files: readonly { name: string; text: string }[]): string {
	const writes = files.map(({ name, text }) => `printf %s ${shWord(text)} >${HOME}/new/${name}`);
	return `own_folder ${HOME}
	own_folder ${HOME}/desired
	clear_new
	own_folder ${HOME}/new
	{ ${writes.join(" &&\n")}; } 2>/dev/null ||
		refuse "${HOME} cannot be written to (is the disk full?), so nothing was changed"
	flush ${HOME}/new/*`;
}
