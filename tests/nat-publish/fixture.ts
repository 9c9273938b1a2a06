// Servers behind a bridge of h1 that say who they are and whom they see, and clients on h1, on h2 and in containers.
import { makeContainer, on } from "../support/lab";
import { Resource } from "../support/resource";
import { removeContainers, sh } from "../support/wiring";

/** Containers on np-br, with their IPv4 and IPv6 host parts. */
const MEMBERS = { "np-a": 11, "np-b": 12, "np-c": 13 };
const names = Object.keys(MEMBERS);

/** Answers every TCP connection and UDP packet with its name, the client's address as it sees it, and its own port. */
const SERVER = `
use strict; use IO::Socket::IP; use IO::Select;
my ($name, @ports) = @ARGV;
my $all = IO::Select->new; my %tcp;
for my $port (@ports) {
	my @common = (LocalHost => "::", V6Only => 0, LocalPort => $port, ReuseAddr => 1);
	my $stream = IO::Socket::IP->new(@common, Proto => "tcp", Listen => 64) or die "tcp $port: $@";
	my $packets = IO::Socket::IP->new(@common, Proto => "udp", Type => SOCK_DGRAM) or die "udp $port: $@";
	$tcp{$stream} = 1; $all->add($stream, $packets);
}
print "ready\\n"; close STDOUT;
my $say = sub { my ($who, $port) = @_; $who =~ s/^::ffff://; "$name $who $port" };
while (my @ready = $all->can_read) {
	for my $socket (@ready) {
		if ($tcp{$socket}) { my $client = $socket->accept or next; print $client $say->($client->peerhost, $socket->sockport), "\\n"; close $client }
		else { my $from = $socket->recv(my $text, 2000) // next; my ($error, $who) = Socket::getnameinfo($from, Socket::NI_NUMERICHOST()); $socket->send($say->($who, $socket->sockport), 0, $from) }
	}
}`;

/** One question; prints the answer, or nothing within two seconds. */
const ASK = `
use strict; use IO::Socket::IP; use IO::Select;
my ($proto, $address, $port, $source) = @ARGV;
my @from = $source ? (LocalHost => $source) : ();
my $socket = IO::Socket::IP->new(PeerHost => $address, PeerPort => $port, Proto => $proto, Type => $proto eq "tcp" ? SOCK_STREAM : SOCK_DGRAM, Timeout => 2, @from) or exit;
print $socket "?" if $proto eq "udp";
if (IO::Select->new($socket)->can_read(2)) { $socket->sysread(my $text, 2000); print $text // "" }`;

/** Runs perl in a container's network, with the host's own perl. */
const within = ["sh", "-ec", 'pid=$(docker inspect -f "{{.State.Pid}}" "$1"); shift; exec nsenter -t "$pid" -n -- "$@"', "-"];

export type Client = "h1" | "h2" | `container ${string}`;
export type Question = { from: Client; to: string; port: number; protocol?: "tcp" | "udp"; source?: string };

/** The answer of a server to a client: its name, the client's address, the server's port; "" when nothing answers. */
export async function ask({ from, to, port, protocol = "tcp", source }: Question): Promise<string> {
	const perl = ["perl", "-e", ASK, protocol, to, String(port), ...(source ? [source] : [])];
	const [, container] = from.split(" ");
	return (await (container ? on("h1", ...within, container, ...perl) : on(from, ...perl))).trim();
}

/** Starts a server in a container's network; it lives as long as the container. */
export async function serve(container: string, ...ports: number[]): Promise<void> {
	const script = `container=$1 server=$2
		shift 2
		pid=$(docker inspect -f '{{.State.Pid}}' "$container")
		out=$(mktemp -u); mkfifo "$out"
		setsid nsenter -t "$pid" -n -- perl -e "$server" -- "$container" "$@" >"$out" 2>/dev/null </dev/null &
		echo $! >>/tmp/np-servers
		read -r ready <"$out"; rm -f "$out"; [ "$ready" = ready ]`;
	await sh(script, container, SERVER, ...ports.map(String));
}

export async function address(host: "h1" | "h2", family: 4 | 6 = 4): Promise<string> {
	if (family === 6) return host === "h1" ? "fd00:99::11" : "fd00:99::12";
	return (await on(host, "sh", "-c", "ip -4 -o address show dev br-phy | sed 's/.* inet \\([0-9.]*\\).*/\\1/'")).trim();
}

/** A bridge np-br with an address, three containers on it that route through it, and IPv6 between the hosts. */
export function useServers(): void {
	before(async () => {
		await removeContainers(...names);
		await sh(`ovs-vsctl --timeout=20 --if-exists del-br np-br -- add-br np-br -- set bridge np-br datapath_type=netdev
			ethtool -K np-br tx off >/dev/null
			ip address add 10.63.0.1/24 dev np-br
			ip address add fd00:63::1/64 dev np-br nodad
			ip link set np-br up
			ip address add fd00:99::11/64 dev br-phy nodad
			sysctl -qw net.ipv6.conf.all.forwarding=1`);
		await on("h2", "ip", "address", "add", "fd00:99::12/64", "dev", "br-phy", "nodad");
		await Promise.all(names.map((name) => makeContainer("h1", name)));
		for (const [container, part] of Object.entries(MEMBERS)) {
			await new Resource("VethAttachment", `at-${container}`).create({ container, bridge: "np-br" }).then((one) => one.release());
			const ip = await new Resource("StaticContainerIp", `ip-${container}`).create({
				...{ container, interface: "eth1", addresses: [`10.63.0.${part}/24`, `fd00:63::${part}/64`] },
				...{ gateway: "10.63.0.1", gateway6: "fd00:63::1" },
			});
			ip.release();
		}
	});
	after(async () => {
		await sh(
			`touch /tmp/np-servers; while read -r pid; do kill "$pid" 2>/dev/null || true; done </tmp/np-servers; rm -f /tmp/np-server*`,
		);
		await removeContainers(...names);
		await sh(`for p in $(ovs-vsctl list-ports np-br); do ip link delete $p 2>/dev/null || true; done
			ovs-vsctl --timeout=20 --if-exists del-br np-br
			ip address delete fd00:99::11/64 dev br-phy
			sysctl -qw net.ipv6.conf.all.forwarding=0
			rm -rf /run/netplumb`);
		await on("h2", "ip", "address", "delete", "fd00:99::12/64", "dev", "br-phy");
	});
}

export const publish = (name: string): Resource => new Resource("NatPublish", name);
