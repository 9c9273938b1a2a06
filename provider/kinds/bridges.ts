// The bridge that an attachment names: Open vSwitch or Linux.
import { NetplumbError } from "../errors";
import type { Ovs, Snapshot } from "../host/snapshot";
import { ovsTells } from "./facts";

export interface Bridge {
	name: string;
	mtu: number;
	/** Undefined for a Linux bridge. */
	ovs?: Ovs;
	/** True for Open vSwitch's userspace datapath, which needs checksums that are complete. */
	userspace: boolean;
}

export function findBridge(snapshot: Snapshot, name: string, vlan: boolean): Bridge {
	const link = snapshot.host.links[name];
	const ovs = typeof snapshot.ovs === "object" ? snapshot.ovs : undefined;
	const found = ovs?.bridges[name];
	const where = `host ${snapshot.hostName}: bridge:`;
	if (ovs && found) return { name, mtu: link?.mtu ?? 1500, ovs, userspace: found.columns["datapath_type"] === "netdev" };
	if (!link) {
		const why = typeof snapshot.ovs === "string" ? ` (${snapshot.ovs})` : "";
		throw new NetplumbError(
			"missing",
			`${where} found no bridge "${name}"${why}, expected an Open vSwitch or Linux bridge; make it first, for example with OvsBridge`,
		);
	}
	// The links of Open vSwitch's bridges stay while its database is silent.
	if (link.kind !== "bridge") ovsTells(snapshot);
	if (link.kind !== "bridge")
		throw new NetplumbError(
			"conflict",
			`${where} found "${name}", which is ${link.kind === "" ? "a network card" : `a ${link.kind} device`}, expected a bridge; correct the name`,
		);
	if (vlan)
		throw new NetplumbError(
			"unsupported",
			`host ${snapshot.hostName}: vlan: found the Linux bridge "${name}", expected an Open vSwitch bridge; VLANs need an OvsBridge`,
		);
	return { name, mtu: link.mtu, userspace: false };
}
