// What the user's ~/.ssh/config says about a host, as the system's own ssh reads it (`ssh -G`): Include, Match and all.

import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { NetplumbError } from "../errors.js";
import { checkAddress, shown } from "./text.js";
import type { HostAddress } from "./transport.js";

/** A host after its ssh config was applied. The fields of HostAddress win over the file. */
export interface ResolvedHost {
	host: HostAddress;
	/** The name or address to dial. */
	hostname: string;
	port: number;
	user: string;
	/** The name that known_hosts is searched for. */
	keyName: string;
	/** Keys to offer, in order; `explicit` when the program or the config named them. */
	identityFiles: string[];
	identitiesOnly: boolean;
	/** The agent's socket, if any. */
	agent: string | undefined;
	certificateFiles: string[];
	knownHostsFiles: string[];
	proxyJump: string | undefined;
	proxyCommand: string | undefined;
}

/** Options for every call of ssh: the config file that tests put in the place of the user's. */
export function configArgs(): string[] {
	const file = process.env.NETPLUMB_SSH_CONFIG;
	return file ? ["-F", file] : [];
}

const answers = new Map<string, Promise<Map<string, string[]> | undefined>>();

/** Asks `ssh -G`, once a process for the same question. Undefined when this machine has no ssh. */
function ask(host: HostAddress): Promise<Map<string, string[]> | undefined> {
	const args = [...configArgs(), "-G"];
	if (host.port !== undefined) args.push("-p", String(host.port));
	if (host.user !== undefined) args.push("-l", host.user);
	args.push("--", host.address);
	const key = args.join("\0");
	let answer = answers.get(key);
	if (!answer) {
		answer = askSsh(args, host.address);
		answers.set(key, answer);
		answer.catch(() => answers.delete(key));
	}
	return answer;
}

async function askSsh(args: string[], address: string): Promise<Map<string, string[]> | undefined> {
	const { execa } = await import("execa");
	const result = await execa("ssh", args, { reject: false, stdin: "ignore", timeout: 10_000, maxBuffer: 1_000_000 });
	if (result.code === "ENOENT") return undefined;
	if (result.exitCode !== 0)
		throw new NetplumbError(
			"input",
			`${address}: ssh could not read its configuration for this host and said "${shown(result.stderr)}"; correct ~/.ssh/config.`,
		);
	return parseSshG(result.stdout);
}

/** Takes the answer of `ssh -G` apart: one "keyword value" a line, some keywords several times. */
export function parseSshG(text: string): Map<string, string[]> {
	const options = new Map<string, string[]>();
	for (const line of text.split("\n")) {
		const space = line.indexOf(" ");
		if (space < 1) continue;
		const key = line.slice(0, space).toLowerCase();
		options.set(key, [...(options.get(key) ?? []), line.slice(space + 1).trim()]);
	}
	return options;
}

/** Forgets what `ssh -G` said; for tests, which change the file. */
export function forgetSshConfig(): void {
	answers.clear();
}

/** Expands "~" at the start of a path. */
export function expandHome(path: string): string {
	return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

/** The host with everything that its ssh config adds. Validates what it found like the program's own fields. */
export async function resolveHost(host: HostAddress): Promise<ResolvedHost> {
	checkAddress(host);
	const options = await ask(host);
	const one = (key: string) => {
		const value = options?.get(key)?.[0];
		return value === undefined || value === "none" ? undefined : value;
	};
	const many = (key: string) => (options?.get(key) ?? []).filter((value) => value !== "none");
	const files = (key: string) => (one(key) ?? "").split(/\s+/).filter(Boolean).map(expandHome);
	// `ssh -G` names the local user when nobody chose one; here the default is root.
	const configured = one("user") === userInfo().username ? undefined : one("user");
	const resolved: ResolvedHost = {
		host,
		hostname: one("hostname") ?? host.address,
		port: host.port ?? Number(one("port") ?? 22),
		user: host.user ?? configured ?? "root",
		keyName: one("hostkeyalias") ?? one("hostname") ?? host.address,
		identityFiles: (host.identityFile ? [host.identityFile] : many("identityfile")).map(expandHome),
		identitiesOnly: one("identitiesonly") === "yes",
		agent: agentSocket(options?.get("identityagent")?.[0]),
		certificateFiles: many("certificatefile").map(expandHome),
		knownHostsFiles: options
			? [...files("userknownhostsfile"), ...files("globalknownhostsfile")]
			: [expandHome("~/.ssh/known_hosts"), "/etc/ssh/ssh_known_hosts"],
		proxyJump: one("proxyjump"),
		proxyCommand: one("proxycommand"),
	};
	if (host.knownHostsFile) resolved.knownHostsFiles = [expandHome(host.knownHostsFile)];
	checkAddress({ address: resolved.hostname, port: resolved.port, user: resolved.user });
	return resolved;
}

function agentSocket(configured: string | undefined): string | undefined {
	if (configured === "none") return undefined;
	if (!configured || configured === "SSH_AUTH_SOCK") return process.env.SSH_AUTH_SOCK || undefined;
	if (configured.startsWith("$")) return process.env[configured.replace(/^\$\{?|\}$/g, "")] || undefined;
	return expandHome(configured);
}

/** The jump hosts of an ssh config's ProxyJump ("user@host:port,…") as a chain of `via`. */
export function jumpHosts(proxyJump: string): HostAddress {
	let via: HostAddress | undefined;
	for (const hop of proxyJump.split(",")) {
		const parts = /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?\/?$/.exec(hop.trim());
		if (!parts)
			throw new NetplumbError(
				"input",
				`the ProxyJump "${shown(proxyJump)}" of the ssh config cannot be understood; set via instead.`,
			);
		const [, user, bracketed, plain, port] = parts;
		via = { address: bracketed ?? plain!, ...(user && { user }), ...(port && { port: Number(port) }), ...(via && { via }) };
	}
	return via!;
}
