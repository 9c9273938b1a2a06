// What the system's ssh means by its words: its exit code 255 alone says nothing.

import { NetplumbError } from "../errors.js";
import { Transient } from "./dial.js";
import { shown } from "./text.js";

/** Turns what ssh printed before it gave up into one error. `fingerprint` is asked for only when a host key was refused. */
export async function explainSsh(stderr: string, where: string, fingerprint: () => Promise<string | undefined>): Promise<Error> {
	// ssh's "@@@" frame and its several lines become one.
	const words = shown(stderr.replace(/@{5,}/g, " ").replace(/^\*\*.*$/gm, ""), 500);
	const unreachable = (message: string) => new NetplumbError("host-unreachable", `${where}: ${message}`);
	if (/REVOKED|revoked/.test(stderr))
		return new NetplumbError(
			"host-key",
			`${where}: the host showed a key that is marked as revoked${found(await fingerprint())}; do not connect before the host has a new key (ssh said "${words}").`,
		);
	if (/IDENTIFICATION HAS CHANGED|differs from the key for the IP/.test(stderr))
		return new NetplumbError(
			"host-key",
			`${where}: the host key has changed${found(await fingerprint())}; this may be an attack, and if the change is right, replace the old line (ssh said "${words}").`,
		);
	if (/host key is known|Host key verification failed|host certificate|Certificate invalid/i.test(stderr))
		return new NetplumbError(
			"host-key",
			`${where}: the host key is unknown${found(await fingerprint())}; compare it with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub), then set hostKey or add the line that ssh-keyscan prints to known_hosts (ssh said "${words}").`,
		);
	if (/Permission denied|Too many authentication failures|No more authentication methods/i.test(stderr))
		return new NetplumbError(
			"authentication",
			`${where}: the host refused every key that ssh offered (ssh said "${words}"); add the public key or its certificate authority on the host, or set identityFile or an SSH agent (encrypted keys need the agent).`,
		);
	if (/Could not resolve hostname/i.test(stderr))
		return unreachable(`the name is not known to DNS (ssh said "${words}"); check its spelling or give the IP address.`);
	if (/Connection refused/i.test(stderr))
		return new Transient(
			unreachable("the TCP connection was refused; expected sshd to listen there, so check that it runs and the port."),
			3,
		);
	if (/timed out|timeout/i.test(stderr))
		return unreachable("no answer within the time; check the address and the firewalls in between, or raise timeoutSeconds.");
	if (/No route to host|Network is unreachable/i.test(stderr))
		return unreachable(`there is no route to it (ssh said "${words}"); check the address and the network.`);
	if (/no matching .* found|no matching/i.test(stderr))
		return unreachable(
			`the SSH handshake found no common algorithm (ssh said "${words}"; SHA-1 is not offered); update the host's sshd.`,
		);
	if (/Bad configuration option|Bad owner or permissions|terminating, .* bad configuration/i.test(stderr))
		return new NetplumbError("input", `${where}: ssh could not read its configuration (ssh said "${words}"); correct it.`);
	if (/Connection (reset|closed)|kex_exchange_identification|banner exchange|broken pipe/i.test(stderr))
		return new Transient(
			unreachable(
				`the connection was lost before the login was done (ssh said "${words}"); look at sshd's log and its MaxStartups.`,
			),
			5,
		);
	return unreachable(`ssh could not connect and said "${words}"; try the same host with ssh -v.`);
}

function found(fingerprint: string | undefined): string {
	return fingerprint ? ` (found ${shown(fingerprint, 120)})` : "";
}
