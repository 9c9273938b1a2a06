// Words for error messages: where a host is, and foreign text made safe to show.

import { NetplumbError } from "../errors.js";
import type { HostAddress } from "./transport.js";

/** user@address:port, the way every message names a host. */
export function whereIs(host: { address: string; port?: number; user?: string; transport?: string }): string {
	if (host.transport === "local") return "this machine (transport local)";
	const address = host.address.includes(":") ? `[${host.address}]` : host.address;
	return `${host.user ?? "root"}@${address}:${host.port ?? 22}`;
}

/** Foreign text for one sentence: one line, no control or direction characters, bounded. */
export function shown(text: string, limit = 300): string {
	const line = text
		.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g, " ")
		.replace(/ {2,}/g, " ")
		.trim();
	return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

/** The words of an unknown error, without its stack. */
export function reason(error: unknown): string {
	return shown(error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
}

// A leading "-" would become an option of ssh; the rest would become words of a shell in somebody's ProxyCommand.
const ADDRESS = /^[A-Za-z0-9_:[][A-Za-z0-9_.:%\]-]*$/;
const USER = /^[^-\s\u0000-\u001f\u007f-\u009f'"`\\;&<>|(){}$*?!#~%@:/][^\s\u0000-\u001f\u007f-\u009f'"`\\;&<>|(){}$*?!#~%:/]*$/;
// Paths go into -o options of ssh, which have a quoting of their own.
const PATH = /^[^-\u0000-\u001f\u007f"\\][^\u0000-\u001f\u007f"\\]*$/;

/** Refuses fields that could be read as options or shell words. The state is not trusted, so this holds for every host and hop. */
export function checkAddress(host: HostAddress): void {
	const refuse = (field: string, value: unknown, rule: string): never => {
		throw new NetplumbError("input", `host ${field} ${JSON.stringify(shown(String(value), 80))} is refused: ${rule}.`);
	};
	if (host.transport === "local") return;
	if (!ADDRESS.test(host.address)) refuse("address", host.address, "give a host name or an IP address");
	if (host.user !== undefined && !USER.test(host.user)) refuse("user", host.user, "give a plain login name");
	if (host.port !== undefined && !(Number.isInteger(host.port) && host.port > 0 && host.port < 65536))
		refuse("port", host.port, "give a number from 1 to 65535");
	for (const field of ["identityFile", "knownHostsFile"] as const) {
		const path = host[field];
		if (path !== undefined && !PATH.test(path)) refuse(field, path, 'give a path without control characters, \\ and "');
	}
	if (host.via) checkAddress(host.via);
}
