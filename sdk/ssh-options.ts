// The options of OpenSSH that say the same as a Host's fields. For tools that run `ssh` themselves, such as Docker's client:
// they take an argument list, so nothing here needs a shell, except ProxyCommand, which ssh gives to one.
import { validHostAddress, validUserName } from "./addressing/index";
import type { HostProperties } from "./host";

/**
 * One word for the shell that runs a ProxyCommand. ssh also counts the quotes of the whole command itself, and reads `\'` inside
 * quotes differently from a shell; so a quote is written as `'"'"'`, in which both agree at any depth, and not as `'\''`.
 */
function shellWord(text: string): string {
	return `'${text.replaceAll("'", `'"'"'`)}'`;
}

/** ssh expands %-tokens in paths and in ProxyCommand; a `%` of ours is doubled. */
function literal(text: string): string {
	return text.replaceAll("%", "%%");
}

function option(name: string, value: string): string[] {
	return ["-o", `${name}=${value}`];
}

/** A path in an option: ssh takes quotes and backslashes there for its own. */
function quotedPath(path: string): string {
	return `"${literal(path).replace(/["\\]/g, "\\$&")}"`;
}

function hostKeyOptions(host: HostProperties): string[] {
	const nowhere = [...option("UserKnownHostsFile", "/dev/null"), ...option("GlobalKnownHostsFile", "/dev/null")];
	if (host.hostKey !== undefined) {
		const [, type, base64] = /^([A-Za-z0-9@.-]+) ([A-Za-z0-9+/]+=*)(?: |$)/.exec(host.hostKey) ?? [];
		if (!base64) throw new TypeError('Host: hostKey must be one host key, as in "ssh-ed25519 AAAA…"');
		// A pin without a file: ssh runs this command for the lines of known_hosts, and no other line is trusted. Needs OpenSSH
		// 8.5 or newer; an older one stops with "Bad configuration option". `env` is where all systems have it; `echo` is not.
		return [
			...option("StrictHostKeyChecking", "yes"),
			...nowhere,
			...option("KnownHostsCommand", `/usr/bin/env echo %H ${type} ${base64}`),
		];
	}
	if (host.insecureIgnoreHostKey) {
		return [...option("StrictHostKeyChecking", "no"), ...nowhere, ...option("LogLevel", "ERROR")];
	}
	const strict = option("StrictHostKeyChecking", "yes");
	if (host.knownHostsFile === undefined) return strict;
	const file = quotedPath(host.knownHostsFile);
	return [...strict, ...option("UserKnownHostsFile", file), ...option("GlobalKnownHostsFile", "/dev/null")];
}

/** ssh's ProxyJump would not pass on the jump host's own key and host key, so the jump is spelled out. */
function proxyCommand(via: HostProperties): string {
	const port = via.port === undefined ? [] : ["-p", String(via.port)];
	const words = ["ssh", ...sshOptions(via), "-l", via.user ?? "root", ...port].map((word) => shellWord(literal(word)));
	// %h and %p are the only tokens that are meant: the host behind the jump.
	return [...words, "-W", "'[%h]:%p'", "--", shellWord(via.address)].join(" ");
}

/** ssh's options for a host, without user, port and address. Throws when a field could be read as something else. */
export function sshOptions(host: HostProperties): string[] {
	if (!validHostAddress(host.address)) throw new TypeError("Host: address must be a host name, an IPv4 or an IPv6 address");
	if (host.user !== undefined && !validUserName(host.user)) throw new TypeError("Host: user must be a plain login name");
	// Not "-i": ssh looks for that file before it reads the tokens in its name, and so does not find one with a "%".
	const file = host.identityFile;
	const identity = file === undefined ? [] : [...option("IdentityFile", quotedPath(file)), ...option("IdentitiesOnly", "yes")];
	const seconds = host.timeoutSeconds === undefined ? [] : option("ConnectTimeout", String(host.timeoutSeconds));
	return [
		...option("BatchMode", "yes"),
		...option("ServerAliveInterval", "15"),
		...hostKeyOptions(host),
		...identity,
		...seconds,
		...(host.via ? option("ProxyCommand", proxyCommand(host.via)) : []),
	];
}

/** What `docker.Provider` takes for a host. */
export function dockerSettings(host: HostProperties): { host: string; sshOpts?: string[] } {
	if (host.transport === "local") return { host: "unix:///var/run/docker.sock" };
	const sshOpts = sshOptions(host);
	const address = host.address.includes(":") ? `[${host.address}]` : host.address;
	const port = host.port === undefined ? "" : `:${host.port}`;
	return { host: `ssh://${host.user ?? "root"}@${address}${port}`, sshOpts };
}
