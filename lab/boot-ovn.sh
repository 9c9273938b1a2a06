#!/bin/bash
# OVN's daemons on a lab host, started and stopped by the script that their packages' units call. What was started is
# started again at the next boot, as `systemctl enable` has it. Run inside the host, by ovn.ts and by boot.sh.
#
#   boot-ovn.sh start controller|central …   starts these, now and at every boot
#   boot-ovn.sh boot                         starts what was started before
#   boot-ovn.sh stop                         ends all of it, with its databases and the bridge that ovn-controller made
set -eu
ctl=/usr/share/ovn/scripts/ovn-ctl
enabled=/run/lab/disk/ovn

start() {
	local part
	mkdir -p /etc/ovn /var/lib/ovn /var/log/ovn /run/ovn
	for part; do
		grep -qsx "$part" "$enabled" || echo "$part" >> "$enabled"
		case $part in
		central) $ctl start_northd --no-monitor --ovn-northd-log="-vconsole:off -vfile:info" ;;
		controller) $ctl start_controller --no-monitor ;;
		*) return 1 ;;
		esac
	done > /dev/null 2>> /var/log/ovn/boot.log < /dev/null
}
case $1 in
start) start "${@:2}" ;;
boot) [ ! -e "$enabled" ] || start $(cat "$enabled") ;;
stop)
	[ -e "$enabled" ] || exit 0
	for part in $(cat "$enabled"); do
		if [ "$part" = central ]; then $ctl stop_northd; else $ctl stop_controller; fi
	done > /dev/null 2>&1 < /dev/null
	ovs-vsctl --timeout=20 --if-exists del-br br-int
	rm -rf "$enabled" /var/lib/ovn /etc/ovn /run/ovn
	;;
esac
