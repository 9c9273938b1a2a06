// Whether the members of an isolated network see each other: written on the bridge by the network, and followed by its ports.
// Ports that are "protected" exchange no frames with one another, but with all others, the bridge's own port among them
// (ovs-vswitchd.conf.db(5), table Port, "protected").
import type { ColumnValue } from "../host/change";
import { columnAt } from "../host/inverse";
import type { OvsBridge } from "../host/snapshot";

export const CLIENTS = "external_ids:netplumb-clients";

/** What the network wrote on its bridge; undefined where the bridge is no isolated network. */
export function clientsOf(bridge: OvsBridge | undefined): ColumnValue {
	return bridge && columnAt(bridge.columns, CLIENTS);
}

/** The columns of a member's port: none where the bridge is no isolated network. */
export function memberColumns(clients: ColumnValue): Record<string, ColumnValue> {
	return clients === undefined ? {} : { protected: clients === "isolated" };
}
