// The helper: one file for a host, made of the texts that root's shells are given too (read.ts, memory.ts, render-firewall.ts) and of
// its own, which take lines instead of programs (helper.sh, check.awk).
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { memory } from "../heal/memory";
import { shCommand } from "../host/encode";
import { readFunctions } from "../host/read";
import { OVS_TIMEOUT } from "../host/render";
import { ACCEPT_RULE, FLUSH_FUNCTION } from "../host/render-firewall";
import { writeLines } from "../host/ruleset";
import { EXIT, LOCK_SECONDS } from "../host/script";
import { FACTS, type Snapshot } from "../host/snapshot";
import { REMOTE_PATH } from "../transport/framing";
import { HELPER } from "../transport/privilege";

/** Only root can write there, so that a login that may run the helper cannot change it. */
export const READER = `${HELPER}-read`;
export const SUDOERS = "/etc/sudoers.d/netplumb";

export interface HelperProgram {
	/** Tells one version from another: a hash of the text. */
	id: string;
	text: string;
}

let program: HelperProgram | undefined;

/** The helper of this version of netplumb. */
export function helperProgram(): HelperProgram {
	program ??= build();
	return program;
}

/** The program that a login for readers runs. */
export const readerText = `#!/bin/sh\n# netplumb: reads, and refuses every change\nexec ${HELPER} read\n`;

/** Who may run what as root: by these paths, without arguments, and so nothing else (sudoers(5)). */
export function sudoersText(): string {
	return readFileSync(own("sudoers"), "utf8");
}

function build(): HelperProgram {
	const parts: Record<string, string> = {
		PATH: REMOTE_PATH,
		READ: readFunctions(FACTS),
		FLUSH: FLUSH_FUNCTION,
		MEMORY: memory([], {} as Snapshot),
		CHECK: readFileSync(own("check.awk"), "utf8").trimEnd(),
		RULESET: writeLines().slice(1).join("\n"),
		ACCEPT: shCommand(ACCEPT_RULE),
		OVS_TIMEOUT: String(OVS_TIMEOUT),
		LOCK_SECONDS: String(LOCK_SECONDS),
		LOCKED: String(EXIT.locked),
		STALE: String(EXIT.stale),
		FAILED: String(EXIT.failed),
		PENDING: String(EXIT.pending),
		DENIED: String(EXIT.denied),
		READ_ONLY: String(EXIT.readOnly),
	};
	const text = readFileSync(own("helper.sh"), "utf8").replace(/@([A-Z_]+)@/g, (all, name: string) => parts[name] ?? all);
	const id = createHash("sha256").update(text).digest("hex").slice(0, 16);
	return { id, text: text.replaceAll("@ID@", id) };
}

/** A file that is beside this one in the package, which may be running from dist/. */
function own(name: string): string {
	let root = __dirname;
	while (!existsSync(join(root, "package.json")) && root !== dirname(root)) root = dirname(root);
	return join(root, "provider", "helper", name);
}
