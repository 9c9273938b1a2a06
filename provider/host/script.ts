// Compiles operations into one shell script that does all of them or takes back what it did.
//
// The script is a list of blocks, one for each stage and place. A block that fails undoes what it had done of itself; then the
// blocks before it are undone, newest first. A block knows exactly how many of its operations succeeded (`ip -batch` names
// the line at which it stopped, an ovs-vsctl call is one transaction), so that nothing is undone which was not done.
import { randomInt } from "node:crypto";
import type { Change, Operation } from "./change";
import { HOST } from "./change";
import { shCommand, shWord } from "./encode";
import { containerOf } from "./index-of";
import { inverse } from "./inverse";
import { REST_LINES, SWITCHES, TELL_NAMESPACE } from "./read";
import { databaseId, type Transaction, transactionCommand } from "./records";
import { type IpLines, notifyBack, notifyOn, OVS_TIMEOUT, placeOf, type Rendered, render, Stage } from "./render";
import { FLUSH_FUNCTION, type Nft } from "./render-firewall";
import type { RunningContainer, Snapshot } from "./snapshot";

/** How long a script waits for the lock on the host. */
export const LOCK_SECONDS = 60;

/** The last two are the helper's (helper/helper.sh). */
export const EXIT = { stale: 74, locked: 75, refused: 76, failed: 77, pending: 78, denied: 83, readOnly: 84 } as const;

export interface Step {
	operation: Operation;
	/** False for operations that a failure must not take back: a deletion is finished later, not undone. */
	undo: boolean;
	/** True when its request works inside containers only: then nothing on the host lies between its operations. */
	onlyInside: boolean;
	/** True where what it adds must not be there: then it fails, instead of replacing it. */
	anew?: boolean;
}

export interface Block {
	where: string;
	steps: { change: Change; rendered: Rendered; inverses: Change[]; undo: Rendered[] }[];
}

/**
 * The shell text that applies `steps`, planned on `before`: `apply` does all or nothing, `take_back` takes back what it did. The caller puts
 * the lock around it and the read-back behind it.
 */
export function compile(steps: readonly Step[], before: Snapshot): string {
	const blocks = arrange(steps, before);
	const lines = ["exec 8</proc/self/ns/net"];
	const endsPorts = blocks.some((block) =>
		block.steps.some(({ rendered }) => rendered.tool === "nft" && rendered.ports.length > 0),
	);
	const endsFlows = steps.some(({ operation }) => operation.change.verb === "conntrack.flush");
	if (endsPorts || endsFlows) lines.push(FLUSH_FUNCTION);
	const tellers = tellersOf(blocks);
	blocks.forEach((block, index) => {
		const container = block.where === HOST ? undefined : findContainer(before, block.where);
		const tells = tellers.includes(block);
		const text = inPlace(container, [undoFunction(block), doText(block, before, tells), "exit 0"].join("\n"));
		lines.push(
			`do_${index}() {`,
			tells ? `facts_${index}=$${text}` : text,
			"}",
			`undo_${index}() {`,
			inPlace(container, `${undoFunction(block)}\ndone_=${block.steps.length}\nundo`),
			"}",
		);
	});
	lines.push("roll_back() { k=$1; while [ $k -gt 0 ]; do k=$((k - 1)); undo_$k; done; }");
	lines.push("apply() {");
	for (const index of blocks.keys()) lines.push(`do_${index} || { roll_back ${index}; return 1; }`);
	lines.push("return 0", "}");
	lines.push(`take_back() { roll_back ${blocks.length}; }`);
	// For the containers that have told themselves what is true now, nobody has to go in again (read.ts).
	lines.push("tell() {", ":");
	for (const block of tellers) {
		const { pid, startTime, id } = findContainer(before, block.where);
		lines.push(`tell_container ${pid} ${startTime} ${id} "$facts_${blocks.indexOf(block)}"`);
	}
	lines.push("}");
	return lines.join("\n");
}

/** The last block of each container, where nothing that comes after it can change what the container sees. */
function tellersOf(blocks: readonly Block[]): Block[] {
	const moves = (block: Block) =>
		block.where === HOST && block.steps.some(({ change: { verb } }) => verb === "link.add" || verb === "link.delete");
	return blocks.filter(
		(block, index) =>
			block.where !== HOST && !blocks.slice(index + 1).some((later) => later.where === block.where || moves(later)),
	);
}

/** The shell text that takes all of `steps` back, however much of them was done: undoing what was not done changes nothing. */
export function compileRollback(steps: readonly Step[], before: Snapshot): string {
	const blocks = arrange(steps, before);
	const undos = blocks.map((block, index) => {
		const container = block.where === HOST ? undefined : findContainer(before, block.where);
		return [`undo_${index}() {`, inPlace(container, `${undoFunction(block)}\ndone_=${block.steps.length}\nundo`), "}"].join("\n");
	});
	const calls = blocks.map((_, index) => `undo_${index}`).reverse();
	return ["exec 8</proc/self/ns/net", ...undos, "roll_back_all() {", ...calls, ":", "}"].join("\n");
}

export function arrange(steps: readonly Step[], before: Snapshot): Block[] {
	const placed = steps.map((step, index) => {
		const place = placeOf(step.operation.change);
		// One block, and so one process inside the container, instead of up to three.
		return { step, index, place: step.onlyInside ? { ...place, stage: Stage.ContainerBuild } : place };
	});
	placed.sort(
		(a, b) =>
			a.place.stage - b.place.stage ||
			compareText(a.place.where, b.place.where) ||
			a.place.order - b.place.order ||
			a.index - b.index,
	);
	const blocks: (Block & { stage: number })[] = [];
	for (const { step, place } of placed) {
		let block = blocks.at(-1);
		if (!block || block.stage !== place.stage || block.where !== place.where) {
			block = { stage: place.stage, where: place.where, steps: [] };
			blocks.push(block);
		}
		const change = step.operation.change;
		const inverses = step.undo ? inverse(change, before) : [];
		block.steps.push({ change, rendered: render(change, step.anew), inverses, undo: inverses.map((undo) => render(undo)) });
	}
	return blocks;
}

function compareText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

/** The text that runs a block, and then tells what its container sees: neighbours that the same tool can take together become one process. */
function doText(block: Block, before: Snapshot, tells: boolean): string {
	const lines = [
		"done_=0",
		// ip -batch stops at the first failing line and says "Command failed -:LINE"; each operation may be several lines.
		'fail() { [ $# -eq 0 ] || printf "%s\\n" "$1" >&2; undo; exit 1; }',
	];
	const teller = tells ? tellerIn(block) : -1;
	let index = 0;
	while (index < block.steps.length) {
		const first = block.steps[index]!.rendered;
		const end = groupEnd(block, index);
		const group = block.steps.slice(index, end).map((step) => step.rendered);
		if (end - index > 1 && goes(block, index)) lines.push(linkDeletion(block.steps.slice(index, end), before));
		else if (first.tool === "ip") lines.push(ipBatch(group as IpLines[], index <= teller && teller < end));
		else if (first.tool === "ovs") lines.push(ovsTransaction(group as Extract<Rendered, { tool: "ovs" }>[]));
		else if (first.tool === "nft") lines.push(`e=$(${nftTransaction(group as Nft[])}) || fail "$e"`);
		else if (first.tool === "db") lines.push(databaseTransaction(group as Transaction[]));
		else lines.push(`{ ${first.line}; } || fail`);
		lines.push(`done_=${end}`);
		index = end;
	}
	// Two lines; anything else is a warning among them.
	if (teller >= 0)
		lines.push(`case $facts in\n*'\n'*'\n'*) ;;\n'['*'\n['*) ${SWITCHES}\nprintf '%s\\ncomplete' "$facts" ;;\nesac`);
	else if (tells) lines.push(TELL_NAMESPACE);
	return lines.join("\n");
}

/** Behind the last step that one process does together with the one at `index`. */
function groupEnd(block: Block, index: number): number {
	const first = block.steps[index]!.rendered;
	let end = index + 1;
	while (
		block.steps[end] &&
		together(first, block.steps[end]!.rendered) &&
		goes(block, index) === goes(block, end) &&
		!(announces(block, end) && block.steps.slice(index, end).some(({ change }) => change.verb === "link.set" && change.mtu))
	)
		end++;
	return end;
}

/** Its switches of IPv6 may come with the MTU only. */
function announces({ steps }: Block, at: number): boolean {
	return steps[at]!.change.verb === "announce";
}

/** The step of a container's block after which `ip` can tell what is true at its end, in the same process; -1 where there is none. */
function tellerIn({ steps }: Block): number {
	const last = steps.map(({ rendered }) => rendered.tool).lastIndexOf("ip");
	// Nothing that is told changes with the offload.
	return steps.slice(last + 1).every(({ change }) => change.verb === "offload.disable") ? last : -1;
}

/** Whether it is a deletion of a link of the host. */
function goes({ where, steps }: Block, at: number): boolean {
	return where === HOST && steps[at]!.change.verb === "link.delete";
}

/** Whether one process can do both. */
function together(a: Rendered, b: Rendered): boolean {
	if (a.tool === "db") return b.tool === "db" && databaseId(a.database) === databaseId(b.database);
	return a.tool !== "sh" && a.tool === b.tool;
}

function ipBatch(group: readonly IpLines[], tells: boolean): string {
	// done_ grows by one for every operation that begins before the failing line: one that was done in part is taken back too.
	const starts: number[] = [];
	let total = 1;
	for (const { lines } of group) {
		starts.push(total);
		total += lines.length;
	}
	const announcing = [...new Set(group.flatMap(({ announces }) => announces ?? []))];
	// That it cannot tell is no fault of what was done before.
	const failed = tells ? `[ "$at" -eq 0 ] || [ "$at" -ge ${total} ]` : '[ "$at" -eq 0 ]';
	return [
		...announcing.map((dev, nth) => `${notifyOn(dev, nth)} || { ${notifyBack(dev, nth)}; fail; }`),
		"at=0",
		`e=$(ip ${tells ? "-j -d " : ""}-batch - 2>&1 <<'BATCH'`,
		...group.flatMap(({ lines }) => lines),
		...(tells ? REST_LINES : []),
		"BATCH",
		`) || { at=\${e##*-:}; case $at in ''|*[!0-9]*) at=1;; esac; }`,
		...announcing.map(
			(dev, nth) => `${notifyBack(dev, nth)} || [ "$at" -gt 0 ] || { done_=$((done_ + ${group.length})); fail; }`,
		),
		`${failed} || { for start in ${starts.join(" ")}; do [ "$start" -ge "$at" ] || done_=$((done_ + 1)); done; fail "$e"; }`,
		...(tells ? ['[ "$at" -gt 0 ] && facts= || facts=$e'] : []),
	].join("\n");
}

/**
 * The kernel waits for all processors with each link that it deletes. Links of one group go in one step, all or none of them (ip-link(8)),
 * so they get a group that nobody has: one of two thousand million, and not for long.
 */
function linkDeletion(steps: Block["steps"], { host: { links } }: Snapshot): string {
	const names = steps.flatMap(({ change }) => (change.verb === "link.delete" ? [change.name] : []));
	const group = randomInt(2 ** 24, 2 ** 31);
	const set = (name: string, values: { up?: boolean; group?: number }) =>
		render({ verb: "link.set", where: HOST, name, ...values }) as IpLines;
	// Down first: the rules of the firewall know the ends of attachments by the group that they have now.
	const lines = names.flatMap((name) => [set(name, { up: false }), set(name, { group })]).flatMap((rendered) => rendered.lines);
	const back = names.flatMap((name) => undoLines(set(name, { group: links[name]?.group ?? 0, up: links[name]?.up ?? true })));
	return [
		"e=$(ip -batch - 2>&1 <<'BATCH'",
		...lines,
		`link delete group ${group}`,
		"BATCH",
		`) || { { ${back.join("; ")}; } 2>/dev/null; fail "$e"; }`,
	].join("\n");
}

function ovsTransaction(group: { commands: string[][] }[]): string {
	const commands = group.flatMap(({ commands }) => commands);
	const argv = ["ovs-vsctl", `--timeout=${OVS_TIMEOUT}`, ...commands.flatMap((command) => ["--", ...command])];
	// Killed by its own timer (SIGALRM, 128 + 14) means: committed, but ovs-vswitchd has not followed. Then there is something to undo.
	return `e=$(${shCommand(argv)} 2>&1) || { s=$?; [ $s -ne 142 ] || { done_=$((done_ + ${group.length})); e="ovs-vswitchd did not follow within ${OVS_TIMEOUT} s"; }; fail "$e"; }`;
}

function databaseTransaction(group: readonly Transaction[]): string {
	const commands = group.flatMap(({ commands }) => commands);
	return `e=$(${transactionCommand({ ...group[0]!, commands })} 2>&1) || fail "$e"`;
}

/** All or nothing (nft(8)); connections to the ports in question end as soon as it is done. */
function nftTransaction(group: readonly Nft[]): string {
	const lines = group.flatMap(({ lines }) => lines);
	// Where somebody in the same script puts something into the table, it stays.
	const needed = lines.some((line) => line.startsWith("add element"));
	const kept = needed ? lines.filter((line) => !line.startsWith("delete table")) : lines;
	const ports = [...new Set(group.flatMap(({ ports }) => ports))];
	const flush = ports.length > 0 ? ` && printf '%s\\n' ${ports.map(shWord).join(" ")} | flush_ports` : "";
	return `printf '%s\\n' ${kept.map(shWord).join(" ")} | nft -f - 2>&1${flush}`;
}

/** `undo` takes back the first done_ operations of the block, newest first, and never stops at an error. */
function undoFunction(block: Block): string {
	const lines = ["undo() {"];
	for (let index = block.steps.length - 1; index >= 0; index--) {
		const commands = block.steps[index]!.undo.filter((undo) => undo.tool !== "nft").flatMap(undoLines);
		if (commands.length) lines.push(`[ "$done_" -le ${index} ] || { ${commands.join("; ")}; } 2>/dev/null`);
		// What was one transaction is taken back in one.
		const isNft = (at: number) => block.steps[at]?.rendered.tool === "nft";
		if (!isNft(index) || isNft(index - 1)) continue;
		const undo = block.steps
			.slice(index)
			.filter(({ rendered }) => rendered.tool === "nft")
			.reverse()
			.flatMap((step) => step.undo);
		if (undo.length) lines.push(`[ "$done_" -le ${index} ] || { ${nftTransaction(undo as Nft[])}; } >/dev/null`);
	}
	return [...lines, ":", "}"].join("\n");
}

function undoLines(rendered: Rendered): string[] {
	if (rendered.tool === "ip")
		return rendered.lines.map((line) => shCommand(["ip", ...line.split(" ").map((word) => (word === '""' ? "" : word))]));
	if (rendered.tool === "sh") return [rendered.line];
	if (rendered.tool === "nft") return [];
	if (rendered.tool === "db") return [transactionCommand(rendered)];
	const commands = rendered.commands.flatMap((command) => ["--", ...command]);
	return [shCommand(["ovs-vsctl", "--no-wait", `--timeout=${OVS_TIMEOUT}`, ...commands])];
}

/**
 * Runs `text` on the host, or with the host's own binaries inside the container's network namespace. The namespace is opened
 * once on a descriptor; only then is the process checked to be the one of the snapshot, because a pid can be reused at any moment.
 */
function inPlace(container: RunningContainer | undefined, text: string): string {
	if (!container) return `(\n${text}\n)`;
	return [
		"(",
		`enter ${container.pid} ${container.startTime} || { printf '%s\\n' ${shWord(`container ${container.name} stopped or restarted meanwhile`)} >&2; exit 1; }`,
		"exec nsenter --net=/proc/self/fd/7 sh -s <<'INSIDE'",
		text,
		"INSIDE",
		")",
	].join("\n");
}

export function findContainer(snapshot: Snapshot, id: string): RunningContainer {
	const found = containerOf(snapshot, id);
	if (!found) throw new Error(`no running container ${id} in the snapshot`);
	return found;
}
