#!/bin/sh
# netplumb agent 1
#
# Keeps the wiring of this host as it was declared. Written by netplumb with the first resource, removed with the last one.
#
#   agent start      runs it in the background, supervised; nothing when it runs already. Without systemd: once after a boot
#   agent stop       ends it
#   agent status     one line for each thing that it looks after
#   agent run        in the foreground, as systemd or `agent supervise` start it
#
# /var/lib/netplumb/desired holds a file for each resource: the operations that make it from nothing, each with the question
# whether it is made. What is missing is made again, and nothing else. All work is done under the lock that netplumb takes too.
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
home=/var/lib/netplumb
run=/run/netplumb
self=$home/agent
unit=/etc/systemd/system/netplumb-agent.service
nl='
'

own() { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ]; }
systemd() { [ -d /run/systemd/system ] && command -v systemctl >/dev/null; }
say() { printf '%s %s\n' "$stamp" "$*" >>"$home/log"; }

# --- Questions and steps, used by the files in desired ---------------------------------------------------------------

# link_is NAME FACT…: the link is there, and as the facts say
link_is() {
	facts=$(ip -o -d link show dev "$1" 2>/dev/null) || return 1
	shift
	for fact; do
		want=${fact#*=}
		case $fact in
		kind=*) case $facts in *"\\    $want "*) ;; *) return 1 ;; esac ;;
		mac=*) case $facts in *"link/ether $want "*) ;; *) return 1 ;; esac ;;
		mtu=*) case $facts in *" mtu $want "*) ;; *) return 1 ;; esac ;;
		master=) case $facts in *" master "*) return 1 ;; esac ;;
		master=*) case $facts in *" master $want "*) ;; *) return 1 ;; esac ;;
		group=*) case $facts in *" group $want "*) ;; *) return 1 ;; esac ;;
		up=true) case ${facts%%>*} in *[\<,]UP | *[\<,]UP,*) ;; *) return 1 ;; esac ;;
		up=false) case ${facts%%>*} in *[\<,]UP | *[\<,]UP,*) return 1 ;; esac ;;
		word=*) case ,${facts##*alias }, in *",$want,"*) ;; *) return 1 ;; esac ;;
		esac
	done
}
# The alias of a link is a list of words: ours is added, those of others stay.
add_word() {
	facts=$(ip -o -d link show dev "$1") || return 1
	case $facts in *"alias "*) facts=${facts##*alias } ;; *) facts= ;; esac
	ip link set dev "$1" alias "${facts:+$facts,}$2"
}
has_address() {
	case "$(ip -o address show dev "$1" 2>/dev/null) " in *" $2 "*) ;; *) return 1 ;; esac
}
# has_route FAMILY TO DEVICE METRIC PROTOCOL [VIA]
has_route() {
	facts="$(ip "-$1" -o route show exact "$2" dev "$3" 2>/dev/null | sed 's/$/ /')"
	via=${6:+ via $6 }
	printf '%s\n' "$facts" | while read -r fact; do
		fact=" $fact "
		case $fact in *"${via:- }"*) ;; *) continue ;; esac
		case $fact in *" metric $4 "*) ;; *" metric "*) continue ;; *) [ "$4" = 0 ] || continue ;; esac
		case $fact in *" proto $5 "*) echo yes ;; *" proto "*) ;; *) [ "$5" != boot ] || echo yes ;; esac
	done | grep -q yes
}
# A sysctl file gives one byte to a shell that reads byte by byte, and then its end: read fails, but has the value.
is_sysctl() {
	[ -e "$1" ] || return 0
	if [ ${#2} -eq 1 ]; then read -r fact <"$1" || :; else fact=$(cat "$1"); fi
	[ "$fact" = "$2" ]
}
offload_off() {
	case "$(ethtool -k "$1" 2>/dev/null)" in *"tx-checksumming: off"*) ;; *) return 1 ;; esac
}
has_bridge() { ovs-vsctl --timeout=10 br-exists "$1" 2>/dev/null; }
has_port() {
	facts=$(ovs-vsctl --timeout=10 -- port-to-br "$2" -- get Interface "$2" error 2>/dev/null) || return 1
	[ "$facts" = "$1$nl[]" ]
}
# has_row TABLE NAME CONDITION…
has_row() {
	table=$1 name=$2
	shift 2
	[ -n "$(ovs-vsctl --timeout=10 --bare --columns=_uuid find "$table" "name=\"$name\"" "$@" 2>/dev/null)" ]
}
# has_flows BRIDGE COOKIE NUMBER [PORT NUMBER]: so many flows with this cookie, and so many of them about this port
has_flows() {
	facts=$(ovs-ofctl --timeout=10 --names --no-stats dump-flows "$1" "cookie=0x$2/-1" 2>/dev/null | tr -d '"') || return 1
	[ "$(printf '%s\n' "$facts" | grep -c "cookie=0x$2,")" = "$3" ] || return 1
	[ $# -eq 3 ] || [ "$(printf '%s\n' "$facts" | grep -c "[, ]in_port=$4[, ]")" = "$5" ]
}
has_controllers() {
	name=$1
	shift
	[ "$(ovs-vsctl --timeout=10 get-controller "$name" 2>/dev/null | sort)" = "$([ $# -eq 0 ] || printf '%s\n' "$@" | sort)" ]
}
# What a container that is gone has left on the host and what carries the mark of this resource: in the way of a new pair.
clear_link() {
	clear_port "$1"
	case "$(nsenter --net=/proc/self/fd/8 ip -o -d link show dev "$1" 2>/dev/null)," in
	*[\ ,]"netplumb:$mark,"*) nsenter --net=/proc/self/fd/8 ip link delete dev "$1" ;;
	esac 2>/dev/null
	return 0
}
clear_port() {
	command -v ovs-vsctl >/dev/null || return 0
	[ "$(ovs-vsctl --timeout=10 --if-exists get Port "$1" external_ids:netplumb 2>/dev/null | tr -d '"')" != "$mark" ] ||
		ovs-vsctl --timeout=20 --if-exists del-port "$1" 2>/dev/null
	return 0
}

# redo NUMBER DESCRIPTION: an operation is about to be made again. What we made three times in the last minute, for the same start
# of the container, is undone by somebody: then we stop.
redo() {
	[ -z "$LOOK" ] || exit 9
	count=0 kept=
	if [ -r "$run/agent.d/$file.history" ]; then
		while read -r at what since; do
			[ $((now - at)) -lt 60 ] || continue
			kept="$kept$at $what $since$nl"
			[ "$what $since" != "$1 $start" ] || count=$((count + 1))
		done <"$run/agent.d/$file.history"
	fi
	if [ "$count" -ge 3 ]; then
		printf '%s\n' "$2" >"$run/agent.d/said"
		exit 9
	fi
	# A plan that netplumb made on an older look at the host must not be applied.
	[ -n "$redone" ] || cat /proc/sys/kernel/random/uuid >"$run/generation"
	redone=1
	printf '%s%s %s %s\n' "$kept" "$now" "$1" "$start" >"$run/agent.d/$file.history"
	printf '%s %s\n' "$now" "$2" >"$run/agent.d/$file.mended"
	echo "$1" >>"$run/agent.d/did"
	say "$mark: $2"
}
failed() { exit 8; }
run_ip() { [ -z "$batch" ] || printf '%s\n' "${batch#"$nl"}" | ip -batch - 2>"$run/agent.d/said" || failed; }
run_ovs() { [ $# -eq 0 ] || ovs-vsctl --timeout=20 "$@" >/dev/null 2>"$run/agent.d/said" || failed; }

# --- One resource ----------------------------------------------------------------------------------------------------

# The start time of a process: field 22 of stat, counted behind the last parenthesis because a name may hold anything.
start_of() {
	read -r line <"/proc/$1/stat" || return 1
	set -- ${line##*) }
	shift 19
	started=$1
} 2>/dev/null
# Opens the container's namespace on descriptor 7, and only then looks whose process that is: a pid can be used again at any time.
enter() {
	exec 7<"/proc/$1/ns/net" || return 1
	start_of "$1" && [ "$started" = "$2" ] || return 1
	! [ /proc/self/fd/7 -ef /proc/$$/ns/net ] || return 1
	while read -r line; do
		case $line in *"$3"*) return 0 ;; esac
	done <"/proc/$1/cgroup"
	[ "$(timeout 20 docker inspect --format '{{.State.Pid}}' -- "$3")" = "$1" ]
} 2>/dev/null

state() { # WORD [TEXT]
	printf '%s %s %s %s\n' "$1" "$now" "${start:-none}" "${2:-}" >"$run/agent.d/$file.state"
}
was() { # the state before, in $state $since $before $text
	state='' since=0 before='' text=''
	[ ! -r "$run/agent.d/$file.state" ] || read -r state since before text <"$run/agent.d/$file.state"
}
intact() {
	[ -f "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] && read -r header <"$1" || return 1
	[ "$header" = "# netplumb desired 1 $(tail -n +2 "$1" | sha256sum | cut -c 1-64)" ]
}

# mend FILE: makes what is missing of one resource. $pids has a line "ID PID" for each running container.
# 0: nothing to do; 1: mended; 2: worth another try soon.
mend() (
	file=$1 start='' path=$home/desired/$1
	exec 3<&- 6<&- 9</run
	flock -x -w 60 9 || exit 2
	[ -e "$path" ] || [ -L "$path" ] || exit 0
	was
	if ! intact "$path"; then
		[ "$state" = damaged ] || say "$file: damaged, and not used"
		state damaged "the file does not match its checksum, and is not used"
		exit 0
	fi
	. "$path"
	found=
	for id in $containers; do
		pid=${pids#*"$nl$id "}
		if [ "$pid" = "$pids" ] || ! start_of "${pid%%"$nl"*}"; then
			state waiting "its container does not run"
			exit 0
		fi
		pid=${pid%%"$nl"*}
		start=$start$pid-$started
		found="$found $id $pid $started"
	done
	start=${start:-host}
	# While somebody fights us we only look, until it is right again, the container starts anew, netplumb writes the file, or ten
	# minutes have passed.
	LOOK=
	[ "$state" != degraded ] || [ "$before" != "$start" ] || [ $((now - since)) -ge 600 ] || [ "$path" -nt "$run/agent.d/$file.state" ] || LOOK=1
	export now stamp start LOOK
	: >"$run/agent.d/said"
	: >"$run/agent.d/did"
	result=0
	for part in $parts; do
		part "$part"
		result=$?
		[ $result -eq 0 ] || break
	done
	said=
	read -r said <"$run/agent.d/said" || :
	case $result in
	0)
		[ "$state" != degraded ] || say "$mark: as it should be again"
		state ok
		[ ! -s "$run/agent.d/did" ] || exit 1
		;;
	7) exit 2 ;; # the container ended, or another one started, meanwhile
	9)
		[ -z "$LOOK" ] || exit 0
		say "$mark: degraded: somebody undoes this again and again: $said"
		state degraded "somebody undoes this again and again: $said"
		;;
	*)
		[ "$state $text" = "failed $said" ] || say "$mark: failed: $said"
		state failed "$said"
		exit 2
		;;
	esac
	exit 0
)
# part NUMBER:PLACE: the operations of one place, in a process of its own that is in the right network namespace.
part() {
	if [ "${1#*:}" = host ]; then
		sh "$self" part "$file" "${1%%:*}" 8</proc/self/ns/net
		return
	fi
	set -- "$1" ${found#*"${1#*:} "}
	(
		exec 8</proc/self/ns/net
		enter "$2" "$3" "${1#*:}" || exit 7
		exec nsenter --net=/proc/self/fd/7 sh "$self" part "$file" "${1%%:*}"
	)
}

# Names in $all, and in $regular those that can be read: a fifo would block whoever opens it.
list() {
	all='' regular=''
	for path in "$home"/desired/*; do
		case ${path##*/} in *[!0-9a-f-]*) continue ;; esac
		all="$all ${path##*/}"
		[ ! -f "$path" ] || [ -L "$path" ] || regular="$regular ${path##*/}"
	done
}

# pass FILE…: one round over some resources, in the order of their names
pass() {
	now=$(date +%s)
	stamp=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	# shellcheck disable=SC2086
	ids=$(cd "$home/desired" && grep -h '^# container ' /dev/null $regular 2>/dev/null | cut -d ' ' -f 3 | sort -u)
	pids=
	if [ -n "$ids" ]; then
		# shellcheck disable=SC2086
		pids="$nl$(timeout 20 docker inspect --type container --format '{{.Id}} {{.State.Pid}}' -- $ids 2>/dev/null | grep -v ' 0$')$nl"
	fi
	mended='' again=''
	for one; do
		mend "$one"
		case $? in
		0) tries=0 ;;
		1) mended="$mended $one" ;;
		2) again="$again $one" ;;
		esac
	done
	# A few seconds later: is it still so? What failed is tried again soon, and then with the full check.
	[ -z "$mended" ] || later 5 "confirm$mended"
	if [ -n "$again" ] && [ "$tries" -lt 8 ]; then
		tries=$((tries + 1))
		later 1 "confirm$again"
	fi
	if [ -f "$home/log" ] && [ "$(wc -l <"$home/log")" -gt 2000 ]; then
		tail -n 1000 "$home/log" >"$home/log.new" && mv -f "$home/log.new" "$home/log"
	fi
}
later() { (exec 3<&- 6<&-; sleep "$1"; echo "$2" >"$run/events") & }

# --- What happens on the host: each source writes words into the fifo, and ends when nobody reads it --------------------

from_docker() {
	since=$(date +%s)
	while [ -p "$run/events" ]; do
		docker events --since "$since" --filter type=container --filter event=start --format 'start {{.Actor.ID}}' 2>/dev/null
		since=$(date +%s)
		until timeout 20 docker ps -q >/dev/null 2>&1; do [ -p "$run/events" ] && sleep 1 || exit; done
		echo check || exit
	done
}
from_links() {
	# "Deleted 5: v1@if2: <...>", "Deleted 3: br0    inet 10.0.0.1/24 ..."
	ip -o monitor link address 2>/dev/null | while read -r first _ name _; do
		[ "$first" = Deleted ] || continue
		name=${name%:}
		echo "link ${name%%@*}" || exit
	done
}
from_ovs() {
	while [ -p "$run/events" ]; do
		ovsdb-client -f csv --no-headings monitor Open_vSwitch Port name 2>/dev/null | while IFS=, read -r _ action name; do
			[ "$action" = delete ] || continue
			name=${name#\"}
			echo "link ${name%\"}" || exit
		done
		until ovs-vsctl --timeout=10 --no-wait show >/dev/null 2>&1; do [ -p "$run/events" ] && sleep 1 || exit; done
		echo check || exit
		sleep 1
	done
}
# Flows live in ovs-vswitchd and are gone with it; its database, and whoever watches that, notices nothing.
from_switch() {
	known=
	while [ -p "$run/events" ]; do
		read -r pid </run/openvswitch/ovs-vswitchd.pid || pid=
		[ -z "$pid" ] || [ -z "$known" ] || [ "$pid" = "$known" ] || echo check || exit
		known=${pid:-$known}
		sleep 2
	done 2>/dev/null
}
from_nft() {
	nft monitor 2>/dev/null | while read -r line; do
		case $line in delete*netplumb*) echo check || exit ;; esac
	done
}
from_clock() {
	while [ -p "$run/events" ] && sleep 60; do echo check || exit; done
}

run() {
	own "$home" && own "$home/desired" || exit 1
	exec 6<"$home"
	flock -n 6 || exit 0
	[ -e "$run" ] || [ -L "$run" ] || mkdir -m 700 "$run"
	own "$run" || exit 1
	rm -rf "$run/agent.d" "$run/events"
	mkdir "$run/agent.d"
	mkfifo "$run/events"
	exec 3<>"$run/events"
	start_of $$
	echo "$$ $started" >"$run/agent.d/process"
	for source in docker links ovs switch nft clock; do
		case $source in
		docker | nft) command -v $source >/dev/null || continue ;;
		ovs | switch) command -v ovsdb-client >/dev/null || continue ;;
		esac
		(exec 3<&- 6<&-; "from_$source") >"$run/events" &
	done
	tries=0 waking='' todo='' full='' line=check
	stamp=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	say "agent $version started"
	while :; do
		# What came together is done together. A container that starts does not wait for the end of a full check.
		more=$(dd if="$run/events" iflag=nonblock bs=65536 count=1 2>/dev/null)
		list
		urgent=
		while read -r word rest; do
			case $word in
			check) full=1 ;;
			confirm) todo="$rest $todo" ;;
			wake) [ -n "$waking" ] || { waking=1; later 5 woken; } ;;
			woken) full=1 waking='' ;;
			# One container after the other, so that the first is whole before the last is begun.
			start) urgent="$urgent $(naming "# container $rest")" ;;
			link) urgent="$urgent $(naming "# link $rest")" ;;
			esac
		done <<-END
			$line
			$more
		END
		line=
		own "$home/desired" || break
		if [ "$self" -nt "$run/agent.d/process" ]; then
			quiet
			exec sh "$self" run
		fi
		# A full check is finished before the next one is begun: else many events would keep it from its end.
		if [ -n "$full" ] && [ -z "${todo#"${todo%%[! ]*}"}" ]; then todo=$all full=''; fi
		set -- $urgent
		if [ $# -gt 0 ]; then
			pass "$@"
		elif [ -n "${todo#"${todo%%[! ]*}"}" ]; then
			set -- $todo
			chunk=
			while [ $# -gt 0 ] && [ ${#chunk} -lt 200 ]; do
				chunk="$chunk $1"
				shift
			done
			todo=$*
			# shellcheck disable=SC2086
			pass $chunk
		else
			read -r line <&3 || break
		fi
	done
	quiet
}
# The files with this line.
naming() { (cd "$home/desired" && grep -lxF -e "$1" /dev/null $regular 2>/dev/null | tr '\n' ' '); }
# Ends the sources: all of this process's group but the process itself.
quiet() {
	rm -f "$run/events"
	trap '' TERM
	kill -s TERM -- "-$$" 2>/dev/null
	trap - TERM
}

# --- Commands ------------------------------------------------------------------------------------------------------------

running() { ! flock -n "$home" true; }

start() {
	own "$home" && own "$home/desired" || exit 1
	if running; then
		[ ! -p "$run/events" ] || echo wake 1<>"$run/events"
	elif systemd; then
		cat >"$unit" <<-END
			[Unit]
			Description=netplumb agent, which keeps the wiring of containers
			After=docker.service openvswitch-switch.service openvswitch.service
			[Service]
			ExecStart=/bin/sh $self run
			Restart=always
			RestartSec=1
			[Install]
			WantedBy=multi-user.target
		END
		systemctl daemon-reload && systemctl enable netplumb-agent.service && systemctl restart netplumb-agent.service
	else
		setsid sh "$self" supervise &
	fi </dev/null >/dev/null 2>&1
}

# Where there is no systemd.
supervise() {
	exec 5<"$home/desired"
	flock -n 5 || exit 0
	[ -e "$run" ] || [ -L "$run" ] || mkdir -m 700 "$run"
	own "$run" && start_of $$ && echo "$$ $started" >"$run/supervisor" || exit 1
	while own "$home/desired"; do
		(exec 5<&-; exec setsid sh "$self" run) &
		wait $!
		kill -s KILL -- "-$!" 2>/dev/null # what a killed agent has left
		sleep 1
	done
}

stop() {
	if [ -e "$unit" ] && systemd; then
		systemctl disable --now netplumb-agent.service
		rm -f "$unit"
		systemctl daemon-reload
	fi >/dev/null 2>&1
	for record in "$run/supervisor" "$run/agent.d/process"; do
		read -r pid began <"$record" && start_of "$pid" && [ "$started" = "$began" ] && kill -s KILL -- "-$pid"
	done 2>/dev/null
	return 0
}

status() {
	own "$home" && own "$home/desired" || exit 0
	if running; then word=running; else word=stopped; fi
	printf 'agent\t%s\t%s\n' "$version" $word
	for path in "$home"/desired/*; do
		[ -f "$path" ] || continue
		file=${path##*/} kind='' mark=''
		while read -r line; do
			case $line in kind=*) kind=${line#kind=} ;; mark=*) mark=${line#mark=} ;; parts=*) break ;; esac
		done <"$path"
		was
		at='' what=''
		[ ! -r "$run/agent.d/$file.mended" ] || read -r at what <"$run/agent.d/$file.mended"
		printf '%s\t%s\t%s\t%s\t%s\t%s\n' "${state:-unseen}" "$kind" "$mark" "$text" "$at" "$what"
	done
}

version=1
case ${1:-} in
start | stop | status | run | supervise) "$1" ;;
part)
	file=$2 redone='' batch=''
	. "$home/desired/$file"
	"part_$3"
	;;
*)
	sed -n '3,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
