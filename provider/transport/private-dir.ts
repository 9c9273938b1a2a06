// A folder for sockets and known_hosts files of the system's ssh, that no other user of this machine can enter. Gone with the process.

import { chmodSync, lstatSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NetplumbError } from "../errors.js";

const folders = new Set<string>();
let listening = false;

/** ssh adds 17 characters to a control socket's name while it makes it, and the kernel takes 103 at most (104 on macOS with NUL). */
const LONGEST = 103 - 17 - "/c".length;

/** Makes such a folder. */
export function makePrivateDir(): string {
	const base = join(tmpdir(), "np-XXXXXX").length <= LONGEST ? tmpdir() : "/tmp";
	const folder = mkdtempSync(join(base, "np-"));
	chmodSync(folder, 0o700);
	checkPrivateDir(folder);
	if (!listening) {
		listening = true;
		process.once("exit", () => [...folders].forEach(removePrivateDir));
	}
	folders.add(folder);
	return folder;
}

/** Refuses a folder that somebody else owns, can enter, or has put a link in the place of. */
export function checkPrivateDir(folder: string): void {
	const found = lstatSync(folder);
	if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid()) || (found.mode & 0o077) !== 0)
		throw new NetplumbError(
			"unsupported",
			`the folder ${folder} for ssh's control socket is not a private folder of this user (mode 0700 expected); set TMPDIR to a safe place.`,
		);
}

/** Removes the folder. */
export function removePrivateDir(folder: string): void {
	folders.delete(folder);
	rmSync(folder, { recursive: true, force: true });
}
