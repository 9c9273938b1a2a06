// Logins without root on the lab's hosts: netplumb, who may wire, and netplumb-read, who may look. NETPLUMB_TEST_LOGIN=helper makes the
// specs of the kinds use the first.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installScript, keyLine } from "../../cli/helper";
import { hostInfo } from "../../lab/index";
import { READER } from "../../provider/helper/program";
import { HELPER } from "../../provider/transport/privilege";
import type { HostSettings } from "../../provider/validate/host";
import { labDir, on } from "./lab";

export const helperLogin = process.env.NETPLUMB_TEST_LOGIN === "helper";

export const LOGINS = { netplumb: HELPER, "netplumb-read": READER } as const;
export type Login = keyof typeof LOGINS;

/** Accounts as useradd would make them, each with a key that is bound to one program. */
const ACCOUNT = `
grep -q "^$1:" /etc/group || echo "$1:x:$2:" >>/etc/group
grep -q "^$1:" /etc/passwd || { echo "$1:x:$2:$2:netplumb:/home/$1:/bin/sh" >>/etc/passwd; echo "$1:*:19000:0:99999:7:::" >>/etc/shadow; }
mkdir -p "/home/$1"
chown "$2:$2" "/home/$1"
grep -qxF "$3" /etc/ssh/authorized_keys || printf '%s\\n' "$3" >>/etc/ssh/authorized_keys
`;

/** In the folder of a host, which goes with the lab. */
const keyFile = (login: Login) => join(labDir, "hosts", "h1", `id-${login}`);

/** The helper on a lab host, as `netplumb helper install` puts it there, and the two logins. */
export async function prepareLogin(host: string): Promise<void> {
	await on(host, "sh", "-c", installScript());
	for (const [index, login] of (Object.keys(LOGINS) as Login[]).entries()) {
		const file = keyFile(login);
		if (!existsSync(file)) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", login, "-f", file]);
		const line = keyLine(LOGINS[login], readFileSync(`${file}.pub`, "utf8").trim());
		await on(host, "sh", "-ec", ACCOUNT, "-", login, String(61003 + index), line);
	}
}

/** The `host` input for such a login. */
export function loginHost(login: Login, name = "h1"): HostSettings {
	const { address, hostKey } = hostInfo(name, { dir: labDir });
	return { address, hostKey, user: login, helper: true, identityFile: keyFile(login) };
}

/** A test of what only a login as root may do (docs/least-privilege.md): adopting, cards, programs of Docker's over the same login. */
export function itAsRoot(title: string, work: () => Promise<void>): void {
	if (!helperLogin) it(title, work);
	else
		it(title, function () {
			console.log("      skipped: this is left to a login as root");
			this.skip();
		});
}
