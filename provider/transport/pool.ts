// One transport a host and process, so that a hundred resources share one connection.

import { createHash } from "node:crypto";
import { appendFileSync } from "node:fs";
import { connect } from "./index.js";
import type { HostAddress, Secrets, Transport } from "./transport.js";

const transports = new Map<string, Transport>();

/** The transport for this host, the same one for equal hosts and secrets. It connects when needed and again after a drop. */
export function transportFor(host: HostAddress, secrets: Secrets = {}): Transport {
	const key = hostKeyOf(host, secrets);
	let transport = transports.get(key);
	if (!transport) {
		transport = counted(connect(host, secrets), host.address);
		transports.set(key, transport);
	}
	return transport;
}

/**
 * For tests and `bench/`: with NETPLUMB_STATS=<file>, each script that has ended appends a line of JSON with the process, the
 * address and the transport's counters so far. A line a script, because the engine ends this process without a word.
 */
function counted(transport: Transport, address: string): Transport {
	const file = process.env.NETPLUMB_STATS;
	if (!file) return transport;
	return {
		counters: transport.counters,
		close: () => transport.close(),
		run: (script, options) =>
			transport.run(script, options).finally(() => {
				appendFileSync(file, `${JSON.stringify({ pid: process.pid, address, ...transport.counters })}\n`);
			}),
	};
}

/** Ends every connection of this process; the next `run` would connect again. */
export function closeAll(): void {
	for (const transport of transports.values()) transport.close();
}

/** A canonical name for a host and what logs in there. A hash, so that no key material is kept as a map key. */
export function hostKeyOf(host: HostAddress, secrets: Secrets = {}): string {
	return createHash("sha256")
		.update(canonical([host, secrets]))
		.digest("base64");
}

function canonical(value: unknown): string {
	return JSON.stringify(value, (_key, part) =>
		part && typeof part === "object" && !Array.isArray(part)
			? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
			: part,
	);
}
