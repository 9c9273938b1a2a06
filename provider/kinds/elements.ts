// What every kind with elements in `inet netplumb` shares: the table that appears with the first element and goes with the last,
// the elements themselves, and the rule in DOCKER-USER that lets pass what the table approved of.
import { NetplumbError } from "../errors";
import type { Operation } from "../host/change";
import { type Element, elementId, type Family, type Firewall, type Table } from "../host/firewall";
import { elementComment, elementMark } from "../host/marks";
import { expectedChains, SETS } from "../host/ruleset";
import type { Snapshot } from "../host/snapshot";
import { indexOf } from "./element-index";
import { operation, type Wish } from "./kind";

/** An element without its mark, and what it does: completes "could not …", with "stop to" before it where it goes. */
export type WantedElement = Omit<Element, "comment">;

export interface ElementPlan {
	elements: WantedElement[];
	/** What the elements are for, in words: `publish tcp port 3306`. */
	describe: string;
	/** Families in which forwarded packets need the rule in DOCKER-USER. */
	approve: Family[];
}

/** The facts about the firewall; they must have been asked for (`facts: ["firewall"]`). */
export function firewallOf(snapshot: Snapshot): Firewall {
	if (typeof snapshot.firewall === "object") return snapshot.firewall;
	throw new NetplumbError(
		"missing",
		`host ${snapshot.hostName}: ${snapshot.firewall ?? "nothing is known about the firewall"}; see that nftables is installed and works`,
	);
}

/** Whether a resource has elements in the table; a sentence where the host cannot tell. */
export function hasElements(marks: readonly string[], snapshot: Snapshot): boolean | string {
	if (typeof snapshot.firewall === "string") return snapshot.firewall;
	const { byMark } = indexOf(firewallOf(snapshot).table);
	return marks.some((mark) => byMark.has(mark));
}

const intact = new WeakMap<Table, boolean>();

/** True when the rules of the table are all there, and no others. */
export function isIntact({ table }: Firewall): boolean {
	if (!table) return false;
	const known = intact.get(table) ?? hasExpectedRules(table);
	intact.set(table, known);
	return known;
}

function hasExpectedRules(table: Table): boolean {
	if (Object.keys(SETS).some((set) => !table.sets.includes(set))) return false;
	const canonical = (chains: typeof table.chains) => JSON.stringify(Object.entries(chains).sort(([a], [b]) => (a < b ? -1 : 1)));
	return canonical(table.chains) === canonical(expectedChains());
}

/** Operations that give the resource exactly these elements; `undefined` takes all of them away. */
export function planElements(wish: Wish<unknown>, plan: ElementPlan | undefined, snapshot: Snapshot): Operation[] {
	const firewall = firewallOf(snapshot);
	const { byId, byMark } = indexOf(firewall.table);
	const mine = wish.marks.flatMap((mark) => byMark.get(mark) ?? []);
	if (!plan) return planRemoval(mine, firewall);
	const comment = elementComment(wish.mark);
	const wanted = plan.elements.map((element): Element => ({ ...element, comment }));
	const isThere = (element: Element) => sameElement(byId.get(elementId(element)), element);
	const kept = new Set(wanted.filter(isThere).map(elementId));
	const operations: Operation[] = [];
	for (const element of mine)
		if (!kept.has(elementId(element)))
			operations.push(operation({ verb: "element.delete", element }, `stop to ${plan.describe}`));
	if (!isIntact(firewall)) {
		const chains = Object.keys(firewall.table?.chains ?? {});
		operations.push(operation({ verb: "ruleset.write", chains }, "write the rules of the nftables table inet netplumb"));
		for (const { set, key } of firewall.table?.elements ?? [])
			if (set.startsWith("net-source")) operations.push(...endConnectionsOf(key[1]!, snapshot));
	}
	for (const element of wanted) {
		const there = byId.get(elementId(element));
		if (kept.has(elementId(element))) continue;
		if (there && !mine.includes(there)) throw conflict(there, plan, snapshot);
		operations.push(operation({ verb: "element.add", element }, plan.describe));
	}
	for (const family of plan.approve) {
		const docker = firewall.docker[family];
		if (docker && !docker.accepts)
			operations.push(
				operation({ verb: "docker-user.add", family, tool: docker.tool }, "let DOCKER-USER accept what netplumb forwards"),
			);
	}
	return operations;
}

/** Ends the tracked connections from and to a subnet, and with them what they were allowed to pass as established ones. */
export function endConnectionsOf(subnet: string, snapshot: Snapshot): Operation[] {
	requireConntrack(snapshot);
	const family = subnet.includes(":") ? 6 : 4;
	return [{ source: subnet }, { destination: subnet }].map((which) =>
		operation({ verb: "conntrack.flush", family, ...which }, `end the connections of ${subnet}`),
	);
}

export function requireConntrack(snapshot: Snapshot): void {
	if (!firewallOf(snapshot).conntrack)
		throw new NetplumbError(
			"missing",
			`host ${snapshot.hostName}: found no command conntrack, expected one, so that open connections follow a change at once; install conntrack`,
		);
}

function sameElement(a: Element | undefined, b: Element): boolean {
	return a !== undefined && a.comment === b.comment && JSON.stringify(a.value) === JSON.stringify(b.value);
}

function conflict(there: Element, plan: ElementPlan, snapshot: Snapshot): NetplumbError {
	return new NetplumbError(
		"conflict",
		`host ${snapshot.hostName}: could not ${plan.describe}: found ${elementId(there)} of ${elementMark(there) ?? "somebody else"} in the nftables table inet netplumb, expected it to be free; remove one of the two`,
	);
}

/** The rules go with the last element, whoever put it there; the one in DOCKER-USER with the last one that its family may need. */
function planRemoval(mine: Element[], firewall: Firewall): Operation[] {
	const operations = mine.map((element) =>
		operation({ verb: "element.delete", element }, `remove ${elementId(element)} from the nftables table inet netplumb`),
	);
	const others = (firewall.table?.elements ?? []).filter((element) => !mine.includes(element));
	if (others.length === 0 && firewall.table)
		operations.push(operation({ verb: "ruleset.delete" }, "remove the nftables table inet netplumb"));
	for (const family of [4, 6] as const) {
		const docker = firewall.docker[family];
		const needed = others.some(({ set }) => !SETS[set]?.local && (SETS[set]?.family ?? family) === family);
		if (docker?.accepts && !needed)
			operations.push(
				operation({ verb: "docker-user.delete", family, tool: docker.tool }, "remove netplumb's rule from DOCKER-USER"),
			);
	}
	return operations;
}
