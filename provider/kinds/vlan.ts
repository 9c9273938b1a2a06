// The VLAN of a port, as the inputs say it and as OVSDB says it (ovs-vswitchd.conf.db(5), table Port, "VLAN Configuration").
import type { ColumnValue } from "../host/change";
import { columnAt } from "../host/inverse";
import type { OvsPort } from "../host/snapshot";
import { integer } from "../validate/index";
import { sameValue } from "./columns";

/** 0 is "no VLAN" and 4095 is reserved (IEEE 802.1Q, 9.6). */
export const tag = integer(1, 4094);

export type Vlan = number | { tag?: number; trunks?: number[]; native?: number } | undefined;

/** Always with an explicit mode: a port without tag and mode would be a trunk of all VLANs. */
export function vlanColumns(vlan: Vlan): Record<"vlan_mode" | "tag" | "trunks", ColumnValue> {
	if (typeof vlan === "number") return { vlan_mode: "access", tag: vlan, trunks: undefined };
	if (!vlan?.trunks) return { vlan_mode: "access", tag: vlan?.tag, trunks: undefined };
	if (vlan.native === undefined) return { vlan_mode: "trunk", tag: undefined, trunks: vlan.trunks };
	// The native VLAN must be among the trunked ones, or its frames are dropped.
	const trunks = vlan.trunks.includes(vlan.native) ? vlan.trunks : [...vlan.trunks, vlan.native];
	return { vlan_mode: "native-untagged", tag: vlan.native, trunks };
}

/** What the row says, in the form the program used where it means the same. */
export function observedVlan(declared: Vlan, port: OvsPort): Vlan {
	const found = Object.fromEntries(["vlan_mode", "tag", "trunks"].map((path) => [path, columnAt(port.columns, path)]));
	const same = Object.entries(vlanColumns(declared)).every(([path, value]) => sameValue(found[path], value));
	if (same) return declared;
	const tag = found["tag"] as number | undefined;
	const trunks = found["trunks"] === undefined ? undefined : ([found["trunks"]].flat() as number[]);
	if (found["vlan_mode"] === "access" && trunks === undefined) return typeof declared === "object" ? { tag } : tag;
	return { ...(trunks ? { trunks } : {}), ...(tag === undefined ? {} : { native: tag }) };
}
