// One session a host and process: this is where requests of different resources meet.
import { HostSession } from "../host/session";
import { connect } from "../transport/index";
import { hostKeyOf, transportFor } from "../transport/pool";
import type { Secrets } from "../transport/transport";
import type { HostSettings } from "../validate/host";

const sessions = new Map<string, HostSession>();
let secrets: Secrets = {};

/** Called once with the stack configuration, before anything else, and again at destroy time: keys may rotate. */
export function useSecrets(given: Secrets): void {
	secrets = given;
}

export function sessionFor(host: HostSettings): HostSession {
	const { heal, onUnreachable, confirmSeconds, ...address } = host;
	const given = secrets;
	const key = hostKeyOf(address, given);
	let session = sessions.get(key);
	if (!session) {
		const another = (timeoutSeconds: number) => connect({ ...address, timeoutSeconds }, given);
		session = new HostSession(transportFor(address, given), nameOf(host), another, host.helper);
		sessions.set(key, session);
	}
	return session;
}

/** How messages call a host. */
export function nameOf(host: HostSettings): string {
	if (host.transport === "local") return "localhost";
	const address = host.address.includes(":") ? `[${host.address}]` : host.address;
	return `${host.user ? `${host.user}@` : ""}${address}${host.port === undefined || host.port === 22 ? "" : `:${host.port}`}`;
}
