// Rows of OVN's databases, and of Open vSwitch's where no other verb fits: which are read, and the words that change them. All tools of
// the family take the same database commands (ovn-nbctl(8), "Database Commands"), so all changes in one database are one transaction.
import { createHash } from "node:crypto";
import type { Change, ColumnValue } from "./change";
import { ovsString, ovsValue, shCommand, shWord } from "./encode";
import { columnAt } from "./inverse";
import type { Database, OvsValue, RecordParent, Snapshot, Tables } from "./snapshot";

type Verb<V extends Change["verb"]> = Extract<Change, { verb: V }>;
export type RecordChange = Verb<"record.add" | "record.set" | "record.remove" | "record.discard">;

/** Words of one transaction of a database. */
export interface Transaction {
	tool: "db";
	database: Database;
	commands: string[][];
}

/** Seconds that one call may take: a server that cannot be reached is asked again until then. */
const TIMEOUT = 20;
const READ_TIMEOUT = 10;

/** What is read of a database: what kinds decide on, and nothing that only grows with the traffic. */
const TABLES: Record<string, readonly string[]> = {
	"ovn-nbctl": [
		...["NB_Global", "Logical_Switch", "Logical_Switch_Port", "ACL", "DNS", "DHCP_Options"],
		...["Logical_Router", "Logical_Router_Port", "Gateway_Chassis", "Logical_Router_Static_Route", "NAT", "Load_Balancer"],
		...["Connection", "SSL"],
	],
	"ovn-sbctl": ["SB_Global", "Connection", "SSL"],
	"ovs-vsctl": ["Open_vSwitch", "SSL"],
};

export function tablesOf(database: Database): readonly string[] {
	return TABLES[database[0]!] ?? [];
}

export function databaseId(database: Database): string {
	return database.join(" ");
}

/** The call that prints the section of a database: one table a line, then the exit status. */
export function databaseCall(database: Database, index: number): string {
	const [tool = "", ...options] = database;
	const lists = tablesOf(database).flatMap((table) => ["--", "list", table]);
	const call = shCommand([tool, ...options, `--timeout=${READ_TIMEOUT}`, "--format=json", ...lists]);
	const known = `{ ${call} 2>&1; printf '\\nstatus %s' $?; }`;
	return `section database ${index}; if command -v ${shWord(tool)} >/dev/null; then ${known}; else printf absent; fi`;
}

type Said = Transaction | { tool: "ovs"; commands: string[][] } | { tool: "sh"; line: string };

export function renderRecord(change: RecordChange): Said {
	const { database } = change;
	switch (change.verb) {
		case "record.add": {
			const { table, columns, parent, holders = [] } = change;
			const symbol = symbolOf(change);
			const commands = [[`--id=${symbol}`, "create", table, ...assignments(columns)]];
			for (const holder of parent ? [parent, ...holders] : holders)
				commands.push(["add", holder.table, holder.row, holder.column, symbol]);
			return { tool: "db", database, commands };
		}
		case "record.set": {
			const commands = recordCommands(change.table, change.row, change.columns);
			return change.table === "Open_vSwitch" ? { tool: "ovs", commands } : { tool: "db", database, commands };
		}
		case "record.remove":
			return { tool: "db", database, commands: removals(change.table, change.parent).map((words) => [...words, change.row]) };
		case "record.discard": {
			const call = (...words: string[]) => shCommand([...database, `--timeout=${TIMEOUT}`, ...words]);
			const found = call("--bare", "--columns=_uuid", "find", change.table, ...assignments(change.marks));
			const gone = removals(change.table, change.parent).map((words) => `${shCommand(words)} "$row"`);
			return { tool: "sh", line: `for row in $(${found}); do ${call("--")} ${gone.join(" -- ")}; done` };
		}
	}
}

/** One transaction for all changes of one database that stand together. */
export function transactionCommand({ database, commands }: Transaction): string {
	return shCommand([...database, `--timeout=${TIMEOUT}`, ...commands.flatMap((command) => ["--", ...command])]);
}

export function inverseRecord(change: RecordChange, before: Snapshot): Change[] {
	const tables = before.databases?.[databaseId(change.database)];
	if (typeof tables !== "object") return [];
	switch (change.verb) {
		case "record.add": {
			const { verb, columns, holders: _, ...rest } = change;
			const marks = Object.fromEntries(Object.entries(columns).filter(([path]) => path.startsWith("external_ids:netplumb")));
			return [{ verb: "record.discard", ...rest, marks }];
		}
		case "record.set": {
			const row = tables[change.table]?.[change.row];
			if (!row) return [];
			return [{ ...change, columns: Object.fromEntries(Object.keys(change.columns).map((path) => [path, columnAt(row, path)])) }];
		}
		case "record.remove": {
			const row = tables[change.table]?.[change.row];
			if (!row) return [];
			const { verb, row: _, parent, ...rest } = change;
			const referred = parent ? { parent: { ...parent, row: lastingName(tables, parent) } } : {};
			const holders = holdersOf(tables, change.row).filter(({ column }) => column !== parent?.column);
			return [{ verb: "record.add", ...rest, ...referred, columns: columnsOf(row), ...(holders.length > 0 ? { holders } : {}) }];
		}
		case "record.discard":
			return [];
	}
}

/** Two rows of one transaction never have the same name in it. */
function symbolOf({ table, columns }: Verb<"record.add">): string {
	return `@n${createHash("sha256")
		.update(JSON.stringify([table, columns]))
		.digest("hex")
		.slice(0, 20)}`;
}

/**
 * A row that others refer to goes when the last one lets go of it; another one has to be destroyed (RFC 7047, 3.2, "isRoot"), and is let go of
 * before: ovsdb-server 3.1 keeps a weak reference in memory where the row that has it changes in the same transaction.
 */
function removals(table: string, parent: RecordParent | undefined): string[][] {
	const letGo = parent ? [["--if-exists", "remove", parent.table, parent.row, parent.column]] : [];
	return ROOTS.includes(table) || !parent ? [...letGo, ["--if-exists", "destroy", table]] : letGo;
}

/** The tables whose rows live without being referred to. */
const ROOTS = ["Logical_Switch", "DNS", "DHCP_Options", "Logical_Router", "Load_Balancer"];

/** Columns with references that do not keep a row alive: they go with it, and a row is made with them only while it is there. */
const WEAK = ["dhcpv4_options"];

/** A row that is made again has another `_uuid`, so one that refers to it is called by its name, where that is no other's too. */
function lastingName(tables: Tables, { table, row }: RecordParent): string {
	const name = tables[table]?.[row]?.["name"];
	const same = Object.values(tables[table] ?? {}).filter((one) => one["name"] === name);
	return typeof name === "string" && name !== "" && same.length === 1 ? name : row;
}

function holdersOf(tables: Tables, row: string): RecordParent[] {
	return Object.entries(tables).flatMap(([table, rows]) =>
		Object.entries(rows).flatMap(([holder, columns]) =>
			WEAK.filter((column) => columns[column] === row).map((column) => ({ table, row: holder, column })),
		),
	);
}

/** Every column that can be written and is not empty, as a change would set it. References are made anew by their own changes. */
function columnsOf(row: Record<string, OvsValue>): Record<string, ColumnValue> {
	const columns: Record<string, ColumnValue> = {};
	for (const [name, value] of Object.entries(row)) {
		const refers = !WEAK.includes(name) && [value].flat().some((item) => UUID.test(String(item)));
		if (name.startsWith("_") || refers) continue;
		if (Array.isArray(value)) {
			if (value.length > 0) columns[name] = value;
		} else if (typeof value === "object") {
			for (const [key, item] of Object.entries(value)) columns[`${name}:${key}`] = item;
		} else columns[name] = value;
	}
	return columns;
}

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;

/** `column` or `column:"key"`, and the value. A reference is no string, and stands without quotes. */
function assignments(columns: Record<string, ColumnValue>): string[] {
	return Object.entries(columns).flatMap(([path, value]) => {
		if (value === undefined) return [];
		const [column, ...key] = path.split(":");
		const refers = WEAK.includes(column!) && UUID.test(String(value));
		return [`${column}${key.length > 0 ? `:${ovsString(key.join(":"))}` : ""}=${refers ? value : ovsValue(value)}`];
	});
}

export function recordCommands(table: string, row: string, columns: Record<string, ColumnValue>): string[][] {
	const set = assignments(columns);
	const commands = Object.entries(columns).flatMap(([path, value]) => {
		if (value !== undefined) return [];
		const [column = "", ...key] = path.split(":");
		return [key.length > 0 ? ["remove", table, row, column, ovsString(key.join(":"))] : ["clear", table, row, column]];
	});
	if (set.length > 0) commands.push(["set", table, row, ...set]);
	return commands;
}

/** The rows of all tables that carry one of these marks. */
export function markedRows(
	tables: Tables,
	marks: readonly string[],
): { table: string; row: string; columns: Record<string, OvsValue> }[] {
	return Object.entries(tables).flatMap(([table, rows]) =>
		Object.entries(rows)
			.filter(([, columns]) =>
				marks.includes((columns["external_ids"] as Record<string, string> | undefined)?.["netplumb"] ?? ""),
			)
			.map(([row, columns]) => ({ table, row, columns })),
	);
}
