// The one way to a host. Nothing that talks SSH is loaded before the first script runs, so that a preview starts fast.

import { ShellTransport } from "./shells.js";
import type { HostAddress, Secrets, Transport } from "./transport.js";

export { transportFor } from "./pool.js";
export type { HostAddress, ScriptResult, Secrets, Transport, TransportCounters } from "./transport.js";

/** A transport of its own for this host. Connects at the first `run`. Most callers want `transportFor`, which shares one. */
export function connect(host: HostAddress, secrets: Secrets = {}): Transport {
	return new ShellTransport(host, async (milliseconds, counters) => {
		switch (host.transport ?? "ssh2") {
			case "local":
				return (await import("./local.js")).openLocal(host);
			case "openssh":
				return (await import("./openssh.js")).openOpenSsh(host, secrets, milliseconds, counters);
			case "ssh2":
				return (await import("./ssh2.js")).openSsh2(host, secrets, milliseconds, counters);
		}
	});
}
