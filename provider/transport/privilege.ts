// Being root on the host: the command that gets there, and what is said when it does not.

import { NetplumbError } from "../errors.js";
import type { ShellFacts } from "./framing.js";
import type { ShellDied } from "./shell.js";
import { reason, shown } from "./text.js";
import type { HostAddress } from "./transport.js";

/** Where `netplumb helper install` puts the program that a login without root may run. */
export const HELPER = "/usr/local/lib/netplumb/helper";

/**
 * The command that starts the shell, or the helper. It must mean the same to every login shell, fish and csh too, so it has no quotes.
 * A forced command in authorized_keys runs in its place.
 */
export function shellCommand({ sudo, helper }: HostAddress): string[] {
	if (helper) return ["sudo", "-n", "--", HELPER];
	return sudo ? ["sudo", "-n", "-H", "--", "sh"] : ["sh"];
}

/** Refuses a helper that was made by another version: what it reads and what it takes would not be what this one means. */
export function requireSame(facts: ShellFacts, where: string, id: string): void {
	if (facts.helper === id) return;
	throw new NetplumbError(
		"privilege",
		`${where}: found helper ${shown(facts.helper ?? "none", 64)} on the host, expected ${id}, the one of this version; run "netplumb helper install" for this host as root.`,
	);
}

/** Says in one sentence why no helper answered. */
export function explainNoHelper(died: ShellDied, where: string): NetplumbError {
	const words = shown(died.stderr || died.stdout);
	return new NetplumbError(
		"privilege",
		`${where}: helper: true is set, but the helper did not start and the host said ${words ? `"${words}"` : "nothing"}; run "netplumb helper install" for this host as root, and let this user run ${HELPER} by sudo or by a forced command.`,
	);
}

/** Refuses a shell that is not root's. */
export function requireRoot(facts: ShellFacts, where: string, sudo: boolean | undefined): void {
	if (facts.uid === 0) return;
	throw new NetplumbError(
		"privilege",
		sudo
			? `${where}: sudo gave a shell of user ${shown(facts.user, 64)} (uid ${facts.uid}), but root is needed: let the sudoers rule run "sh" as root.`
			: `${where}: user ${shown(facts.user, 64)} on the host is not root (uid ${facts.uid}), but root is needed: set sudo: true or log in as root.`,
	);
}

/** Says in one sentence why no root shell came up. */
export function explainDeath(died: ShellDied, where: string, sudo: boolean | undefined): NetplumbError {
	const words = shown(died.stderr || died.stdout);
	const said = words ? `"${words}"` : "nothing";
	if (sudo && /password is required|terminal is required|must have a tty|askpass/i.test(died.stderr))
		return new NetplumbError(
			"privilege",
			`${where}: sudo wants a password, but it must work without one (sudo -n): add a NOPASSWD rule for this user or log in as root.`,
		);
	if (sudo && died.exitCode === 127)
		return new NetplumbError("privilege", `${where}: sudo: true is set, but the host has no sudo: install it or log in as root.`);
	if (sudo && /^sudo:|sudoers|not allowed|may not run/im.test(died.stderr))
		return new NetplumbError(
			"privilege",
			`${where}: sudo refused and said ${said}; a rule that lets this user run "sh" as root is needed.`,
		);
	if (died.exitCode === null)
		return new NetplumbError(
			"host-unreachable",
			`${where}: the connection ended before a shell was ready${died.why ? ` (${reason(died.why)})` : ""}; nothing was run, so try again.`,
		);
	return new NetplumbError(
		"unsupported",
		`${where}: the shell ended with exit code ${died.exitCode} before it was ready and said ${said}; expected a POSIX "sh", so look at the user's login shell and any forced command.`,
	);
}
