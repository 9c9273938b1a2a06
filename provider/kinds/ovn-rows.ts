// From the rows that a resource shall have in a database of OVN to the changes that lead there. Rows of one resource are told apart by
// external_ids:netplumb-row beside the owner mark.
import { NetplumbError } from "../errors";
import type { ColumnValue, Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { rowMark } from "../host/marks";
import { databaseId, markedRows } from "../host/records";
import type { Database, OvsValue, RecordParent, Snapshot, Tables } from "../host/snapshot";
import { differing, inWords } from "./columns";
import { operation, type Wish } from "./kind";

export const ROLE = "external_ids:netplumb-row";
const MARK = "external_ids:netplumb";

export interface WantedRow {
	table: string;
	/** Which of the resource's rows it is. */
	role: string;
	/** "logical switch apps": for descriptions. */
	words: string;
	columns: Record<string, ColumnValue>;
	/** Columns whose other keys are removed. */
	whole?: string[];
	parent?: RecordParent;
	/** Rows that refer to it as well, once it is made. */
	holders?: RecordParent[];
}

/** The column that refers to the rows of a table. */
const REFERENCES: Record<string, [tables: string[], column: string]> = {
	Logical_Switch_Port: [["Logical_Switch"], "ports"],
	Logical_Router_Port: [["Logical_Router"], "ports"],
	Logical_Router_Static_Route: [["Logical_Router"], "static_routes"],
	Gateway_Chassis: [["Logical_Router_Port"], "gateway_chassis"],
	NAT: [["Logical_Router"], "nat"],
	Load_Balancer: [["Logical_Router"], "load_balancer"],
	ACL: [["Logical_Switch"], "acls"],
	DNS: [["Logical_Switch"], "dns_records"],
	Connection: [["NB_Global", "SB_Global"], "connections"],
	SSL: [["NB_Global", "SB_Global", "Open_vSwitch"], "ssl"],
};

/** The tables of a database that answers. */
export function tablesIn(database: Database, snapshot: Snapshot, wayOut: string): Tables {
	const tables = snapshot.databases?.[databaseId(database)];
	if (typeof tables === "object") return tables;
	throw new NetplumbError("missing", `host ${snapshot.hostName}: ${tables ?? `nothing is known of ${database[0]}`}; ${wayOut}`);
}

/** The row that refers to this one. */
export function parentOf(tables: Tables, table: string, row: string): RecordParent | undefined {
	const [parents, column] = REFERENCES[table] ?? [[], ""];
	for (const parent of parents)
		for (const [uuid, columns] of Object.entries(tables[parent] ?? {}))
			if (references(columns, column).includes(row)) return { table: parent, row: uuid, column };
	return undefined;
}

export function references(columns: Record<string, OvsValue>, column: string): string[] {
	return [columns[column] ?? []].flat() as string[];
}

export function planRows<A>(wish: Wish<A>, database: Database, tables: Tables, wanted: readonly WantedRow[]): Operation[] {
	// The row of Open vSwitch itself can carry a mark, but is nobody's to remove.
	const own = markedRows(tables, wish.marks).filter(({ table }) => table !== "Open_vSwitch");
	const operations: Operation[] = [];
	const used = new Set<string>();
	for (const { table, role, words, columns, whole = [], parent, holders = [] } of wanted) {
		const found = own.find((one) => one.table === table && columnAt(one.columns, ROLE) === role && !used.has(one.row));
		const held = found && (!parent || parentOf(tables, table, found.row) !== undefined);
		const settings = { ...columns, [MARK]: wish.mark, [ROLE]: role };
		if (!found || !held) {
			const referred = { ...(parent ? { parent } : {}), ...(holders.length > 0 ? { holders } : {}) };
			const change = { verb: "record.add", database, table, columns: settings, ...referred } as const;
			operations.push(operation(change, `make ${words}`));
			continue;
		}
		used.add(found.row);
		for (const map of whole)
			for (const key of Object.keys((found.columns[map] ?? {}) as object))
				if (!(`${map}:${key}` in settings)) Object.assign(settings, { [`${map}:${key}`]: undefined });
		const changes = differing(found.columns, settings);
		if (Object.keys(changes).length === 0) continue;
		const what = `set ${inWords(changes) || "the owner mark"} of ${words}`;
		operations.push(operation({ verb: "record.set", database, table, row: found.row, columns: changes }, what));
	}
	// What is referred to goes before what refers to it, and is made after it when that is taken back.
	const gone = own.filter(({ row }) => !used.has(row)).sort((a, b) => HOLDERS.indexOf(a.table) - HOLDERS.indexOf(b.table));
	for (const { table, row, columns } of gone) {
		const parent = parentOf(tables, table, row);
		const described =
			`remove ${TITLES[table] ?? table} ${String(columnAt(columns, "name") ?? columnAt(columns, ROLE) ?? "")}`.trimEnd();
		operations.push(operation({ verb: "record.remove", database, table, row, ...(parent ? { parent } : {}) }, described));
	}
	return operations;
}

/** Those that refer to others, in the order in which they go. */
const HOLDERS = ["Logical_Router_Port", "Logical_Switch", "Logical_Router"];

const TITLES: Record<string, string> = {
	Logical_Switch: "logical switch",
	Logical_Switch_Port: "logical port",
	Logical_Router: "logical router",
	Logical_Router_Port: "router port",
	Logical_Router_Static_Route: "the",
	Gateway_Chassis: "chassis",
	Load_Balancer: "the published ports of",
	DNS: "the names of",
	DHCP_Options: "the options of",
	Connection: "listener",
	SSL: "the TLS settings of",
};

/** What a kind says in its `exists`: a database that does not answer may hold anything. */
export function rowsExist(marks: readonly string[], { databases = {} }: Snapshot): boolean | string {
	let silent: string | undefined;
	for (const tables of Object.values(databases)) {
		if (typeof tables === "string") silent ??= tables;
		else if (markedRows(tables, marks).length > 0) return true;
	}
	return silent ?? false;
}

/** A row of that name which somebody else made is in the way. */
export function refuseTaken(
	wish: { marks: readonly string[] },
	tables: Tables,
	table: string,
	name: string,
	snapshot: Snapshot,
	words: string,
): void {
	const taken = Object.values(tables[table] ?? {}).find(
		(columns) => columns["name"] === name && !wish.marks.includes(rowMark(columns) ?? ""),
	);
	if (!taken) return;
	const owner = rowMark(taken);
	const whose = owner === undefined ? "that netplumb did not make" : `of another netplumb resource (${owner})`;
	throw new NetplumbError(
		"conflict",
		`host ${snapshot.hostName}: name: found a ${words} "${name}" ${whose}, expected the name to be free; choose another name`,
	);
}

const PORTS = ["Logical_Switch_Port", "Logical_Router_Port"];

/**
 * Ports of switches and of routers are both ports of the southbound database, where a name is given once; and where a router's has chassis,
 * northd makes another one of it, `cr-` and its name (ovn-northd(8), "Distributed gateway ports").
 */
export function refusePorts(
	wish: { marks: readonly string[] },
	tables: Tables,
	wanted: readonly WantedRow[],
	snapshot: Snapshot,
): void {
	const refuse = (table: string, name: string) => refuseTaken(wish, tables, table, name, snapshot, "logical port");
	for (const { table, columns } of wanted.filter((one) => PORTS.includes(one.table))) {
		const name = String(columns["name"]);
		for (const one of PORTS) refuse(one, name);
		if (name.startsWith("cr-")) refuse("Logical_Router_Port", name.slice("cr-".length));
		if (table === "Logical_Router_Port") for (const one of PORTS) refuse(one, `cr-${name}`);
	}
}

/** What belongs to a switch or a router, and goes with it: column, table, what tells its rows apart, and the word for them. */
const PARTS: Record<string, [column: string, table: string, key: string, words: string][]> = {
	Logical_Switch: [["ports", "Logical_Switch_Port", "name", "ports"]],
	Logical_Router: [
		["ports", "Logical_Router_Port", "name", "ports"],
		["static_routes", "Logical_Router_Static_Route", "ip_prefix", "routes"],
		["nat", "NAT", "external_ip", "translations"],
	],
};

/** A switch or a router goes with all its parts: others would lose theirs without a word. */
export function refuseUsed(wish: { marks: readonly string[] }, tables: Tables, { hostName }: Snapshot): void {
	const own = markedRows(tables, wish.marks);
	const mine = new Set(own.map(({ row }) => row));
	for (const { table, columns } of own)
		for (const [column, part, key, words] of PARTS[table] ?? []) {
			const others = references(columns, column).filter((row) => !mine.has(row));
			if (others.length === 0) continue;
			const names = others.slice(0, 5).map((row) => String(tables[part]?.[row]?.[key] ?? row));
			throw new NetplumbError(
				"conflict",
				`host ${hostName}: ${TITLES[table]} "${columns["name"]}" still has ${words} that are not this resource's: found ${names.join(", ")}, expected none; remove them first`,
			);
		}
}

/** The switch, by its `_uuid`: names of logical switches need not be unique. */
export function switchOf(name: string, tables: Tables, { hostName }: Snapshot, input = "switch"): string {
	const found = Object.entries(tables["Logical_Switch"] ?? {}).filter(([, columns]) => columns["name"] === name);
	if (found.length === 1) return found[0]![0];
	throw new NetplumbError(
		found.length === 0 ? "missing" : "conflict",
		`host ${hostName}: ${input}: found ${found.length === 0 ? "no" : found.length} logical switch${found.length > 1 ? "es" : ""} "${name}", expected one; make it first, for example with OvnSwitch`,
	);
}
