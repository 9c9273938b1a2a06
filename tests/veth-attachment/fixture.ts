// Two containers and three bridges, made by hand: two of Open vSwitch and one of Linux.
import { makeContainer } from "../support/lab";
import { Resource } from "../support/resource";
import { removeContainers, sh } from "../support/wiring";

const REMOVE =
	"for b in va-br va-br2; do ovs-vsctl --timeout=20 --if-exists del-br $b; done; ip link delete va-lin0 2>/dev/null || true; ip link delete va-lin 2>/dev/null || true";

export function useBridges(): void {
	before(async () => {
		await removeContainers("va1", "va2");
		await sh(`${REMOVE}
			for b in va-br va-br2; do
				ovs-vsctl --timeout=20 add-br $b -- set bridge $b datapath_type=netdev
				ethtool -K $b tx off >/dev/null
				echo 1 >/proc/sys/net/ipv6/conf/$b/disable_ipv6
				ip link set $b up
			done
			ip address add 10.61.0.1/24 dev va-br
			ip link add va-lin0 type veth peer name va-lin1
			ip link add va-lin address 02:00:00:00:61:ff type bridge forward_delay 0
			echo 1 >/proc/sys/net/ipv6/conf/va-lin0/disable_ipv6
			ip link set va-lin0 master va-lin up
			echo 1 >/proc/sys/net/ipv6/conf/va-lin1/disable_ipv6
			ip link set va-lin1 up
			echo 1 >/proc/sys/net/ipv6/conf/va-lin/disable_ipv6
			ip link set va-lin up
			i=0; until ip link show va-lin | grep -q LOWER_UP && ! ip link show va-lin | grep -q NO-CARRIER || [ $((i += 1)) -gt 60 ]; do sleep 0.05; done`);
		await Promise.all([makeContainer("h1", "va1"), makeContainer("h1", "va2")]);
	});
	after(async () => {
		await removeContainers("va1", "va2");
		await sh(REMOVE);
	});
}

export const attachment = (name: string): Resource => new Resource("VethAttachment", name);

/** Attachments to va-br with fixed host names, for tests that look at them. */
export const args = (more: Record<string, unknown> = {}) => ({
	container: "va1",
	bridge: "va-br",
	hostInterface: "va-h1",
	...more,
});
export const args2 = (more: Record<string, unknown> = {}) => ({
	container: "va2",
	bridge: "va-br",
	hostInterface: "va-h2",
	...more,
});
