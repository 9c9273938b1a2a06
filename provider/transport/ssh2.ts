// The default transport: the ssh2 package, one connection a host, jump hosts included.

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Client } from "ssh2";
import { NetplumbError } from "../errors.js";
import { dial, retrying, Transient } from "./dial.js";
import type { Link } from "./link.js";
import { jumpHosts, type ResolvedHost, resolveHost } from "./ssh-config.js";
import { type Login, logIn, prepareLogin } from "./ssh2-connect.js";
import { Ssh2Link } from "./ssh2-link.js";
import { reason, whereIs } from "./text.js";
import type { HostAddress, Secrets, TransportCounters } from "./transport.js";

const MAX_HOPS = 8;

/** Opens a connection to the host, through its jump hosts, within the time. */
export async function openSsh2(
	host: HostAddress,
	secrets: Secrets,
	milliseconds: number,
	counters: TransportCounters,
): Promise<Link> {
	const deadline = performance.now() + milliseconds;
	const logins: Login[] = [];
	for (const hop of await route(host))
		logins.push(await prepareLogin(hop, secrets, whereIs({ ...hop, address: hop.host.address }), milliseconds));
	return retrying(deadline, () => attempt(logins, deadline, counters));
}

/** The hosts to pass, the target last: `via`, else the ssh config's ProxyJump. */
async function route(target: HostAddress): Promise<ResolvedHost[]> {
	const hops: ResolvedHost[] = [];
	for (let next: HostAddress | undefined = target; next; ) {
		const hop: ResolvedHost = await resolveHost(next);
		const where = whereIs({ ...hop, address: next.address });
		if (hops.length >= MAX_HOPS)
			throw new NetplumbError("input", `${where}: more than ${MAX_HOPS} jump hosts; check via and ProxyJump for a loop.`);
		if (hop.proxyCommand && !next.via)
			throw new NetplumbError(
				"unsupported",
				`${where}: the ssh config sets ProxyCommand for this host, which transport "ssh2" cannot use: set transport: "openssh" or via.`,
			);
		hops.unshift(hop);
		next = next.via ?? (hop.proxyJump ? jumpHosts(hop.proxyJump) : undefined);
	}
	return hops;
}

async function attempt(logins: Login[], deadline: number, counters: TransportCounters): Promise<Link> {
	const clients: Client[] = [];
	let socket: Socket | undefined;
	try {
		for (const login of logins) {
			const { hostname, port } = login.host;
			const previous = clients.at(-1);
			const left = () => Math.max(1, deadline - performance.now());
			let sock: Duplex;
			if (previous) sock = await forward(previous, hostname, port, login.where);
			else sock = socket = await dial(hostname, port, login.where, left(), login.limit);
			clients.push(await logIn(login, sock, left(), counters));
		}
		return new Ssh2Link(logins.at(-1)!.where, clients, socket!);
	} catch (error) {
		for (const client of clients.reverse()) client.destroy();
		throw error;
	}
}

function forward(client: Client, address: string, port: number, where: string): Promise<Duplex> {
	return new Promise((resolve, reject) => {
		const fail = (error: Error) =>
			reject(
				new Transient(
					new NetplumbError(
						"host-unreachable",
						`${where}: the jump host could not reach it (${reason(error)}); check the address as seen from the jump host, and that its sshd allows TCP forwarding.`,
					),
					2,
				),
			);
		try {
			client.forwardOut("127.0.0.1", 0, address, port, (error, stream) => {
				if (error) fail(error);
				else resolve(stream.on("error", () => {}));
			});
		} catch (error) {
			fail(error as Error);
		}
	});
}
