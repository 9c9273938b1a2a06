// The words for changes of the firewall: lines of one nft transaction, iptables calls, and the end of tracked connections.
import type { Change } from "./change";
import { nftElement, shCommand } from "./encode";
import type { Element, Family } from "./firewall";
import { ACCEPT_MARK, SETS, TABLE, writeLines } from "./ruleset";

type Verb<V extends Change["verb"]> = Extract<Change, { verb: V }>;
type FirewallChange = Verb<
	| "ruleset.write"
	| "ruleset.delete"
	| "element.add"
	| "element.delete"
	| "docker-user.add"
	| "docker-user.delete"
	| "conntrack.flush"
>;

/** Lines of one transaction, and the ports whose connections end with it: words for the shell function flush_ports. */
export interface Nft {
	tool: "nft";
	lines: string[];
	ports: string[];
}

/** Seconds to wait for the lock of iptables, which every call needs: Docker takes it too. */
const WAIT = "20";

export function renderFirewall(change: FirewallChange): Nft | { tool: "sh"; line: string } {
	switch (change.verb) {
		case "ruleset.write":
			return { tool: "nft", lines: writeLines(change.chains), ports: [] };
		case "ruleset.delete":
			return { tool: "nft", lines: [`delete table ${TABLE}`], ports: [] };
		case "element.add":
			return elementLine("add", change.element);
		case "element.delete": {
			const { value: _, comment: __, ...element } = change.element;
			return elementLine("delete", element);
		}
		case "docker-user.add":
			return { tool: "sh", line: acceptLine(change.tool) };
		case "docker-user.delete":
			return { tool: "sh", line: shCommand([change.tool, "-w", WAIT, "-D", "DOCKER-USER", ...ACCEPT_RULE]) };
		case "conntrack.flush":
			return { tool: "sh", line: flushLine(change) };
	}
}

function elementLine(verb: string, element: Omit<Element, "comment"> & { comment?: string }): Nft {
	const types = SETS[element.set];
	if (!types) throw new Error(`no set ${element.set} in ${TABLE}`);
	const line = `${verb} element ${TABLE} ${element.set} ${nftElement(types, element)}`;
	const [address = "", port = ""] = element.key.slice(-2);
	if (!types.publishes) return { tool: "nft", lines: [line], ports: [] };
	const [first, last = first] = port.split("-");
	const any = /^(0\.0\.0\.0|::)\/0$/.test(address);
	return { tool: "nft", lines: [line], ports: [[types.family, types.publishes, any ? "any" : address, first, last].join(" ")] };
}

/** In the words of `iptables -S`. */
export const ACCEPT_RULE = [
	...["-m", "mark", "--mark", `${ACCEPT_MARK}/${ACCEPT_MARK}`],
	...["-m", "comment", "--comment", "netplumb", "-j", "ACCEPT"],
];

/** Behind the rules that people put into DOCKER-USER, which come first; before the RETURN that older versions of Docker end it with. */
function acceptLine(tool: string): string {
	const call = (...words: string[]) => shCommand([tool, "-w", WAIT, ...words]);
	const rules = `${call("-S", "DOCKER-USER")} | grep ^-A`;
	return [
		`${call("-C", "DOCKER-USER", ...ACCEPT_RULE)} 2>/dev/null ||`,
		`if [ "$(${rules} | tail -n 1)" = "-A DOCKER-USER -j RETURN" ];`,
		`then ${call("-I", "DOCKER-USER")} "$(${rules} -c)" ${shCommand(ACCEPT_RULE)};`,
		`else ${call("-A", "DOCKER-USER", ...ACCEPT_RULE)}; fi`,
	].join(" ");
}

function flushLine({ family, source, destination }: { family: Family; source?: string; destination?: string }): string {
	const filters = [
		...(source === undefined ? [] : ["--orig-src", source]),
		...(destination === undefined ? [] : ["--orig-dst", destination]),
	];
	return shCommand(["end_flows", "-f", `ipv${family}`, ...filters]);
}

/**
 * end_flows ends all tracked connections that its options (conntrack(8)) choose. flush_ports ends those to ports of the host, which it
 * reads as lines FAMILY PROTOCOL ADDRESS FIRST LAST. A connection through the host to the same port of another machine goes on: only local destinations count.
 */
export const FLUSH_FUNCTION = `
end_flows() {
	for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		said=$(LC_ALL=C conntrack -D "$@" 2>&1 >/dev/null) && return
		# Nothing (more) to delete is status 1, as is an entry that ended by itself meanwhile: that one ends the whole call.
		case $said in *': 0 flow entries'*) return 0 ;; esac
	done
	printf '%s\\n' "$said" >&2
	return 1
}
flush_ports() {
	ports=$(cat)
	local=$(ip -o address show | while read -r _ _ _ address _; do printf '%s,' "\${address%%/*}"; done)
	for family in 4 6; do
		case "
$ports" in *"
$family "*) ;; *) continue ;; esac
		conntrack -L -f "ipv$family" 2>/dev/null | PORTS="$ports" LOCAL="$local" FAMILY=$family awk '
			BEGIN {
				for (n = split(ENVIRON["LOCAL"], part, ","); n > 0; n--) here[part[n]]
				for (n = split(ENVIRON["PORTS"], line, "\\n"); n > 0; n--) {
					split(line[n], word, " ")
					if (word[1] != ENVIRON["FAMILY"]) continue
					if (word[4] == word[5]) single[word[2], word[4], word[3]]
					else { ranges++; kind[ranges] = word[2]; to[ranges] = word[3]; low[ranges] = word[4]; high[ranges] = word[5] }
				}
			}
			{
				destination = port = ""
				for (n = 1; n <= NF && port == ""; n++) {
					if (destination == "" && $n ~ /^dst=/) destination = substr($n, 5)
					if ($n ~ /^dport=/) port = substr($n, 7) + 0
				}
				if (port == "" || !(destination in here || destination ~ /^127\\./)) next
				hit = (($1, port, "any") in single) || (($1, port, destination) in single)
				for (n = 1; n <= ranges && !hit; n++)
					hit = kind[n] == $1 && low[n] <= port && port <= high[n] && (to[n] == "any" || to[n] == destination)
				if (hit && !seen[$1, destination, port]++) print $1, destination, port
			}' | while read -r protocol destination port; do
			end_flows -f "ipv$family" -p "$protocol" --orig-dst "$destination" --orig-port-dst "$port"
		done
	done
	:
}
`.trim();
