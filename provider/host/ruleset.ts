// The table `inet netplumb`: the same chains, sets and rules on every host. What differs from host to host are elements, so the
// number of rules does not grow. Only constant text is here; data enters as elements, through encode.ts.
//
// Sources: nft(8); netfilter hook priorities in linux/netfilter_ipv4.h (raw -300, dstnat -100, filter 0, srcnat 100).
import { createHash } from "node:crypto";
import type { Family } from "./firewall";
import { ISOLATION_APPROVED, ISOLATION_SETS, isolationChains } from "./ruleset-isolation";
import { TUNNEL_CHAINS, TUNNEL_SETS } from "./ruleset-tunnels";

export const TABLE = "inet netplumb";

/** The bit of a packet's mark that is set between our own two forward chains, where DOCKER-USER looks at it. */
export const ACCEPT_MARK = "0x20000000";
const KEEP_MARK = "0xdfffffff";

export const PROTOCOLS = ["tcp", "udp", "sctp"] as const;
export type Protocol = (typeof PROTOCOLS)[number];
const FAMILIES: Family[] = [4, 6];

export interface SetDeclaration {
	/** The types of the fields of a key, in nft's words. */
	key: string[];
	/** The types of what a map leads to. */
	value?: string[];
	/** The one family that the set is about. */
	family?: Family;
	/** For published ports: whose connections end when an element comes or goes. Address and port are the last fields of its key. */
	publishes?: Protocol;
	/** For packets to the host itself: DOCKER-USER, which sees forwarded ones, has nothing to do with it. */
	local?: boolean;
}

export interface Chain {
	/** Empty for a chain that others jump to. */
	hook: string;
	rules: string[];
}

const address = (family: Family) => (family === 4 ? "ipv4_addr" : "ipv6_addr");
const ip = (family: Family) => (family === 4 ? "ip" : "ip6");

/** What a protocol and family need: the published ports, who may use them, and who is masqueraded. */
function publishSets(protocol: Protocol, family: Family): Record<string, SetDeclaration> {
	const name = `${protocol}${family}`;
	const port = [address(family), "inet_service"];
	return {
		// The host's address and port lead to the target: with the same port, which a range keeps, or with another one.
		[name]: { key: port, value: [address(family)], family, publishes: protocol },
		[`${name}-port`]: { key: port, value: port, family, publishes: protocol },
		[`${name}-from`]: { key: [address(family), ...port], family, publishes: protocol },
		[`${name}-hairpin`]: { key: [address(family), ...port], family },
	};
}

const each = <T>(make: (protocol: Protocol, family: Family) => T): T[] =>
	FAMILIES.flatMap((family) => PROTOCOLS.map((protocol) => make(protocol, family)));

/** From and to which networks packets are forwarded by static routes, each in both directions. */
const ROUTED_SETS: Record<string, SetDeclaration> = Object.fromEntries(
	FAMILIES.map((family) => [`routed${family}`, { key: [address(family), address(family)], family }]),
);

export const SETS: Record<string, SetDeclaration> = Object.assign(
	{ localhost: { key: ["inet_proto", "inet_service"], family: 4 as Family } },
	ISOLATION_SETS,
	TUNNEL_SETS,
	ROUTED_SETS,
	...each(publishSets),
);

/** How a packet of a connection that came in through a published port looks, in both directions. */
const published = (set: "from" | "hairpin") =>
	each(
		(protocol, family) =>
			`meta l4proto ${protocol} ct original ${ip(family)} saddr . ct original ${ip(family)} daddr . ct original proto-dst @${protocol}${family}-${set}`,
	);

/** Forwarded packets that a DOCKER-USER chain shall let pass: conditions, each a line. */
const APPROVED: string[] = [
	...published("from").map((condition) => `ct status dnat ${condition}`),
	...ISOLATION_APPROVED,
	...FAMILIES.map((family) => `${ip(family)} saddr . ${ip(family)} daddr @routed${family}`),
];

const CHAINS: Record<string, Chain> = {
	// Nothing from outside reaches the host's loopback addresses, be route_localnet on for a bridge (CVE-2020-8558).
	"guard-loopback": {
		hook: "type filter hook prerouting priority -300; policy accept;",
		rules: ['iifname != "lo" ip daddr 127.0.0.0/8 drop', 'iifname != "lo" ip saddr 127.0.0.0/8 drop'],
	},
	// Only what is sent to the host itself; a packet on its way through keeps its destination (GHSA-jv3w-x3r3-g6rm).
	publish: {
		hook: "type nat hook prerouting priority -101; policy accept;",
		rules: [
			"ip daddr 127.0.0.0/8 accept",
			"ip6 daddr ::1 accept",
			"fib daddr type != local accept",
			...each((protocol, family) => {
				const key = `${ip(family)} saddr . ${ip(family)} daddr . ${protocol} dport`;
				return `${key} @${protocol}${family}-from goto ${protocol}${family}-target`;
			}),
		],
	},
	"publish-here": {
		hook: "type nat hook output priority -101; policy accept;",
		rules: [
			"ip daddr 127.0.0.0/8 meta l4proto . th dport != @localhost accept",
			"ip6 daddr ::1 accept",
			"fib daddr type != local accept",
			...each((protocol, family) => `meta nfproto ipv${family} meta l4proto ${protocol} goto ${protocol}${family}-target`),
		],
	},
	...Object.fromEntries(
		each((protocol, family) => {
			const target = `dnat ${ip(family)} to ${ip(family)} daddr . ${protocol} dport map @${protocol}${family}`;
			return [`${protocol}${family}-target`, { hook: "", rules: [target, `${target}-port`] }];
		}),
	),
	// A client in the target's own network would get the answer straight from the target, and not know it; the host's own
	// loopback address means nothing to a container.
	hairpin: {
		hook: "type nat hook postrouting priority 99; policy accept;",
		rules: [
			"ct status ! dnat accept",
			'oifname != "lo" ip saddr 127.0.0.0/8 masquerade',
			...published("hairpin").map((condition) => `${condition} masquerade`),
		],
	},
	...isolationChains(published("from")),
	...TUNNEL_CHAINS,
	approve: {
		hook: "type filter hook forward priority -1; policy accept;",
		rules: APPROVED.map((condition) => `${condition} meta mark set meta mark | ${ACCEPT_MARK}`),
	},
	"approve-end": {
		hook: "type filter hook forward priority 1; policy accept;",
		rules: APPROVED.map((condition) => `${condition} meta mark set meta mark & ${KEEP_MARK}`),
	},
};

/** Every rule carries it, so that a rule that is missing, foreign or of another version is seen. */
export const RULE_COMMENT = `netplumb ${createHash("sha256")
	.update(JSON.stringify([SETS, CHAINS]))
	.digest("hex")
	.slice(0, 8)}`;

/** Base chains as `nft -j` tells them, and the comments of their rules. */
export function expectedChains(): Record<string, { hook: string; rules: string[] }> {
	return Object.fromEntries(
		Object.entries(CHAINS).map(([name, { hook, rules }]) => {
			const words = /^type (\S+) hook (\S+) priority (\S+);/.exec(hook)?.slice(1) ?? [];
			return [name, { hook: words.join(" "), rules: rules.map(() => RULE_COMMENT) }];
		}),
	);
}

/** Makes the table as it shall be, whatever is there of it; elements stay. */
export function writeLines(present: readonly string[] = []): string[] {
	const odd = present.find((name) => !/^[A-Za-z][A-Za-z0-9_./-]*$/.test(name));
	if (odd !== undefined) throw new Error(`not a chain's name: ${JSON.stringify(odd)}`);
	const sets = Object.entries(SETS).map(([name, { key, value }]) => {
		const type = `${key.join(" . ")}${value ? ` : ${value.join(" . ")}` : ""}`;
		return `add ${value ? "map" : "set"} ${TABLE} ${name} { type ${type}; flags interval; }`;
	});
	const chains = Object.entries(CHAINS).map(([name, { hook }]) => `add chain ${TABLE} ${name}${hook ? ` { ${hook} }` : ""}`);
	const rules = Object.entries(CHAINS).flatMap(([name, chain]) =>
		chain.rules.map((rule) => `add rule ${TABLE} ${name} ${rule} comment "${RULE_COMMENT}"`),
	);
	return [
		`add table ${TABLE}`,
		// A chain cannot change its hook, and none can go while a rule leads to it.
		...present.map((name) => `flush chain ${TABLE} ${name}`),
		...present.map((name) => `delete chain ${TABLE} ${name}`),
		...sets,
		...chains,
		...rules,
	];
}
