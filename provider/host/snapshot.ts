// What is true on a host at one moment. Read in one round trip (read.ts), reasoned about by pure planners (kinds/).
import type { Firewall, PortHolder } from "./firewall";
import type { Flow } from "./flows";

/** The network stack of one namespace: the host's own, or a container's. */
export interface Namespace {
	links: Record<string, Link>;
	/**
	 * Routes of the main table of a container. Of the host only those of the devices asked for, of all tables, and those to the networks
	 * asked for: a router's own table can be huge.
	 */
	routes: Route[];
	/** `/proc/sys/net/ipv6/conf/<name>/disable_ipv6`, for containers and for the devices asked for. */
	ipv6Disabled: Record<string, boolean>;
	/** `/proc/sys/net/ipv4/conf/<name>/arp_ignore`, for the devices asked for. */
	arpIgnore?: Record<string, string>;
}

export interface Link {
	name: string;
	index: number;
	/** The index of the other end of a veth pair, which lives in the namespace that `peer` does not tell. */
	peerIndex?: number;
	kind: string;
	mac: string;
	mtu: number;
	up: boolean;
	/** The Linux bridge (or other device) that this link is a member of. */
	master?: string;
	alias?: string;
	/** The group, where it has one that is a number without a name. */
	group?: number;
	/** The far end of a tunnel device that carries Ethernet frames; without `remote` it takes them from anybody. */
	tunnel?: { type: "vxlan" | "geneve" | "gre"; port?: number; remote?: string };
	/** Canonical CIDRs with host bits, without link-local ones. */
	addresses: string[];
	/** What `ip address` says beyond the address itself, by CIDR. */
	details?: Record<string, AddressDetail>;
}

export interface AddressDetail {
	/** The words that make it again: `broadcast 192.0.2.255 metric 100`. */
	words: string[];
	/** Why it cannot stand on another link: who gave it goes on looking after it here. */
	bound?: string;
}

export interface Route {
	/** Canonical CIDR; the default routes are 0.0.0.0/0 and ::/0. */
	to: string;
	via?: string;
	dev: string;
	metric: number;
	/** rtnetlink protocol, as `ip route` prints it. */
	protocol: string;
	onlink: boolean;
	source?: string;
	/** Absent for the main table. */
	table?: string;
	/** Words for attributes beyond these: `scope link`, `mtu 1400`. */
	words?: string[];
	/** Why it cannot be written by us. */
	bound?: string;
}

/** How the host would send to an address: the answer of the kernel's own lookup (`ip route get`). */
export interface Path {
	dev: string;
	via?: string;
	/** The address that the host would send from. */
	source?: string;
	/** The MTU of the route itself, where it has one. */
	mtu?: number;
	/** True when the address is the host's own. */
	local: boolean;
}

/** A column value in OVSDB: what `ovs-vsctl --format=json` prints, with sets as arrays and maps as records. */
export type OvsValue = string | number | boolean | (string | number | boolean)[] | Record<string, string>;

export interface OvsBridge {
	name: string;
	ports: string[];
	columns: Record<string, OvsValue>;
	controllers: string[];
}

export interface OvsPort {
	name: string;
	bridge: string;
	columns: Record<string, OvsValue>;
	/** The columns of its one interface (bonds are not ours). */
	interface: Record<string, OvsValue>;
}

export interface Ovs {
	bridges: Record<string, OvsBridge>;
	ports: Record<string, OvsPort>;
	/** True when the kernel datapath's module is loaded; without it only `netdev` bridges can forward. */
	kernelDatapath: boolean;
}

/** A running container, identified so that one start can be told from another. */
export interface RunningContainer {
	id: string;
	name: string;
	pid: number;
	/** Field 22 of /proc/PID/stat: pid and start time together never recur until the next boot (proc(5)). */
	startTime: string;
	/** `bridge`, `none`, `host`, `container:<id>` or a network's name. */
	networkMode: string;
	/** True when it shares the host's own network namespace. */
	sharesHost: boolean;
	namespace: Namespace;
	/** When its namespace was understood, by the clock of Snapshot.readAt; absent where nobody has looked, and the namespace says nothing. */
	toldAt?: number;
}

export interface StoppedContainer {
	id: string;
	name: string;
	/** Docker's word for it: created, exited, paused, dead … */
	status: string;
}

export type Container = RunningContainer | StoppedContainer | "missing";

/** What stands for Open vSwitch on a host that has none. */
export const OVS_ABSENT = "Open vSwitch is not installed (no ovs-vsctl)";

/** What stands for Docker on a host that has none. */
export const DOCKER_ABSENT = "Docker is not installed (no docker command)";

/** A database of OVN or Open vSwitch: the words of the tool that reads and writes it, as `ovn-nbctl --db=tcp:192.0.2.1:6641`. */
export type Database = readonly string[];

/** Rows by table and by their `_uuid`. */
export type Tables = Record<string, Record<string, Record<string, OvsValue>>>;

/** The row that refers to another one, and the column in which it does. */
export interface RecordParent {
	table: string;
	/** Its `_uuid`, its name, or "." for the one row of a table. */
	row: string;
	column: string;
}

export interface Snapshot {
	/** How messages call the host: user@address:port. */
	hostName: string;
	/** Changes with every apply; an apply on an older one is refused by the host and planned again. */
	generation: string;
	/** When all but the containers was told, in milliseconds of a clock that nobody sets. */
	readAt?: number;
	/** True where containers were looked at later than that. Those who were not asked again told what they say at their own time (toldAt). */
	mixed?: true;
	host: Namespace;
	/** A sentence instead of the facts when Open vSwitch does not answer or is not installed. */
	ovs: Ovs | string;
	/** netplumb's own flows by bridge; absent for a bridge whose flows were not asked for, or that does not tell. */
	flows?: Record<string, Flow[]>;
	/** The reason when Docker does not answer; containers are then unknown, not missing. */
	dockerProblem?: string;
	/** The desired states that the host keeps: all of them by name, each with its checksum where it was asked for, else with "". */
	desired?: Record<string, string>;
	/** The agent that looks after them. */
	agent?: { version: number; sum: string };
	/** By the reference that was asked for (id or name); those that were told along by both. */
	containers: Record<string, Container>;
	/** By the address that was asked for; "unreachable" where the host has no route. Absent where no kind asked. */
	paths?: Record<string, Path | "unreachable">;
	/** The networks that were asked for; the routes to exactly these are among the host's. */
	networks?: string[];
	/** Only where somebody asked for it; a sentence when it cannot be known. */
	firewall?: Firewall | string;
	/** Who has which port of the host. Only where somebody asked for it; a sentence when it cannot be known. */
	ports?: PortHolder[] | string;
	/** By the words of each database that was asked for; a sentence where it does not answer. */
	databases?: Record<string, Tables | string>;
	/** What ovn-controller says about its way to the southbound database, or why it says nothing. Only where somebody asked for it. */
	chassis?: string;
	/** The links of the host whose routes and switches were asked for. */
	devices?: string[];
	/** What a change of a dead run was that the host has taken back since, in words. */
	takenBack?: string[];
}

/** What was told a moment ago, and is not asked about again. */
export interface Known {
	snapshot: Snapshot;
	/** Whether it holds for all that is not in a container. */
	outside: boolean;
	/** The containers of which it holds, by the reference that is asked for. */
	told: string[];
}

/** What is read only when a request asks for it. */
export const FACTS = ["firewall", "ports", "chassis"] as const;
export type Fact = (typeof FACTS)[number];

/** What a request has to know about a host, besides what is always read. */
export interface Needs {
	/** Containers, by id or name. */
	containers: string[];
	facts: Fact[];
	/** Addresses to look up in the host's routing, and networks whose routes are needed. */
	destinations: string[];
	/** Links of the host whose routes and switches are needed. */
	devices?: string[];
	/** Databases of OVN that are needed. */
	databases?: Database[];
	/** The desired states whose checksums are needed: what their names end with, or "all". */
	desired?: string[];
}

export function isRunning(container: Container | undefined): container is RunningContainer {
	return typeof container === "object" && "pid" in container;
}
