// Ethernet frames as somebody with a raw socket makes them, byte by byte, and a capture of what arrives of them.
// Sources: RFC 826, 791, 768, 8200, 4861, 2131; IEEE 802.1Q.
import { parseIp } from "../../sdk/addressing/index";
import { sh } from "../support/wiring";

const hex = (value: number, bytes: number) => value.toString(16).padStart(bytes * 2, "0");
const macHex = (mac: string) => mac.replaceAll(":", "");
export const ipHex = (text: string): string => {
	const { family, value } = parseIp(text)!;
	return BigInt(value)
		.toString(16)
		.padStart(family === 4 ? 8 : 32, "0");
};

export const BROADCAST = "ff:ff:ff:ff:ff:ff";

export function ethernet(source: string, destination: string, type: number, payload: string, tag?: number): string {
	const vlan = tag === undefined ? "" : `8100${hex(tag, 2)}`;
	return macHex(destination) + macHex(source) + vlan + hex(type, 2) + payload;
}

export const arp = (operation: number, sha: string, spa: string, tha: string, tpa: string): string =>
	`000108000604${hex(operation, 2)}${macHex(sha)}${ipHex(spa)}${macHex(tha)}${ipHex(tpa)}`;

/** The Internet checksum (RFC 1071). */
function checksum(text: string): string {
	let sum = 0;
	for (const word of text.match(/.{4}/g) ?? []) sum += Number.parseInt(word, 16);
	while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
	return hex(~sum & 0xffff, 2);
}

export function ipv4(source: string, destination: string, protocol: number, payload: string): string {
	const start = `4500${hex(20 + payload.length / 2, 2)}0000400040${hex(protocol, 1)}`;
	const end = ipHex(source) + ipHex(destination);
	return `${start}${checksum(`${start}0000${end}`)}${end}${payload}`;
}

export const ipv6 = (source: string, destination: string, next: number, payload: string): string =>
	`60000000${hex(payload.length / 2, 2)}${hex(next, 1)}ff${ipHex(source)}${ipHex(destination)}${payload}`;

/** Without a checksum, which IPv4 allows. */
export const udp = (from: number, to: number, text = "00000000"): string =>
	`${hex(from, 2)}${hex(to, 2)}${hex(8 + text.length / 2, 2)}0000${text}`;

export function icmpv6(source: string, destination: string, type: number, body: string): string {
	const plain = `${hex(type, 1)}000000`.padEnd(8, "0") + body;
	const pseudo = `${ipHex(source)}${ipHex(destination)}${hex(plain.length / 2, 4)}0000003a`;
	const sum = checksum(pseudo + plain);
	return ipv6(source, destination, 58, plain.slice(0, 4) + sum + plain.slice(8));
}

/** A source (1) or target (2) link-layer address option. */
const option = (kind: 1 | 2, mac: string) => `${hex(kind, 1)}01${macHex(mac)}`;
export const solicitation = (target: string, mac?: string): string =>
	`00000000${ipHex(target)}${mac === undefined ? "" : option(1, mac)}`;
export const advertisement = (target: string, mac?: string): string =>
	`60000000${ipHex(target)}${mac === undefined ? "" : option(2, mac)}`;

const MARK = "6e6574706c756d62";

/**
 * Sends frames from eth1 of one container, and gives the names of those that arrive at eth1 of the other. A mark behind the payload, where
 * Ethernet has its padding, tells them. The last one of each is sent by the victim's own neighbour in all tests: see `last`.
 */
const SCRIPT = `
pid() { docker inspect -f '{{.State.Pid}}' "$1"; }
out=$(mktemp) rx=$(pid "$2") tx=$(pid "$1")
nsenter -t "$rx" -n perl -e '
	$| = 1; socket(my $s, 17, 3, unpack("S", pack("n", 3))) or die;
	my ($index) = qx(ip -o link show dev eth1) =~ /^(\\d+):/;
	bind($s, pack("SnlSCCa8", 17, 3, $index, 0, 0, 0, "")) or die;
	print "ready\\n";
	while (defined recv($s, my $frame, 4000, 0)) { my $text = unpack("H*", $frame); print "$1\\n" if $text =~ /${MARK}(....)/ }
' >"$out" 2>&1 </dev/null &
dump=$!
i=0; until grep -q ready "$out" || [ $((i += 1)) -gt 200 ]; do sleep 0.05; done
nsenter -t "$tx" -n perl -e '
	socket(my $s, 17, 3, 0) or die;
	my ($index) = qx(ip -o link show dev eth1) =~ /^(\\d+):/;
	while (<STDIN>) { chomp; send($s, pack("H*", $_), 0, pack("SnlSCCa8", 17, 3, $index, 0, 0, 6, "")) or die $!; select(undef, undef, undef, 0.002) }' <<'FRAMES'
FRAMES_HERE
FRAMES
sleep 0.5
kill $dump; wait $dump 2>/dev/null || true
grep -v ready "$out" || true
rm -f "$out"
`;

export async function arriving(from: string, to: string, frames: Record<string, string>): Promise<string[]> {
	const names = Object.keys(frames);
	const lines = names.map((name, index) => {
		// Past the least length of a frame, so that nothing is added behind it.
		return `${frames[name]!.padEnd(120, "0")}${MARK}${hex(index, 2)}`;
	});
	const seen = await sh(SCRIPT.replace("FRAMES_HERE", lines.join("\n")), from, to);
	const indices = seen.split("\n").filter((line) => /^[0-9a-f]{4}$/.test(line));
	return [...new Set(indices.map((text) => names[Number.parseInt(text, 16)]!))].sort();
}
