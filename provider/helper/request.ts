// What is said to the helper instead of a script: lines of fields with tabs between them (helper.sh, check.awk).
import { randomBytes } from "node:crypto";
import { NetplumbError } from "../errors";
import { isMemory, wiringOf } from "../heal/memory";
import { type Change, HOST } from "../host/change";
import { anyMark } from "../host/owned";
import { desiredWords, type Others, type Seen, seenWord } from "../host/read";
import type { Rendered } from "../host/render";
import { arrange, type Block, findContainer, type Step } from "../host/script";
import type { Needs, Snapshot } from "../host/snapshot";

export const STATUS_REQUEST = "status";

/** `others`: see readCall (host/read.ts). */
export function readRequest(mark: string, needs: Needs, seen: Seen, others: Others = ""): string {
	return lines([["read", mark], ...needLines(needs, seen, others)]);
}

export function applyRequest(
	mark: string,
	steps: readonly Step[],
	before: Snapshot,
	needs: Needs,
	seen: Seen,
	others: Others = "",
): string {
	const changes = steps.map((step) => step.operation.change);
	// It knows "replace" alone (check.awk).
	const wiring = wiringOf(steps).map((step) => ({ ...step, anew: false }));
	return lines([
		["apply", mark, before.generation, randomBytes(8).toString("hex")],
		...needLines(needs, seen, others),
		...(anyMark(before, changes) ? [] : [["last", "done"]]),
		...(anyMark(before, []) ? [] : [["last", "failed"]]),
		...steps.flatMap(memoryLines),
		...arrange(wiring, before).flatMap((block) => blockLines(block, before)),
	]);
}

function lines(all: string[][]): string {
	for (const field of all.flat())
		if (/[\u0000-\u001f\u007f]/.test(field)) throw new Error(`not a field for the helper: ${JSON.stringify(field)}`);
	return all.map((fields) => fields.join("\t")).join("\n");
}

function needLines(needs: Needs, seen: Seen, others: Others): string[][] {
	const { containers, facts, destinations, devices = [], databases = [] } = needs;
	if (databases.length > 0) throw withoutOvn();
	return [
		...(others ? [["others", others]] : []),
		...desiredWords(needs).map((ending) => ["desired", ending]),
		...facts.map((fact) => ["fact", fact]),
		...destinations.map((address) => ["to", address]),
		...devices.map((device) => ["device", device]),
		...containers.map((reference) => ["container", seenWord(reference, seen)]),
	];
}

function withoutOvn(): NetplumbError {
	return new NetplumbError(
		"unsupported",
		"the helper knows no databases of OVN, expected a login with all of root's rights; use another one",
	);
}

/** A desired state is a program that root would run, so none is taken; one that root's login left can be ended. */
function memoryLines({ operation: { change }, undo }: Step): string[][] {
	if (!isMemory(change)) return [];
	if (change.verb === "desired.set") throw new Error("the helper keeps no desired states");
	return [["forget", undo ? "after" : "before", change.name]];
}

function blockLines({ where, steps }: Block, before: Snapshot): string[][] {
	const container = where === HOST ? undefined : findContainer(before, where);
	return [
		["block", ...(container ? [container.id, String(container.pid), container.startTime] : [HOST])],
		...steps.flatMap(({ change, rendered, inverses, undo }) => [
			["step", rendered.tool === "sh" || change.verb === "announce" ? "do" : rendered.tool],
			...changeLines("+", change, rendered),
			...inverses.flatMap((inverse, index) => changeLines("-", inverse, undo[index]!)),
		]),
	];
}

function changeLines(sign: "+" | "-", change: Change, rendered: Rendered): string[][] {
	const named = () => [[`${sign}do`, ...words(change)]];
	// More than the line of `ip` in it.
	if (change.verb === "announce") return named();
	switch (rendered.tool) {
		case "ip":
			return rendered.lines.map((line) => [`${sign}ip`, line]);
		case "ovs": {
			const words = rendered.commands.flatMap((command) => ["--", ...command]).slice(1);
			return words.length > 0 ? [[`${sign}ovs`, ...words]] : [];
		}
		case "nft":
			// The rules are the helper's own.
			if (change.verb === "ruleset.write") return [[`${sign}nft`, "ruleset", ...change.chains]];
			return [...rendered.lines.map((line) => [`${sign}nft`, line]), ...rendered.ports.map((port) => [`${sign}port`, port])];
		case "db":
			throw withoutOvn();
		case "sh":
			return named();
	}
}

/** The changes that are no call of one tool, by their own names. */
function words(change: Change): string[] {
	switch (change.verb) {
		case "sysctl.set": {
			const [family = "", , device = "", key = ""] = change.path;
			return ["sysctl", family, device, `${key}=${change.value}`];
		}
		case "announce":
			return ["announce", change.dev, change.mac ?? "", ...(change.optional ? ["optional"] : [])];
		case "offload.disable":
			return ["offload", change.name];
		case "mtu.release":
			return ["mtu-release", change.name, String(change.mtu)];
		case "fdb.flush":
			return ["fdb-flush", change.bridge];
		case "flows.set":
			return ["flows", change.bridge, change.owner, ...change.flows.map(({ text }) => text)];
		case "docker-user.add":
		case "docker-user.delete":
			return ["docker-user", change.verb === "docker-user.add" ? "add" : "delete", change.tool];
		case "conntrack.flush":
			return ["conntrack", String(change.family), change.source ?? "-", change.destination ?? "-"];
		default:
			throw new NetplumbError("unsupported", `the helper knows no change "${change.verb}"`);
	}
}
