import { Resource } from "../support/resource";
import { sh } from "../support/wiring";

/** The bridge that most tests make, and others that they plant by hand. */
export const NAME = "ob-br";
export const bridge = (name = "a"): Resource => new Resource("OvsBridge", name);
export const args = (more: Record<string, unknown> = {}) => ({ name: NAME, ...more });

export const CLEAN = `for b in ${NAME} ob-old; do ovs-vsctl --timeout=20 --if-exists del-br $b; done
	ip link delete ob-nic 2>/dev/null || true`;

export function useCleanHost(): void {
	before(() => sh(CLEAN));
	after(() => sh(CLEAN));
}

/** All inputs that can change in place, and the columns in which they show. */
export const full = {
	failMode: "secure",
	rstp: true,
	mcastSnooping: true,
	controllers: ["tcp:127.0.0.1:6699", "ptcp:6698:127.0.0.1"],
	protocols: ["OpenFlow10", "OpenFlow13"],
	otherConfig: { "mac-aging-time": "60", "mac-table-size": "4096" },
	mtu: 1400,
	addresses: ["10.63.0.1/24", "10.63.0.2/24", "2001:db8:64::1/64"],
};

export async function shown(name = NAME): Promise<Record<string, string>> {
	const columns = ["fail_mode", "stp_enable", "rstp_enable", "mcast_snooping_enable", "protocols"];
	const values = (await sh(`ovs-vsctl get bridge ${name} ${columns.join(" ")}`)).split("\n");
	return {
		...Object.fromEntries(columns.map((column, index) => [column, values[index]!])),
		controllers: (await sh(`ovs-vsctl get-controller ${name} | sort`)).split("\n").join(),
		aging: await sh(`ovs-vsctl --if-exists get bridge ${name} other_config:mac-aging-time`),
		mtu: await sh(`cat /sys/class/net/${name}/mtu 2>/dev/null || ip -o link show ${name} | sed 's/.* mtu \\([0-9]*\\).*/\\1/'`),
	};
}

export const defaults = {
	fail_mode: "[]",
	stp_enable: "false",
	rstp_enable: "false",
	mcast_snooping_enable: "false",
	protocols: "[]",
	controllers: "",
	aging: "",
	mtu: "1500",
};
