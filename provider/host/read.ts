// The script text that reads a host. Constant; the containers asked for are passed as arguments of the function.
import { shWord } from "./encode";
import { factCalls, factFunctions } from "./read-firewall";
import type { Fact, Needs } from "./snapshot";

/**
 * Shell functions shared by reading and applying.
 *
 * enter PID START opens the process's network namespace on descriptor 7 and fails unless the process is the one that
 * started at START (field 22 of /proc/PID/stat, counted behind the last parenthesis because a command name may hold anything)
 * and lives in another network namespace than the host.
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
read_host() {
	mark=$1
	shift
	section generation
	g=none
	if [ -r /run/netplumb/generation ]; then read -r g </run/netplumb/generation; fi
	printf '%s' "$g"
	section host
	ip -j -d address show || return 1
	section ovs
	if command -v ovs-vsctl >/dev/null; then
		ovs-vsctl --timeout=10 --format=json \\
			-- --columns=_uuid,name,ports,controller,datapath_type,datapath_id,fail_mode,stp_enable,rstp_enable,mcast_snooping_enable,protocols,other_config,external_ids list Bridge \\
			-- --columns=_uuid,name,interfaces,tag,trunks,vlan_mode,protected,other_config,external_ids list Port \\
			-- --columns=_uuid,name,type,error,ofport,mtu_request,external_ids list Interface \\
			-- --columns=_uuid,target list Controller 2>&1
		printf '\\nstatus %s' $?
	else
		printf absent
	fi
	section datapath
	if [ -d /sys/module/openvswitch ]; then printf kernel; else printf userspace; fi
	read_facts
	[ $# -eq 0 ] || read_containers "$@"
	section end
}
read_containers() {
	section docker
	if ! command -v docker >/dev/null; then
		printf absent
		return
	fi
	facts=$(timeout 20 docker inspect --type container --format \\
		'{{.State.Pid}} {"id":{{json .Id}},"name":{{json .Name}},"status":{{json .State.Status}},"pid":{{json .State.Pid}},"startedAt":{{json .State.StartedAt}},"networkMode":{{json .HostConfig.NetworkMode}}}' \\
		-- "$@" 2>&1)
	printf '%s\\nstatus %s' "$facts" $?
	printf '%s\\n' "$facts" | while read -r pid rest; do
		case $pid in ''|0|*[!0-9]*) continue ;; esac
		(
			exec 7<"/proc/$pid/ns/net" || exit
			start_of "$pid" || exit
			if [ /proc/self/fd/7 -ef /proc/$$/ns/net ]; then
				section container "$pid" "$start" host
				exit
			fi
			section container "$pid" "$start" own
			exec nsenter --net=/proc/self/fd/7 sh -s <<'INSIDE'
ip -j -d -batch - <<'BATCH'
address show
route show table all
BATCH
for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do
	[ -e "$file" ] || continue
	read -r value <"$file"
	name=\${file#/proc/sys/net/ipv6/conf/}
	printf '\\n%s %s' "\${name%/disable_ipv6}" "$value"
done
printf '\\ncomplete'
INSIDE
		) 2>/dev/null
	done
	# A second look: a container that is the same before and after was the same while its namespace was read.
	section again
	timeout 20 docker inspect --type container --format '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}' -- "$@" 2>/dev/null
}
`.trim();

export function readFunctions(facts: readonly Fact[]): string {
	return `${FUNCTIONS}\n${factFunctions(facts)}`;
}

/** The call that prints the facts; `mark` is random, so that no text on the host can look like it. */
export function readCall(mark: string, { containers, facts }: Needs): string {
	return `read_facts() { ${factCalls(facts)}; }; ${["read_host", mark, ...containers].map(shWord).join(" ")}`;
}
