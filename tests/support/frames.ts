// Ethernet frames as somebody with a raw socket sends them: with any VLAN tag, from inside a container.
import { sh } from "./wiring";

// The kernel of a lab need not have 802.1Q devices, so the tag is written by hand. 0x88b5 is for local experiments (IEEE 802).
const SCRIPT = `
pid() { docker inspect -f '{{.State.Pid}}' "$1"; }
out=$(mktemp)
rx=$(pid "$2")
tx=$(pid "$1")
shift 2
nsenter -t "$rx" -n tcpdump -i eth1 -p -l -nn -e -xx ether src 02:00:00:00:00:99 >"$out" 2>&1 </dev/null &
dump=$!
i=0; until grep -q '^listening' "$out" || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done
nsenter -t "$tx" -n perl -e '
	socket(my $s, 17, 3, 0) or die;
	my ($index) = qx(ip -o link show dev eth1) =~ /^(\\d+):/;
	for my $tag (@ARGV, "last") {
		my $frame = pack("H*", "ffffffffffff" . "020000000099");
		$frame .= pack("nn", 0x8100, $tag) if $tag =~ /^[0-9]+$/;
		$frame .= pack("n", 0x88b5) . ("tag-" . ($tag eq "last" ? "none" : $tag)) . "\\0" x 50;
		send($s, $frame, 0, pack("SnlSCCa8", 17, 3, $index, 0, 0, 6, "")) or die;
	}' "$@"
i=0; until grep -q '6e6f 6e65' "$out" || [ $((i += 1)) -gt 60 ]; do sleep 0.05; done
kill $dump; wait $dump 2>/dev/null || true
grep ' > ' "$out" || true
rm -f "$out"
`;

/**
 * Sends broadcast frames from eth1 of one container, one with each tag and last one without, and gives the tags with which
 * they arrive at eth1 of the other: 0 is an untagged frame.
 */
export async function sendFrames(from: string, to: string, tags: number[]): Promise<number[]> {
	const seen = await sh(SCRIPT, from, to, ...tags.map(String));
	const lines = seen.split("\n").filter((line) => line !== "");
	return lines.map((line) => Number(/vlan (\d+)/.exec(line)?.[1] ?? 0));
}
