// How a run meets a guard (guard-script.ts) that another run has left on the host.

/** Part of every script that reads a host (read.ts). */
export const SETTLE = `
uptime_now() {
	read -r now _ </proc/uptime
	now=\${now%.*}\${now#*.}
}
nap() { sleep 0.2 2>/dev/null || sleep 1; }
# What a run that died left behind: taken back now if its deadline has passed and nobody did it; 1 while it is not over.
settle_guards() {
	mark=$1
	for guard in /run/netplumb/guard-*; do
		[ -d "$guard" ] || continue
		read -r deadline <"$guard/deadline" || return 1
		uptime_now
		if [ -e "$guard/armed" ]; then
			[ "$now" -ge $((deadline + 100)) ] || return 1
			sh "$guard/rollback" now
		elif [ -e "$guard/fired" ]; then
			[ "$now" -ge $((deadline + 2000)) ] || return 1
			sh "$guard/rollback" again
		fi
		[ ! -e "$guard/taken-back" ] || { section taken-back; cat "$guard/what"; }
		rm -rf "$guard"
		rmdir /run/netplumb
	done
} 2>/dev/null
`.trim();
