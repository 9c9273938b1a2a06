// The words spoken with a long-lived `sh` on a host: how it is started, how a script is sent, how its answer is found again.
//
// The shell reads one header line a script and leaves the script's bytes to the child, which takes exactly as many as the
// header says. So no text in a script can end it early, nothing is read byte by byte, no temporary file is needed (bash keeps
// big here-documents in /tmp), and a script that was cut off by a dropped connection is never run: its last bytes are missing.
// Answers are found by a random marker that the script cannot know.

import { randomBytes } from "node:crypto";

/** The folders that every script may count on; sshd's own default lacks sbin. The last one is for NixOS. */
export const REMOTE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin";

/** What the shell said about itself when it was ready. */
export interface ShellFacts {
	uid: number;
	user: string;
	/** True when the host can end a script by itself after its time limit. */
	limits: boolean;
	/** The helper's version, where no shell answered but it. */
	helper?: string;
}

/** A random word that no script and no login profile can know. */
export function newMarker(): string {
	return `np-${randomBytes(16).toString("hex")}`;
}

// The child: read the script whole, check that its end arrived, detach stdin, run it.
// `dd` is the one portable tool that reads exactly N bytes from a pipe and not one more (busybox `head -c` reads ahead).
const CHILD = `np_s=$(dd bs=$1 count=$2 $3 2>/dev/null)
np_t=\${np_s%"$4"}
if [ "$np_t" = "$np_s" ]; then echo "the script did not arrive whole" >&2; exit 125; fi
unset np_s
exec </dev/null
set --
eval "$np_t"`;

// `timeout` puts itself and the script in a process group of their own, so the group's id is known: what still lives in it after
// the script has ended might write into the next answer, and the shell says so ("1"), to be replaced. busybox's `timeout`
// makes no group, so setsid makes one.
const LOOP = `exec 4<&0
while IFS=' ' read -r np_m np_l np_n np_z; do
[ -n "$np_m" ] || continue
np_a=$np_n; np_b=1
[ -n "$np_full" ] || { np_a=1; np_b=$np_n; }
\${np_limit:+$np_limit $np_l} sh -c "$np_child" sh "$np_a" "$np_b" "$np_full" "$np_z" <&4 4<&- &
np_p=$!
wait "$np_p" 2>/dev/null
np_r=$?
if kill -0 "-$np_p" 2>/dev/null; then np_k=1; else np_k=0; fi
printf '%s>%d %d\\n' "$np_m" "$np_r" "$np_k"; printf '%s>%d %d\\n' "$np_m" "$np_r" "$np_k" >&2
done
exit 0`;

/** The text that turns a bare `sh` into one that serves scripts. It says `marker` on both streams when it is ready. */
export function bootstrap(marker: string): string {
	// One compound command: a shell that got only a part of it does nothing. The caller sends no byte more until the shell is
	// ready, because some shells read ahead.
	return `{ PATH=${REMOTE_PATH}; LC_ALL=C; export PATH LC_ALL; unset LANGUAGE ENV BASH_ENV CDPATH; umask 077; cd /
np_child='${CHILD}'
np_full=iflag=fullblock
[ "$(printf ab | dd bs=2 count=1 $np_full 2>/dev/null)" = ab ] || np_full=
np_limit=
if timeout -k 1 9 true 2>/dev/null; then np_limit='timeout -k 1'
elif timeout 9 true 2>/dev/null; then np_limit=timeout; fi
if [ -n "$np_limit" ] && ! timeout --version >/dev/null 2>&1 && setsid true 2>/dev/null; then np_limit="setsid $np_limit"; fi
printf '%s %s %s %s\\n' '${marker}' "$(id -u)" "$(id -un)" "\${np_limit:+1}"; printf '%s\\n' '${marker}' >&2
${LOOP}
}
`;
}

/** What is said to the helper first, which is a server of requests by itself. */
export const greeting = (marker: string): string => `hello ${marker}\n`;

/** A line that asks for nothing: the shell skips it. */
export const POKE: Buffer = Buffer.from("\n");

/** Finds the ready line in what a fresh shell printed; whatever a login profile said before it is dropped. */
export function readFacts(output: string, marker: string): ShellFacts | undefined {
	const line = new RegExp(`${marker} (\\d+) (\\S+) (1?)(?: ([0-9a-f]+))?\\n`).exec(output);
	if (!line) return undefined;
	return { uid: Number(line[1]), user: line[2]!, limits: line[3] === "1", ...(line[4] ? { helper: line[4] } : {}) };
}

/** One script as bytes on the wire. `limitSeconds` is enforced by the host, when it can. */
export function frame(marker: string, script: string, limitSeconds: number): Buffer {
	const tail = `#${randomBytes(8).toString("hex")}`;
	const body = Buffer.from(script + tail, "utf8");
	return Buffer.concat([Buffer.from(`${marker} ${limitSeconds} ${body.length} ${tail}\n`), body]);
}

/**
 * Takes one stream apart: what comes before the marker, in chunks of any size. There is no marker at the beginning: nothing can come before an answer, because a shell whose script left something running is not used again, and what comes while a shell is idle is dropped.
 */
export class FrameReader {
	readonly #end: Buffer;
	readonly #body: Buffer[] = [];
	#rest: Buffer = Buffer.alloc(0);
	/** Set when the end was seen. */
	result: { exitCode: number; busy: boolean } | undefined;

	constructor(marker: string) {
		this.#end = Buffer.from(`${marker}>`);
	}

	/** The bytes of the answer so far. Decoded by the caller, once, because a character may span two chunks. */
	body(): Buffer {
		return Buffer.concat(this.#body);
	}

	push(chunk: Buffer): void {
		if (this.result) return;
		const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
		const at = data.indexOf(this.#end);
		const newline = at < 0 ? -1 : data.indexOf(10, at);
		// Only the part that cannot belong to the marker is taken; the rest waits for the next chunk.
		const taken = at < 0 ? Math.max(0, data.length - this.#end.length + 1) : at;
		if (taken > 0) this.#body.push(data.subarray(0, taken));
		this.#rest = data.subarray(taken);
		if (newline < 0) return;
		const [exitCode, busy] = data.toString("latin1", at + this.#end.length, newline).split(" ");
		this.result = { exitCode: Number(exitCode), busy: busy === "1" };
	}
}
