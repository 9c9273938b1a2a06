// Every sort of network that a host has, a container with a server in each, and the question who reaches whom.

import { address, ask, type Client, serve } from "../nat-publish/fixture";
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

export const network = (name: keyof typeof NETWORKS): Resource => new Resource("IsolatedNetwork", name);

/** Docker's own two kinds of network, an Open vSwitch bridge made by hand, and servers everywhere, the hosts included. */
export function useNetworks(): { addresses: Record<string, string>; networks: Record<string, Resource> } {
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
		for (const [name, args] of Object.entries(NETWORKS))
			networks[name] = (await network(name as keyof typeof NETWORKS).create({ name, ...args })).release();
		await Promise.all(Object.keys(MEMBERS).map((name) => makeContainer("h1", full(name))));
		await makeContainer("h1", full("k"), "--network=bridge");
		await makeContainer("h1", full("n"), "--network=iso-user");
		for (const [name, [bridge, ip, gateway]] of Object.entries(MEMBERS)) {
			const container = full(name);
			(await new Resource("VethAttachment", `at-${container}`).create({ container, bridge })).release();
			const args = { container, interface: "eth1", addresses: [`${ip}/24`], gateway };
			(await new Resource("StaticContainerIp", `ip-${container}`).create(args)).release();
			addresses[name] = ip;
		}
		const dockerIp = (name: string) =>
			on("h1", "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", full(name));
		for (const name of ["k", "n"]) addresses[name] = await dockerIp(name);
		Object.assign(addresses, { h1, h2, public: PUBLIC });
		for (const name of containers) await serve(full(name), PORT);
		await serveOnHosts();
	});
	after(cleanUp);
	return { addresses, networks };
}

/** On the hosts themselves: in containers that share the host's network. */
async function serveOnHosts(): Promise<void> {
	await makeContainer("h1", "iso-h1", "--network=host");
	await serve("iso-h1", PORT);
	const script = `mkdir -p /tmp/iso-w; printf 'h2' >/tmp/iso-w/index.html; busybox httpd -p ${PORT} -h /tmp/iso-w`;
	await on("h2", "sh", "-ec", `${script}; ${UDP}`, "-", String(PORT));
}

/** A UDP server of the second host, which has no container of its own in these tests. */
const UDP = `setsid perl -MIO::Socket::INET -e '
	my $s = IO::Socket::INET->new(LocalPort => $ARGV[0], Proto => "udp") or die;
	while (defined $s->recv(my $text, 2000)) { $s->send("h2") }' "$1" >/dev/null 2>&1 </dev/null & echo $! >/tmp/iso-w/pid`;

async function cleanUp(): Promise<void> {
	await removeContainers(...containers.map(full), "iso-h1");
	await sh(`touch /tmp/np-servers; while read -r pid; do kill "$pid" 2>/dev/null || true; done </tmp/np-servers; rm -f /tmp/np-server*
		docker network rm iso-user >/dev/null 2>&1 || true
		for br in iso-un ${Object.keys(NETWORKS).join(" ")}; do
			for p in $(ovs-vsctl list-ports $br 2>/dev/null); do ovs-vsctl --if-exists del-port $br $p; ip link delete $p 2>/dev/null || true; done
			ovs-vsctl --timeout=20 --if-exists del-br $br
		done
		nft delete table inet netplumb 2>/dev/null || true
		ip route del ${PUBLIC}/32 2>/dev/null || true
		rm -rf /run/netplumb`);
	await on(
		"h2",
		"sh",
		"-c",
		`ip address del ${PUBLIC}/32 dev lo; ip route del 10.70.0.0/16; kill $(cat /tmp/iso-w/pid) $(pgrep -f "httpd -p ${PORT}"); rm -rf /tmp/iso-w; true`,
	);
}

export const client = (name: string): Client => (name === "h1" || name === "h2" ? name : `container ${full(name)}`);

/** True when a server answers: TCP by accepting, UDP by a packet. */
export async function reaches(from: string, to: string, protocol: "tcp" | "udp"): Promise<boolean> {
	// busybox httpd, on the second host, waits for a request.
	if (protocol === "tcp") {
		const [, container] = client(from).split(" ");
		const dial = [
			"perl",
			"-MIO::Socket::INET",
			"-e",
			'print IO::Socket::INET->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Timeout => 1) ? "yes" : "no"',
			to,
			String(PORT),
		];
		const nsenter = 'pid=$(docker inspect -f "{{.State.Pid}}" "$1"); shift; exec nsenter -t "$pid" -n -- "$@"';
		return (container ? await on("h1", "sh", "-ec", nsenter, "-", container, ...dial) : await on(from, ...dial)) === "yes";
	}
	return (await ask({ from: client(from), to, port: PORT, protocol })) !== "";
}
