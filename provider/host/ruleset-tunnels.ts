// The part of `inet netplumb` that guards the ends of tunnels: what is encapsulated comes in from the far ends that the host's tunnels
// have, and from nobody else. The keys inside are Open vSwitch's business, which looks at them again (lib/tnl-ports.c, ofproto/tunnel.c).
//
// A GRE header begins with two bytes of flags and two of the protocol inside, 0x6558 for Ethernet frames (RFC 2784, 2; RFC 1701), which is
// where UDP has its destination port. So one key of protocol and "port" tells all tunnels apart, and GRE that carries IP packets
// is not touched.
import type { Chain, SetDeclaration } from "./ruleset";

/** Transparent Ethernet bridging, the protocol number in a GRE header. */
export const GRE_ETHERNET = 0x6558;

export const TUNNEL_SETS: Record<string, SetDeclaration> = {
	/** The protocols and ports of netplumb's tunnels. */
	tunnel: { key: ["inet_proto", "inet_service"], local: true },
	/** The far ends of all tunnels there, netplumb's or not. */
	"tunnel-from4": { key: ["ipv4_addr", "inet_proto", "inet_service"], family: 4, local: true },
	"tunnel-from6": { key: ["ipv6_addr", "inet_proto", "inet_service"], family: 6, local: true },
};

export const TUNNEL_CHAINS: Record<string, Chain> = {
	"guard-tunnels": {
		hook: "type filter hook input priority -6; policy accept;",
		rules: [
			"meta l4proto . th dport != @tunnel accept",
			// A far end's address on a packet that came in where no route leads to it is forged (RFC 3704, 2.2): a container, another network.
			"fib saddr . iif oif missing drop",
			"ip saddr . meta l4proto . th dport @tunnel-from4 accept",
			"ip6 saddr . meta l4proto . th dport @tunnel-from6 accept",
			"drop",
		],
	},
};
