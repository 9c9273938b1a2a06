// The desired state of one resource, as its host keeps it: a file of operations that make it from nothing, each with the question
// whether it is made. Written by the planner of the kind and the same words as every script; replayed by agent.sh.
import { createHash } from "node:crypto";
import { isNetplumbError } from "../errors";
import { type Change, HOST, type Operation } from "../host/change";
import { shWord } from "../host/encode";
import { placeOf, type Rendered, render, Stage } from "../host/render";
import type { Snapshot } from "../host/snapshot";
import type { Kind, Wish } from "../kinds/kind";
import { canHeal, clearFor, questionOf } from "./present";
import { pristine } from "./pristine";

/** What has to be changed so that the host remembers the wish, or forgets what it remembered. */
export function memoryOf<A extends object>(kind: Kind<A>, wish: Wish<A>, heal: boolean, snapshot: Snapshot): Operation[] {
	const names = wish.marks.map((mark) => hashOf(kind.name, mark));
	const known = Object.keys(snapshot.desired ?? {}).filter((name) => names.some((hash) => name.endsWith(hash)));
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
	const given = (kind.defaulted ?? []).filter((key) => wanted[key] === undefined && previous?.[key] !== undefined);
	const complete = { ...wanted, ...Object.fromEntries(given.map((key) => [key, previous![key]])) };
	const addresses = (complete as { addresses?: string[] }).addresses ?? [];
	try {
		const operations = kind.plan(
			{ mark: wish.mark, marks: wish.marks, wanted: complete },
			pristine(snapshot, wish.marks, kind.physicalName(complete), addresses),
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
	const parts = arrange(operations.filter(({ change }) => !deletes.includes(change.verb)));
	const containers = [...new Set(parts.map(({ where }) => where).filter((where) => where !== HOST))];
	const links = new Set(operations.flatMap(({ change }) => hostLinks(change)));
	const body = [
		...containers.map((id) => `# container ${id}`),
		...[...links].map((name) => `# link ${name}`),
		`kind=${shWord(kind)}`,
		`mark=${shWord(mark)}`,
		`containers=${shWord(containers.join(" "))}`,
		`parts=${shWord(parts.map(({ where }, index) => `${index}:${where}`).join(" "))}`,
		...parts.flatMap((part, index) => [`part_${index}() {`, ...partLines(part, mark), "}"]),
		"",
	].join("\n");
	return `# netplumb desired 1 ${sumOf(body)}\n${body}`;
}

/** Nothing is there to be deleted when something is made from nothing; a route that Docker makes is only moved. */
const deletes: Change["verb"][] = ["link.delete", "address.delete", "port.delete", "bridge.delete"];

function hostLinks(change: Change): string[] {
	if (change.verb === "link.add") return [change.peer.name];
	if (change.verb === "port.add" || change.verb === "bridge.add") return [change.name];
	if (change.verb === "address.add" && change.where === HOST) return [change.dev];
	return change.verb === "link.set" && change.where === HOST ? [change.name] : [];
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

const BEFORE_TOOL = { ip: ["batch="], ovs: ["set --"], sh: [], nft: [] };
const AFTER_TOOL = { ip: ["run_ip"], ovs: ['run_ovs "$@"'], sh: [], nft: [] };

/** Neighbours that one process can make are made in one: the missing ones of them. */
function partLines(part: Part, mark: string): string[] {
	const steps = part.operations.flatMap(({ operation, number }) => stepsOf(operation, number, mark));
	const lines: string[] = [];
	steps.forEach(({ rendered, question, clear, begin }, index) => {
		const tool = rendered.tool;
		if (tool !== steps[index - 1]?.rendered.tool) lines.push(...BEFORE_TOOL[tool]);
		const act = [begin, ...(clear ? [clear] : []), ...actLines(rendered)].join("; ");
		lines.push(question ? `${question} || { ${act}; }` : `[ -z "$redone" ] || { ${actLines(rendered).join("; ")}; }`);
		if (tool !== steps[index + 1]?.rendered.tool) lines.push(...AFTER_TOOL[tool]);
	});
	return lines;
}

interface StepText {
	rendered: Rendered;
	question: string | undefined;
	clear: string | undefined;
	begin: string;
}

/** An alias is shared by several resources: its words are added one by one, where the plan of one resource writes it whole. */
function stepsOf({ change, describe }: Operation, number: number, mark: string): StepText[] {
	const step = (rendered: Rendered, question: string | undefined, suffix = ""): StepText => ({
		rendered,
		question,
		clear: clearFor(change),
		begin: `redo ${number}${suffix} ${shWord(describe.replace(/[\u0000-\u001f\u007f-\u009f]/g, " "))}`,
	});
	if (change.verb !== "link.set" || change.alias === undefined) return [step(render(change), questionOf(change))];
	const { alias, ...rest } = change;
	const own = alias.split(",").filter((word) => word.split(/[:+]/)[1] === mark);
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
			return rendered.commands.map((command) => `set -- "$@" -- ${command.map(shWord).join(" ")}`);
		case "nft":
			throw new Error("the agent does not write nftables");
		case "sh":
			return [`{ ${rendered.line}; } 2>"$run/agent.d/said" || failed`];
	}
}
