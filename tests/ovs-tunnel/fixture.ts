// Two hosts with a bridge each and a container on it; the tests put the tunnel between them.
import { labHost, on } from "../support/lab";
import { Resource } from "../support/resource";
import type { Site } from "../support/sites";

export const BRIDGE = "tt-br";
export const TUNNEL = "tt-tun";
export const V4: Record<string, string> = {};
export const V6: Record<string, string> = { h1: "fd00:99::1", h2: "fd00:99::2", h3: "fd00:99::3" };

type Args = Record<string, unknown>;

/** The tunnel's end on a host. */
export const tunnel = (host = "h1", name = `to-${host}`): Resource =>
	new Resource("OvsTunnel", name, { host: labHost(host, { heal: false }), bridge: BRIDGE, name: TUNNEL });

export const address = (host: string): string => labHost(host).address;

/** Both ends of a tunnel between h1 and h2. */
export async function between(args: Args, addresses: (host: string) => string = address): Promise<[Resource, Resource]> {
	const ends = await Promise.all([
		tunnel("h1").create({ ...args, remote: addresses("h2") }),
		tunnel("h2").create({ ...args, remote: addresses("h1") }),
	]);
	return ends;
}

/** In a describe block: the bridges, for all its tests. Made and removed by hand, so that a test sees tunnels alone. */
export function useBridges(...hosts: string[]): void {
	const remove = (host: string) => on(host, "ovs-vsctl", "--timeout=20", "--if-exists", "del-br", BRIDGE);
	before(async () => {
		for (const host of hosts) {
			await remove(host);
			await on(host, "ovs-vsctl", "--timeout=20", "add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev");
		}
	});
	after(() => Promise.all(hosts.map(remove)));
}

/** A container's interface on the bridge of its host, with addresses and an MTU. */
export async function wire({ host, container }: Site, addresses: string[], mtu: number): Promise<void> {
	const on = { host: labHost(host), container };
	await new Resource("VethAttachment", container, on).create({ bridge: BRIDGE, mtu });
	await new Resource("StaticContainerIp", container, on).create({ interface: "eth1", addresses });
}
