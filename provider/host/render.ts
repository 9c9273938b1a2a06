// From a change to the words of the tool that makes it, and to its place in the script.
import type { Change } from "./change";
import { HOST } from "./change";
import { ipLine, ovsString, shCommand, shWord } from "./encode";
import { flowLine } from "./flows";
import { recordCommands, renderRecord, type Transaction } from "./records";
import { type Nft, renderFirewall } from "./render-firewall";
import type { Route } from "./snapshot";

/** Seconds that ovs-vsctl may wait for ovs-vswitchd; without a limit it waits for ever (ovs-vsctl(8), --timeout). */
export const OVS_TIMEOUT = 20;

/** The rtnetlink protocol number of our routes: unassigned in iproute2's rt_protos, "N" in ASCII. */
export const ROUTE_PROTOCOL = "78";

/** A default route that is kept for later stands with its own metric in the lower half of this one ("NP" in the upper half). */
export const PARKED = 0x4e500000;

export function isParked(route: Route): boolean {
	return route.metric >= PARKED && route.metric < PARKED + 0x10000;
}

/** Descriptor of the host's own network namespace, open while a script runs. */
const HOST_NAMESPACE = "/proc/self/fd/8";

/** Lines for `ip -batch`. */
export interface IpLines {
	tool: "ip";
	lines: string[];
	/** The interface whose addresses the kernel has to announce meanwhile. */
	announces?: string;
}

export type Rendered = IpLines | { tool: "ovs"; commands: string[][] } | { tool: "sh"; line: string } | Transaction | Nft;

/** @param anew Whether an address or a route must not be there yet; else what is there is replaced. */
export function render(change: Change, anew = false): Rendered {
	const add = anew ? "add" : "replace";
	switch (change.verb) {
		case "link.add":
			return ip(
				[
					...["link", "add", "name", change.name, "address", change.mac, "mtu", String(change.mtu), "type", "veth"],
					...["peer", "name", change.peer.name, "mtu", String(change.peer.mtu), "netns", HOST_NAMESPACE],
				],
				["link", "set", "dev", change.name, "alias", change.alias],
			);
		case "link.delete":
			return ip(["link", "delete", "dev", change.name]);
		case "link.set": {
			const words = ["link", "set", "dev", change.name];
			if (change.mac !== undefined) words.push("address", change.mac);
			if (change.mtu !== undefined) words.push("mtu", String(change.mtu));
			if (change.alias !== undefined) words.push("alias", change.alias);
			if (change.master !== undefined) words.push(...(change.master === null ? ["nomaster"] : ["master", change.master]));
			if (change.group !== undefined) words.push("group", String(change.group));
			if (change.up !== undefined) words.push(change.up ? "up" : "down");
			return ip(words);
		}
		case "address.add":
			return ip(["address", add, change.cidr, ...(change.words ?? addressOptions(change.cidr)), "dev", change.dev]);
		case "address.delete":
			return ip(["address", "delete", change.cidr, "dev", change.dev]);
		case "route.add":
			return ip(["route", add, ...routeWords(change.route)]);
		case "route.delete":
			return ip(["route", "delete", ...routeWords(change.route)]);
		case "announce":
			return announce(change);
		case "sysctl.set":
			return { tool: "sh", line: sysctl(change.path, change.value) };
		case "offload.disable":
			return { tool: "sh", line: `${shCommand(["ethtool", "-K", change.name, "tx", "off"])} >/dev/null` };
		case "bridge.add":
			return { tool: "ovs", commands: [["add-br", change.name]] };
		case "bridge.delete":
			return { tool: "ovs", commands: [["--if-exists", "del-br", change.name]] };
		case "port.add":
			return { tool: "ovs", commands: [["add-port", change.bridge, change.name]] };
		case "port.delete":
			return { tool: "ovs", commands: [["--if-exists", "del-port", change.bridge, change.name]] };
		case "row.set":
			return { tool: "ovs", commands: recordCommands(change.table, change.row, change.columns) };
		case "mtu.release": {
			// Open vSwitch counts the port's own request among what it chooses from, and goes on with the last choice until a port
			// changes (update_mtu in ofproto/ofproto.c): only a request for another MTU makes it choose anew. So two transactions.
			const vsctl = (...words: string[]) => shCommand(["ovs-vsctl", `--timeout=${OVS_TIMEOUT}`, ...words]);
			const request = vsctl("set", "Interface", change.name, `mtu_request=${change.mtu}`);
			return { tool: "sh", line: `${request} && ${vsctl("clear", "Interface", change.name, "mtu_request")}` };
		}
		case "controller.set":
			return {
				tool: "ovs",
				commands: [
					change.targets.length ? ["set-controller", change.bridge, ...change.targets] : ["del-controller", change.bridge],
				],
			};
		case "fdb.flush":
			return {
				tool: "sh",
				line: `${shCommand(["ovs-appctl", `--timeout=${OVS_TIMEOUT}`, "fdb/flush", change.bridge])} >/dev/null`,
			};
		case "flows.set":
			return { tool: "sh", line: flowLine(change) };
		case "record.add":
		case "record.set":
		case "record.remove":
		case "record.discard":
			return renderRecord(change);
		case "chassis.wait":
			return { tool: "sh", line: chassisWait(change.seconds) };
		case "chassis.leave":
			return { tool: "sh", line: chassisLeave(change) };
		case "desired.set":
		case "desired.remove":
			throw new Error("files of the host are written by heal/memory.ts");
		default:
			return renderFirewall(change);
	}
}

const CONNECTION = "ovn-appctl --timeout=5 -t ovn-controller connection-status 2>&1";

/** ovn-controller makes its row and its ports anew as long as it is connected. */
function chassisLeave({ row, bridge, ports, ids, datapath, forget }: Extract<Change, { verb: "chassis.leave" }>): string {
	const commands = [
		...ports.map((port) => ["--if-exists", "del-port", port]),
		...ids.map((id) => ["remove", "Bridge", bridge, "external_ids", ovsString(id)]),
		...(datapath === undefined ? [] : [["set", "Bridge", bridge, `datapath_type=${ovsString(datapath)}`]]),
		["remove", "Open_vSwitch", row, "external_ids", "netplumb", "netplumb-before"],
	].flatMap((command) => ["--", ...command]);
	const tidy = shCommand(["ovs-vsctl", `--timeout=${OVS_TIMEOUT}`, ...commands]);
	if (!forget) return tidy;
	const apart = `i=0; while [ "$(${CONNECTION})" = connected ] && [ $((i += 1)) -le 25 ]; do sleep 0.2; done`;
	const southbound = [...forget.database, "--timeout=5"];
	const named = shCommand([
		...southbound,
		"--bare",
		"--columns=chassis_name",
		"find",
		"Encap",
		`ip=${ovsString(forget.encapIp)}`,
	]);
	const remove = `${shCommand([...southbound, "--if-exists", "chassis-del"])} "$chassis"`;
	// Twice at most: nobody comes back for a row that stays.
	const gone = `while read -r chassis; do [ -z "$chassis" ] || ${remove} || ${remove}; done`;
	return `${apart}; { printf '%s\\n' ${shWord(forget.name)}; ${named}; } 2>/dev/null | sort -u | ${gone} >/dev/null 2>&1 || :; ${tidy}`;
}

function chassisWait(seconds: number): string {
	const failed = `{ printf 'ovn-controller is %s after ${seconds} s\\n' "$said" >&2; false; }`;
	return `sleep 0.3; i=0; until said=$(${CONNECTION}) && [ "$said" = connected ]; do [ $((i += 1)) -le ${seconds * 5} ] || break; sleep 0.2; done; [ "$said" = connected ] || ${failed}`;
}

function ip(...lines: string[][]): IpLines {
	return { tool: "ip", lines: lines.map(ipLine) };
}

/** No duplicate address detection: a declared address is usable at once. The broadcast address is what Docker sets too. */
function addressOptions(cidr: string): string[] {
	if (cidr.includes(":")) return ["nodad"];
	return Number(cidr.split("/")[1]) <= 30 ? ["broadcast", "+"] : [];
}

// In one `ip -batch`, a name after a number is read as that number: rtnl_rtprot_a2n (lib/rt_names.c) remembers the last name, and
// overwrites what it stands for. So names become numbers (linux/rtnetlink.h, RTPROT_*).
const PROTOCOLS: Record<string, string> = {
	...{ redirect: "1", kernel: "2", boot: "3", static: "4", gated: "8", ra: "9", mrt: "10", zebra: "11", bird: "12" },
	...{ dnrouted: "13", xorp: "14", ntk: "15", dhcp: "16", keepalived: "18", babel: "42", bgp: "186", isis: "187" },
	...{ ospf: "188", rip: "189", eigrp: "192" },
};

function routeWords(route: Route): string[] {
	return [
		route.to,
		...(route.via === undefined ? [] : ["via", route.via]),
		...["dev", route.dev, "metric", String(route.metric), "proto", PROTOCOLS[route.protocol] ?? route.protocol],
		...(route.source === undefined ? [] : ["src", route.source]),
		...(route.onlink ? ["onlink"] : []),
		...(route.table === undefined ? [] : ["table", route.table]),
		...(route.words ?? []),
	];
}

function sysctlFile(path: string[]): string {
	const unsafe = path.some((part) => part.includes("/") || part === "." || part === "..");
	if (unsafe) throw new Error(`not a sysctl: ${path.join("/")}`);
	return shWord(`/proc/sys/net/${path.join("/")}`);
}

function sysctl(path: string[], value: string): string {
	const file = sysctlFile(path);
	return `{ [ ! -e ${file} ] || printf %s ${shWord(value)} >${file}; }`;
}

function macWord({ dev, mac }: { dev: string; mac?: string }): string {
	if (mac !== undefined) return shWord(mac);
	return `"$(${shCommand(["ip", "-o", "link", "show", "dev", dev])} | sed -n 's/.*link.ether \\([0-9a-f:]*\\).*/\\1/p')"`;
}

/**
 * With arp_notify and ndisc_notify set, the kernel announces all addresses when the MAC is set, even to the same value
 * (ip-sysctl.rst). No tool inside or outside the container is needed.
 */
function announce({ dev, mac, optional }: Extract<Change, { verb: "announce" }>): Rendered {
	if (mac !== undefined && !optional) return { ...ip(["link", "set", "dev", dev, "address", mac]), announces: dev };
	// The driver of a card that is up may refuse its own address again (eth_prepare_mac_addr_change in net/ethernet/eth.c).
	const set = `${shCommand(["ip", "link", "set", "dev", dev, "address"])} ${macWord({ dev, mac })}${optional ? " || :" : ""}`;
	return { tool: "sh", line: `${notifyOn(dev)} && { ${set}; } && ${notifyBack(dev)}` };
}

const NOTIFY = [
	["ipv4", "arp_notify", "arp"],
	["ipv6", "ndisc_notify", "ndisc"],
] as const;

/** Sets the switches to 1 and remembers in shell variables, which end in `nth`, what they were. */
export function notifyOn(dev: string, nth = 0): string {
	// A sysctl file gives one byte to a shell that reads byte by byte, and then its end: read fails, but has the value.
	const forget = NOTIFY.map(([, , name]) => `${name}${nth}=`).join(" ");
	return `{ ${forget}; ${notify(dev, (file, name) => `{ read -r ${name}${nth} <${file}; printf 1 >${file}; }`)}; }`;
}

/** Sets those that were set back to what they were. */
export function notifyBack(dev: string, nth = 0): string {
	return `{ ${notify(dev, (file, name) => `[ -z "$${name}${nth}" ] || printf %s "$${name}${nth}" >${file}`)}; }`;
}

function notify(dev: string, act: (file: string, name: string) => string): string {
	const lines = NOTIFY.map(([family, key, name]) => {
		const file = sysctlFile([family, "conf", dev, key]);
		return `{ [ ! -e ${file} ] || ${act(file, name)}; }`;
	});
	return lines.join(" && ");
}

/**
 * The order of a script. Taking down comes before building up; inside a container what must be gone goes first and what
 * needs the bridge port comes last. Within one stage all work of one place is one process where the tool allows it.
 */
export enum Stage {
	ContainerTeardown,
	HostTeardown,
	ContainerLinks,
	HostBuild,
	ContainerBuild,
}

const rank: Record<Change["verb"], [teardown: boolean, order: number]> = {
	"route.delete": [true, 0],
	"address.delete": [true, 1],
	"port.delete": [true, 2],
	"bridge.delete": [true, 3],
	"link.delete": [true, 4],
	"docker-user.delete": [true, 5],
	// One nft transaction for the whole script, before there is anything new that it could leave open.
	"element.delete": [false, 0],
	"ruleset.delete": [false, 1],
	"ruleset.write": [false, 2],
	"element.add": [false, 3],
	"docker-user.add": [false, 4],
	"link.add": [false, 5],
	"bridge.add": [false, 6],
	"port.add": [false, 7],
	// Before the row that remembers what the MTU was, and not between a new row and its mark: they are one transaction.
	"mtu.release": [false, 5],
	"row.set": [false, 9],
	"controller.set": [false, 9],
	// When its port is there and not up yet; what is forbidden is so when the port is gone.
	"flows.set": [false, 10],
	"fdb.flush": [false, 10],
	"offload.disable": [false, 10],
	"sysctl.set": [false, 11],
	"link.set": [false, 12],
	"address.add": [false, 13],
	"route.add": [false, 14],
	announce: [false, 15],
	"conntrack.flush": [false, 16],
	// All in one transaction, removals too: what takes the place of a rule comes with its end.
	"record.add": [false, 17],
	"record.set": [false, 17],
	"record.remove": [false, 17],
	"record.discard": [false, 17],
	"chassis.wait": [false, 18],
	"chassis.leave": [false, 18],
	"desired.set": [false, 19],
	"desired.remove": [true, 5],
};

function ranked(change: Change): [teardown: boolean, order: number] {
	// A default route is parked before it is taken away, and a parked one goes only when the route that it stands for is back.
	if (change.verb === "route.add" && isParked(change.route)) return [true, -1];
	if (change.verb === "route.delete" && isParked(change.route)) return [false, 16];
	// Out of a Linux bridge before it can go into another one; down before the port, which remembers that it was down, is gone.
	if (change.verb === "link.set" && (change.master === null || change.up === false)) return [true, 1];
	// Loopback addresses are routed only while the guard in front of them stands, and what the switch was is written down.
	if (change.verb === "sysctl.set" && change.path.at(-1) === "route_localnet")
		return change.value === "0" ? [true, 5] : [false, 14];
	// In a container, the mark on the interface says that IPv6 was off: it stands before that is changed, and until it is changed back.
	if (change.verb === "sysctl.set" && change.path.at(-1) === "disable_ipv6" && change.value === "0" && change.where !== HOST)
		return [false, 12.5];
	// The port in the bridge comes later still (Stage): what makes the interface and what brings it up stay one process.
	if (change.verb === "offload.disable" && change.where !== HOST) return [false, 12.6];
	if (change.verb === "flows.set" && change.flows.length === 0) return [true, 2.5];
	// One transaction with the rows of bridges: what a chassis changes of br-int, and what it remembers of that.
	// The keys to the far databases come before their address.
	if (change.verb === "record.set" && change.table === "Open_vSwitch") return rank["row.set"];
	if ((change.verb === "record.add" || change.verb === "record.remove") && change.database[0] === "ovs-vsctl")
		return [false, 8.9];
	return rank[change.verb];
}

export function placeOf(change: Change): { stage: Stage; where: string; order: number } {
	const [teardown, order] = ranked(change);
	const where = "where" in change ? change.where : HOST;
	if (where === HOST) return { stage: teardown ? Stage.HostTeardown : Stage.HostBuild, where, order };
	if (teardown) return { stage: Stage.ContainerTeardown, where, order };
	const beforeBridge = ["link.add", "offload.disable", "sysctl.set", "link.set"].includes(change.verb);
	return { stage: beforeBridge ? Stage.ContainerLinks : Stage.ContainerBuild, where, order };
}
