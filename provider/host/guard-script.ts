// The shell text of the guard: what arms it on the host, what waits there for the deadline, what confirms or finishes it.
//
// A guard is a folder /run/netplumb/guard-<token>. "armed", "fired", "confirmed" and "taken-back" are one file that is renamed:
// a rename happens once, so confirmation and deadline cannot both win. Time is /proc/uptime in hundredths of a second, which no
// change of the clock can move.
import { REMOTE_PATH } from "../transport/framing";
import { bootHookOff, bootHookOn, keepOverBoots } from "./boot-hook";
import { shWord } from "./encode";
import { readFunctions } from "./read";
import { EXIT } from "./script";
import type { Fact } from "./snapshot";

export const GUARD_EXIT = { early: 79, probe: 80, takenBack: 81, restarted: 82 } as const;

export interface GuardText {
	token: string;
	seconds: number;
	/** Who changes what, for people who find the folder, and for the next run. */
	what: string;
	/** The functions and the call that take everything back (script.ts). */
	rollback: string;
	/** False when nothing of netplumb was on the host before: then nothing is after taking back. */
	anythingBefore: boolean;
}

export const guardFolder = (token: string): string => `/run/netplumb/guard-${token}`;

/** Defines `arm`, which fails before anything was risked, and `disarm` for a script that has taken back its own work. */
export function armFunctions(guard: GuardText): string {
	const end = `END_${guard.token}`;
	return `
guard=${guardFolder(guard.token)}
arm() {
	new=/run/netplumb/new-\${guard##*/}
	mkdir -m 700 "$new" || return 1
	cat >"$new/rollback" <<'${end}' || return 1
${watcher(guard)}
${end}
	read -r line </proc/$$/stat && start_of $$ || return 1
	set -- \${line##*) }
	printf '%s\\n' "$$ $start $2 $3" >"$new/applying" && printf '%s\\n' ${shWord(guard.what)} >"$new/what" || return 1
	uptime_now
	echo $((now + ${guard.seconds * 100})) >"$new/deadline" && : >"$new/armed" || return 1
	${bootHookOn()}
	mv "$new" "$guard" || return 1
	watch
	i=0
	until [ -e "$guard/watched" ]; do
		[ $i -lt 25 ] || return 1
		i=$((i + 1))
		nap
	done
}
# Outside of this login's session and of sshd's control group: neither's end may end it.
watch() {
	if [ -d /run/systemd/system ] && command -v systemd-run >/dev/null; then
		systemd-run --quiet --collect --unit=netplumb-guard-${guard.token} sh "$guard/rollback" watch && return
	fi </dev/null >/dev/null 2>&1
	(
		exec </dev/null >/dev/null 2>&1 7<&- 8<&- 9<&-
		if command -v setsid; then setsid sh "$guard/rollback" watch & else sh "$guard/rollback" watch & fi
	)
}
disarm() {
	rm -rf "/run/netplumb/new-\${guard##*/}"
	rm "$guard/armed" 2>/dev/null && rm -rf "$guard"
}
`.trim();
}

/** The program that waits on the host. It is read whole before it runs, and needs nothing but this file and the tools. */
function watcher(guard: GuardText): string {
	return `
PATH=${REMOTE_PATH}; LC_ALL=C; export PATH LC_ALL; umask 077; cd /
trap '' HUP INT TERM PIPE
guard=${guardFolder(guard.token)}
${readFunctions([])}
${guard.rollback}
# The script that applies may hang half-way: it must not go on while its work is taken back.
stop_applying() {
	[ ! -e "$guard/applied" ] || return
	read -r pid begun parent group <"$guard/applying" || return
	start_of "$pid" || return
	[ "$start" = "$begun" ] || return
	kill -KILL "$pid"
	[ "$parent" != "$group" ] || kill -KILL "-$group"
} 2>/dev/null
main() {
	if [ "$1" = watch ]; then
		read -r deadline <"$guard/deadline"
		: >"$guard/watched"
		while [ -e "$guard/armed" ]; do
			uptime_now
			[ "$now" -lt "$deadline" ] || break
			nap
		done
	fi
	[ "$1" = again ] || mv "$guard/armed" "$guard/fired" || exit 0
	stop_applying
	exec 9</run
	flock -x -w 1 9
	printf '%s\\n' ${guard.token} >/run/netplumb/new && mv -f /run/netplumb/new /run/netplumb/generation
	roll_back_all
	${guard.anythingBefore ? ":" : `rm -f /run/netplumb/generation; ${bootHookOff()}`}
	mv "$guard/fired" "$guard/taken-back"
}
main "$1" 2>/dev/null
exit 0`.trim();
}

const PROBES = `
default_of() { awk -v gateway="$1" '$1 == "default" && $2 == "via" && $3 == gateway { for (i = 4; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }'; }
default_routes() {
	ip -4 route show default
	ip -6 route show default
}
probe() {
	case $1 in
	gateway)
		dev=$(default_routes | default_of "$2")
		[ -n "$dev" ] && ping -c 1 -W 1 -I "$dev" "$2"
		;;
	docker) timeout 5 docker version ;;
	ovs) ovs-appctl --timeout=5 -t ovs-vswitchd version ;;
	esac
} >/dev/null 2>&1 </dev/null
boot_of() {
	start_of 1
	read -r boot </proc/sys/kernel/random/boot_id
	boot=$boot-$start
}
`.trim();

/** Prints which boot of the host this is, and each probe that passes now. */
export function baselineScript(): string {
	return `${readFunctions([])}
${PROBES}
boot_of
echo "boot $boot"
for gateway in $(default_routes | awk '$1 == "default" && $2 == "via" && $3 ~ /^[0-9a-f.:]+$/ { print $3 }' | sort -u); do
	! probe gateway "$gateway" || echo "gateway $gateway"
done
! probe docker || echo docker
! probe ovs || echo ovs`;
}

export interface Baseline {
	boot: string;
	probes: string[];
}

/** Run over a connection of its own: repeats the probes and, if they pass, ends the guard; then reads the host. */
export function confirmScript(
	token: string,
	baseline: Baseline,
	readBack: string,
	facts: readonly Fact[],
	lockSeconds: number,
): string {
	const probes = baseline.probes.map((probe) => `probe ${probe.split(" ").map(shWord).join(" ")} || bad=${shWord(probe)}`);
	return `${readFunctions(facts)}
${PROBES}
guard=${guardFolder(token)}
boot_of
[ "$boot" = ${shWord(baseline.boot)} ] || exit ${GUARD_EXIT.restarted}
i=0
until [ -e "$guard/applied" ]; do
	[ -e "$guard/armed" ] || exit ${GUARD_EXIT.takenBack}
	[ $i -lt 10 ] || exit ${GUARD_EXIT.early}
	i=$((i + 1))
	nap
done
bad=
${probes.join("\n")}
[ -z "$bad" ] || { printf '%s' "$bad"; exit ${GUARD_EXIT.probe}; }
mv "$guard/armed" "$guard/confirmed" 2>/dev/null || exit ${GUARD_EXIT.takenBack}
${keepOverBoots()}
rm -rf "$guard"
exec 9</run; flock -s -w ${lockSeconds} 9 || exit ${EXIT.locked}
${readBack}`;
}
