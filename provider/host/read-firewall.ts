// The script text that reads the facts about a host's firewall and ports: only for those who ask for them.
import type { Fact } from "./snapshot";

/**
 * Docker's chains are read with the iptables variant that dockerd wrote them with: packets meet both rule sets, but a rule for
 * DOCKER-USER belongs into the one that has that chain. The default variant is asked first. To list a table of the legacy
 * variant creates it, so that is only done where the kernel has it already.
 */
const FIREWALL = `
read_firewall() {
	section nft
	if command -v nft >/dev/null; then
		LC_ALL=C nft -j list table inet netplumb 2>&1
		printf '\\nstatus %s' $?
	else
		printf absent
	fi
	section route_localnet
	for file in /proc/sys/net/ipv4/conf/*/route_localnet; do
		[ -e "$file" ] || continue
		read -r value <"$file"
		name=\${file#/proc/sys/net/ipv4/conf/}
		printf '%s %s\\n' "\${name%/route_localnet}" "$value"
	done
	if command -v conntrack >/dev/null; then printf complete; else printf 'complete without conntrack'; fi
	section forwarding
	for file in /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding; do
		value=0
		[ ! -e "$file" ] || read -r value <"$file" || :
		printf '%s ' "$value"
	done
	read_filter 4 ip iptables
	read_filter 6 ip6 ip6tables
}
read_filter() {
	case $("$3" -V 2>/dev/null) in '') return ;; *legacy*) variants="legacy nft" ;; *) variants="nft legacy" ;; esac
	for variant in $variants; do
		if [ $variant = nft ]; then nft list chain "$2" filter DOCKER-USER >/dev/null 2>&1 || continue
		else grep -qsx filter "/proc/net/$2_tables_names" || continue
		fi
		tool=$3-$variant
		[ "$variant" != "\${variants%% *}" ] || tool=$3
		found=$("$tool" -w 20 -S 2>&1)
		listed=$?
		case "$found" in *'-N DOCKER-USER'*) ;; *) [ $listed -ne 0 ] || continue ;; esac
		section filter "$1" "$tool"
		printf '%s\\nstatus %s' "$found" $listed
		return
	done
}
`.trim();

const PORTS = `
read_ports() {
	section listeners
	if command -v ss >/dev/null; then
		{ ss -Hlnptu && { ss -HlnpS 2>/dev/null || :; }; } 2>&1
		printf 'status %s' $?
	else
		printf 'absent'
	fi
	section published
	if command -v docker >/dev/null; then
		timeout 20 docker ps --format '{{json .Names}} {{json .Ports}}' 2>&1
		printf 'status %s' $?
	else
		printf 'status 0'
	fi
}
`.trim();

const CHASSIS = `
read_chassis() {
	section chassis
	if command -v ovn-appctl >/dev/null; then ovn-appctl --timeout=5 -t ovn-controller connection-status 2>&1
	else printf absent; fi
}
`.trim();

const TEXTS: Record<Fact, string> = { firewall: FIREWALL, ports: PORTS, chassis: CHASSIS };

export function factFunctions(facts: readonly Fact[]): string {
	return facts.map((fact) => TEXTS[fact]).join("\n");
}

/** The calls that print the sections of these facts. */
export function factCalls(facts: readonly Fact[]): string {
	return facts.length === 0 ? ":" : facts.map((fact) => `read_${fact}`).join("; ");
}
