// Two containers and three bridges, made by hand: two of Open vSwitch and one of Linux.
import { makeContainer } from "../support/lab";
import { Resource } from "../support/resource";
import { removeContainers, sh } from "../support/wiring";

const REMOVE =
	"for b in va-br va-br2; do ovs-vsctl --timeout=20 --if-exists del-br $b; done; ip link delete va-lin 2>/dev/null || true";

export function useBridges(): void {
	before(async () => {
		await removeContainers("va1", "va2");
		await sh(`${REMOVE}
			for b in va-br va-br2; do
				ovs-vsctl --timeout=20 add-br $b -- set bridge $b datapath_type=netdev
				ethtool -K $b tx off >/dev/null
				ip link set $b up
			done
			ip address add 10.61.0.1/24 dev va-br
			ip link add va-lin type bridge
			ip link set va-lin up`);
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
