// A network with an attacker and a victim, and everything that the attacker may try.
import { makeContainer } from "../support/lab";
import { Resource } from "../support/resource";
import { removeContainers, sh } from "../support/wiring";
import { advertisement, arp, BROADCAST, ethernet, icmpv6, ipv4, ipv6, solicitation, udp } from "./packets";

export const NET = { name: "psnet", subnet: "10.71.1.0/24" };
export const GATEWAY = "10.71.1.1";
const MAC = { a: "02:00:00:00:71:0a", v: "02:00:00:00:71:0b" };
export const IP = { a: "10.71.1.10", v: "10.71.1.11" };
export const IP6 = { a: "fd00:71::a", v: "fd00:71::b" };
const LOCAL = "fe80::ff:fe00:710a";
const OTHER = "02:00:00:00:71:99";
const ALL = "33:33:00:00:00:01";

export const attacker = "ps-a";
export const victim = "ps-v";

/** What the attacker may send. */
export const legitimate: Record<string, string> = {
	"IPv4 from its address": ethernet(MAC.a, MAC.v, 0x800, ipv4(IP.a, IP.v, 17, udp(1000, 2000))),
	"IPv6 from its address": ethernet(MAC.a, MAC.v, 0x86dd, ipv6(IP6.a, IP6.v, 17, udp(1000, 2000))),
	"ARP for its address": ethernet(MAC.a, BROADCAST, 0x806, arp(2, MAC.a, IP.a, MAC.v, IP.v)),
	"an ARP probe": ethernet(MAC.a, BROADCAST, 0x806, arp(1, MAC.a, "0.0.0.0", "00:00:00:00:00:00", IP.a)),
	"a solicitation": ethernet(MAC.a, ALL, 0x86dd, icmpv6(IP6.a, "ff02::1", 135, solicitation(IP6.v, MAC.a))),
	"an advertisement": ethernet(MAC.a, ALL, 0x86dd, icmpv6(IP6.a, "ff02::1", 136, advertisement(IP6.a, MAC.a))),
	"link-local": ethernet(MAC.a, ALL, 0x86dd, icmpv6(LOCAL, "ff02::1", 136, advertisement(LOCAL, MAC.a))),
	"duplicate address detection": ethernet(MAC.a, ALL, 0x86dd, icmpv6("::", "ff02::1", 135, solicitation(IP6.a))),
};

export const forged: Record<string, string> = {
	"another MAC": ethernet(OTHER, MAC.v, 0x800, ipv4(IP.a, IP.v, 17, udp(1000, 2000))),
	"another IPv4 address": ethernet(MAC.a, MAC.v, 0x800, ipv4("10.71.1.99", IP.v, 17, udp(1000, 2000))),
	"the gateway's IPv4 address": ethernet(MAC.a, MAC.v, 0x800, ipv4(GATEWAY, IP.v, 17, udp(1000, 2000))),
	"another IPv6 address": ethernet(MAC.a, MAC.v, 0x86dd, ipv6("fd00:71::99", IP6.v, 17, udp(1000, 2000))),
	"ARP for the gateway": ethernet(MAC.a, BROADCAST, 0x806, arp(2, MAC.a, GATEWAY, MAC.v, IP.v)),
	"ARP with another MAC": ethernet(MAC.a, BROADCAST, 0x806, arp(2, OTHER, IP.a, MAC.v, IP.v)),
	"an advertisement for another": ethernet(MAC.a, ALL, 0x86dd, icmpv6(IP6.a, "ff02::1", 136, advertisement("fd00:71::1", MAC.a))),
	"an advertisement of another MAC": ethernet(MAC.a, ALL, 0x86dd, icmpv6(IP6.a, "ff02::1", 136, advertisement(IP6.a, OTHER))),
	"a solicitation of another MAC": ethernet(MAC.a, ALL, 0x86dd, icmpv6(IP6.a, "ff02::1", 135, solicitation(IP6.v, OTHER))),
	"detection of another's address": ethernet(MAC.a, ALL, 0x86dd, icmpv6("::", "ff02::1", 135, solicitation(IP6.v))),
	"another link-local address": ethernet(MAC.a, ALL, 0x86dd, icmpv6("fe80::1", "ff02::1", 136, advertisement("fe80::1", MAC.a))),
	"a router advertisement": ethernet(MAC.a, ALL, 0x86dd, icmpv6(LOCAL, "ff02::1", 134, "4000070800000000".padEnd(24, "0"))),
	"a redirect": ethernet(MAC.a, ALL, 0x86dd, icmpv6(LOCAL, "ff02::1", 137, "00000000".padEnd(72, "0"))),
	"a DHCP answer": ethernet(MAC.a, BROADCAST, 0x800, ipv4(IP.a, "255.255.255.255", 17, udp(67, 68))),
	"a DHCPv6 answer": ethernet(MAC.a, ALL, 0x86dd, ipv6(LOCAL, "ff02::1", 17, udp(547, 546))),
	"another protocol": ethernet(MAC.a, BROADCAST, 0x88b5, "00000000"),
};

/** Open vSwitch drops what is tagged on an access port by itself. */
export const tagged: Record<string, string> = {
	"a tag": ethernet(MAC.a, MAC.v, 0x800, ipv4(IP.a, IP.v, 17, udp(1000, 2000)), 20),
	"two tags": ethernet(MAC.a, MAC.v, 0x8100, `0014${"0800"}${ipv4(IP.a, IP.v, 17, udp(1000, 2000))}`, 10),
};

export const attachment = { container: attacker, bridge: NET.name, mac: MAC.a };
export const addresses = { container: attacker, interface: "eth1", addresses: [`${IP.a}/24`, `${IP6.a}/64`], gateway: GATEWAY };

export interface Wiring {
	network: Resource;
	wire: Resource;
	ip: Resource;
}

/** The network, and both containers on it; the attacker's resources are given. */
export async function wire(more: Record<string, unknown> = {}, host: Record<string, unknown> = {}): Promise<Wiring> {
	const network = await new Resource("IsolatedNetwork", "ps-net").create({ ...NET, ...more });
	await new Resource("VethAttachment", "ps-v").create({ container: victim, bridge: NET.name, mac: MAC.v });
	const there = { container: victim, interface: "eth1", addresses: [`${IP.v}/24`, `${IP6.v}/64`], gateway: GATEWAY };
	await new Resource("StaticContainerIp", "ps-v-ip").create(there);
	const made = await new Resource("VethAttachment", "ps-a", host).create(attachment);
	const ip = await new Resource("StaticContainerIp", "ps-a-ip", host).create(addresses);
	return { network, wire: made, ip };
}

export function useContainers(): void {
	before(async function () {
		this.timeout(60_000);
		await removeContainers(attacker, victim);
		for (const name of [attacker, victim]) await makeContainer("h1", name);
	});
	after(() => removeContainers(attacker, victim));
}

const SESSION = `mkdir -p /tmp/ps; rm -f /tmp/ps/*
at() { echo "nsenter -t $(docker inspect -f '{{.State.Pid}}' "$1") -n --"; }
setsid $(at "$2") perl -MIO::Socket::INET -e '
	my $all = IO::Socket::INET->new(LocalPort => 7100, Listen => 1, ReuseAddr => 1) or die;
	my $client = $all->accept;
	while (sysread($client, my $text, 100)) { syswrite($client, $text) }' >/dev/null 2>&1 </dev/null & echo $! >/tmp/ps/pids
i=0; until $(at "$2") ss -Hlnt "sport = :7100" | grep -q . || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done
setsid $(at "$1") perl -MIO::Socket::INET -e '
	my $say = sub { open(my $file, ">", "/tmp/ps/new"); print $file $_[1]; close $file; rename "/tmp/ps/new", "/tmp/ps/$_[0]" };
	my $server = IO::Socket::INET->new(PeerHost => $ARGV[0], PeerPort => 7100, Timeout => 5) or die "no connection";
	my $lines = 0;
	until (-e "/tmp/ps/stop") {
		syswrite($server, "line\n");
		my $got = "";
		while (length $got < 5) { sysread($server, $got, 100, length $got) or die "closed" }
		$say->("count", ++$lines);
		select(undef, undef, undef, 0.01);
	}
	$say->("done", $lines)' "$3" >/tmp/ps/said 2>&1 </dev/null & echo $! >>/tmp/ps/pids
i=0; until [ -e /tmp/ps/count ] || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done
cat /tmp/ps/count`;

/** A TCP session from the attacker to the victim that says a line and waits for its echo, again and again; `lines` that came back. */
export async function session(): Promise<{ lines(): Promise<number>; finish(): Promise<number> }> {
	await sh(SESSION, attacker, victim, IP.v);
	return {
		lines: async () => Number(await sh("cat /tmp/ps/count")),
		finish: async () =>
			Number(
				await sh(`sleep 0.3; touch /tmp/ps/stop; i=0; until [ -s /tmp/ps/done ] || [ $((i += 1)) -gt 200 ]; do sleep 0.05; done
				cat /tmp/ps/done; while read -r pid; do kill $pid 2>/dev/null || true; done </tmp/ps/pids; rm -rf /tmp/ps`),
			),
	};
}
