#!/bin/sh
# netplumb helper @ID@
#
# The one program that a login without root needs on a host. It takes requests that are lists of typed lines, and no shell text: each
# line is held to a pattern (check below) before the first is carried out, and things of the host that are not netplumb's are not changed.
#
#   helper         reads and applies; root only, so by sudo
#   helper read    reads; every change is refused (what helper-read calls)
#
# Made by netplumb out of the same texts that it sends to root's shells; written to /usr/local/lib/netplumb by `netplumb helper install`.
PATH=@PATH@
LC_ALL=C
export PATH LC_ALL
unset LANGUAGE ENV BASH_ENV CDPATH IFS
umask 077
cd /
id=@ID@
tab='	'
nl='
'
case $0 in */*) self=$0 ;; *) exit 2 ;; esac

# --- What reads a host: the same text as for root's shells -------------------------------------------------------------

@READ@
read_facts() { for fact in $facts; do "read_$fact"; done; }
@FLUSH@
@MEMORY@

# --- What is allowed ---------------------------------------------------------------------------------------------------

check_program() {
	cat <<'CHECK'
@CHECK@
CHECK
}

# What is on the host, and what of it is netplumb's: by the alias of a link and the external_ids of a row. A card is nobody's to change.
things() {
	ip -o -d link show | awk '{
		name = $2
		sub(/:$/, "", name)
		sub(/@.*/, "", name)
		said = ""
		if (match($0, /\\    alias /)) {
			said = substr($0, RSTART + RLENGTH)
			$0 = substr($0, 1, RSTART)
		}
		print "there\t" name "\t" said
		if (said ~ /(^|,)netplumb(-ip)?:/) print "ours\t" name
		if ($0 ~ /\\    bridge /) print "bridge\t" name
	}'
	for path in /sys/class/net/*/device; do
		path=${path%/device}
		[ ! -e "$path/device" ] || printf 'card\t%s\n' "${path##*/}"
	done
	command -v ovs-vsctl >/dev/null || return 0
	ovs-vsctl --timeout=10 --no-wait -f csv -d bare --no-headings -- --columns=name,external_ids list Bridge \
		-- --columns=name,external_ids list Port -- list-br 2>/dev/null | awk '{
		at = index($0, ",")
		if (!at) {
			print "bridge\t" $0
			next
		}
		name = substr($0, 1, at - 1)
		ids = substr($0, at + 1)
		print "there\t" name
		if (ids ~ /(^|["{, ])netplumb=/) print "ours\t" name
		if (ids ~ /netplumb-carr/) print "card\t" name
	}'
}

# A reason on the standard error, and an end.
deny() {
	printf '%s\n' "$1" >&2
	! command -v logger >/dev/null || logger -t netplumb-helper -p auth.warning -- "refused for ${SUDO_USER:-root}: $1" 2>/dev/null
	exit @DENIED@
}
# check [FACTS]: the program that tells what is there, for a request that changes something
check() {
	said=$({ ${1:-:}; printf 'request\n%s\n' "$request"; } 2>/dev/null | awk "$(check_program)" 2>&1) && [ -z "$said" ] ||
		deny "${said:-the request cannot be checked}"
}

# --- One change ----------------------------------------------------------------------------------------------------------

write_sysctl() { # FAMILY DEVICE KEY=VALUE
	file=/proc/sys/net/$1/conf/$2/${3%%=*}
	# Only behind the rules that keep neighbours away from 127.0.0.0/8.
	[ "$3" != route_localnet=1 ] || nft list chain inet netplumb guard-loopback >/dev/null 2>&1 || return 1
	[ ! -e "$file" ] || printf %s "${3#*=}" >"$file"
}
# With arp_notify and ndisc_notify set, the kernel announces all addresses when the MAC is set, even to the same value.
announce() { # DEVICE MAC [optional]
	arp='' ndisc=''
	[ ! -e "/proc/sys/net/ipv4/conf/$1/arp_notify" ] || read -r arp <"/proc/sys/net/ipv4/conf/$1/arp_notify"
	[ ! -e "/proc/sys/net/ipv6/conf/$1/ndisc_notify" ] || read -r ndisc <"/proc/sys/net/ipv6/conf/$1/ndisc_notify"
	[ -z "$arp" ] || write_sysctl ipv4 "$1" arp_notify=1
	[ -z "$ndisc" ] || write_sysctl ipv6 "$1" ndisc_notify=1
	ip link set dev "$1" address "$2"
	announced=$?
	[ -z "$arp" ] || write_sysctl ipv4 "$1" "arp_notify=$arp"
	[ -z "$ndisc" ] || write_sysctl ipv6 "$1" "ndisc_notify=$ndisc"
	[ $announced -eq 0 ] || [ "${3:-}" = optional ]
}
# See kinds/… of netplumb: Open vSwitch goes on with the last request until there was another one.
mtu_release() {
	ovs-vsctl --timeout=@OVS_TIMEOUT@ set Interface "$1" "mtu_request=$2" && ovs-vsctl --timeout=@OVS_TIMEOUT@ clear Interface "$1" mtu_request
}
docker_user() { # add|delete TOOL
	set -- "$1" "$2" @ACCEPT@
	verb=$1 tool=$2
	shift 2
	if [ "$verb" = delete ]; then
		"$tool" -w 20 -D DOCKER-USER "$@"
	elif ! "$tool" -w 20 -C DOCKER-USER "$@" 2>/dev/null; then
		rules=$("$tool" -w 20 -S DOCKER-USER | grep ^-A)
		if [ "${rules##*"$nl"}" = '-A DOCKER-USER -j RETURN' ]; then
			"$tool" -w 20 -I DOCKER-USER "$(printf '%s\n' "$rules" | grep -c ^-A)" "$@"
		else
			"$tool" -w 20 -A DOCKER-USER "$@"
		fi
	fi
}
flush_tracked() { # FAMILY SOURCE|- DESTINATION|-
	family=$1 source=$2 destination=$3
	set -- -D -f "ipv$family"
	[ "$source" = - ] || set -- "$@" --orig-src "$source"
	[ "$destination" = - ] || set -- "$@" --orig-dst "$destination"
	conntrack "$@" >/dev/null 2>&1
	:
}
# All flows of an owner give way to these in one bundle.
set_flows() { # BRIDGE OWNER FLOW…
	bridge=$1 owner=$2
	shift 2
	{
		echo "delete cookie=0x6e70${owner}0000/0xffffffffffff0000"
		[ $# -eq 0 ] || printf 'add %s\n' "$@"
	} | ovs-ofctl --timeout=@OVS_TIMEOUT@ --bundle add-flows "$bridge" -
}
change() { # the fields of a line
	verb=$1
	shift
	case $verb in
	sysctl) write_sysctl "$@" ;;
	announce) announce "$@" ;;
	offload) ethtool -K "$1" tx off >/dev/null ;;
	mtu-release) mtu_release "$@" ;;
	fdb-flush) ovs-appctl --timeout=@OVS_TIMEOUT@ fdb/flush "$1" >/dev/null ;;
	flows) set_flows "$@" ;;
	docker-user) docker_user "$@" ;;
	conntrack) flush_tracked "$@" ;;
	*) return 1 ;;
	esac
}
# Words of ovs-vsctl, a field each.
vsctl() {
	IFS=$tab
	set -f
	# shellcheck disable=SC2086
	set -- $1
	set +f
	unset IFS
	ovs-vsctl $wait --timeout=@OVS_TIMEOUT@ -- "$@"
}
ruleset() { # the chains that are there
	IFS=$tab
	set -f
	# shellcheck disable=SC2086
	set -- $1
	set +f
	unset IFS
	echo 'add table inet netplumb'
	[ $# -eq 0 ] || printf 'flush chain inet netplumb %s\n' "$@"
	[ $# -eq 0 ] || printf 'delete chain inet netplumb %s\n' "$@"
	cat <<'RULESET'
@RULESET@
RULESET
}
# Lines of one transaction, then the ports whose connections end with it.
transaction() {
	lines=$(printf '%s\n' "$1" | while read -r line; do
		case $line in
		ruleset*) line=${line#ruleset} && ruleset "${line#"$tab"}" ;;
		?*) printf '%s\n' "$line" ;;
		esac
	done)
	# Where somebody in the same request puts something into the table, it stays.
	case $nl$lines in
	*"${nl}add element"*) lines=$(printf '%s\n' "$lines" | grep -v '^delete table') ;;
	esac
	printf '%s\n' "$lines" | nft -f - 2>&1 || return 1
	[ -z "$2" ] || printf '%s\n' "$2" | flush_ports
}

# --- A block: what is done in one place. One that fails takes back what it had done of itself -----------------------------

# Runs what was gathered: neighbours that one tool takes together are one process.
perform() {
	[ "$steps" -gt 0 ] || return 0
	case $tool in
	ip)
		e=$(printf '%s\n' "$gathered" | ip -batch - 2>&1) || {
			# "Command failed -:LINE": a change that was done in part is taken back too.
			at=${e##*-:}
			case $at in '' | *[!0-9]*) at=1 ;; esac
			for begin in $starts; do [ "$begin" -ge "$at" ] || done_=$((done_ + 1)); done
			failed "$e"
		}
		;;
	ovs)
		[ -z "$gathered" ] || e=$(wait='' && vsctl "${gathered#"$tab--$tab"}" 2>&1) || {
			code=$?
			# Killed by its own timer: committed, but ovs-vswitchd has not followed. Then there is something to undo.
			if [ $code -eq 142 ]; then
				done_=$((done_ + steps)) e='ovs-vswitchd did not follow within @OVS_TIMEOUT@ s'
			fi
			failed "$e"
		}
		;;
	nft) e=$(transaction "$gathered" "$ports") || failed "$e" ;;
	do)
		IFS=$tab
		set -f
		# shellcheck disable=SC2086
		set -- $gathered
		set +f
		unset IFS
		change "$@" || failed
		;;
	esac
	done_=$((done_ + steps)) steps=0 gathered='' starts='' count=1 ports=''
}
failed() {
	[ $# -eq 0 ] || printf '%s\n' "$1" >&2
	undo "$done_"
	exit 1
}
# undo COUNT: takes back the first steps of the block, newest first, and never stops at an error.
undo() {
	printf '%s\n' "$block" | awk -F "$tab" -v n="$1" '
		$1 == "step" { k++ }
		/^-/ && k <= n { text[k] = text[k] substr($0, 2) "\n"; last = k }
		END { for (; last > 0; last--) printf "%s", text[last] }' | {
		gathered='' ports=''
		while read -r tool rest; do
			[ "$tool" = nft ] || [ "$tool" = port ] || undo_nft
			case $tool in
			ip) printf '%s\n' "$rest" | ip -batch - ;;
			ovs) wait=--no-wait && vsctl "$rest" ;;
			nft) gathered=$gathered$rest$nl ;;
			port) ports=$ports$rest$nl ;;
			do)
				IFS=$tab
				set -f
				# shellcheck disable=SC2086
				set -- $rest
				set +f
				unset IFS
				change "$@"
				;;
			esac
		done
		undo_nft
	} >/dev/null 2>&1
}
undo_nft() {
	[ -z "$gathered" ] || transaction "$gathered" "${ports%"$nl"}"
	gathered='' ports=''
}
# block do|undo, with its lines on the standard input
block() {
	block=$(cat)
	exec </dev/null
	[ "$1" = do ] || { undo 1000000; exit 0; }
	printf '%s\n' "$block" | {
		tool='' steps=0 done_=0 gathered='' starts='' count=1 ports=''
		while read -r word rest; do
			case $word in
			step)
				[ "$rest" = "$tool" ] && [ "$tool" != do ] || perform
				tool=$rest steps=$((steps + 1))
				[ "$tool" != ip ] || starts="$starts $count"
				;;
			+ip) gathered=$gathered$rest$nl count=$((count + 1)) ;;
			+ovs) gathered=$gathered$tab--$tab$rest ;;
			+nft) gathered=$gathered$rest$nl ;;
			+port) ports=$ports$rest$nl ;;
			+do) gathered=$rest ;;
			esac
		done
		perform
		exit 0
	}
}

# --- A request -----------------------------------------------------------------------------------------------------------

# The values of all lines with this word.
all() { printf '%s\n' "$request" | awk -F "$tab" -v word="$1" '$1 == word { print $2 }'; }

read_back() {
	inside=
	facts=$(all fact)
	others=$(all others)
	desired=$(all desired)
	devices=$(all device)
	containers=$(all container)
	# Words without blanks and patterns, all of them: see check.
	# shellcheck disable=SC2046,SC2086
	if [ -n "$devices" ]; then read_devices "$mark" $devices || exit 1; fi
	# shellcheck disable=SC2046,SC2086
	read_host "$mark" $(all to) -- $containers
}
lock() {
	exec 9</run
	flock "$1" -w @LOCK_SECONDS@ 9 || exit @LOCKED@
}
# in_block NUMBER do|undo
in_block() {
	lines=$(printf '%s\n' "$request" | awk -F "$tab" -v n="$1" '$1 == "block" { k++; place = $0; if (k == n) print; next } k == n')
	place=${lines%%"$nl"*}
	IFS=$tab
	# shellcheck disable=SC2086
	set -- "$2" $place
	unset IFS
	if [ "$3" = host ]; then
		printf '%s\n' "$lines" | (block "$1")
		return
	fi
	(
		enter "$4" "$5" && { in_cgroup_of "$4" "$3" || [ "$(timeout 20 docker inspect --format '{{.State.Pid}}' -- "$3" 2>/dev/null)" = "$4" ]; } || {
			echo 'the container stopped or restarted meanwhile' >&2
			exit 1
		}
		printf '%s\n' "$lines" | nsenter --net=/proc/self/fd/7 sh "$self" block "$1"
	)
}
apply() {
	blocks=$(printf '%s\n' "$request" | grep -c "^block$tab")
	i=0
	while [ "$i" -lt "$blocks" ]; do
		i=$((i + 1))
		in_block "$i" do && continue
		while [ "$i" -gt 1 ]; do
			i=$((i - 1))
			in_block "$i" undo
		done
		return 1
	done
}
# The folder in /run goes with the last thing of netplumb: asked for by the other side, and looked at here.
forget_all() {
	! things | grep -q '^ours' || return 0
	! nft list table inet netplumb >/dev/null 2>&1 || return 0
	[ ! -e /var/lib/netplumb ] && [ ! -e /run/netplumb/carries ] || return 0
	rm -rf /run/netplumb
}
remove_desired() {
	for file in $(printf '%s\n' "$request" | awk -F "$tab" -v at="$1" '$1 == "forget" && $2 == at { print $3 }'); do
		rm -f "/var/lib/netplumb/desired/$file"
	done
}
answer() {
	IFS=$tab
	# shellcheck disable=SC2086
	set -- ${request%%"$nl"*}
	unset IFS
	case $1 in
	status | read) ;;
	*) [ "$mode" = write ] || { echo 'this login may only read' >&2; exit @READ_ONLY@; } ;;
	esac
	mark=${2:-}
	case $1 in
	status)
		check
		[ ! -f /var/lib/netplumb/agent ] || exec sh /var/lib/netplumb/agent status
		;;
	read)
		check
		if [ "$mode" = write ]; then settle_guards "$mark" || exit @PENDING@
		else for guard in /run/netplumb/guard-*; do [ ! -d "$guard" ] || exit @PENDING@; done
		fi
		lock -s
		read_back
		;;
	apply)
		trap '' HUP INT PIPE
		exec 8</proc/self/ns/net
		lock -x
		g=none
		[ ! -r /run/netplumb/generation ] || read -r g </run/netplumb/generation
		[ "$g" = "$3" ] || exit @STALE@
		check things
		own_folder /run/netplumb
		printf '%s\n' "$4" >/run/netplumb/new && mv -f /run/netplumb/new /run/netplumb/generation || { rm -f /run/netplumb/new; refuse "/run/netplumb cannot be written to (is /run full?), so nothing was changed"; }
		remove_desired before
		apply && status=0 || status=@FAILED@
		[ $status -ne 0 ] || remove_desired after
		tidy
		case "$(all last)" in
		*done*) [ $status -ne 0 ] || forget_all ;;
		esac
		case "$(all last)" in
		*failed*) [ $status -eq 0 ] || forget_all ;;
		esac
		read_back
		exit $status
		;;
	*) deny "not a request" ;;
	esac
}

# --- The conversation: as with root's shells, but a child is given a request, not a program ------------------------------

# once MODE BLOCK COUNT FULL END: takes exactly as many bytes as the header said; a request that did not arrive whole is not looked at.
once() {
	mode=$1
	request=$(dd bs="$2" count="$3" $4 2>/dev/null)
	[ "${request%"$5"}" != "$request" ] || { echo "the request did not arrive whole" >&2; exit 125; }
	request=${request%"$5"}
	exec </dev/null
	answer
}
serve() { # MODE
	mode=$1
	read -r word marker rest || exit 0
	case $word:$marker in
	hello:np-*[!0-9a-f]* | *[!a-z0-9:-]*) exit 2 ;;
	hello:np-*) ;;
	*) exit 2 ;;
	esac
	full=iflag=fullblock
	[ "$(printf ab | dd bs=2 count=1 $full 2>/dev/null)" = ab ] || full=
	limit=
	if timeout -k 1 9 true 2>/dev/null; then limit='timeout -k 1'
	elif timeout 9 true 2>/dev/null; then limit=timeout; fi
	if [ -n "$limit" ] && ! timeout --version >/dev/null 2>&1 && setsid true 2>/dev/null; then limit="setsid $limit"; fi
	printf '%s %s %s %s %s\n' "$marker" "$(id -u)" "$(id -un)" "${limit:+1}" "$id"
	printf '%s\n' "$marker" >&2
	exec 4<&0
	while read -r marker seconds size end; do
		case $marker in '') continue ;; esac
		case $marker:$seconds:$size:$end in
		np-*[!0-9a-f]*:*:*:* | *:*[!0-9]*:*:* | *:*:*[!0-9]*:* | *:*:*:\#*[!0-9a-f]*) exit 2 ;;
		np-*:?*:?*:\#?*) ;;
		*) exit 2 ;;
		esac
		[ ${#size} -le 8 ] || exit 2
		a=$size b=1
		[ -n "$full" ] || { a=1; b=$size; }
		${limit:+$limit $seconds} sh "$self" once "$mode" "$a" "$b" "$full" "$end" <&4 4<&- &
		child=$!
		wait "$child" 2>/dev/null
		result=$?
		if kill -0 "-$child" 2>/dev/null; then left=1; else left=0; fi
		printf '%s>%d %d\n' "$marker" $result $left
		printf '%s>%d %d\n' "$marker" $result $left >&2
	done
	exit 0
}

case ${1:-} in
'') serve write ;;
read) serve read ;;
once | block)
	verb=$1
	shift
	"$verb" "$@"
	;;
*) exit 2 ;;
esac
