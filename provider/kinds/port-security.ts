// Port security: what a container may send on its attachment. Flows in the bridge hold it to its MAC address and to the addresses
// that StaticContainerIps declare; what passes goes on to whatever other flows the bridge has, as if ours were not there.
//
// All is done in table 0. A register says how far a packet is, another one whose it is, and each step starts the table anew:
//   0: from the port, link-layer addresses right → 1;  1: source address right → 3, or 2 for neighbour discovery;
//   2: the address that neighbour discovery speaks for right → 3;  3: no flow of ours matches any more.
// What gets no further is dropped. So addresses are flows of their own resource, which know neither the port's number nor the MAC.
//
// Sources: ovs-fields(7); RFC 826 (ARP), 5227 (probes), 4861 and 4862 (ND, DAD), 4291 app. A (link-local address of a MAC),
// 6105 (RA guard), 7610 (DHCPv6 shield).
import { canonicalIp } from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import type { ColumnValue, Operation } from "../host/change";
import { type Flow, flowOwner, flowPort, flowsOf, ownerOf, sameFlows } from "../host/flows";
import { linkAt, portsWithKey } from "../host/index-of";
import { columnAt } from "../host/inverse";
import { linkMark, rowMark } from "../host/marks";
import type { Link, OvsBridge, OvsPort, Snapshot } from "../host/snapshot";
import { clientsOf } from "./clients";
import { operation } from "./kind";

/** On the port row of a guarded attachment: what stands for it in the register. */
export const GUARD = "external_ids:netplumb-guard";
/** On the same row: the addresses of one StaticContainerIp, whose owner ends the key. */
const ADDRESSES = "netplumb-ip-";
export const addressKey = (mark: string): string => `external_ids:${ADDRESSES}${flowOwner(mark)}`;

const STAGE = "reg13";
const WHO = "reg15";
const PASS = `set_field:3->${STAGE},resubmit(,0)`;
const TARGET = `set_field:2->${STAGE},resubmit(,0)`;
const NO_MAC = "00:00:00:00:00:00";

/** The link-local address that the kernel gives an interface with this MAC. */
export function linkLocalOf(mac: string): string {
	const [a, b, c, d, e, f] = mac.split(":").map((part) => Number.parseInt(part, 16)) as [
		number,
		number,
		number,
		number,
		number,
		number,
	];
	const word = (high: number, low: number) => ((high << 8) | low).toString(16);
	return canonicalIp(`fe80::${word(a ^ 2, b)}:${word(c, 0xff)}:${word(0xfe, d)}:${word(e, f)}`)!;
}

/** What the attachment itself says: everything but the addresses. */
export function guardFlows(mark: string, port: string, mac: string): Flow[] {
	const who = flowOwner(mark);
	const at = (priority: number, match: string, act: string) =>
		`priority=${priority},${STAGE}=0,${flowPort(port)}${match && `,${match}`} actions=${act}`;
	const sender = `vlan_tci=0,dl_src=${mac}`;
	const checked = `set_field:0x${who}->${WHO},set_field:1->${STAGE},resubmit(,0)`;
	const step = (stage: number, priority: number, match: string, act: string) =>
		`priority=${priority},${STAGE}=${stage},${WHO}=0x${who}${match && `,${match}`} actions=${act}`;
	const local = linkLocalOf(mac);
	return flowsOf(who, [
		at(65007, "", "drop"),
		at(65008, `${sender},ip`, checked),
		at(65008, `${sender},ipv6`, checked),
		at(65008, `${sender},arp,arp_sha=${mac}`, checked),
		// Only routers advertise and redirect, only servers answer DHCP.
		at(65012, "icmp6,icmp_type=134", "drop"),
		at(65012, "icmp6,icmp_type=137", "drop"),
		at(65012, "udp,tp_src=67", "drop"),
		at(65012, "udp6,tp_src=547", "drop"),
		// A neighbour message whose link-layer option is another one's goes no further; Open vSwitch reads an absent one as zero.
		at(65010, "icmp6,icmp_type=135", "drop"),
		at(65010, "icmp6,icmp_type=136", "drop"),
		...[mac, NO_MAC].flatMap((option) => [
			at(65011, `${sender},icmp6,icmp_type=135,icmp_code=0,nd_sll=${option}`, checked),
			at(65011, `${sender},icmp6,icmp_type=136,icmp_code=0,nd_tll=${option}`, checked),
		]),
		step(1, 65007, "", "drop"),
		step(1, 65008, "arp,arp_op=1,arp_spa=0.0.0.0", PASS),
		step(1, 65008, `ipv6,ipv6_src=${local}`, PASS),
		step(1, 65009, `icmp6,ipv6_src=${local},icmp_type=136`, TARGET),
		// Before it has an address: is it taken (DAD), and which groups it listens to (MLDv2).
		step(1, 65009, "icmp6,ipv6_src=::,icmp_type=135", TARGET),
		step(1, 65009, "icmp6,ipv6_src=::,icmp_type=143", PASS),
		step(2, 65007, "", "drop"),
		...[135, 136].map((type) => step(2, 65008, `icmp6,icmp_type=${type},icmp_code=0,nd_target=${local}`, PASS)),
	]);
}

/** What a StaticContainerIp adds to the attachment `who`. Addresses without prefix lengths. */
export function addressFlows(owner: string, who: string, addresses: readonly string[]): Flow[] {
	const step = (stage: number, priority: number, match: string, act: string) =>
		`priority=${priority},${STAGE}=${stage},${WHO}=0x${who},${match} actions=${act}`;
	return flowsOf(
		owner,
		[...addresses]
			.sort()
			.flatMap((address) =>
				address.includes(":")
					? [
							step(1, 65008, `ipv6,ipv6_src=${address}`, PASS),
							step(1, 65009, `icmp6,ipv6_src=${address},icmp_type=136`, TARGET),
							...[135, 136].map((type) => step(2, 65008, `icmp6,icmp_type=${type},icmp_code=0,nd_target=${address}`, PASS)),
						]
					: [step(1, 65008, `ip,nw_src=${address}`, PASS), step(1, 65008, `arp,arp_spa=${address}`, PASS)],
			),
	);
}

/** The operation that gives an owner exactly these flows in a bridge; none when it is so. */
export function planFlows(bridge: string, owner: string, flows: Flow[], describe: string, snapshot: Snapshot): Operation[] {
	const found = (snapshot.flows?.[bridge] ?? []).filter((flow) => ownerOf(flow) === owner);
	return sameFlows(found, flows) ? [] : [operation({ verb: "flows.set", bridge, owner, flows }, describe)];
}

/** The bridges that have flows of an owner. */
export function bridgesWithFlows(owner: string, snapshot: Snapshot): string[] {
	const flows = Object.entries(snapshot.flows ?? {});
	return flows.flatMap(([bridge, found]) => (found.some((flow) => ownerOf(flow) === owner) ? [bridge] : []));
}

/** The ports that addresses are recorded on. */
export const recordedPorts = portsWithKey(ADDRESSES);

/** The addresses that are recorded on a port, by their owners. */
export function recordedOn(port: OvsPort | undefined): Record<string, string[]> {
	const ids = (port?.columns["external_ids"] ?? {}) as Record<string, string>;
	const found = Object.entries(ids).filter(([key]) => key.startsWith(ADDRESSES));
	return Object.fromEntries(found.map(([key, value]) => [key.slice(ADDRESSES.length), value === "" ? [] : value.split(" ")]));
}

export function recordColumns(recorded: Record<string, string[]>): Record<string, ColumnValue> {
	return Object.fromEntries(
		Object.entries(recorded).map(([owner, list]) => [`external_ids:${ADDRESSES}${owner}`, list.join(" ")]),
	);
}

/** Whether an attachment is guarded: as declared, and where nothing is, in isolated networks. */
export function isGuarded(declared: boolean | undefined, bridge: OvsBridge | undefined): boolean {
	return declared ?? clientsOf(bridge) !== undefined;
}

/** The port of a bridge that carries the other end of a container's interface, where it is one of netplumb's. Throws where an attachment has lost its own. */
export function portBehind(link: Link, snapshot: Snapshot): OvsPort | undefined {
	if (link.kind !== "veth" || typeof snapshot.ovs === "string") return undefined;
	const outside = linkAt(snapshot, link.peerIndex);
	if (outside?.kind !== "veth" || outside.peerIndex !== link.index) return undefined;
	const port = snapshot.ovs.ports[outside.name];
	// Whether it is guarded, and who may send there, is written on the port: the one that comes back would know nothing of what changes now.
	if (!port && outside.master === undefined && linkMark(outside) !== undefined)
		throw new NetplumbError(
			"missing",
			`host ${snapshot.hostName}: interface: found ${link.name} with its other end ${outside.name} in no bridge, expected in that of its VethAttachment; run pulumi up --refresh`,
		);
	return port && rowMark(port.columns) !== undefined ? port : undefined;
}

/** The addresses of a StaticContainerIp as its port knows them; on other ports nothing is written. */
export function planAllowed(
	mark: string,
	port: OvsPort | undefined,
	addresses: readonly string[],
	snapshot: Snapshot,
): Operation[] {
	if (!port || typeof snapshot.ovs === "string") return [];
	const guard = columnAt(port.columns, GUARD);
	const owner = flowOwner(mark);
	const recorded = recordedOn(port)[owner];
	const records = guard !== undefined || clientsOf(snapshot.ovs.bridges[port.bridge]) !== undefined;
	const plain = records ? [...new Set(addresses.map((cidr) => cidr.split("/")[0]!))].sort() : [];
	const value = plain.length > 0 ? plain.join(" ") : undefined;
	const operations: Operation[] = [];
	if (recorded?.join(" ") !== value)
		operations.push(
			operation(
				{ verb: "row.set", table: "Port", row: port.name, columns: { [addressKey(mark)]: value } },
				`record the addresses of port ${port.name}`,
			),
		);
	const flows = guard === undefined ? [] : addressFlows(owner, String(guard), plain);
	operations.push(...planFlows(port.bridge, owner, flows, `hold port ${port.name} to its addresses`, snapshot));
	for (const bridge of bridgesWithFlows(owner, snapshot))
		if (bridge !== port.bridge) operations.push(...planFlows(bridge, owner, [], "forget old addresses", snapshot));
	return operations;
}

/** Forgets the addresses of a StaticContainerIp, wherever they are recorded; the container may be gone. */
export function planForbidden(marks: readonly string[], snapshot: Snapshot): Operation[] {
	return marks.flatMap((mark) => {
		const owner = flowOwner(mark);
		const ports = typeof snapshot.ovs === "string" ? [] : recordedPorts(snapshot.ovs.ports);
		const rows = ports.filter((port) => recordedOn(port)[owner] !== undefined);
		return [
			...bridgesWithFlows(owner, snapshot).flatMap((bridge) =>
				planFlows(bridge, owner, [], `stop to allow addresses in bridge ${bridge}`, snapshot),
			),
			...rows.map((port) =>
				operation(
					{ verb: "row.set", table: "Port", row: port.name, columns: { [addressKey(mark)]: undefined } },
					`forget the addresses of port ${port.name}`,
				),
			),
		];
	});
}

interface Guarding {
	mark: string;
	marks: readonly string[];
	mac: string;
	bridge: OvsBridge;
	name: string;
	/** What the port's row will remember. */
	recorded: Record<string, string[]>;
	guarded: boolean;
}

/** The flows of an attachment and, where they change with it, those of the addresses on it. */
export function planGuard({ mark, marks, mac, bridge, name, recorded, guarded }: Guarding, snapshot: Snapshot): Operation[] {
	const who = flowOwner(mark);
	const owners = [...new Set([...marks.map(flowOwner), ...Object.keys(recorded)])];
	const allowed = Object.entries(recorded).flatMap(([owner, addresses]) => {
		const flows = guarded ? addressFlows(owner, who, addresses) : [];
		return planFlows(bridge.name, owner, flows, `hold port ${name} to its addresses`, snapshot);
	});
	const describe = guarded ? `guard port ${name}` : `end the guard of port ${name}`;
	const guard = planFlows(bridge.name, who, guarded ? guardFlows(mark, name, mac) : [], describe, snapshot);
	// The drops come after what is allowed, and go before it: no packet of an address that is allowed meets them alone.
	const operations = guarded ? [...allowed, ...guard] : [...guard, ...allowed];
	for (const owner of owners)
		for (const other of bridgesWithFlows(owner, snapshot))
			if (other !== bridge.name || (owner !== who && !(owner in recorded)))
				operations.push(...planFlows(other, owner, [], `end the guard of port ${name} in bridge ${other}`, snapshot));
	return operations;
}

/** Takes away what planGuard made, wherever it is. */
export function planUnguard(marks: readonly string[], ports: readonly OvsPort[], snapshot: Snapshot): Operation[] {
	const owners = new Set([...marks.map(flowOwner), ...ports.flatMap((port) => Object.keys(recordedOn(port)))]);
	return [...owners].flatMap((owner) =>
		bridgesWithFlows(owner, snapshot).flatMap((bridge) =>
			planFlows(bridge, owner, [], `end the guard in bridge ${bridge}`, snapshot),
		),
	);
}

/** What stands in the way of a guard on this bridge. */
export function refuseUnguardable(bridge: OvsBridge, snapshot: Snapshot): void {
	const protocols = columnAt(bridge.columns, "protocols");
	const list = [protocols ?? []].flat().map(String);
	if (list.length === 0 || list.some((one) => one === "OpenFlow14" || one === "OpenFlow15")) return;
	throw new NetplumbError(
		"unsupported",
		`host ${snapshot.hostName}: portSecurity: found the protocols ${list.join(", ")} of bridge "${bridge.name}", expected OpenFlow14 among them, whose bundles change flows all at once; add it`,
	);
}
