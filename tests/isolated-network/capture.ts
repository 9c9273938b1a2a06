// Senders that never pause, and a packet capture at every receiver: what arrives, and when.
import { on } from "../support/lab";
import { client, PORT } from "./fixture";

const INSIDE = `in=; [ -z "$1" ] || in="nsenter -t $(docker inspect -f '{{.State.Pid}}' "$1") -n --"; shift`;
const KEEP = "echo $! >>/tmp/iso-w/pids";

/** Ten times a second to each address: a UDP packet, always from one port, so that it is one flow; and a new TCP connection. */
const SEND = `
use strict; use Socket; use Fcntl;
my ($port, @targets) = map { $_ } @ARGV;
socket(my $udp, PF_INET, SOCK_DGRAM, 0) or die; bind($udp, pack_sockaddr_in(40000, INADDR_ANY)) or die;
while (1) {
	my @open;
	for (@targets) {
		my $to = pack_sockaddr_in($port, inet_aton($_));
		send($udp, "?", 0, $to);
		socket(my $tcp, PF_INET, SOCK_STREAM, 0) or die; fcntl($tcp, F_SETFL, O_NONBLOCK); connect($tcp, $to); push @open, $tcp;
	}
	select(undef, undef, undef, 0.1);
}`;

function run(end: string, script: string, ...words: string[]): Promise<string> {
	const [host, container] = client(end).split(" ") as [string, string?];
	return on(container ? "h1" : host, "bash", "-ec", `${INSIDE}\n${script}`, "-", container ?? "", ...words);
}

export const send = (from: string, targets: readonly string[]): Promise<string> =>
	run(from, `setsid $in perl -e "$@" >/dev/null 2>&1 </dev/null & ${KEEP}`, SEND, String(PORT), ...targets);

/** Starts a capture at an end of the matrix; `netb` is the host's own bridge of that name. */
export async function watch(end: string, filter: string, device = "any"): Promise<void> {
	const script = `out=/tmp/iso-w/seen-$3
		setsid $in tcpdump -i "$1" -l -nn -tt -q "$2" >$out 2>&1 </dev/null & ${KEEP}
		i=0; until grep -q '^listening' $out || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done`;
	await run(end, script, device, filter, end);
}

/** What a capture has seen since a moment (seconds of the epoch): when, and from which address. */
export async function seen(end: string, since = 0): Promise<{ at: number; from: string }[]> {
	const lines = (await run(end, `grep -F ' > ' /tmp/iso-w/seen-$1 || true`, end)).split("\n");
	return lines.flatMap((line) => {
		const [, at, from] = /^(\d+\.\d+) .*?IP ((?:\d+\.){3}\d+)\.\d+ > /.exec(line) ?? [];
		return at === undefined || Number(at) < since ? [] : [{ at: Number(at), from: from! }];
	});
}
