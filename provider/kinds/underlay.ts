// The way from a host to the far end of a tunnel: is there one, can this datapath use it, and how much fits through it.

import { type Encapsulation, overhead } from "../../sdk/addressing/tunnel";
import { NetplumbError } from "../errors";
import type { OvsBridge, Path, Snapshot } from "../host/snapshot";

export interface Underlay {
	path: Path;
	/** The bytes that fit through the tunnel in one packet. */
	mtu: number;
}

/** The MTU inside a tunnel to `remote`, as the host would send now; undefined where it has no way. */
export function mtuInside(encapsulation: Encapsulation, snapshot: Snapshot): number | undefined {
	const path = snapshot.paths?.[encapsulation.remote];
	if (path === undefined || path === "unreachable" || path.local) return undefined;
	return outerMtu(path, snapshot) - overhead(encapsulation);
}

function outerMtu(path: Path, snapshot: Snapshot): number {
	return Math.min(snapshot.host.links[path.dev]?.mtu ?? 1500, path.mtu ?? 65535);
}

/** Throws when frames would be lost without a word. */
export function checkUnderlay(
	encapsulation: Encapsulation & { localIp?: string; mtu?: number },
	before: number | undefined,
	bridge: OvsBridge,
	snapshot: Snapshot,
): void {
	const { remote, localIp } = encapsulation;
	const where = `host ${snapshot.hostName}:`;
	const path = snapshot.paths?.[remote];
	if (path === undefined || path === "unreachable")
		throw new NetplumbError(
			"missing",
			`${where} remote: found no route to ${remote}, expected one; add a route, or correct the address`,
		);
	if (path.local)
		throw new NetplumbError(
			"conflict",
			`${where} remote: found ${remote}, which is an address of this host itself, expected the other host's; correct it`,
		);
	const holder = Object.values(snapshot.host.links).find((link) => link.addresses.some((text) => text.split("/")[0] === localIp));
	if (localIp !== undefined && !holder)
		throw new NetplumbError(
			"missing",
			`${where} localIp: found no interface with ${localIp}, expected one of the host's own addresses; correct it, or leave it out`,
		);
	checkUserspace(bridge, localIp === undefined ? path.dev : holder!.name, snapshot);
	const outer = outerMtu(path, snapshot);
	const wanted = encapsulation.mtu ?? before;
	if (wanted !== undefined && outer - overhead(encapsulation) < wanted)
		throw new NetplumbError(
			"conflict",
			`${where} mtu: found ${wanted}, expected at most ${outer - overhead(encapsulation)}, which is ${outer} of interface "${path.dev}" less ${overhead(encapsulation)} for the encapsulation; raise the MTU of "${path.dev}" and of the network behind it, or declare a smaller mtu`,
		);
}

/** The userspace datapath sends tunnels out itself, through one of its own bridges (OVS, howto/userspace-tunneling). */
function checkUserspace(bridge: OvsBridge, dev: string, snapshot: Snapshot): void {
	const bridges = typeof snapshot.ovs === "object" ? snapshot.ovs.bridges : {};
	const underlay = bridges[dev]?.columns["datapath_type"];
	if (bridge.columns["datapath_type"] !== "netdev" || underlay === "netdev") return;
	throw new NetplumbError(
		"unsupported",
		`host ${snapshot.hostName}: bridge: found "${bridge.name}" with the userspace datapath, and the way to the other host through "${dev}", expected that way through an Open vSwitch bridge with the userspace datapath too, because it sends tunnels itself; put "${dev}" and the host's address on such a bridge, or use the kernel datapath`,
	);
}
