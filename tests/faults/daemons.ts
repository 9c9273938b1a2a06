// The daemons of a lab host: killed, hung, and started again, as the units of their packages do.
import { sh } from "../support/wiring";

export type Daemon = "dockerd" | "ovsdb-server" | "ovs-vswitchd" | "sshd";

export const PID_FILE: Record<Daemon, string> = {
	dockerd: "/run/docker.pid",
	"ovsdb-server": "/run/openvswitch/ovsdb-server.pid",
	"ovs-vswitchd": "/run/openvswitch/ovs-vswitchd.pid",
	sshd: "/run/sshd.pid",
};

/** The lab hosts' own way out is a bridge of Open vSwitch, which forwards in ovs-vswitchd. */
const REACHABLE = `i=0; until ping -c 1 -W 1 "$(ip route show default | awk '{ print $3 }')" >/dev/null 2>&1; do i=$((i + 1)); [ $i -lt 30 ]; done`;

const START: Record<Daemon, string> = {
	dockerd: `rm -f /run/docker.pid
setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &
until docker ps -q >/dev/null 2>&1; do sleep 0.1; done`,
	"ovsdb-server": `ovsdb-server /etc/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock --pidfile --log-file -vconsole:warn --detach
${REACHABLE}`,
	// The lab host's own address was on a link that went with the daemon.
	"ovs-vswitchd": `ovs-vswitchd --pidfile --log-file -vconsole:warn --detach 2>/dev/null
ovs-vsctl --timeout=20 list-br >/dev/null
ethtool -K br-phy tx off >/dev/null
ip address replace "$(cat /run/fault-address)" dev br-phy
ip link set br-phy up
ip route replace default via "$(cat /run/fault-gateway)"
rm -f /run/fault-address /run/fault-gateway
${REACHABLE}`,
	sshd: "/usr/sbin/sshd -E /var/log/sshd.log",
};

/** Shell text that ends a daemon with no time to tidy up; it ends at once when the daemon is gone. */
export const killText = (daemon: Daemon): string => `${
	daemon === "ovs-vswitchd"
		? "ip -4 -o address show dev br-phy | awk '{ print $4 }' >/run/fault-address; ip route show default | awk '{ print $3 }' >/run/fault-gateway"
		: ":"
}
pid=$(cat ${PID_FILE[daemon]})
kill -KILL "$pid"
while [ -e "/proc/$pid" ]; do sleep 0.05; done`;

export const start = (daemon: Daemon): Promise<string> => sh(START[daemon]);
export const hangText = (daemon: Daemon): string => `kill -STOP "$(cat ${PID_FILE[daemon]})"`;
export const goOn = (daemon: Daemon): Promise<string> => sh(`kill -CONT "$(cat ${PID_FILE[daemon]})"\n${REACHABLE}`);
