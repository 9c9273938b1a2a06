// Comparing OVSDB columns with what is wanted, so that only differences are written.
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
