// What is true of a host's firewall at one moment: netplumb's own nftables table, and what around it matters to netplumb.

export type Family = 4 | 6;

/** What stands for the firewall on a host without nftables. */
export const NFT_ABSENT = "nftables is not installed (no nft command)";

/** An element of a set or map of `inet netplumb`. */
export interface Element {
	set: string;
	/** One word for each field: an address, a network, a port, a range `8000-8999`, an interface's name. */
	key: string[];
	/** What a map leads to. */
	value?: string[];
	/** The owner mark, in the form of marks.ts. */
	comment: string;
}

/** The table `inet netplumb`. */
export interface Table {
	elements: Element[];
	/** By name: type, hook and priority of a base chain ("" for others), and the comments of its rules in order. */
	chains: Record<string, { hook: string; rules: string[] }>;
	/** Names of sets and maps. */
	sets: string[];
}

/** Docker's chain for the rules of others, in one family, and what around it drops. */
export interface DockerUser {
	/** The iptables command of the variant that dockerd uses. */
	tool: string;
	/** True when the policy of FORWARD is DROP. */
	forwardDrops: boolean;
	/** The bridges to which Docker's own chains drop what they do not know. */
	dropsTo: string[];
	/** True when netplumb's rule is in DOCKER-USER. */
	accepts: boolean;
}

export interface Firewall {
	/** Absent when there is no such table. */
	table?: Table;
	/** By family; absent where Docker has no chain DOCKER-USER. */
	docker: { 4?: DockerUser; 6?: DockerUser };
	/** `/proc/sys/net/ipv4/conf/<name>/route_localnet` of the host. */
	routeLocalnet: Record<string, boolean>;
	/** Whether the host forwards packets at all (`net.ipv4.ip_forward`, `net.ipv6.conf.all.forwarding`). */
	forwarding?: { 4: boolean; 6: boolean };
	/** True when the command conntrack is there. */
	conntrack: boolean;
}

/** Somebody who has a port of the host. */
export interface PortHolder {
	protocol: string;
	/** Undefined: every address of `family`. */
	address?: string;
	/** Undefined: both families. */
	family?: Family;
	first: number;
	last: number;
	/** For people: `the listener sshd`, `Docker's container web`. */
	name: string;
}

/** An element's identity: no two elements of a set have the same key. */
export function elementId(element: Pick<Element, "set" | "key">): string {
	return `${element.set} ${element.key.join(" . ")}`;
}
