// What an attachment that took over an existing pair remembers, on the row of its port.
import type { ColumnValue } from "../host/change";
import type { OvsPort } from "../host/snapshot";

/** On the port row of an adopted attachment: what it was before. */
export const BEFORE = "external_ids:netplumb-before";

export interface Before {
	bridge: string;
	mac: string;
	inside: { mtu: number; up: boolean };
	outside: { mtu: number; up: boolean };
	/** Columns of the port; null: it was empty. */
	columns: Record<string, ColumnValue | null>;
}

/** What others have written on a port: it moves with the port to its new row. */
export function foreignIds(port: OvsPort): Record<string, ColumnValue> {
	const ids = Object.entries((port.columns["external_ids"] ?? {}) as Record<string, string>);
	return Object.fromEntries(
		ids.filter(([key]) => !key.startsWith("netplumb")).map(([key, value]) => [`external_ids:${key}`, value]),
	);
}
