// The vocabulary of changes on a host. Planners speak it; render.ts turns it into tool words, inverse.ts into its undo,
// and the model host of the tests into a new snapshot. A new verb belongs in all three.
import { type Element, elementId, type Family } from "./firewall";
import type { Flow } from "./flows";
import { SETS } from "./ruleset";
import type { Database, RecordParent, Route } from "./snapshot";

/** "host", or the 64-hex id of a running container. */
export type Where = string;
export const HOST: Where = "host";

/** `undefined` clears the column or removes the key. */
export type ColumnValue = string | number | boolean | (string | number | boolean)[] | undefined;

export type Change =
	/** A veth pair: one end in the container, the other on the host. Name, MAC and MTU are given at birth, before udev can see it. */
	| { verb: "link.add"; where: Where; name: string; mac: string; mtu: number; alias: string; peer: { name: string; mtu: number } }
	| { verb: "link.delete"; where: Where; name: string }
	| {
			verb: "link.set";
			where: Where;
			name: string;
			mtu?: number;
			mac?: string;
			alias?: string;
			up?: boolean;
			/** A Linux bridge; null takes the link out of its bridge. */
			master?: string | null;
			/** The group of the link (ip-link(8)), which rules of the firewall can ask for. */
			group?: number;
	  }
	/** Transmit checksum offload, which a userspace datapath cannot complete (ethtool -K tx). */
	| { verb: "offload.disable"; where: Where; name: string }
	/** `words` stand in the place of the usual ones: `broadcast 192.0.2.255 metric 100`. */
	| { verb: "address.add"; where: Where; dev: string; cidr: string; words?: string[] }
	/** `announce`: the MAC that neighbours are told again when the deletion is taken back. */
	| { verb: "address.delete"; where: Where; dev: string; cidr: string; announce?: string }
	/** Adds or replaces: the kernel keys a route by destination and metric. */
	| { verb: "route.add"; where: Where; route: Route }
	| { verb: "route.delete"; where: Where; route: Route }
	/** A file below /proc/sys/net; skipped where the kernel has no such file. */
	| { verb: "sysctl.set"; where: Where; path: string[]; value: string }
	/** Tells the neighbours where an address now lives (gratuitous ARP, unsolicited NA), sent by the kernel. A card may refuse it. Without `mac`: the one it has. */
	| { verb: "announce"; where: Where; dev: string; mac?: string; optional?: true }
	| { verb: "bridge.add"; name: string }
	| { verb: "bridge.delete"; name: string }
	| { verb: "port.add"; bridge: string; name: string }
	| { verb: "port.delete"; bridge: string; name: string }
	/** Columns of one row; "column:key" is one key of a map column. */
	| { verb: "row.set"; table: "Bridge" | "Port" | "Interface"; row: string; columns: Record<string, ColumnValue> }
	/** Takes the MTU request off a bridge's own port, whose MTU then is `mtu` and follows the other ports. */
	| { verb: "mtu.release"; name: string; mtu: number }
	| { verb: "controller.set"; bridge: string; targets: string[] }
	/** Forgets at which ports a bridge has seen MAC addresses: the next frame to one of them goes to all ports. */
	| { verb: "fdb.flush"; bridge: string }
	/** The flows of one owner in a bridge, all of them at once; none takes them away. */
	| { verb: "flows.set"; bridge: string; owner: string; flows: Flow[] }
	/** The table `inet netplumb` as it shall be, whatever is there of it; `chains` are the ones that it has. Elements stay. */
	| { verb: "ruleset.write"; chains: string[] }
	| { verb: "ruleset.delete" }
	/** All changes of elements in one script are one transaction. A port whose element comes or goes loses its connections. */
	| { verb: "element.add"; element: Element }
	| { verb: "element.delete"; element: Element }
	/** The one rule in DOCKER-USER: what our own table approved of may be forwarded. */
	| { verb: "docker-user.add"; family: Family; tool: string }
	| { verb: "docker-user.delete"; family: Family; tool: string }
	/** Ends tracked connections by the source or destination that they began with: an address or a network. */
	| { verb: "conntrack.flush"; family: Family; source?: string; destination?: string }
	/** A row of a database of OVN, and the reference to it. Its columns hold the owner mark. */
	| {
			verb: "record.add";
			database: Database;
			table: string;
			columns: Record<string, ColumnValue>;
			parent?: RecordParent;
			/** Other rows that refer to it, and lose their reference with it. */
			holders?: RecordParent[];
	  }
	| { verb: "record.set"; database: Database; table: string; row: string; columns: Record<string, ColumnValue> }
	| { verb: "record.remove"; database: Database; table: string; row: string; parent?: RecordParent }
	/** The undo of record.add: a new row is known by its marks only. */
	| { verb: "record.discard"; database: Database; table: string; marks: Record<string, ColumnValue>; parent?: RecordParent }
	/** Waits until ovn-controller has reached the southbound database, and fails when it does not. */
	| { verb: "chassis.wait"; seconds: number }
	/**
	 * What ovn-controller leaves behind when it has lost its settings: its row in the southbound database (`forget`), where that can be
	 * reached, its tunnel ports, and what it set on its bridge. Last of all the owner mark goes from Open vSwitch's own row.
	 */
	| {
			verb: "chassis.leave";
			row: string;
			bridge: string;
			ports: string[];
			/** Keys of the bridge's external_ids. */
			ids: string[];
			datapath?: string;
			/** Its rows there are those with this name, or with this address for tunnels, which one chassis alone has (ovn-sb(5), "Encap"). */
			forget?: { database: Database; name: string; encapIp: string };
	  }
	/** What the host itself keeps of a resource, to make it again (heal/desired.ts). Not for planners: the lifecycle adds it. */
	| { verb: "desired.set"; name: string; text: string }
	| { verb: "desired.remove"; name: string };

/** One change on a host, with the words for people: `adds port v1 to bridge br0`. */
export interface Operation {
	change: Change;
	describe: string;
	/** It can cut the way to the host: its request is applied alone, under the guard (guard.ts). */
	risk?: "ssh-path";
}

/** Two tunnels to one far end may be one tunnel to Open vSwitch: the second is planned when the first can be seen. */
function farEnd({ columns }: Extract<Change, { verb: "row.set" }>): string[] {
	const remote = columns["options:remote_ip"];
	return remote === undefined ? [] : [`tunnel/${remote}`];
}

/** The physical objects that a change touches. Two requests that touch the same object are not put into one script. */
export function touches(change: Change): string[] {
	switch (change.verb) {
		case "link.add":
			return [`${change.where}/${change.name}`, `host/${change.peer.name}`];
		case "link.delete":
		case "link.set":
		case "offload.disable":
			return [`${change.where}/${change.name}`];
		case "address.add":
		case "address.delete":
			return [`${change.where}/${change.dev}`, `${change.where}/address/${change.cidr.split("/")[0]}`];
		case "announce":
			return [`${change.where}/${change.dev}`];
		case "route.add":
		case "route.delete":
			return [`${change.where}/${change.route.to}`, `${change.where}/${change.route.dev}`];
		case "sysctl.set":
			return [`${change.where}/${change.path.join("/")}`];
		case "bridge.add":
		case "bridge.delete":
		case "mtu.release":
			return [`host/${change.name}`];
		case "port.add":
		case "port.delete":
			return [`host/${change.name}`];
		case "row.set":
			return [`host/${change.row}`, ...farEnd(change)];
		case "controller.set":
			return [`host/${change.bridge}`];
		case "flows.set":
			return [`flows/${change.bridge}/${change.owner}`];
		case "ruleset.write":
		case "ruleset.delete":
			return ["nft"];
		case "element.add":
		case "element.delete":
			return [`nft/${elementId(change.element)}`, ...publishedPorts(change.element), ...isolated(change.element)];
		case "docker-user.add":
		case "docker-user.delete":
			return [`nft/docker-user/${change.family}`];
		case "fdb.flush":
		case "conntrack.flush":
			return [];
		case "record.add":
			return [
				...(change.columns["name"] === undefined
					? []
					: [`record/${change.table.replace(/.*_Port$/, "port")}/${change.columns["name"]}`]),
				...(change.holders ?? []).map(({ row }) => `record/${row}`),
			];
		case "record.discard":
			return [];
		case "record.set":
		case "record.remove":
			return [`record/${change.row}`];
		case "chassis.wait":
		case "chassis.leave":
			return ["chassis"];
		case "desired.set":
		case "desired.remove":
			return [`desired/${change.name}`];
	}
}

/** The host's ports that an element publishes, one by one: two requests for one port must see each other, be it in ranges. */
function publishedPorts({ set, key }: Element): string[] {
	const { publishes, family } = SETS[set] ?? {};
	const [first = 0, last = first] = (key.at(-1) ?? "").split("-").map(Number);
	if (!publishes) return [];
	return Array.from({ length: last - first + 1 }, (_, index) => `port/${publishes}${family}/${first + index}`);
}

/** Whether the subnets of two networks overlap is seen only by the one that is planned when the other is there. */
function isolated({ set }: Element): string[] {
	return set.startsWith("net-source") ? ["subnets"] : [];
}
