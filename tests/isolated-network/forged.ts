// Packets of somebody's own making: with a source that is not the sender's, or in the name of a router.

import { on } from "../support/lab";
import { sh } from "../support/wiring";
import { client } from "./fixture";

/** Sends a UDP packet to port 9999 from the second host, with any source (raw(7), IP_HDRINCL). */
export async function sendAs(source: string, to: string): Promise<void> {
	const script = `
		my ($source, $to) = map { pack "C4", split /\\./ } @ARGV;
		socket(my $s, 2, 3, 255) or die;
		my $udp = pack("nnnn", 40003, 9999, 12, 0) . "test";
		send($s, pack("CCnnnCCn", 0x45, 0, 32, 1, 0, 64, 17, 0) . $source . $to . $udp, 0, pack("Sna4x8", 2, 0, $to)) or die $!`;
	await on("h2", "perl", "-e", script, source, to);
}

/** Says from a container's interface that it is the router, and where fd00:bad::/64 is (RFC 4861, 4.2). */
const ADVERTISE = `
my ($dev) = @ARGV;
my ($index) = qx(ip -o link show dev $dev) =~ /^(\\d+):/;
my ($own) = qx(ip -o link show dev $dev) =~ m{link/ether (\\S+)};
my $hex = sub { pack "H*", shift };
my ($from, $to) = map { $hex->($_) } "fe80" . "0" x 26 . "99", "ff02" . "0" x 27 . "1";
my $make = sub { pack("CCnCCnNN", 134, 0, shift, 64, 0, 1800, 0, 0) . pack("CCCCNNN", 3, 4, 64, 0xc0, 86400, 14400, 0) . $hex->("fd000bad" . "0" x 24) };
my $sum = unpack("%32n*", $from . $to . pack("NN", length $make->(0), 58) . $make->(0));
$sum = ($sum & 0xffff) + ($sum >> 16) while $sum > 0xffff;
my $packet = pack("NnCC", 0x60000000, length $make->(0), 58, 255) . $from . $to . $make->(~$sum & 0xffff);
socket(my $s, 17, 3, 0) or die;
for (1 .. 3) { send($s, $hex->("333300000001" . $own =~ s/://gr . "86dd") . $packet, 0, pack("SnlSCCa8", 17, 0x86dd, $index, 0, 0, 6, "")) or die $!; select(undef, undef, undef, 0.2) }`;

/** The host's routes and addresses that came from it: none where it had no effect. */
export async function advertise(from: string, dev: string, bridge: string): Promise<string> {
	const enter = `nsenter -t "$(docker inspect -f '{{.State.Pid}}' "$1")" -n perl -e "$2" "$3"`;
	await sh(enter, client(from).split(" ")[1]!, ADVERTISE, dev);
	return sh('ip -6 route show dev "$1" | grep -F "proto ra" || true; ip -6 -o address show dev "$1" dynamic', bridge);
}
