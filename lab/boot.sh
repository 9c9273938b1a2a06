#!/bin/bash
# Boots one lab host, or the lab's switch. Started by the lab's own code (host.ts, switch.ts), never by hand.
#
#   boot.sh switch   in a new network namespace: a Linux bridge that joins the hosts, and one link to the machine
#   boot.sh host     on the machine: makes the host's cgroups, then goes on as
#   boot.sh wire     in the host's network and cgroup namespaces, still with the machine's processes and mounts: plugs in
#                    eth0, then goes on as
#   boot.sh init     in all of the host's namespaces: process 1 of the host
#
# Every mount is made in the host's own mount namespace, so all of them go when process 1 is killed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/boot-cgroups.sh"
. "$here/boot-disk.sh"
ovn=$(< "$here/boot-ovn.sh") # read now: a host has a /tmp of its own, and this file may lie in the machine's

# A record names a process for good: pid, start time and the machine's boot. The pid may be used again, the three may not.
record() {
	local stat
	read -r stat < /proc/self/stat
	echo "${stat%% *} $(echo "${stat##*) }" | cut -d' ' -f20) $(cat /proc/sys/kernel/random/boot_id)" > "$1.new"
	mv "$1.new" "$1"
}

# The underlay address sits on an OVS bridge, as userspace tunnels need it. The kernel's own stack still sees every frame
# that arrives on eth0; it must not answer, so eth0 has another MAC than the bridge, and answers no ARP and no IPv6.
#
# A plain host has its address on eth0 itself, as most hosts have.
start_network() {
	hostname "$LAB_NAME"
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
	[ -n "$LAB_PLAIN" ] || sysctl -qw net.ipv4.conf.eth0.arp_ignore=8 net.ipv6.conf.eth0.disable_ipv6=1
	ip link set eth0 up
	ovsdb-server /etc/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock --pidfile --log-file -vconsole:warn --detach
	ovs-vsctl --timeout=10 --no-wait init -- set Open_vSwitch . "external_ids:system-id=$LAB_NAME" \
		"external_ids:hostname=$LAB_NAME" "ovs_version=$(ovs-vswitchd --version | sed -n '1s/.* //p')"
	# As ovs-ctl does with --delete-transient-ports, before the switch starts.
	for port in $(ovs-vsctl --timeout=10 --no-wait --bare --columns=name find port other_config:transient=true); do
		ovs-vsctl --timeout=10 --no-wait --if-exists del-port "$port"
	done
	# As systemd does with drop-ins of ovs-vswitchd.service.
	sed -n 's/^ExecStartPre=-//p' /etc/systemd/system/ovs-vswitchd.service.d/*.conf 2> /dev/null | sh || true
	ovs-vswitchd --pidfile --log-file -vconsole:warn --detach
	if [ -n "$LAB_PLAIN" ]; then
		ip addr add "$LAB_ADDRESS/24" broadcast + dev eth0
		ip route add default via "$LAB_GATEWAY"
		# The neighbours may know the address by a bridge's MAC; the first packet of any booting host tells them better.
		ping -c 1 -w 5 "$LAB_GATEWAY" > /dev/null 2>&1 &
		return
	fi
	ovs-vsctl --timeout=20 --may-exist add-br br-phy \
		-- set bridge br-phy datapath_type=netdev "other_config:hwaddr=\"$LAB_MAC:01\"" -- --may-exist add-port br-phy eth0
	ethtool -K br-phy tx off > /dev/null || true
	ip addr add "$LAB_ADDRESS/24" dev br-phy
	ip link set br-phy up
	ip route add default via "$LAB_GATEWAY"
}
start_docker() {
	ulimit -n 1048576 2>/dev/null || true
	setsid dockerd > /var/log/dockerd.log 2>&1 < /dev/null &
	until [ -S /run/docker.sock ] && docker version > /dev/null 2>&1; do
		kill -0 $! || { tail -n 5 /var/log/dockerd.log; return 1; }
		sleep 0.1
	done
	docker image inspect netplumb/busybox:1 > /dev/null 2>&1 ||
		docker import -c "ENV PATH=/bin" -c "CMD $LAB_IMAGE_CMD" /run/lab/image.tar netplumb/busybox:1
}

switch_stage() {
	exec >> "$LAB_DIR/switch.log" 2>&1 < /dev/null
	record "$LAB_DIR/switch"
	ip link add up0 type veth peer name "$LAB_LINK" netns "$LAB_CALLER"
	ip link add br0 type bridge forward_delay 0 mcast_snooping 0
	sysctl -qw net.ipv6.conf.all.disable_ipv6=1 2>/dev/null || true
	for key in iptables ip6tables arptables; do
		sysctl -qw net.bridge.bridge-nf-call-$key=0 2>/dev/null || true
	done
	ethtool -K br0 tx off > /dev/null
	ethtool -K up0 tx off > /dev/null
	ip link set up0 master br0 up
	ip link set br0 up
	: > "$LAB_DIR/switch-ready"
	exec sleep infinity
}
host_stage() {
	exec >> "$LAB_HOST_DIR/boot.log" 2>&1 < /dev/null
	echo "boot $(date +%T.%N)"
	record "$LAB_HOST_DIR/outer"
	LAB_CGROUP=$(stat -fc %T /sys/fs/cgroup)
	export LAB_CGROUP
	make_cgroups
	exec unshare --net --cgroup bash "$here/boot.sh" wire
}
wire_stage() {
	if [ "$LAB_CGROUP" = cgroup2fs ] && read -r own < "$LAB_HOST_DIR/cgroups"; then
		mkdir -p "$own/init"
		echo $$ > "$own/init/cgroup.procs"
	fi
	ip link set lo up
	ip link add eth0 address "$LAB_MAC:02" type veth peer name "$LAB_NAME" netns "$LAB_SWITCH"
	ethtool -K eth0 tx off > /dev/null
	nsenter --target "$LAB_SWITCH" --net sh -c 'ethtool -K "$1" tx off > /dev/null; ip link set "$1" master br0 up' - "$LAB_NAME"
	exec unshare --mount --propagation slave --uts --ipc --pid --fork --kill-child bash "$here/boot.sh" init
}
init_stage() {
	record "$LAB_HOST_DIR/init" # the machine's /proc is still here, so this is our pid out there
	mount -t proc proc /proc
	cd "$LAB_HOST_DIR"
	mount_disk
	[ -e /run/lab/disk/made ] || first_boot
	start_network
	bash -c "$ovn" boot-ovn.sh boot
	/usr/sbin/sshd -E /var/log/sshd.log
	start_docker
	[ ! -e /var/lib/netplumb/agent ] || sh /var/lib/netplumb/agent start # no systemd here
	echo "ready $(date +%T.%N)"
	: > /run/lab/ready
	sleep infinity & # bash as process 1 collects the orphans while it waits
	wait $!
}
"${1}_stage"
