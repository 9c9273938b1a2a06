// An interface whose MTU falls below the least one of IPv6 loses IPv6: its addresses, and its switches, which are the default ones when the MTU
// rises again (addrconf_notify, NETDEV_CHANGEMTU, in net/ipv6/addrconf.c). So IPv6 would be on where it had been switched off.
import { NetplumbError } from "../errors";
import { HOST, type Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { rowMark } from "../host/marks";
import type { Link, Snapshot } from "../host/snapshot";
import { LEAST_IPV6_MTU } from "./addresses";
import type { Bridge } from "./bridges";
import { operation } from "./kind";
import { BEFORE } from "./veth-adoption";
import { planIpv6Off } from "./veth-ends";

/** True when IPv6 comes back to a link with this MTU. */
export function widens(link: Link | undefined, mtu: number): boolean {
	return link !== undefined && link.mtu < LEAST_IPV6_MTU && mtu >= LEAST_IPV6_MTU;
}

/** The host's end of an attachment is down while IPv6 comes back to it and is switched off again. */
export function planWidening(link: Link | undefined, mtu: number): Operation[] {
	if (!link || !widens(link, mtu)) return [];
	const { name } = link;
	return [
		operation({ verb: "link.set", where: HOST, name, mtu, up: false }, `take ${name} down while its MTU becomes ${mtu}`),
		planIpv6Off(name),
	];
}

/** The MTU of a bridge follows the least of its ports, for everybody in it, where nobody has set it. */
export function refuseNarrowing(mtu: number, bridge: Bridge, snapshot: Snapshot): void {
	if (mtu >= LEAST_IPV6_MTU || bridge.mtu < LEAST_IPV6_MTU || isFixed(bridge)) return;
	throw new NetplumbError(
		"conflict",
		`host ${snapshot.hostName}: mtu: found ${mtu}, and the bridge "${bridge.name}" whose MTU of ${bridge.mtu} follows its ports, expected at least ${LEAST_IPV6_MTU}, below which the bridge would lose IPv6; raise it, or declare the mtu of that OvsBridge`,
	);
}

/** Only where it is netplumb's own: what an adopted bridge was set to goes with the adoption. */
function isFixed({ name, ovs }: Bridge): boolean {
	const row = ovs?.bridges[name];
	const own = row !== undefined && rowMark(row.columns) !== undefined && columnAt(row.columns, BEFORE) === undefined;
	return own && columnAt(ovs?.ports[name]?.interface ?? {}, "mtu_request") !== undefined;
}
