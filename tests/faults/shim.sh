#!/bin/sh
# Stands before ip, ovs-vsctl, nft, ethtool, conntrack, iptables and OVN's two on a lab host. While /run/fault/armed is there, it counts the operations
# that change something, each line of `ip -batch` for itself, and does harm before the one with the number in /run/fault/at.
tool=${0##*/}
for folder in /usr/sbin /usr/bin /sbin /bin; do [ ! -x "$folder/$tool" ] || { real=$folder/$tool; break; }; done
[ -e /run/fault/armed ] || exec "$real" "$@"
changes=
case $tool in
	ip) [ "$1" != -batch ] || changes=1 ;;
	nft) [ "$1" != -f ] || changes=1 ;;
	ovs-vsctl) case " $* " in *" --no-wait "*) ;; *" add-br "* | *" del-br "* | *" add-port "* | *" del-port "* | *" create "* | *" set "* | *" clear "* | *" remove "* | *"-controller "*) changes=1 ;; esac ;;
	ovn-*) case " $* " in *" list "*) ;; *) changes=1 ;; esac ;;
	ethtool) [ "$1" != -K ] || changes=1 ;;
	conntrack) case " $* " in *" -D "*) changes=1 ;; esac ;;
	*) case " $* " in *" -I "* | *" -D "*) changes=1 ;; esac ;;
esac
[ -n "$changes" ] || exec "$real" "$@"

# True when it is the turn of the operation before which harm is to be done.
turn() {
	read -r count </run/fault/count
	echo $((count + 1)) >/run/fault/count
	read -r at </run/fault/at
	[ "$count" -eq "$at" ] || return 1
	rm /run/fault/armed
}

# The sshd of this connection.
daemon() {
	pid=$$
	while [ "$pid" -gt 1 ]; do
		read -r name </proc/$pid/comm
		case $name in sshd*) echo "$pid"; return ;; esac
		read -r line </proc/$pid/stat
		set -- ${line##*) }
		pid=$2
	done
}

harm() {
	read -r what </run/fault/what
	case $what in
		cut | killed) kill -KILL "$(daemon)" ;;
		power) kill -KILL -1 ;;
		run) sh /run/fault/harm 7<&- 8<&- 9<&- </dev/null >/dev/null 2>&1 ;;
	esac
	[ "$what" = fails ]
}

if [ "$tool" = ip ]; then
	lines=$(cat)
	number=0
	while IFS= read -r line; do
		number=$((number + 1))
		if turn && harm; then
			[ $number -eq 1 ] || printf '%s\n' "$lines" | head -n $((number - 1)) | "$real" "$@" || exit
			printf 'Error: a fault of the test.\nCommand failed -:%s\n' "$number" >&2
			exit 1
		fi
	done <<LINES
$lines
LINES
	printf '%s\n' "$lines" | "$real" "$@"
	exit
fi
if turn && harm; then
	echo "$tool: a fault of the test" >&2
	exit 1
fi
exec "$real" "$@"
