import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostPaths, type LabPaths } from "./options";
import { run } from "./run";
import { hostAddress, hostNames, type LabState } from "./state";

async function makeKey(file: string, comment: string): Promise<void> {
	if (!existsSync(file)) await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file]);
}

/** "ssh-ed25519 AAAA…", without the comment. */
export function publicKey(file: string): string {
	return readFileSync(`${file}.pub`, "utf8").trim().split(" ").slice(0, 2).join(" ");
}

/** The lab's own key pair, a host key for every host, and a known_hosts file: no file of the user's account is involved. */
export async function makeKeys(paths: LabPaths, state: LabState): Promise<void> {
	await makeKey(paths.identityFile, "netplumb-lab");
	await Promise.all(
		hostNames(state).map(async (name) => {
			const host = hostPaths(paths, name);
			mkdirSync(host.dir, { recursive: true, mode: 0o700 });
			await makeKey(host.hostKey, name);
			copyFileSync(`${paths.identityFile}.pub`, host.authorizedKeys);
		}),
	);
	const lines = hostNames(state).map((name) => `${hostAddress(state, name)} ${publicKey(hostPaths(paths, name).hostKey)}\n`);
	writeFileSync(`${paths.knownHostsFile}.new`, lines.join(""));
	renameSync(`${paths.knownHostsFile}.new`, paths.knownHostsFile);
}
