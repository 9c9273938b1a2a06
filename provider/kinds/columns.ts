// Comparing OVSDB columns with what is wanted, so that only differences are written.
import { NetplumbError } from "../errors";
import type { ColumnValue } from "../host/change";
import { columnAt } from "../host/inverse";
import type { OvsValue } from "../host/snapshot";

/** The columns whose value is not the wanted one yet. */
export function differing(
	row: Record<string, OvsValue> | undefined,
	wanted: Record<string, ColumnValue>,
): Record<string, ColumnValue> {
	return Object.fromEntries(Object.entries(wanted).filter(([path, value]) => !sameValue(row && columnAt(row, path), value)));
}

/** OVSDB has no order in sets, prints a set of one as its element, and an empty text is no value. */
export function sameValue(a: ColumnValue, b: ColumnValue): boolean {
	return canonical(a) === canonical(b);
}

function canonical(value: ColumnValue): string {
	const items = Array.isArray(value) ? value : value === undefined || value === "" ? [] : [value];
	return JSON.stringify([...items].map(String).sort());
}

/** "tag 10, vlan_mode access": for descriptions. */
export function inWords(columns: Record<string, ColumnValue>): string {
	return Object.entries(columns)
		.filter(([path]) => !path.startsWith("external_ids:"))
		.map(([path, value]) => (value === undefined ? `no ${path}` : `${path} ${Array.isArray(value) ? value.join(",") : value}`))
		.join(", ");
}

/** What a row remembers, as JSON in a key of its external_ids, about the time before netplumb; undefined where it remembers nothing. */
export function remembered<T>(
	row: { name: string; columns: Record<string, OvsValue> },
	path: string,
	hostName: string,
): T | undefined {
	const text = columnAt(row.columns, path);
	if (text === undefined) return undefined;
	try {
		return JSON.parse(String(text)) as T;
	} catch (cause) {
		throw new NetplumbError(
			"unreadable",
			`host ${hostName}: found an ${path} of "${row.name}" that is not what netplumb wrote, expected JSON of what was there before; correct it, or remove it and give the settings back by hand`,
			{ cause },
		);
	}
}
