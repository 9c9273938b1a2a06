// The desired state of one resource, as its host keeps it: a file of operations that make it from nothing, each with the question
// whether it is made. Written by the planner of the kind and the same words as every script; replayed by agent.sh.
import { createHash } from "node:crypto";
import { isNetplumbError } from "../errors";
import { type Change, HOST, type Operation } from "../host/change";
import { ovsString, shWord } from "../host/encode";
import { desiredNames } from "../host/index-of";
import { LOCALNET } from "../host/marks";
import { placeOf, type Rendered, render, Stage } from "../host/render";
import type { Snapshot } from "../host/snapshot";
import type { Kind, Wish } from "../kinds/kind";
import { canHeal, clearFor, elementQuestion, questionOf, rowConditions } from "./present";
import { pristine } from "./pristine";

/** What has to be changed so that the host remembers the wish, or forgets what it remembered. */
export function memoryOf<A extends object>(kind: Kind<A>, wish: Wish<A>, heal: boolean, snapshot: Snapshot): Operation[] {
	const known = keptNames(kind, wish.marks, snapshot);
	const text = wish.wanted && heal ? desiredText(kind, wish, snapshot) : undefined;
	const name = text && fileName(kind, wish, text);
	const operations: Operation[] = known
		.filter((other) => other !== name)
		.map((other) => ({ change: { verb: "desired.remove", name: other }, describe: "end the healing on the host" }));
	if (name && text && snapshot.desired?.[name] !== sumOf(text))
		operations.push({ change: { verb: "desired.set", name, text }, describe: "keep the desired state on the host" });
	return operations;
}

/** Undefined where the wiring cannot be made from nothing as things stand (the plan itself says why), or not by the agent: what may cut the way to the host is never done without a guard. */
export function desiredText<A extends object>(kind: Kind<A>, wish: Wish<A>, snapshot: Snapshot): string | undefined {
	const { wanted, previous } = wish;
	if (!wanted || kind.heals?.(wanted) === false) return undefined;
	// A value that the host once gave is what it shall be (the MTU of an attachment).
	const holds = previous !== undefined && kind.holds?.(previous, wanted) !== false;
	const given = (kind.defaulted ?? []).filter((key) => holds && wanted[key] === undefined && previous[key] !== undefined);
	const complete = { ...wanted, ...Object.fromEntries(given.map((key) => [key, previous![key]])) };
	const being = {
		...{ marks: wish.marks, name: kind.physicalName(complete), containers: kind.containers(complete) },
		addresses: (complete as { addresses?: string[] }).addresses ?? [],
	};
	try {
		const operations = kind.plan(
			{ mark: wish.mark, marks: wish.marks, wanted: complete, alone: true },
			pristine(snapshot, being),
		);
		return operations.length > 0 && operations.every(({ change, risk }) => risk === undefined && canHeal(change))
			? fileOf(kind.name, wish.mark, operations)
			: undefined;
	} catch (error) {
		if (isNetplumbError(error)) return undefined;
		throw error;
	}
}

export function sumOf(text: string): string {
	return createHash("sha256").update(text).digest("hex");
}

/** What the names of a resource's desired states end with: before it, the rank. */
export function desiredEndings(kind: { name: string }, marks: readonly string[]): string[] {
	return marks.map((mark) => hashOf(kind.name, mark));
}

/** The desired states that the host keeps of a resource: one, or none, or one more of another rank. */
export function keptNames(kind: { name: string }, marks: readonly string[], snapshot: Snapshot): string[] {
	return desiredEndings(kind, marks).flatMap((ending) => desiredNames(snapshot, ending));
}

function hashOf(kind: string, mark: string): string {
	return sumOf(`${kind} ${mark}`).slice(0, 32);
}

/** The names sort as the resources have to be mended: bridges, what else lies on the host, links into containers, the rest. */
function fileName<A extends object>(kind: Kind<A>, wish: Wish<A>, text: string): string {
	const rank = /^has_bridge /m.test(text) ? 0 : !/^# container /m.test(text) ? 1 : /^# link /m.test(text) ? 2 : 3;
	return `${rank}-${hashOf(kind.name, wish.mark)}`;
}

interface Part {
	where: string;
	stage: Stage;
	operations: { operation: Operation; number: number }[];
}

export function fileOf(kind: string, mark: string, operations: readonly Operation[]): string {
	const made = operations.filter(({ change }) => !deletes.includes(change.verb));
	const firewall = nftLines(made);
	const parts = arrange(made.filter(({ change }) => render(change).tool !== "nft" && change.verb !== "conntrack.flush"));
	const containers = [...new Set(parts.map(({ where }) => where).filter((where) => where !== HOST))];
	const links = new Set(operations.flatMap(({ change }) => hostLinks(change)));
	const body = [
		...containers.map((id) => `# container ${id}`),
		...[...links].map((name) => `# link ${name}`),
		...made.flatMap(({ change }) => portLines(change)),
		...firewall.marks,
		`kind=${shWord(kind)}`,
		`mark=${shWord(mark)}`,
		`containers=${shWord(containers.join(" "))}`,
		`parts=${shWord(parts.map(({ where }, index) => `${index}:${where}`).join(" "))}`,
		...firewall.part,
		...parts.flatMap((part, index) => [`part_${index}() {`, ...partLines(part, mark), "}"]),
		"",
	].join("\n");
	return `# netplumb desired 2 ${sumOf(body)}\n${body}`;
}

/** Nothing is there to be deleted when something is made from nothing; a route that Docker makes is only moved. */
const deletes: Change["verb"][] = ["link.delete", "address.delete", "port.delete", "bridge.delete"];

function hostLinks(change: Change): string[] {
	if (change.verb === "link.add") return [change.peer.name];
	if (change.verb === "port.add" || change.verb === "bridge.add") return [change.name];
	if (change.verb === "address.add" && change.where === HOST) return [change.dev];
	return change.verb === "link.set" && change.where === HOST ? [change.name] : [];
}

/** What of an attachment's port the agent can ask about for all resources at once. A bridge is made before its rows are asked for. */
function portLines(change: Change): string[] {
	if (change.verb === "port.add") return [`# port ${shWord(change.bridge)} ${shWord(change.name)}`];
	if (change.verb !== "row.set" || change.table === "Bridge") return [];
	const row = isMember(change) ? { ...change, columns: { ...change.columns, protected: undefined } } : change;
	const conditions = rowConditions(row);
	return conditions.length === 0
		? []
		: [`# row ${[row.table, `name=${ovsString(row.row)}`, ...conditions].map(shWord).join(" ")}`];
}

function arrange(operations: readonly Operation[]): Part[] {
	const onlyInside = operations.every(({ change }) => placeOf(change).where !== HOST);
	const placed = operations.map((operation, number) => {
		const place = placeOf(operation.change);
		return { operation, number, ...place, stage: onlyInside ? Stage.ContainerBuild : place.stage };
	});
	placed.sort(
		(a, b) =>
			a.stage - b.stage || (a.where < b.where ? -1 : a.where > b.where ? 1 : 0) || a.order - b.order || a.number - b.number,
	);
	const parts: Part[] = [];
	for (const { operation, number, where, stage } of placed) {
		let part = parts.at(-1);
		if (!part || part.where !== where || part.stage !== stage) {
			part = { where, stage, operations: [] };
			parts.push(part);
		}
		part.operations.push({ operation, number });
	}
	return parts;
}

/**
 * What goes into nftables is a part of its own, before all others: a boundary is there before what it bounds. `marks` are lines
 * for a look at all resources at once, and say which files are about the table.
 */
function nftLines(operations: readonly Operation[]): { marks: string[]; part: string[] } {
	const steps = operations.flatMap((operation, number) => {
		const rendered = render(operation.change);
		return rendered.tool === "nft" ? [{ rendered, number, ...operation }] : [];
	});
	if (steps.length === 0) return { marks: [], part: [] };
	const ends = operations.flatMap(({ change }) => {
		const rendered = render(change);
		return change.verb === "conntrack.flush" && rendered.tool === "sh" ? [rendered.line] : [];
	});
	const lines = steps.map(({ rendered, number, change, describe }) => {
		const act = change.verb === "ruleset.write" ? ["write_ruleset"] : rendered.lines.map((line) => `nft=$nft$nl${shWord(line)}`);
		const ports = rendered.ports.map((port) => `ports=$ports$nl${shWord(port)}`);
		const question = questionOf(change) ?? '[ -z "$nft" ]';
		const flows = isBoundary(change) ? ends.map((line) => `flows=$flows$nl${shWord(line)}`) : [];
		return `${question} || { ${[beginning(number, describe), ...act, ...ports, ...flows].join("; ")}; }`;
	});
	const looks = steps.flatMap(({ change }) =>
		change.verb === "element.add" ? [`# nft ${elementQuestion(change.element)}`] : [],
	);
	return { marks: ["# table", ...looks, "elements=1"], part: ["part_nft() {", ...lines, "}"] };
}

/** Where it was not there for a while, what began meanwhile ends: the boundary lets established connections pass. */
function isBoundary(change: Change): boolean {
	return change.verb === "element.add" && change.element.set === "net";
}

const AFTER_TOOL = { ip: ["run_ip"], ovs: ["run_ovs"], sh: [], nft: [], db: [] };

/** Neighbours that one process can make are made in one: the missing ones of them. */
function partLines(part: Part, mark: string): string[] {
	const bridges = new Map(
		part.operations.flatMap(({ operation: { change } }) => (change.verb === "port.add" ? [[change.name, change.bridge]] : [])),
	);
	const steps = part.operations.flatMap(({ operation, number }) => stepsOf(operation, number, mark, bridges));
	const lines: string[] = [];
	steps.forEach(({ rendered, question, clear, begin, act: words = actLines(rendered) }, index) => {
		const tool = rendered.tool;
		const act = [begin, ...(clear ? [clear] : []), ...words].join("; ");
		lines.push(question ? `${question} || { ${act}; }` : `[ -z "$redone" ] || { ${words.join("; ")}; }`);
		if (tool !== steps[index + 1]?.rendered.tool) lines.push(...AFTER_TOOL[tool]);
	});
	return lines;
}

interface StepText {
	rendered: Rendered;
	question: string | undefined;
	clear: string | undefined;
	begin: string;
	/** Where it is not what `rendered` says. */
	act?: string[];
}

function beginning(number: number | string, describe: string): string {
	return `redo ${number} ${shWord(describe.replace(/[\u0000-\u001f\u007f-\u009f]/g, " "))}`;
}

type MakeStep = (rendered: Rendered, question: string | undefined, suffix?: string) => StepText;

/**
 * Whether members of an isolated network see each other is not for the attachment to remember: the network may change it, and writes
 * it on the bridge.
 */
function rowSteps(change: Extract<Change, { verb: "row.set" }>, bridge: string | undefined, step: MakeStep): StepText[] {
	const { protected: member, ...columns } = change.columns;
	if (member === undefined || bridge === undefined || !isMember(change)) return [step(render(change), questionOf(change))];
	const row: Change = { ...change, columns };
	const words = [bridge, change.row].map(shWord).join(" ");
	const follow = step({ tool: "ovs", commands: [] }, `follows_clients ${words}`, "a");
	return [step(render(row), questionOf(row)), { ...follow, act: [`follow_clients ${words}`] }];
}

function isMember({ columns }: Extract<Change, { verb: "row.set" }>): boolean {
	return columns["external_ids:netplumb-container"] !== undefined;
}

/** An alias is shared by several resources: its words are added one by one, where the plan of one resource writes it whole. */
function stepsOf({ change, describe }: Operation, number: number, mark: string, bridges: Map<string, string>): StepText[] {
	const step: MakeStep = (rendered, question, suffix = "") => ({
		rendered,
		question,
		clear: clearFor(change),
		begin: beginning(`${number}${suffix}`, describe),
	});
	if (change.verb === "docker-user.add") return [step({ tool: "sh", line: "docker_accept" }, questionOf(change))];
	if (change.verb === "row.set") return rowSteps(change, bridges.get(change.row), step);
	// The MAC is the attachment's, which can change it later.
	if (change.verb === "announce") return [step(render({ verb: "announce", where: change.where, dev: change.dev }), undefined)];
	if (change.verb !== "link.set" || change.alias === undefined) return [step(render(change), questionOf(change))];
	const { alias, ...rest } = change;
	const own = alias.split(",").filter((word) => word.split(/[:+]/)[1] === mark || word === LOCALNET);
	const question = questionOf(rest);
	return [
		...(question ? [step(render(rest), question)] : []),
		...own.map((word) =>
			step(
				{ tool: "sh", line: ["add_word", change.name, word].map(shWord).join(" ") },
				["link_is", change.name, `word=${word}`].map(shWord).join(" "),
				"a",
			),
		),
	];
}

function actLines(rendered: Rendered): string[] {
	switch (rendered.tool) {
		case "ip":
			return rendered.lines.map((line) => `batch=$batch$nl${shWord(line)}`);
		case "ovs":
			return rendered.commands.map((command) => `ovs=$ovs${shWord(` -- ${command.map(shWord).join(" ")}`)}`);
		case "nft":
			throw new Error("the agent has a part of its own for nftables");
		case "db":
			throw new Error("the agent does not write into databases of OVN");
		case "sh":
			return [`{ ${rendered.line}; } 2>"$run/agent.d/$file.said" || failed`];
	}
}
