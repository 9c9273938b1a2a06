// The part of `inet netplumb` that is the boundary of isolated networks. An isolated network is its bridge's name in the set `net`;
// what it may do besides are further elements. What is in no set is dropped, by the kernel, whatever else is dead.
//
// A drop is final, an accept only ends the chain (nft(8), "Verdict statement"): these chains take away, and never open what
// others closed. They come before the approval for DOCKER-USER, so that what passed them may be approved.
import type { Chain, SetDeclaration } from "./ruleset";

export const ISOLATION_SETS: Record<string, SetDeclaration> = {
	/** Bridges of isolated networks. */
	net: { key: ["ifname"] },
	/** The same twice, for packets that come back to where they are from. */
	"net-self": { key: ["ifname", "ifname"] },
	/** From where to where connections may be opened. */
	"net-allow": { key: ["ifname", "ifname"] },
	/** Those that may open connections to the outside, and of these the ones that may not reach private addresses. */
	"net-egress": { key: ["ifname"] },
	"net-internet": { key: ["ifname"] },
	/** What of the host answers at the gateway's address. */
	"net-service": { key: ["ifname", "inet_proto", "inet_service"] },
	/** The addresses that may come from a bridge, and those that are masqueraded on their way out. */
	"net-source4": { key: ["ifname", "ipv4_addr"] },
	"net-source6": { key: ["ifname", "ipv6_addr"] },
	"net-masquerade4": { key: ["ipv4_addr"] },
	"net-masquerade6": { key: ["ipv6_addr"] },
};

/**
 * The group of the host's ends of attachments ("np" in ASCII). Under a userspace datapath the kernel gets a copy of every frame that arrives
 * there, broadcasts among them, with the port and not the bridge as its interface: past the fence, were it not dropped.
 */
export const PORT_GROUP = 0x6e70;

/** Not global according to the IANA special-purpose registries, and groups: RFC 1918, 6598, 3927, 1122, 2544, 5771, 4193, 4291. */
const PRIVATE4 =
	"{ 0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3 }";
const PRIVATE6 = "{ ::/8, fc00::/7, fe80::/10, ff00::/8 }";
const NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }";
/** Only the address of the bridge that the packet came in by, not the host's other ones. */
const GATEWAY = "fib daddr . iif type local";

/** Forwarded packets to or from an isolated network that are still there behind the fence. */
export const ISOLATION_APPROVED = ["iifname @net", "oifname @net"];

/** `published`: conditions for packets of connections through a published port. */
export function isolationChains(published: readonly string[]): Record<string, Chain> {
	return {
		"fence-port": {
			hook: "type filter hook prerouting priority -300; policy accept;",
			rules: [`iifgroup ${PORT_GROUP} drop`],
		},
		"fence-source": {
			hook: "type filter hook prerouting priority -299; policy accept;",
			rules: [
				"iifname != @net accept",
				"iifname . ip saddr @net-source4 accept",
				"iifname . ip6 saddr @net-source6 accept",
				`ip6 saddr { ::, fe80::/10 } ${NEIGHBOURS} accept`,
				"drop",
			],
		},
		"fence-published": { hook: "", rules: published.map((condition) => `ct status dnat ${condition} accept`) },
		fence: {
			hook: "type filter hook forward priority -5; policy accept;",
			rules: [
				"ct state established,related accept",
				"iifname . oifname @net-allow accept",
				"iifname . oifname @net-self jump fence-published",
				"iifname != @net oifname @net jump fence-published",
				"iifname @net-egress oifname @net jump fence-published",
				"oifname @net drop",
				`iifname @net-internet ip daddr ${PRIVATE4} drop`,
				`iifname @net-internet ip6 daddr ${PRIVATE6} drop`,
				"iifname @net-egress accept",
				"iifname @net drop",
			],
		},
		"fence-host": {
			hook: "type filter hook input priority -5; policy accept;",
			rules: [
				"iifname != @net accept",
				"ct state established,related accept",
				`icmp type echo-request ${GATEWAY} accept`,
				`icmpv6 type echo-request ${GATEWAY} accept`,
				`${NEIGHBOURS} accept`,
				`iifname . meta l4proto . th dport @net-service ${GATEWAY} accept`,
				"drop",
			],
		},
		egress: {
			hook: "type nat hook postrouting priority 98; policy accept;",
			rules: ["oifname @net accept", "ip saddr @net-masquerade4 masquerade", "ip6 saddr @net-masquerade6 masquerade"],
		},
	};
}
