// The one decision about a host key: accepted, or refused with a sentence that says what to compare and how to accept it.

import { readFile } from "node:fs/promises";
import { NetplumbError } from "../errors.js";
import { fingerprint, judge, type KnownHostLine, keyType, knownHostName, linesFor, parseKnownHosts } from "./known-hosts.js";
import type { ResolvedHost } from "./ssh-config.js";
import { reason, shown } from "./text.js";

/** The host key algorithms in use. SHA-1 signatures (ssh-rsa, ssh-dss) are not among them. */
const ALGORITHMS: Record<string, readonly string[]> = {
	"ssh-ed25519": ["ssh-ed25519"],
	"ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
	"ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
	"ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
	"ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

export interface HostKeyPolicy {
	/** What to ask the host for: the types that are known for it first, so that a key of another type raises no false alarm. */
	algorithms: string[];
	/** True when `algorithms` are only the types that are known for the host. */
	restricted: boolean;
	/** Undefined when the key is accepted, else why it is refused. */
	verify(key: Buffer): NetplumbError | undefined;
}

/** Reads what is known about a host's keys. Read anew for each connection, so that a correction needs no restart. */
export async function hostKeyPolicy(host: ResolvedHost, where: string): Promise<HostKeyPolicy> {
	const all = Object.values(ALGORITHMS).flat();
	if (host.host.hostKey !== undefined) {
		const pin = parsePin(host.host.hostKey, where);
		return {
			restricted: true,
			algorithms: [...ALGORITHMS[keyType(pin)!]!],
			verify: (key) => (key.equals(pin) ? undefined : notThePin(where, pin, key)),
		};
	}
	if (host.host.insecureIgnoreHostKey) return { restricted: false, algorithms: all, verify: () => undefined };
	const lines = linesFor(await readFiles(host.knownHostsFiles, where), host.keyName, host.port);
	const known = new Set(lines.filter((line) => line.marker === "").flatMap((line) => ALGORITHMS[line.type] ?? []));
	return {
		restricted: known.size > 0,
		algorithms: known.size > 0 ? all.filter((name) => known.has(name)) : all,
		verify: (key) => refusal(host, where, lines, key),
	};
}

function refusal(host: ResolvedHost, where: string, lines: KnownHostLine[], key: Buffer): NetplumbError | undefined {
	const found = `${keyType(key)} ${fingerprint(key)}`;
	const verdict = judge(lines, key);
	switch (verdict.kind) {
		case "accepted":
			return undefined;
		case "revoked":
			return new NetplumbError(
				"host-key",
				`${where}: the host showed the key ${found}, which ${shown(verdict.line.place)} marks as revoked; do not connect before the host has a new key.`,
			);
		case "changed":
			return new NetplumbError(
				"host-key",
				`${where}: the host key has changed: expected ${verdict.expected.map((line) => `${line.type} ${fingerprint(line.key)} (${shown(line.place)})`).join(" or ")}, found ${found}; this may be an attack, and if the change is right, remove the old line with ssh-keygen -R '${knownHostName(host.keyName, host.port)}' and ${acceptance(host, key)}.`,
			);
		case "unknown":
			if (verdict.authorities.length > 0)
				return new NetplumbError(
					"host-key",
					`${where}: ${shown(verdict.authorities[0]!.place)} trusts a certificate authority for this host, but transport "ssh2" cannot check host certificates (the host showed ${found}): set transport: "openssh", or pin the key with hostKey.`,
				);
			return new NetplumbError(
				"host-key",
				`${where}: the host key is unknown: found ${found}; compare it with the host's own (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub) and ${acceptance(host, key)}.`,
			);
	}
}

function acceptance(host: ResolvedHost, key: Buffer): string {
	const text = `${keyType(key)} ${key.toString("base64")}`;
	const file = host.knownHostsFiles[0] ?? "~/.ssh/known_hosts";
	return `accept it with hostKey: "${text}" or with this line in ${shown(file)}: ${knownHostName(host.keyName, host.port)} ${text}`;
}

function notThePin(where: string, pin: Buffer, key: Buffer): NetplumbError {
	return new NetplumbError(
		"host-key",
		`${where}: the host key is not the pinned one: expected ${keyType(pin)} ${fingerprint(pin)} (hostKey), found ${keyType(key)} ${fingerprint(key)}; this may be an attack, and if the change is right, set hostKey: "${keyType(key)} ${key.toString("base64")}".`,
	);
}

/** The bytes of a pinned key. */
export function parsePin(text: string, where: string): Buffer {
	const [type, base64] = text.trim().split(/\s+/);
	const key = Buffer.from(base64 ?? "", "base64");
	if (!type || keyType(key) !== type || !ALGORITHMS[type])
		throw new NetplumbError(
			"input",
			`${where}: hostKey ${JSON.stringify(shown(text, 60))} is not a host key; expected "ssh-ed25519 AAAA…" as in /etc/ssh/ssh_host_ed25519_key.pub on the host.`,
		);
	return key;
}

async function readFiles(files: readonly string[], where: string): Promise<KnownHostLine[]> {
	const lines: KnownHostLine[] = [];
	for (const file of files) {
		try {
			lines.push(...parseKnownHosts(await readFile(file, "utf8"), file));
		} catch (error) {
			// A file that is there but cannot be read might hold a revocation.
			if ((error as NodeJS.ErrnoException).code === "ENOENT") continue;
			throw new NetplumbError(
				"host-key",
				`${where}: the known_hosts file ${shown(file)} cannot be read (${reason(error)}); make it readable or set hostKey.`,
			);
		}
	}
	return lines;
}
