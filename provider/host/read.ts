// The script text that reads a host. Constant; the containers asked for are passed as arguments of the function.
import { randomBytes } from "node:crypto";
import { shCommand, shWord } from "./encode";
import { OUR_COOKIES } from "./flows";
import { SETTLE } from "./guard-settle";
import { factCalls, factFunctions } from "./read-firewall";
import { databaseCall } from "./records";
import type { Fact, Needs, RunningContainer } from "./snapshot";

/** Running containers by the reference under which they were asked for. */
export type Seen = ReadonlyMap<string, RunningContainer>;

/** What to tell of containers that nobody asked about: nothing, which of them run, or also all facts of those that carry our marks. */
export type Others = "" | "names" | "attached";

/** What a process inside a container's network namespace says about it: its switches first, then the rest by one process. */
export const SWITCHES = `for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do
	[ -e "$file" ] || continue
	read -r value <"$file"
	name=\${file#/proc/sys/net/ipv6/conf/}
	printf '%s %s\\n' "\${name%/disable_ipv6}" "$value"
done`;
export const REST_LINES = ["address show", "route show table all"];
const REST = ["ip -j -d -batch - <<'BATCH'", ...REST_LINES, "BATCH"].join("\n");

/** The same, told by a block that is inside anyway; that it cannot tell is no fault of the block. */
export const TELL_NAMESPACE = `${SWITCHES}\n{\n${REST}\n} && printf complete`;

/**
 * Shell functions shared by reading and applying.
 *
 * enter PID START opens the process's network namespace on descriptor 7 and fails unless the process is the one that
 * started at START (field 22 of /proc/PID/stat, counted behind the last parenthesis because a command name may hold anything)
 * and lives in another network namespace than the host.
 *
 * read_namespace PID ID [START] prints the facts of a container's namespace. It fails where the process is not surely the
 * container's: the one that started at START, where that is given, in a control group that is named after the container.
 *
 * read_containers takes names and ids, and PID:START:ID:REFERENCE for a container that was seen before: Docker is asked only
 * about those that are new, or not the same any more. A question to Docker costs as much as all other facts, so it is at once about
 * those that may come next: with "attached" about those that carry our marks, with all facts; with "names" which others run.
 */
const FUNCTIONS = `
start_of() {
	read -r line <"/proc/$1/stat" || return 1
	set -- \${line##*) }
	shift 19
	start=$1
}
enter() {
	exec 7<"/proc/$1/ns/net" || return 1
	start_of "$1" || return 1
	[ "$start" = "$2" ] && ! [ /proc/self/fd/7 -ef /proc/$$/ns/net ]
} 2>/dev/null
section() { printf '\\n%s %s\\n' "$mark" "$*"; }
# read_host MARK DESTINATION... -- CONTAINER...; with $inside, what nobody has to be in a container for is left out.
# In one piece: each piece would be a packet of its own, with an acknowledgement.
read_host() {
	answer=$(read_all "$@")
	set -- $?
	printf '%s\\n' "$answer"
	return $1
}
read_all() {
	mark=$1
	shift
	section generation
	g=none
	if [ -r /run/netplumb/generation ]; then read -r g </run/netplumb/generation; fi
	printf '%s' "$g"
	section desired
	[ ! -d /var/lib/netplumb ] || read_desired $desired 2>/dev/null
	attached=
	[ -n "$inside" ] || read_outside "$@" || return 1
	while [ "$1" != -- ]; do shift; done
	shift
	printf %s "$tale"
	[ $# -eq 0 ] || read_containers "$@"
	section end
}
read_outside() {
	section host
	ip -j -d address show || return 1
	section ovs
	if command -v ovs-vsctl >/dev/null; then
		ovs=$(ovs-vsctl --timeout=10 --format=json \\
			-- --columns=_uuid,name,ports,controller,datapath_type,datapath_id,fail_mode,stp_enable,rstp_enable,mcast_snooping_enable,protocols,other_config,external_ids list Bridge \\
			-- --columns=_uuid,name,interfaces,tag,trunks,vlan_mode,protected,other_config,external_ids list Port \\
			-- --columns=_uuid,name,type,options,error,ofport,mtu_request,external_ids list Interface \\
			-- --columns=_uuid,target list Controller 2>&1)
		printf '%s\\nstatus %s' "$ovs" $?
		[ "$others" != attached ] || attached=$(printf %s "$ovs" | grep -o '"netplumb-container","[0-9a-f]*' | sort -u)
		case $ovs in *'"netplumb-guard"'* | *'"netplumb-clients"'*) read_flows ;; esac
		ovs=
	else
		printf absent
	fi
	section datapath
	if [ -d /sys/module/openvswitch ]; then printf kernel; else printf userspace; fi
	section paths
	while [ "$1" != -- ]; do
		printf '%s ' "$1"
		case $1 in
		*:*/*) ip -6 -j -d route show table main exact "$1" ;;
		*/*) ip -4 -j -d route show table main exact "$1" ;;
		*) ip -j route get "$1" ;;
		esac 2>&1 | tr '\\n' ' '
		printf '\\n'
		shift
	done
	read_facts
	return 0
}
# The desired states: the checksums of those whose names end like this, the names of all.
read_desired() {
	{ read -r line && read -r line && printf '%s\\n' "$line"; } </var/lib/netplumb/agent
	list=
	for ending; do
		[ "$ending" != all ] || ending=
		for file in /var/lib/netplumb/desired/*$ending; do
			case $file in *[!A-Za-z0-9/-]*) continue ;; esac
			[ ! -f "$file" ] || [ -L "$file" ] || list="$list $file"
		done
	done
	sha256sum /var/lib/netplumb/agent $list </dev/null
	cd /var/lib/netplumb/desired && printf 'kept %s\\n' *
	cd /
}
read_flows() {
	for bridge in $(ovs-vsctl --timeout=10 list-br); do
		section flows "$bridge"
		ovs-ofctl --timeout=10 --names --no-stats dump-flows "$bridge" ${OUR_COOKIES} 2>/dev/null && printf complete
	done
}
read_devices() {
	mark=$1
	shift
	for dev; do
		conf=/proc/sys/net/ipv4/conf/$dev
		[ -d "$conf" ] || continue
		# Gone while it is read is gone.
		routes=$(device_routes "$dev") || { [ -d "$conf" ] || continue; return 1; }
		section device "$dev"
		arp=0 disabled=1
		read -r arp <"$conf/arp_ignore" || :
		[ ! -e "/proc/sys/net/ipv6/conf/$dev/disable_ipv6" ] || read -r disabled <"/proc/sys/net/ipv6/conf/$dev/disable_ipv6" || :
		printf '%s\\nswitches %s %s' "$routes" "$arp" "$disabled"
	done
}
device_routes() {
	ip -4 -j -d route show table all dev "$1" && printf '\\n' || return 1
	if [ -d /proc/sys/net/ipv6 ]; then ip -6 -j -d route show table all dev "$1"; else printf '[]'; fi
}
in_cgroup_of() {
	while read -r line; do
		case $line in *"$2"*) return 0 ;; esac
	done <"/proc/$1/cgroup"
	return 1
} 2>/dev/null
read_namespace() {
	read_opened "$@" 7<"/proc/$1/ns/net"
} 2>/dev/null
read_opened() {
	start_of "$1" || return 1
	certain=unsure
	[ -z "$2" ] || ! in_cgroup_of "$1" "$2" || certain=sure
	[ $# -eq 2 ] || { [ "$start" = "$3" ] && [ $certain = sure ]; } || return 1
	if [ /proc/self/fd/7 -ef /proc/$$/ns/net ]; then
		section container "$1" "$start" host $certain "$2"
		return 0
	fi
	section container "$1" "$start" own $certain "$2"
	nsenter --net=/proc/self/fd/7 sh -s <<'INSIDE' && printf complete
${SWITCHES}
exec ${REST}
INSIDE
	[ $certain = sure ]
}
# tell_container PID START ID FACTS: what a block has told, where the process is still surely the container's.
tale= told=' '
tell_container() {
	case $4 in *complete) ;; *) return ;; esac
	start_of "$1" && [ "$start" = "$2" ] && in_cgroup_of "$1" "$3" || return
	tale="$tale
$mark container $1 $2 own sure $3
$4"
	told="$told$1:$2 "
} 2>/dev/null
read_containers() {
	left=$#
	while [ $left -gt 0 ]; do
		word=$1 left=$((left - 1))
		shift
		case $word in
		*:*)
			pid=\${word%%:*} rest=\${word#*:}
			first=\${rest%%:*} rest=\${rest#*:}
			case $told in *" $pid:$first "*) continue ;; esac
			read_namespace "$pid" "\${rest%%:*}" "$first" && told="$told$pid:$first " || set -- "$@" "\${rest#*:}"
			;;
		*) set -- "$@" "$word" ;;
		esac
	done
	[ $# -gt 0 ] || [ -n "$attached" ] || return 0
	section docker
	if ! command -v docker >/dev/null; then
		printf absent
		return
	fi
	container_facts='{{.State.Pid}} {"id":{{json .Id}},"name":{{json .Name}},"status":{{json .State.Status}},"pid":{{json .State.Pid}},"startedAt":{{json .State.StartedAt}},"networkMode":{{json .HostConfig.NetworkMode}}}'
	ids=
	for word in $attached; do ids="$ids \${word##*\\"}"; done
	facts=$(inspect "$@" $ids 2>&1)
	status=$?
	# What is wrong with one that nobody asked about is nothing to those who ask.
	if [ $status -ne 0 ] && [ -n "$ids" ]; then
		facts=$([ $# -eq 0 ] || inspect "$@" 2>&1)
		status=$?
		facts="$facts
$(inspect $ids 2>/dev/null)"
	fi
	printf '%s\\nstatus %s' "$facts" $status
	running=
	while read -r pid rest; do
		case $pid in ''|0|*[!0-9]*) continue ;; esac
		start_of "$pid"
		case $told in *" $pid:$start "*) continue ;; esac
		id=\${rest#'{"id":"'}
		told="$told$pid:$start " running="$running $pid:\${id%%'"'*}"
	done <<FACTS
$facts
FACTS
	spaces=$(read_halves $running)
	printf %s "$spaces"
	# A second look, where the control groups do not say whose process it is: a container that is the same before and after
	# was the same while its namespace was read.
	case $#$spaces in
	0*) ;;
	*" unsure "*)
		section again
		timeout 20 docker inspect --type container --format '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}' -- "$@" 2>/dev/null
		;;
	esac
	[ "$others" != names ] || read_others
}
inspect() { timeout 20 docker inspect --type container --format "$container_facts" -- "$@"; }
read_others() {
	section others
	inspect $(timeout 20 docker ps -q --no-trunc | head -n 400) |
		while read -r pid rest; do
			id=\${rest#'{"id":"'}
			start_of "$pid" && in_cgroup_of "$pid" "\${id%%'"'*}" && printf '%s %s\\n' "$start" "$rest"
		done
} 2>/dev/null
# On two processors: while one half waits in the pipe, the other one is read.
read_halves() {
	half=$((($# + 1) / 2)) first=
	while [ $# -gt $half ]; do
		first="$first $1"
		shift
	done
	[ -n "$first" ] || { read_namespaces "$@"; return; }
	read_namespaces $first | {
		second=$(read_namespaces "$@")
		cat
		printf '%s' "$second"
	}
}
read_namespaces() { for word; do read_namespace "\${word%:*}" "\${word#*:}"; done; }
`.trim();

export function readFunctions(facts: readonly Fact[]): string {
	return `${FUNCTIONS}\n${SETTLE}\n${factFunctions(facts)}`;
}

/** A line that nothing on the host can look like. */
export function newMark(): string {
	return `@${randomBytes(12).toString("hex")}`;
}

/**
 * The call that prints the facts; `mark` is random, so that no text on the host can look like it. `seen` are the containers as
 * they were at the last look. `others` are told where Docker is asked at all, "attached" in any case.
 */
export function readCall(mark: string, needs: Needs, seen: Seen, others: Others = ""): string {
	const { facts, destinations, devices = [], databases = [] } = needs;
	const calls = [factCalls(facts), ...databases.map(databaseCall)].join("; ");
	const host = `inside=; read_facts() { ${calls}; }; ${hostCall(mark, destinations, needs, seen, others)}`;
	return devices.length === 0 ? host : `${shCommand(["read_devices", mark, ...devices])} || exit 1; ${host}`;
}

/** The same of the containers alone, and of what the host keeps. */
export function readInsideCall(mark: string, needs: Needs, seen: Seen, others: Others = ""): string {
	return `inside=yes; ${hostCall(mark, [], needs, seen, others)}`;
}

function hostCall(mark: string, destinations: readonly string[], needs: Needs, seen: Seen, others: Others): string {
	const words = needs.containers.map((reference) => seenWord(reference, seen));
	const desired = shWord(desiredWords(needs).join(" "));
	return `others=${others}; desired=${desired}; ${shCommand(["read_host", mark, ...destinations, "--", ...words])}`;
}

/** What the names end with; of many, one look into the folder for all is cheaper than one for each. */
export function desiredWords({ desired = [] }: Needs): string[] {
	return desired.length > 20 ? ["all"] : desired;
}

/** How a container is asked for. */
export function seenWord(reference: string, seen: Seen): string {
	const container = seen.get(reference);
	return container ? [container.pid, container.startTime, container.id, reference].join(":") : reference;
}
