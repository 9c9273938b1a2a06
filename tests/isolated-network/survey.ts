// Who reaches whom, for every ordered pair at once: each end asks all others in one process, so that silence is waited for only once.
import { on } from "../support/lab";
import { client, PORT } from "./fixture";

/**
 * Asks the server at each address over both protocols, and prints those that answered, as "name/protocol". Done when all that are
 * expected have answered and three seconds have passed, at the latest after eight.
 */
const SURVEY = `
use strict; use Socket; use IO::Select; use Time::HiRes "time"; use Errno; use Fcntl;
my ($port, $expected, @targets) = @ARGV;
my %missing = map { $_ => 1 } split /,/, $expected;
my $start = time; my $sent = 0; my (%stream, %packets, %from, %answered);
my $all = IO::Select->new;
for (@targets) {
	my ($name, $ip) = split /=/;
	my $to = pack_sockaddr_in($port, inet_aton($ip));
	socket(my $tcp, PF_INET, SOCK_STREAM, 0) or die $!; socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die $!;
	fcntl($_, F_SETFL, O_NONBLOCK) for $tcp, $udp;
	connect($tcp, $to); connect($udp, $to);
	$from{$tcp} = "$name/tcp"; $from{$udp} = $packets{$udp} = "$name/udp";
	$all->add($tcp, $udp);
}
while (time - $start < (%missing ? 8 : 3)) {
	if (time - $sent > 0.5) { $sent = time; for ($all->handles) { send($_, "?", 0) if $packets{$_} } }
	for ($all->can_read(0.1)) {
		my $read = sysread($_, my $text, 2000);
		next if !defined $read && $packets{$_};
		$answered{$from{$_}} = 1, delete $missing{$from{$_}} if $read;
		$all->remove($_);
	}
}
print join(",", sort keys %answered)`;

const INSIDE = ["sh", "-ec", 'pid=$(docker inspect -f "{{.State.Pid}}" "$1"); shift; exec nsenter -t "$pid" -n -- "$@"', "-"];

export type Matrix = Record<string, string[]>;

/** What each end reaches, in the order of `ends`; a pair that differs between TCP and UDP stands as "to/protocol". */
export async function survey(ends: readonly string[], addresses: Record<string, string>, expected: Matrix): Promise<Matrix> {
	const row = async (from: string): Promise<[string, string[]]> => {
		const others = ends.filter((to) => to !== from && !(from === "h2" && to === "public"));
		const awaited = (expected[from] ?? []).flatMap((to) => [`${to}/tcp`, `${to}/udp`]);
		const words = [String(PORT), awaited.join(), ...others.map((to) => `${to}=${addresses[to]}`)];
		const [where, container] = client(from).split(" ") as [string, string?];
		const perl = ["perl", "-e", SURVEY, ...words];
		const said = container ? await on("h1", ...INSIDE, container, ...perl) : await on(where, ...perl);
		const answered = new Set(said.split(","));
		const found = others.flatMap((to) => {
			const heard = (["tcp", "udp"] as const).filter((protocol) => answered.has(`${to}/${protocol}`));
			return heard.length === 2 ? [to] : heard.map((protocol) => `${to}/${protocol}`);
		});
		return [from, found];
	};
	return Object.fromEntries(await Promise.all(ends.filter((end) => end !== "public").map(row)));
}
