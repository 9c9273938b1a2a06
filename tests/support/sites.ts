// Containers on several hosts, and what they can send each other: with the host's tools, inside the containers' networks.
import { makeContainer, on } from "./lab";

/** A container without a network of Docker's, on a lab host. */
export interface Site {
	host: string;
	container: string;
}

const ENTER = 'pid=$(docker inspect -f "{{.State.Pid}}" "$1"); shift; exec nsenter -t "$pid" -n -- "$@"';

export const within = ({ host, container }: Site, ...argv: string[]): Promise<string> =>
	on(host, "sh", "-ec", ENTER, "-", container, ...argv);

/** In a describe block: one such container on each host, for all its tests. */
export function useSites(prefix: string, ...hosts: string[]): Site[] {
	const sites = hosts.map((host) => ({ host, container: `${prefix}-${host}` }));
	const remove = () =>
		Promise.all(sites.map(({ host, container }) => on(host, "sh", "-c", `docker rm -f ${container} >/dev/null 2>&1 || true`)));
	before(async function () {
		this.timeout(60_000);
		await remove();
		await Promise.all(sites.map(({ host, container }) => makeContainer(host, container)));
	});
	after(remove);
	return sites;
}

/** Bytes that arrive over TCP within some seconds, with iperf3; with "-R" those that come back; other options are iperf3's too. Fails when the far end cannot be reached. */
export async function bulk(from: Site, to: Site, address: string, seconds = 1, ...options: string[]): Promise<number> {
	const pidFile = `/run/iperf3-${to.container}`;
	await within(to, "iperf3", "-s", "-D", "-I", pidFile);
	// The server may not listen yet, and with -J iperf3 says so with the exit status 0.
	const client = `i=0
until out=$(timeout ${seconds + 10} iperf3 -c "$1" -t ${seconds} ${options.join(" ")} -J --connect-timeout 1500) &&
	case $out in *"unable to connect"*) false ;; esac
do
	[ $((i += 1)) -lt 10 ] || { printf '%s' "$out" >&2; exit 1; }
	sleep 0.2
done
printf '%s' "$out"`;
	try {
		const said = await within(from, "sh", "-c", client, "-", address);
		return (JSON.parse(said) as { end: { sum_received: { bytes: number } } }).end.sum_received.bytes;
	} finally {
		// iperf3 ends its own number with a NUL.
		await on(to.host, "sh", "-c", `kill "$(tr -d '\\0' <${pidFile})"; rm -f ${pidFile}`);
	}
}

/** True when a packet of this whole size, IP header included, arrives and is answered without being cut into pieces. */
export async function fits(from: Site, address: string, size: number, tries = 3): Promise<boolean> {
	const headers = address.includes(":") ? 48 : 28;
	const script =
		'i=0; while [ $i -lt "$3" ]; do ping -M do -c 1 -W 1 -s "$1" "$2" >/dev/null 2>&1 && echo yes && exit; i=$((i + 1)); done; echo no';
	return (await within(from, "sh", "-c", script, "-", String(size - headers), address, String(tries))) === "yes";
}

/** The MTU that the way tells of when a packet of this whole size is too large for it, and may not be cut. */
export async function toldMtu(from: Site, address: string, size: number): Promise<number | undefined> {
	const headers = address.includes(":") ? 48 : 28;
	const script = 'ping -M do -c 2 -W 1 -s "$1" "$2" 2>&1 || true';
	const said = await within(from, "sh", "-c", script, "-", String(size - headers), address);
	const [, mtu] = /mtu ?[=:] ?(\d+)/.exec(said) ?? [];
	return mtu === undefined ? undefined : Number(mtu);
}

export async function reaches(from: Site, address: string, tries = 3): Promise<boolean> {
	const script =
		'i=0; while [ $i -lt "$1" ]; do ping -c 1 -W 1 "$2" >/dev/null 2>&1 && echo yes && exit; i=$((i + 1)); done; echo no';
	return (await within(from, "sh", "-c", script, "-", String(tries), address)) === "yes";
}

/** Tells the first who asks its own name, and who that is; ends after that, or after some seconds. */
const TELL = `use strict; use IO::Socket::IP; $SIG{ALRM} = sub { exit }; alarm 5;
my ($name, $port) = @ARGV;
my $socket = IO::Socket::IP->new(LocalHost => "::", V6Only => 0, LocalPort => $port, Proto => "udp", Type => SOCK_DGRAM) or die $@;
my $from = $socket->recv(my $text, 2000) // die $!;
my ($error, $who) = Socket::getnameinfo($from, Socket::NI_NUMERICHOST()); $who =~ s/^::ffff://;
$socket->send("$name $who", 0, $from) // die $!;`;

/** Asks until an answer comes, or for two seconds. Where nobody listens yet, there is an error in the place of an answer. */
const ASK = `use strict; use IO::Socket::IP; use IO::Select;
my ($address, $port) = @ARGV;
my $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => $port, Proto => "udp", Type => SOCK_DGRAM) or die $@;
for (1 .. 20) {
	$socket->send("?");
	next unless IO::Select->new($socket)->can_read(0.1);
	if (defined $socket->recv(my $text, 2000)) { print $text; exit }
	select undef, undef, undef, 0.1;
}`;

/** What a UDP server at this port of `to` says to somebody who asks at that address and port: its container, and whom it sees. "" for no answer. */
export async function asked(from: Site, to: Site, own: number, address: string, port: number): Promise<string> {
	const server = within(to, "perl", "-e", TELL, to.container, String(own));
	const answer = await within(from, "perl", "-e", ASK, address, String(port));
	await server;
	return answer;
}
