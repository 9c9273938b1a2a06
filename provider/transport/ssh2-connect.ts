// One SSH connection through ssh2, to one host: key checked, then logged in. Also the errors of that.

import type { Duplex } from "node:stream";
import { type Algorithms, Client } from "ssh2";
import { isNetplumbError, NetplumbError } from "../errors.js";
import { type Credentials, collectCredentials, unusedCertificates } from "./credentials.js";
import { seconds, Transient } from "./dial.js";
import { type HostKeyPolicy, hostKeyPolicy } from "./host-key.js";
import type { ResolvedHost } from "./ssh-config.js";
import { reason } from "./text.js";
import type { Secrets, TransportCounters } from "./transport.js";

/** ssh2's defaults without SHA-1, and without what needs no word today. */
const ALGORITHMS = {
	kex: [
		"curve25519-sha256",
		"curve25519-sha256@libssh.org",
		"ecdh-sha2-nistp256",
		"ecdh-sha2-nistp384",
		"ecdh-sha2-nistp521",
		"diffie-hellman-group-exchange-sha256",
		"diffie-hellman-group14-sha256",
		"diffie-hellman-group16-sha512",
		"diffie-hellman-group18-sha512",
	],
	cipher: [
		"aes128-gcm@openssh.com",
		"aes256-gcm@openssh.com",
		"chacha20-poly1305@openssh.com",
		"aes128-ctr",
		"aes192-ctr",
		"aes256-ctr",
	],
	hmac: ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"],
	compress: ["none"],
} satisfies Algorithms;

/** What is needed to log in, collected before the host is dialled: a missing key needs no network to be found. */
export interface Login {
	host: ResolvedHost;
	where: string;
	credentials: Credentials;
	/** The whole time limit, for messages: what is left of it at some moment means nothing to a reader. */
	limit: number;
}

/** Collects a login. */
export async function prepareLogin(host: ResolvedHost, secrets: Secrets, where: string, limit: number): Promise<Login> {
	return { host, where, credentials: await collectCredentials(host, secrets, where), limit };
}

/** Speaks SSH over a connected stream until the login is done. The client is closed when it fails. */
export async function logIn(login: Login, sock: Duplex, milliseconds: number, counters: TransportCounters): Promise<Client> {
	const { host, where, credentials } = login;
	const policy = await hostKeyPolicy(host, where);
	const client = new Client();
	const state = { greeted: false, refused: undefined as NetplumbError | undefined, shaken: false };
	try {
		await new Promise<void>((resolve, reject) => {
			client.on("handshake", () => {
				state.shaken = true;
				counters.handshakes += 1;
			});
			client.on("ready", () => resolve());
			// A client without a listener would end the process. Errors after `ready` are followed by "close", which the link hears.
			client.on("error", (error: Error & { level?: string }) => {
				if (error.level !== "agent") reject(error);
			});
			client.on("close", () => reject(new Error("Connection lost")));
			client.connect({
				sock: sock as never,
				username: host.user,
				algorithms: { ...ALGORITHMS, serverHostKey: policy.algorithms as never },
				// Called at each key exchange, before a byte of authentication is sent.
				hostVerifier: (key: Buffer) => {
					state.greeted = true;
					state.refused = policy.verify(key);
					return state.refused === undefined;
				},
				authHandler: credentials.offers as never,
				agentForward: false,
				readyTimeout: Math.max(1, milliseconds),
			});
		});
		return client;
	} catch (error) {
		client.destroy();
		sock.destroy();
		if (isNetplumbError(error)) throw error;
		throw state.refused ?? (await explain(error as Error & { level?: string; code?: unknown }, login, policy, state));
	}
}

async function explain(
	error: Error & { level?: string; code?: unknown },
	login: Login,
	policy: HostKeyPolicy,
	state: { greeted: boolean; shaken: boolean },
): Promise<Error> {
	const { where, host, credentials } = login;
	const unreachable = (message: string) => new NetplumbError("host-unreachable", `${where}: ${message}`);
	if (/no matching host key format/.test(error.message))
		return policy.restricted
			? new NetplumbError(
					"host-key",
					`${where}: the host shows no key of a type that is known for it (expected ${policy.algorithms.join(", ")}); its keys have changed, so compare them and set hostKey or correct known_hosts.`,
				)
			: unreachable(
					`the host offers no host key without SHA-1 (expected ${policy.algorithms.join(", ")}); give it an ed25519 key, or set transport: "openssh" if it only has certificates or FIDO keys.`,
				);
	if (/Handshake failed: no matching/.test(error.message))
		return unreachable(
			`the SSH handshake found ${reason(error).replace("Handshake failed: ", "")} (SHA-1 is not offered); update the host's sshd, or set transport: "openssh" if it only has newer algorithms than ssh2 1.17.`,
		);
	if (error.level === "client-timeout")
		return unreachable(
			state.shaken
				? `the login was not finished within ${seconds(login.limit)} s; look at the host's load, or raise timeoutSeconds.`
				: `the port is open, but the SSH handshake was not finished within ${seconds(login.limit)} s; check that sshd listens there, or raise timeoutSeconds.`,
		);
	if (error.level === "client-authentication" || (state.shaken && /too many authentication/i.test(error.message))) {
		const certificates = await unusedCertificates(host);
		const hint =
			certificates.length > 0
				? `; ${certificates[0]} is a user certificate, which transport "ssh2" cannot use: set transport: "openssh"`
				: `; add the public key to ${host.user}'s authorized_keys on the host, or give another key with identityFile, an SSH agent or the secret netplumb:privateKey`;
		const skipped = credentials.skipped.length > 0 ? ` (not offered: ${credentials.skipped.join(", ")})` : "";
		return new NetplumbError("authentication", `${where}: the host refused ${credentials.offered.join(", ")}${skipped}${hint}.`);
	}
	if (!state.greeted && /identification|version|ident|malformed|packet/i.test(error.message))
		return unreachable(`the port answers, but not as an SSH server (${reason(error)}); check the port.`);
	// Cut off before the login was decided: sshd does this when too many connections start at once (MaxStartups).
	return new Transient(
		unreachable(
			`the connection was lost ${state.shaken ? "while logging in" : "before the SSH handshake was done"} (${reason(error)}); look at sshd's log and its MaxStartups.`,
		),
		5,
	);
}
