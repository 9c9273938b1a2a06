#!/bin/sh
# netplumb agent 2
#
# Keeps the wiring of this host as it was declared. Written by netplumb with the first resource, removed with the last one.
#
#   agent start      runs it in the background, supervised; nothing when it runs already. Without systemd: once after a boot
#   agent stop       ends it
#   agent status     one line for each thing that it looks after
#   agent run        in the foreground, as systemd or `agent supervise` start it
#   agent unit       prints the unit for systemd
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
#
# They run in a process of one place (part, below). What the tools said is kept while nothing is changed; of an interface that was
# made a moment ago ($fresh) nothing has to be asked.

# facts_of NAME: in $facts, what ip says about a link
facts_of() {
	facts=
	if [ "$mode" = one ]; then
		[ "$known" = "$1" ] || { known=$1 links=$(ip -o -d link show dev "$1" 2>/dev/null); }
		facts=$links
	else
		[ "$mode" != in ] || is_here "$1" || return 1
		[ -n "$known" ] || { known=all links=$(all_links); }
		IFS=$nl
		for line in $links; do
			case $line in [0-9]*": $1: "* | [0-9]*": $1@"*) facts=$line ;; esac
		done
		unset IFS
	fi
	[ -n "$facts" ]
}
# Without a process: most of the time, what is asked about in a container that started just now is not there.
is_here() {
	while read -r word _; do
		[ "$word" != "$1:" ] || return 0
	done </proc/net/dev
	return 1
}
# In a container there are few; on the host only those that the files name.
all_links() {
	if [ "$mode" = in ]; then ip -o -d link show
	else for file in $files; do grep -h '^# link ' "$home/desired/$file"; done | sed 's/^# link /link show dev /' | ip -o -d -force -batch - 2>/dev/null
	fi
}
is_fresh() { case " $fresh " in *" $1 "*) ;; *) return 1 ;; esac; }

# link_is NAME FACT…: the link is there, and as the facts say
link_is() {
	if is_fresh "$1"; then
		shift
		for fact; do case $fact in up=true | master=?*) return 1 ;; word=*) [ "$mode" = in ] || return 1 ;; esac; done
		return 0
	fi
	facts_of "$1" || return 1
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
	if [ "$mode" = many ] && is_fresh "$1"; then many_ip=$many_ip$nl"link set dev $1 alias $2"; return; fi
	facts_of "$1" || return 1
	case $facts in *"alias "*) facts=${facts##*alias } ;; *) facts= ;; esac
	known=''
	ip link set dev "$1" alias "${facts:+$facts,}$2"
}
has_address() {
	[ -n "$addresses" ] || addresses="$nl$(ip -o address show 2>/dev/null)"
	IFS=$nl
	for line in $addresses; do
		case "$line " in *": $1 "*" $2 "*) unset IFS; return 0 ;; esac
	done
	unset IFS
	return 1
}
# has_route FAMILY TO DEVICE METRIC PROTOCOL [VIA]
has_route() {
	# What depends on an address that is missing is missing too.
	case "$batch " in *"${nl}address replace "*" dev $3"*) return 1 ;; esac
	facts=$(ip "-$1" -o route show exact "$2" dev "$3" 2>/dev/null)
	IFS=$nl
	for line in $facts; do
		unset IFS
		fact=" $line " via=${6:+ via $6 }
		case $fact in *"${via:- }"*) ;; *) continue ;; esac
		case $fact in *" metric $4 "*) ;; *" metric "*) continue ;; *) [ "$4" = 0 ] || continue ;; esac
		case $fact in *" proto $5 "*) return 0 ;; *" proto "*) ;; *) [ "$5" != boot ] || return 0 ;; esac
	done
	unset IFS
	return 1
}
# A sysctl file gives one byte to a shell that reads byte by byte, and then its end: read fails, but has the value.
is_sysctl() {
	[ -e "$1" ] || return 0
	if [ ${#2} -eq 1 ]; then read -r fact <"$1" || :; else fact=$(cat "$1"); fi
	[ "$fact" = "$2" ]
}
offload_off() {
	! is_fresh "$1" || return 1
	case "$(ethtool -k "$1" 2>/dev/null)" in *"tx-checksumming: off"*) ;; *) return 1 ;; esac
}
has_bridge() { ovs-vsctl --timeout=10 br-exists "$1" 2>/dev/null; }
# All ports and rows of the files at once, as the lines "# port BRIDGE NAME" and "# row TABLE CONDITION…" ask for them.
ports_are_whole() {
	asks=$(cd "$home/desired" && cat $files | grep -e '^# port ' -e '^# row ')
	[ -n "$asks" ] || return 1
	words=$(printf '%s\n' "$asks" | sed -e 's/^# port .* \(.*\)$/-- port-to-br \1 -- get Interface \1 error/' -e 's/^# row /-- --columns=_uuid find /')
	IFS=$nl
	# shellcheck disable=SC2086
	set -- $words
	unset IFS
	found=$(eval "ovs-vsctl --timeout=10 --bare $*" 2>/dev/null) || return 1
	[ "$(printf '%s\n' "$found" | sed -e '/^$/d' -e 's/^[0-9a-f]\{8\}-[0-9a-f-]\{27\}$/row/')" = "$(printf '%s\n' "$asks" | sed -e 's/^# port \(.*\) .*$/\1\n[]/' -e 's/^# row .*/row/')" ]
}
has_port() {
	[ -z "$ports_whole" ] || return 0
	! is_fresh "$2" || return 1
	facts=$(ovs-vsctl --timeout=10 -- port-to-br "$2" -- get Interface "$2" error 2>/dev/null) || return 1
	[ "$facts" = "$1$nl[]" ]
}
# has_row TABLE NAME CONDITION…
has_row() { [ -n "$ports_whole" ] || row_is "$@"; }
row_is() {
	! is_fresh "$2" || return 1
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
	case "$(nsenter --net=/proc/self/fd/8 ip -o -d link show dev "$1" 2>/dev/null)," in
	*[\ ,]"netplumb:$mark,"*) nsenter --net=/proc/self/fd/8 ip link delete dev "$1" ;;
	esac 2>/dev/null
	return 0
}
# A port that carries the mark of this resource goes before it is made anew: in one transaction ovs-vswitchd would keep what it had
# opened, which is an interface that is gone.
clear_port() {
	if [ "$mode" != many ] || ! is_fresh "$1"; then
		stale=$(ovs-vsctl --timeout=10 --bare --columns=name find Port "external_ids:netplumb=\"$mark\"" 2>/dev/null)
	fi
	case "$nl$stale$nl" in *"$nl$1$nl"*) drop="$drop -- --if-exists del-port $1" ;; esac
}

# Whether the members of a bridge see each other, as the isolated network wrote on it. Where its boundary is missing, nobody joins.
clients_of() {
	[ "$1" != "$asked" ] || return 0
	asked=$1
	clients=$(ovs-vsctl --timeout=10 --if-exists get Bridge "$1" external_ids:netplumb-clients 2>/dev/null | tr -d '"')
	case $clients in
	'' | '[]') clients= ;;
	*) nft get element inet netplumb net "{ \"$1\" }" >/dev/null 2>"$run/agent.d/$file.said" || { asked='' && failed; } ;;
	esac
}
follows_clients() {
	clients_of "$1"
	[ -n "$clients" ] || return 0
	row_is Port "$2" "protected=$([ "$clients" = isolated ] && echo true || echo false)"
}
follow_clients() {
	clients_of "$1"
	case $clients in
	'') ;;
	isolated) ovs="$ovs -- set Port $2 protected=true" ;;
	*) ovs="$ovs -- set Port $2 protected=false" ;;
	esac
}

# What there is of our own table, in $table. The rules of another version of netplumb are left alone.
has_ruleset() {
	[ -z "$written" ] || return 0
	[ -n "$table" ] || table=$(nft -t list table inet netplumb 2>/dev/null) || table=none
	[ "$table" != none ] || return 1
	count=0
	IFS=$nl
	for line in $table; do
		case $line in
		*"comment \"$RULE_COMMENT\""*) count=$((count + 1)) ;;
		*'comment "netplumb '*) unset IFS; return 0 ;;
		esac
	done
	unset IFS
	[ $count -eq "$RULES" ]
}
write_ruleset() {
	written=1 nft="$nft${nl}add table inet netplumb"
	chains=$(printf '%s\n' "$table" | sed -n 's/^[[:space:]]*chain \([A-Za-z0-9_.-]*\) {$/\1/p')
	for verb in flush delete; do
		for chain in $chains; do nft="$nft$nl$verb chain inet netplumb $chain"; done
	done
	nft="$nft$nl$(ruleset)"
}
# has_element SET ELEMENT
has_element() {
	[ -z "$whole" ] || return 0
	[ "$table" != none ] && nft get element inet netplumb "$1" "$2" >/dev/null 2>&1
}

# Docker's chain for the rules of others, with the variant of iptables that dockerd uses: in $tool and $rules; no chain, no question.
docker_user() {
	case $("$1" -V 2>/dev/null) in '') return 1 ;; *legacy*) set -- "$1" "$1-nft" ;; *) set -- "$1" "$1-legacy" ;; esac
	for tool; do
		case $tool in
		*-legacy) grep -qsx filter "/proc/net/${1%tables}_tables_names" || continue ;;
		*-nft) command -v "$tool" >/dev/null || continue ;;
		esac
		rules=$("$tool" -w 20 -S 2>/dev/null)
		case "$nl$rules$nl" in *"$nl-N DOCKER-USER$nl"*) return 0 ;; esac
	done
	return 1
}
docker_accepts() {
	docker_user "$1" || return 0
	case "$nl$rules$nl" in *"$nl-A DOCKER-USER $ACCEPT$nl"*) return 0 ;; esac
	case "$nl$rules$nl" in *"$nl-P FORWARD DROP$nl"*) return 1 ;; esac
}
# Behind the rules of people, and before the RETURN that older versions of Docker end the chain with.
docker_accept() {
	last=$("$tool" -w 20 -S DOCKER-USER | grep '^-A')
	# shellcheck disable=SC2086
	case "$nl$last" in
	*"$nl-A DOCKER-USER -j RETURN") "$tool" -w 20 -I DOCKER-USER "$(printf '%s\n' "$last" | wc -l)" $ACCEPT ;;
	*) "$tool" -w 20 -A DOCKER-USER $ACCEPT ;;
	esac
}

# redo NUMBER DESCRIPTION: an operation is about to be made again. What we made three times in the last minute, for the same start
# of the container, is undone by somebody: then we stop.
redo() {
	[ -z "$look" ] || give_up 9
	[ -z "$retry" ] || return 0
	count=0 kept=
	if [ -r "$run/agent.d/$file.history" ]; then
		while read -r at what since; do
			[ $((now - at)) -lt 60 ] || continue
			kept="$kept$at $what $since$nl"
			[ "$what $since" != "$1 $start" ] || count=$((count + 1))
		done <"$run/agent.d/$file.history"
	fi
	if [ "$count" -ge 3 ]; then
		printf '%s\n' "$2" >"$run/agent.d/$file.said"
		give_up 9
	fi
	# A plan that netplumb made on an older look at the host must not be applied.
	[ -n "$renewed" ] || { read -r renewed </proc/sys/kernel/random/uuid && echo "$renewed" >"$run/generation"; }
	redone=1
	printf '%s%s %s %s\n' "$kept" "$now" "$1" "$start" >"$run/agent.d/$file.history"
	printf '%s %s\n' "$now" "$2" >"$run/agent.d/$file.mended"
	echo "$pass" >"$run/agent.d/$file.did"
	say "$mark: $2"
}
# new_link NAME HOST_END: a pair that the next run_ip makes, so that neither of its ends has to be asked about.
new_link() { new="$new $1 $2"; }
failed() { give_up 8; }
# Ends this resource in this pass, and goes on with those behind it.
give_up() {
	echo "$pass $1" >"$run/agent.d/$file.stop"
	say_all
	# shellcheck disable=SC2086
	exec sh "$self" part "$pass" "$mode" $rest
}
# What stands in the way of a new pair is cleared only then.
run_ip() {
	[ -n "$batch" ] || return 0
	if [ "$mode" = many ]; then
		many_ip=$many_ip$batch batch=
		return
	fi
	known='' addresses=''
	if ! ip_batch 2>"$run/agent.d/$file.said"; then
		[ -n "$new" ] || failed
		for name in $new; do clear_link "$name"; done
		ip_batch 2>"$run/agent.d/$file.said" || failed
	fi
	[ -z "$new" ] || echo "$pass$new" >"$run/agent.d/$file.fresh"
	fresh=$fresh$new new='' batch=''
}
ip_batch() {
	ip -batch - <<-END
		${batch#"$nl"}
	END
}
run_ovs() {
	if [ "$mode" = many ]; then
		many_ovs=$many_ovs$ovs many_drop=$many_drop$drop
	else
		say_ovs "$drop" 2>"$run/agent.d/$file.said" && say_ovs "$ovs" 2>"$run/agent.d/$file.said" || failed
	fi
	ovs='' drop=''
}

# --- Some resources --------------------------------------------------------------------------------------------------

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
# read stops behind the first line, where sha256sum goes on.
intact() {
	[ -f "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] || return 1
	{ read -r header && sum=$(exec sha256sum); } <"$1" || return 1
	[ "$header" = "# netplumb desired 2 ${sum%% *}" ]
}
noted() { # WORD: in $note, what a part of this pass left for $file
	note=
	[ -r "$run/agent.d/$file.$1" ] && read -r at note <"$run/agent.d/$file.$1" && [ "$at" = "$pass" ]
}

# pid_of ID: in $pid and $started. The folder of containerd's shim spares a question to Docker: it is there while the container runs, and
# runc's has the pid in it; enter looks whose it is.
pid_of() {
	shims=
	for path in /run/containerd /run/docker/containerd/daemon; do
		path=$path/io.containerd.runtime.v2.task/moby
		[ ! -d "$path" ] || shims=1
		[ -d "$path/$1" ] || continue
		shims= pid=
		[ -r "$path/$1/init.pid" ] || break
		{ read -r pid <"$path/$1/init.pid" || [ -n "$pid" ]; } && start_of "$pid"
		return
	done
	[ -z "$shims" ] || return 1
	if [ -z "$inspected" ]; then
		ids=$(cd "$home/desired" && sed -n 's/^# container //p' /dev/null $regular | sort -u)
		# shellcheck disable=SC2086
		inspected="$nl$(timeout 20 docker inspect --type container --format '{{.Id}} {{.State.Pid}}' -- $ids 2>/dev/null | grep -v ' 0$')$nl"
	fi
	pid=${inspected#*"$nl$1 "}
	[ "$pid" != "$inspected" ] && pid=${pid%%"$nl"*} && start_of "$pid"
}

# look FILE: whether there is something to do for it. Then its parts stand in $first (on the host alone), or in $early, $middle and $late
# (in the container, then on the host, then in the container), each as FILE:PART:START:LOOK, in a container with its ID and PID before it.
look() {
	file=$1 start='' path=$home/desired/$1
	[ -e "$path" ] || [ -L "$path" ] || return 1
	was
	if ! intact "$path"; then
		[ "$state" = damaged ] || say "$file: damaged, and not used"
		state damaged "the file does not match its checksum, and is not used"
		return 1
	fi
	elements=
	. "$path"
	where=
	for id in $containers; do
		if ! pid_of "$id"; then
			state waiting "its container does not run"
			return 1
		fi
		start=$start$pid-$started
		where="$where $id/$pid/$started"
	done
	start=${start:-host}
	# While somebody fights us we only look, until it is right again, the container starts anew, netplumb writes the file, or ten
	# minutes have passed.
	look=
	[ "$state" != degraded ] || [ "$before" != "$start" ] || [ $((now - since)) -ge 600 ] || [ "$path" -nt "$run/agent.d/$file.state" ] || look=1
	case " $parts" in *:host*) ahead=early ;; *) ahead=late ;; esac
	for part in $parts; do
		item=$file:${part%%:*}:$start:$look
		case $part in
		*:host)
			if [ -n "$containers" ]; then middle="$middle $item" ahead=late; else first="$first $item"; fi
			continue
			;;
		esac
		place=${where#*" ${part#*:}/"}
		place=${part#*:}/${place%% *}
		if [ $ahead = early ]; then early="$early$place $item$nl"; else late="$late$place $item$nl"; fi
	done
	[ -z "$elements" ] || firewall="$firewall $file:nft:$start:$look"
}

# inside LINES: each container's parts in a process of its own, which is in the right network namespace; two at a time.
inside() {
	waits=
	while [ -n "$1" ]; do
		place=${1%% *} items='' others=
		IFS=$nl
		for line in $1; do
			case $line in "$place "*) items="$items ${line#* }" ;; *) others="$others$line$nl" ;; esac
		done
		unset IFS
		(
			id=${place%%/*} pid=${place#*/}
			exec 8</proc/self/ns/net
			if enter "${pid%/*}" "${pid#*/}" "$id"; then
				# shellcheck disable=SC2086
				exec nsenter --net=/proc/self/fd/7 sh "$self" part "$pass" in $items
			fi
			for item in $items; do echo "$pass 7" >"$run/agent.d/${item%%:*}.stop"; done
		) &
		waits="$waits $!"
		set -- "$others"
		# shellcheck disable=SC2086
		case $waits in *' '*' '*) wait $waits; waits= ;; esac
	done
	# shellcheck disable=SC2086
	[ -z "$waits" ] || wait $waits
}

# on_host MODE ITEM…
on_host() { sh "$self" part "$pass" "$@" 8</proc/self/ns/net; }

# part PASS MODE ITEM…: parts of one place, one behind the other. In the mode "many" their words for ip and ovs-vsctl are gathered and
# said at once: first what other tools do, then ports, then links, as nothing of one attachment waits for another.
part() {
	pass=$1 mode=$2
	shift 2
	known='' addresses='' fresh='' stale='' ports_whole='' asked='' clients='' table='' written='' whole='' renewed='' done='' files=''
	batch='' ovs='' drop='' nft='' ports='' flows='' new='' many_ip='' many_ovs='' many_drop='' retry=${retry:-}
	for item; do
		file=${item%%:*}
		files="$files $file"
		[ "$mode" = in ] || ! noted fresh || fresh="$fresh $note"
	done
	if [ "$mode" = many ]; then
		if [ -n "$fresh" ]; then stale=$(marked_ports); elif ports_are_whole; then ports_whole=1; fi
	fi
	# shellcheck disable=SC2086
	if [ "$mode" = nft ] && has_ruleset; then
		(cd "$home/desired" && sed -n 's/^# nft //p' $files) | nft -f - >/dev/null 2>&1 && whole=1
	fi
	while [ $# -gt 0 ]; do
		item=$1
		shift
		rest=$*
		split "$item"
		noted stop && continue
		redone=
		. "$home/desired/$file"
		"part_$number"
		done="$done $item"
	done
	say_all
}
split() {
	file=${1%%:*} look=${1##*:} number=${1#*:}
	start=${number#*:} number=${number%%:*}
	start=${start%:*}
}
# The ports that carry the mark of the resource that makes one anew.
marked_ports() {
	set --
	for file in $files; do
		. "$home/desired/$file"
		set -- "$@" -- --columns=name find Port "external_ids:netplumb=\"$mark\""
	done
	ovs-vsctl --timeout=10 --bare "$@" 2>/dev/null
}
# Says what was gathered. Where one of many is refused, each is made alone, so that it fails by itself.
say_all() {
	case $mode in
	many) say_many && return ;;
	nft) say_nft && return ;;
	*) return ;;
	esac
	# shellcheck disable=SC2086
	set -- $done
	if [ "$mode" = nft ] && [ $# -eq 1 ]; then
		echo "$pass 8" >"$run/agent.d/${1%%:*}.stop"
		return
	fi
	[ "$mode" = nft ] || mode=one
	for item; do retry=1 sh "$self" part "$pass" "$mode" "$item"; done
}
say_ovs() { [ -z "$1" ] || eval "ovs-vsctl --timeout=20 $1" >/dev/null; }
say_many() {
	say_ovs "$many_drop" 2>/dev/null && say_ovs "$many_ovs" 2>/dev/null || return 1
	batch=$many_ip
	[ -z "$batch" ] || ip_batch 2>/dev/null
}
# One transaction: all of it is back at once. Then connections end that went elsewhere, or passed a boundary that was not there.
say_nft() {
	[ -n "$nft" ] || return 0
	said=$(printf '%s\n' "$nft" | nft -f - 2>&1) || {
		for item in $done; do printf '%s\n' "$said" >"$run/agent.d/${item%%:*}.said"; done
		return 1
	}
	[ -z "$ports" ] || printf '%s\n' "$ports" | flush_ports
	[ -z "$flows" ] || eval "$flows"
}

# pass FILE…: one round over some resources, under the lock
pass() {
	now=$(date -u '+%s %Y-%m-%dT%H:%M:%SZ')
	stamp=${now#* } now=${now% *}
	count=$((count + 1))
	pass=$now.$count
	export now stamp
	inspected='' firewall='' first='' early='' middle='' late='' looked='' mended='' again=''
	exec 9</run
	if flock -x -w 60 9; then
		for one; do ! look "$one" || looked="$looked $one:x:$start:$look"; done
		# shellcheck disable=SC2086
		{
			[ -z "$firewall" ] || on_host nft $firewall
			[ -z "$first" ] || on_host one $first
			inside "$early"
			[ -z "$middle" ] || on_host many $middle
			inside "$late"
			exec 9<&-
			for one in $looked; do conclude "$one"; done
		}
	else
		again=" $*"
		exec 9<&-
	fi
	read -r settled _ </proc/uptime
	# A few seconds later: is it still so? What failed is tried again soon, and then with the full check.
	[ -z "$mended" ] || later 5 "confirm$mended"
	if [ -z "$again" ]; then
		tries=0
	elif [ "$tries" -lt 8 ]; then
		tries=$((tries + 1))
		later 1 "confirm$again"
	fi
	if [ -n "$mended$again" ] && [ -f "$home/log" ] && [ "$(wc -l <"$home/log")" -gt 2000 ]; then
		tail -n 1000 "$home/log" >"$home/log.new" && mv -f "$home/log.new" "$home/log"
	fi
}
# conclude ITEM: what came of it
conclude() {
	split "$1"
	was
	if ! noted stop; then
		[ "$state" != degraded ] || say "$(mark_of "$file"): as it should be again"
		state ok
		! noted did || mended="$mended $file"
		return
	fi
	said=
	[ ! -r "$run/agent.d/$file.said" ] || read -r said <"$run/agent.d/$file.said" || :
	[ -n "$said" ] || said='a tool failed, and said nothing'
	case $note in
	7) again="$again $file" ;; # the container ended, or another one started, meanwhile
	9)
		[ -z "$look" ] || return
		say "$(mark_of "$file"): degraded: somebody undoes this again and again: $said"
		state degraded "somebody undoes this again and again: $said"
		;;
	*)
		[ "$state $text" = "failed $said" ] || say "$(mark_of "$file"): failed: $said"
		state failed "$said"
		again="$again $file"
		;;
	esac
}
mark_of() { sed -n 's/^mark=//p' "$home/desired/$1"; }

# Names in $all, and in $regular those that can be read: a fifo would block whoever opens it.
list() {
	all='' regular=''
	for path in "$home"/desired/*; do
		case ${path##*/} in *[!0-9a-f-]*) continue ;; esac
		all="$all ${path##*/}"
		[ ! -f "$path" ] || [ -L "$path" ] || regular="$regular ${path##*/}"
	done
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
	while [ -p "$run/events" ]; do
		ip -o monitor link address 2>/dev/null | while read -r first _ name _; do
			[ "$first" = Deleted ] || continue
			name=${name%:}
			echo "link ${name%%@*}" || exit
		done
		echo check || exit
		sleep 1
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
	# Not every deletion is told (a flushed map of concatenations is not), but every transaction is.
	while [ -p "$run/events" ]; do
		nft monitor 2>/dev/null | while read -r line; do
			case $line in *"new generation"* | *"lost some netlink events"*) echo nft || exit ;; esac
		done
		echo nft || exit
		sleep 1
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
	tries=0 count=0 mended='' settled=0 waking='' todo='' full='' starts='' line=check
	stamp=$(date -u +%Y-%m-%dT%H:%M:%SZ)
	say "agent $version started"
	while :; do
		# What came together is done together. A container that starts does not wait for the end of a full check.
		more=$(dd if="$run/events" iflag=nonblock bs=65536 count=1 2>/dev/null)
		list
		links='' told=''
		while read -r word rest; do
			case $word in
			check) full=1 ;;
			confirm) todo="$rest $todo" ;;
			wake) [ -n "$waking" ] || { waking=1; later 5 woken; } ;;
			woken) full=1 waking='' ;;
			start) starts="$starts $rest" ;;
			link) links="$links$nl# link $rest" ;;
			nft) told=1 ;;
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
		[ -z "$told" ] || table_whole || links="$links$nl# table"
		# A full check is finished before the next one is begun: else many events would keep it from its end.
		if [ -n "$full" ] && [ -z "${todo#"${todo%%[! ]*}"}" ]; then todo=$all full=''; fi
		# Containers that started together are made together, but the first not only with the last of a hundred.
		set -- $starts
		wanted=$links starts=
		for id; do
			if [ ${#wanted} -lt 1500 ]; then wanted="$wanted$nl# container $id"; else starts="$starts $id"; fi
		done
		urgent=
		if [ -n "$wanted" ]; then
			# What we made a moment ago tells of itself too: the second look at it comes soon enough.
			read -r uptime _ </proc/uptime
			for one in $(naming "${wanted#"$nl"}"); do
				case " $mended " in
				*" $one "*) case $wanted in *"# container "* | *"# table"*) ;; *) [ $((${uptime%.*} - ${settled%.*})) -gt 1 ] || continue ;; esac ;;
				esac
				urgent="$urgent $one"
			done
		fi
		# shellcheck disable=SC2086
		set -- $urgent
		if [ $# -gt 0 ]; then
			pass "$@"
		elif [ -n "$starts" ]; then
			continue
		elif [ -n "${todo#"${todo%%[! ]*}"}" ]; then
			set -- $todo
			chunk=
			while [ $# -gt 0 ] && [ ${#chunk} -lt 600 ]; do
				chunk="$chunk $1"
				shift
			done
			todo=$*
			# shellcheck disable=SC2086
			pass $chunk
		else
			read_generation
			seen=$generation
			read -r line <&3 || break
			read_generation
			# Where netplumb is at work just now, what it removes tells of itself link by link.
			case $line in link*) [ "$generation" = "$seen" ] || sleep 0.3 2>/dev/null || sleep 1 ;; esac
		fi
	done
	quiet
}
read_generation() { { read -r generation <"$run/generation" || generation=; } 2>/dev/null; }
# The files with one of these lines.
naming() { (cd "$home/desired" && grep -lxF -e "$1" /dev/null $regular 2>/dev/null); }
# Most transactions are netplumb's own, or none of ours. So it is asked at once and without the lock whether the rules are there, and of
# each resource as many elements as it has; only where something is missing, each is looked at.
table_whole() (
	table='' written='' whole=''
	has_ruleset || exit 1
	cd "$home/desired" || exit 1
	set -- $(naming '# table')
	[ $# -gt 0 ] || exit 0
	! grep -q docker_accepts "$@" || { docker_accepts iptables && docker_accepts ip6tables; } || exit 1
	nft list table inet netplumb 2>/dev/null | awk '
		!listing && FNR == 1 { made = 0 }
		!listing && /^# nft / { made++ }
		!listing && sub(/^mark=/, "") { gsub(/\047/, ""); want[$0] += made }
		listing {
			while (match($0, /comment "netplumb:[^"]*"/)) {
				have[substr($0, RSTART + 18, RLENGTH - 19)]++
				$0 = substr($0, RSTART + RLENGTH)
			}
		}
		END { for (mark in want) if (have[mark] < want[mark]) exit 1 }' "$@" listing=1 -
)
# Ends the sources: all of this process's group but the process itself.
quiet() {
	rm -f "$run/events"
	trap '' TERM
	kill -s TERM -- "-$$" 2>/dev/null
	trap - TERM
}

# --- Commands ------------------------------------------------------------------------------------------------------------

unit() {
	cat <<-END
		[Unit]
		Description=netplumb agent, which keeps the wiring of containers
		After=docker.service openvswitch-switch.service openvswitch.service nftables.service firewalld.service
		[Service]
		ExecStart=/bin/sh $self run
		Restart=always
		RestartSec=1
		[Install]
		WantedBy=multi-user.target
	END
}

running() { ! flock -n "$home" true; }

start() {
	own "$home" && own "$home/desired" || exit 1
	if running; then
		[ ! -p "$run/events" ] || echo wake 1<>"$run/events"
	elif systemd; then
		unit >"$unit"
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

# The rules of our table, and the end of tracked connections: filled in by netplumb.
# @firewall

version=2
case ${1:-} in
start | stop | status | run | supervise | unit) "$1" ;;
part)
	shift
	part "$@"
	;;
*)
	sed -n '3,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
