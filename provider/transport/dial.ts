// The TCP connection, made here and not by ssh2: so its errors can be told apart, and an idle one does not keep the process alive.

import { type Socket, connect as tcpConnect } from "node:net";
import { NetplumbError } from "../errors.js";
import { reason } from "./text.js";

/** A failure before anything was authenticated that a moment's wait may cure. */
export class Transient extends Error {
	constructor(
		readonly error: NetplumbError,
		/** A closed port is rarely cured, so it gets fewer tries. */
		readonly tries: number,
	) {
		super(error.message);
	}
}

/** Opens a TCP connection within the milliseconds that are left of the limit. */
export function dial(address: string, port: number, where: string, milliseconds: number, limit: number): Promise<Socket> {
	return new Promise((resolve, reject) => {
		const socket = tcpConnect({ host: address.replace(/^\[|\]$/g, ""), port, noDelay: true });
		const timer = setTimeout(() => {
			socket.destroy();
			reject(
				new NetplumbError(
					"host-unreachable",
					`${where}: no answer to the TCP connection within ${seconds(limit)} s; check the address and the firewalls in between, or raise timeoutSeconds.`,
				),
			);
		}, milliseconds);
		socket.once("connect", () => {
			clearTimeout(timer);
			socket.removeAllListeners("error");
			// Between here and the next owner's listener an error must not end the process.
			socket.on("error", () => {});
			resolve(socket);
		});
		socket.once("error", (error: NodeJS.ErrnoException) => {
			clearTimeout(timer);
			reject(explain(error, address, where));
		});
	});
}

function explain(error: NodeJS.ErrnoException, address: string, where: string): Error {
	const unreachable = (message: string) => new NetplumbError("host-unreachable", `${where}: ${message}`);
	switch (error.code) {
		case "ENOTFOUND":
			return unreachable(`the name ${address} is not known to DNS; check its spelling or give the IP address.`);
		case "EAI_AGAIN":
			return new Transient(
				unreachable(`DNS did not answer for ${address}; check this machine's resolver or give the IP address.`),
				3,
			);
		case "ECONNREFUSED":
			return new Transient(
				unreachable("the TCP connection was refused; expected sshd to listen there, so check that it runs and the port."),
				3,
			);
		case "ECONNRESET":
			return new Transient(unreachable("the TCP connection was reset; check firewalls and sshd's MaxStartups."), 5);
		case "ETIMEDOUT":
			return unreachable("no answer to the TCP connection; check the address and the firewalls in between.");
		case "EHOSTUNREACH":
		case "ENETUNREACH":
			return unreachable(`there is no route to ${address} (${error.code}); check the address and this machine's network.`);
		default:
			return unreachable(`the TCP connection failed (${reason(error.code ?? error)}); check the address and the network.`);
	}
}

/** Runs `attempt` again after a Transient failure, with growing pauses, until its tries or the time are used up. */
export async function retrying<T>(deadline: number, attempt: () => Promise<T>): Promise<T> {
	for (let tried = 1; ; tried += 1) {
		try {
			return await attempt();
		} catch (error) {
			if (!(error instanceof Transient)) throw error;
			// Random parts keep many processes that met the same MaxStartups from coming back together.
			const pause = 200 * 2 ** (tried - 1) * (1 + Math.random());
			if (tried >= error.tries || performance.now() + pause >= deadline) throw error.error;
			await new Promise((resolve) => setTimeout(resolve, pause));
		}
	}
}

/** Milliseconds as seconds, for a sentence. */
export function seconds(milliseconds: number): number {
	return Math.max(0.1, Math.round(milliseconds / 100) / 10);
}
