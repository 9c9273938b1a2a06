// What an isolated network wants of its members' ports: written on the bridge by the network, and followed by its ports.
// Ports that are "protected" exchange no frames with one another, but with all others, the bridge's own port among them
// (ovs-vswitchd.conf.db(5), table Port, "protected").
import type { ColumnValue } from "../host/change";
import { columnAt } from "../host/inverse";
import type { OvsBridge } from "../host/snapshot";

export const CLIENTS = "external_ids:netplumb-clients";
/** The network's VLAN, on its bridge. */
export const NETWORK_VLAN = "external_ids:netplumb-vlan";
/** On the port of a member that says nothing about its VLAN: it follows the network's. */
export const FOLLOWS = "external_ids:netplumb-follows";

/** What the network wrote on its bridge; undefined where the bridge is no isolated network. */
export function clientsOf(bridge: OvsBridge | undefined): ColumnValue {
	return bridge && columnAt(bridge.columns, CLIENTS);
}

/** The VLAN of the network whose bridge it is. */
export function networkVlan(bridge: OvsBridge | undefined): number | undefined {
	const tag = bridge && columnAt(bridge.columns, NETWORK_VLAN);
	return tag === undefined ? undefined : Number(tag);
}

/** The columns of a member's port: none where the bridge is no isolated network. */
export function memberColumns(clients: ColumnValue): Record<string, ColumnValue> {
	return clients === undefined ? {} : { protected: clients === "isolated" };
}
