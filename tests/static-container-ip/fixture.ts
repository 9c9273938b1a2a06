// Three containers on one bridge made by hand: ip1 and ip2 with attachments, ip3 to listen. ip0 has Docker's own network too.
import { makeContainer } from "../support/lab";
import { Resource } from "../support/resource";
import { removeContainers, sh } from "../support/wiring";

const names = ["ip0", "ip1", "ip2", "ip3"];

export function useContainers(): void {
	before(async () => {
		await removeContainers(...names);
		await sh(`ovs-vsctl --timeout=20 --if-exists del-br ip-br -- add-br ip-br -- set bridge ip-br datapath_type=netdev
			ethtool -K ip-br tx off >/dev/null
			echo 1 >/proc/sys/net/ipv6/conf/ip-br/disable_ipv6
			ip address add 10.62.0.1/24 dev ip-br
			ip link set ip-br up`);
		await Promise.all(names.map((name) => makeContainer("h1", name, ...(name === "ip0" ? ["--network=bridge"] : []))));
		await Promise.all(
			names.map((container, index) =>
				new Resource("VethAttachment", `at-${container}`, { hostInterface: `ip-h${index}` })
					.create({ container, bridge: "ip-br" })
					.then((one) => one.release()),
			),
		);
	});
	after(async () => {
		await removeContainers(...names);
		await sh(`for p in $(ovs-vsctl list-ports ip-br); do ip link delete $p 2>/dev/null || true; done
			ovs-vsctl --timeout=20 --if-exists del-br ip-br
			rm -rf /run/netplumb`);
	});
}

export const ip = (name: string): Resource => new Resource("StaticContainerIp", name);

/** Inputs for eth1 of ip1. */
export const args = (more: Record<string, unknown> = {}) => ({
	container: "ip1",
	interface: "eth1",
	addresses: ["10.62.0.11/24"],
	...more,
});
