// Every sort of network that a host has, a container with a server in each, and the question who reaches whom.

import { address, ask, type Client } from "../nat-publish/fixture";
import { makeContainer, on } from "../support/lab";
import { Resource } from "../support/resource";
import { removeContainers, sh } from "../support/wiring";

export const PORT = 5300;

/** Members of isolated networks: `a` none, `b` lets `a` in, `c1` and `c2` may not see each other, `d` may go to the internet. */
export const NETWORKS = {
	neta: { subnet: "10.70.1.0/24" },
	netb: { subnet: "10.70.2.0/24", allow: ["neta"] },
	netc: { subnet: "10.70.3.0/24", clients: "isolated", services: [`tcp/${PORT}`, `udp/${PORT}`] },
	netd: { subnet: "10.70.4.0/24", egress: "internet" },
} as const;

const MEMBERS: Record<string, [bridge: string, address: string, gateway: string]> = {
	a: ["neta", "10.70.1.10", "10.70.1.1"],
	a2: ["neta", "10.70.1.11", "10.70.1.1"],
	b: ["netb", "10.70.2.10", "10.70.2.1"],
	c1: ["netc", "10.70.3.10", "10.70.3.1"],
	c2: ["netc", "10.70.3.11", "10.70.3.1"],
	d: ["netd", "10.70.4.10", "10.70.4.1"],
	u: ["iso-un", "10.70.9.10", "10.70.9.1"],
};
/** A public address of the second host (RFC 5737), and a private one. */
export const PUBLIC = "203.0.113.7";
const containers = [...Object.keys(MEMBERS), "k", "n"];
const full = (name: string) => `iso-${name}`;

export const network = (name: string): Resource => new Resource("IsolatedNetwork", name);

/**
 * Docker's own two kinds of network, an Open vSwitch bridge made by hand, and servers everywhere, the hosts included. `first` runs when
 * all of these are there, and nothing of netplumb's but the members' wiring on the bridge made by hand.
 */
export function useNetworks(first = async () => {}): { addresses: Record<string, string>; networks: Record<string, Resource> } {
	const addresses: Record<string, string> = {};
	const networks: Record<string, Resource> = {};
	before(async function () {
		this.timeout(120_000);
		await cleanUp();
		const [h1, h2] = [await address("h1"), await address("h2")];
		await sh(`ovs-vsctl --timeout=20 add-br iso-un -- set bridge iso-un datapath_type=netdev
			ethtool -K iso-un tx off >/dev/null
			ip address add 10.70.9.1/24 dev iso-un
			ip link set iso-un up
			ip route add ${PUBLIC}/32 via ${h2}
			docker network create --subnet 10.70.8.0/24 iso-user >/dev/null`);
		// The second host knows the way to every network, so that only the boundary stops it.
		await on("h2", "sh", "-ec", `ip address add ${PUBLIC}/32 dev lo; ip route add 10.70.0.0/16 via ${h1}`);
		await Promise.all(Object.keys(MEMBERS).map((name) => makeContainer("h1", full(name))));
		await makeContainer("h1", full("k"), "--network=bridge");
		await makeContainer("h1", full("n"), "--network=iso-user");
		for (const [name, [, ip]] of Object.entries(MEMBERS)) addresses[name] = ip;
		const dockerIp = (name: string) =>
			on("h1", "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", full(name));
		for (const name of ["k", "n"]) addresses[name] = await dockerIp(name);
		Object.assign(addresses, { h1, h2, public: PUBLIC });
		await attach("u");
		for (const name of containers) await serve("h1", full(name));
		// A server at all of its addresses would answer a packet to one of them from another one.
		for (const at of [h2, PUBLIC]) await serve("h2", "", at);
		await serve("h1", "", h1);
		await first();
		for (const [name, args] of Object.entries(NETWORKS))
			networks[name] = (await network(name).create({ name, ...args })).release();
		for (const name of Object.keys(MEMBERS)) if (name !== "u") await attach(name);
		for (const gateway of ["10.70.1.1", "10.70.3.1"]) await serve("h1", "", gateway);
	});
	after(cleanUp);
	return { addresses, networks };
}

async function attach(name: string): Promise<void> {
	const [bridge, ip, gateway] = MEMBERS[name]!;
	const container = full(name);
	(await new Resource("VethAttachment", `at-${container}`).create({ container, bridge })).release();
	const args = { container, interface: "eth1", addresses: [`${ip}/24`], gateway };
	(await new Resource("StaticContainerIp", `ip-${container}`).create(args)).release();
}

/** Starts a server on a host, or in the network of one of its containers, and waits until it listens. */
const SERVE = `mkdir -p /tmp/iso-w
in=; [ -z "$2" ] || in="nsenter -t $(docker inspect -f '{{.State.Pid}}' "$2") -n --"
setsid $in perl -MIO::Socket::INET -MIO::Select -e '
	my %at = (LocalPort => $ARGV[0], ReuseAddr => 1, $ARGV[1] ? (LocalAddr => $ARGV[1]) : ());
	my $tcp = IO::Socket::INET->new(%at, Proto => "tcp", Listen => 64) or die;
	my $udp = IO::Socket::INET->new(%at, Proto => "udp") or die;
	my $all = IO::Select->new($tcp, $udp);
	while (my @ready = $all->can_read) {
		for (@ready) {
			if ($_ == $tcp) { my $client = $tcp->accept or next; print $client "here"; close $client }
			elsif (defined $udp->recv(my $text, 2000)) { $udp->send("here") }
		}
	}' "$1" "$3" >/dev/null 2>&1 </dev/null & echo $! >>/tmp/iso-w/pids
i=0; until $in ss -Hlnu "sport = :$1" | grep -q "$3:$1" || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done`;
const serve = (host: string, container = "", at = "") => on(host, "sh", "-ec", SERVE, "-", String(PORT), container, at);

const STOP =
	'if [ -e /tmp/iso-w/pids ]; then while read -r pid; do kill "$pid" || true; done </tmp/iso-w/pids; fi; rm -rf /tmp/iso-w';

async function cleanUp(): Promise<void> {
	await removeContainers(...containers.map(full));
	await sh(`exec 2>/dev/null; ${STOP}
		docker network rm iso-user >/dev/null 2>&1 || true
		for br in iso-un ${Object.keys(NETWORKS).join(" ")}; do
			for p in $(ovs-vsctl list-ports $br 2>/dev/null); do ovs-vsctl --if-exists del-port $br $p; ip link delete $p 2>/dev/null || true; done
			ovs-vsctl --timeout=20 --if-exists del-br $br
		done
		nft delete table inet netplumb || true
		iptables -D DOCKER-USER -m mark --mark 0x20000000/0x20000000 -m comment --comment netplumb -j ACCEPT || true
		ip route del ${PUBLIC}/32 2>/dev/null || true
		rm -rf /run/netplumb`);
	await on("h2", "sh", "-c", `exec 2>/dev/null; ip address del ${PUBLIC}/32 dev lo; ip route del 10.70.0.0/16; ${STOP}; true`);
}

export const client = (name: string): Client => (name === "h1" || name === "h2" ? name : `container ${full(name)}`);

/** True when a server answers. */
export async function reaches(from: string, to: string, protocol: "tcp" | "udp"): Promise<boolean> {
	return (await ask({ from: client(from), to, port: PORT, protocol })) !== "";
}
