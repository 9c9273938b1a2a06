// The command line of the system's ssh for a host and its jump hosts. Pure, but for the pin files that it names.

import { parsePin } from "./host-key.js";
import { keyType } from "./known-hosts.js";
import { configArgs, expandHome } from "./ssh-config.js";
import type { HostAddress } from "./transport.js";

/** One host of a route, with what has to be known before the command line is written. */
export interface SshHop {
	host: HostAddress;
	user: string;
	port: number;
	/** A known_hosts file that holds the pinned key, when there is one. */
	pinFile: string | undefined;
}

/** One word for a POSIX shell. */
export function shellWord(text: string): string {
	return /^[A-Za-z0-9_/.,:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A path in an -o option: quoted for ssh's own parser, "%" kept from its token expansion. */
function optionPath(path: string): string {
	return `"${expandHome(path).replaceAll("%", "%%")}"`;
}

/** The line of a known_hosts file that accepts one key for every name. */
export function pinLine(hostKey: string, where: string): string {
	const key = parsePin(hostKey, where);
	return `* ${keyType(key)} ${key.toString("base64")}\n`;
}

/** Options for one hop, `hops` ending with it. The first options on a command line win over the user's config. */
export function hopArgs(hops: readonly SshHop[], connectSeconds: number): string[] {
	const { host, user, port, pinFile } = hops.at(-1)!;
	const options: string[] = [
		"BatchMode=yes",
		"ForwardAgent=no",
		"ForwardX11=no",
		"PermitLocalCommand=no",
		"RemoteCommand=none",
		"RequestTTY=no",
		"EscapeChar=none",
		"UpdateHostKeys=no",
		// INFO, because a handshake without a common algorithm is only said there.
		"LogLevel=INFO",
		`ConnectTimeout=${connectSeconds}`,
		"ServerAliveInterval=15",
		"ServerAliveCountMax=3",
		// No SHA-1, also where the system's ssh or the user's config still has it.
		"KexAlgorithms=-*sha1",
		"MACs=-hmac-sha1*,hmac-md5*",
	];
	if (host.insecureIgnoreHostKey && !pinFile)
		options.push("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null");
	else options.push("StrictHostKeyChecking=yes");
	if (pinFile)
		options.push(`UserKnownHostsFile=${optionPath(pinFile)}`, "GlobalKnownHostsFile=/dev/null", "KnownHostsCommand=none");
	else if (host.knownHostsFile)
		options.push(`UserKnownHostsFile=${optionPath(host.knownHostsFile)}`, "GlobalKnownHostsFile=/dev/null");
	const type = pinFile && host.hostKey ? host.hostKey.trim().split(/\s+/)[0] : undefined;
	// A pinned key must be asked for, or the host might show another one.
	if (type) options.push(`HostKeyAlgorithms=${type === "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type}`);
	else options.push("HostKeyAlgorithms=-ssh-rsa,ssh-rsa-cert-v01@openssh.com,ssh-dss,ssh-dss-cert-v01@openssh.com");
	if (host.identityFile) options.push(`IdentityFile=${optionPath(host.identityFile)}`, "IdentitiesOnly=yes");
	if (hops.length > 1) options.push(`ProxyCommand=${proxyCommand(hops.slice(0, -1), connectSeconds)}`);
	return [...configArgs(), ...options.flatMap((option) => ["-o", option]), "-p", String(port), "-l", user];
}

// Not ProxyJump: that would not hand our options for the jump host (its pin, key and port) on to it.
function proxyCommand(hops: readonly SshHop[], connectSeconds: number): string {
	const words = ["ssh", ...hopArgs(hops, connectSeconds), "-o", "ControlMaster=no", "-o", "ControlPath=none"];
	// ssh expands "%" once at each level: what belongs to an inner command is doubled, and only our own %h and %p are not.
	const inner = [...words.map(shellWord), "-W"].join(" ").replaceAll("%", "%%");
	return `${inner} '[%h]:%p' -- ${shellWord(hops.at(-1)!.host.address)}`;
}
