import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface RelayOptions {
	/** Where connections go: an address, port 22 unless `targetPort` says otherwise. */
	target: string;
	targetPort?: number;
	/** The port to listen on, on 127.0.0.1; default a free one. */
	port?: number;
	/** The round-trip time that is added. */
	delayMs: number;
}

export interface Relay {
	readonly port: number;
	/** Connections accepted so far. */
	readonly connections: number;
	/** Bytes carried so far, both ways. */
	readonly bytes: number;
	/** Cuts all connections that are open; new ones are accepted. */
	cut(): void;
	close(): Promise<void>;
}

// More than this under way, and the sender is held back: a relay must not swallow memory.
const windowBytes = 8 * 1024 * 1024;

/** Carries bytes one way, each chunk `delay` after it came, in order; then the end of the stream, equally late. */
function carry(from: Socket, to: Socket, delay: number, count: (bytes: number) => void): void {
	let underWay = 0;
	let full = false;
	const regulate = (): void => {
		if (full || underWay > windowBytes) from.pause();
		else if (from.isPaused()) from.resume();
	};
	to.on("drain", () => {
		full = false;
		regulate();
	});
	from.on("data", (chunk: Buffer) => {
		underWay += chunk.length;
		regulate();
		setTimeout(() => {
			underWay -= chunk.length;
			if (to.destroyed) return;
			count(chunk.length);
			full = !to.write(chunk);
			regulate();
		}, delay);
	});
	from.on("end", () => setTimeout(() => to.end(), delay));
	from.on("error", () => setTimeout(() => to.destroy(), delay));
	from.on("close", () => setTimeout(() => to.destroySoon(), delay));
}

/**
 * A TCP relay on this machine that makes the way to a host longer, where the kernel has no netem. It delays what TCP carries,
 * and the opening of the connection by one round trip; it does not model loss or bandwidth.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
	const oneWay = options.delayMs / 2;
	const sockets = new Set<Socket>();
	let connections = 0;
	let bytes = 0;
	const keep = (socket: Socket): Socket => {
		sockets.add(socket);
		socket.setNoDelay(true);
		socket.on("close", () => sockets.delete(socket));
		socket.on("error", () => {});
		return socket;
	};
	const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
		connections++;
		keep(client);
		setTimeout(() => {
			if (client.destroyed) return;
			const host = keep(connect({ host: options.target, port: options.targetPort ?? 22, allowHalfOpen: true }));
			const count = (more: number): void => {
				bytes += more;
			};
			carry(client, host, oneWay, count);
			carry(host, client, oneWay, count);
			client.resume();
		}, options.delayMs);
	});
	const cut = (): void => {
		for (const socket of sockets) socket.destroy();
	};
	await new Promise<void>((done, fail) => {
		server.once("error", fail);
		server.listen(options.port ?? 0, "127.0.0.1", () => done());
	});
	return {
		port: (server.address() as AddressInfo).port,
		get connections() {
			return connections;
		},
		get bytes() {
			return bytes;
		},
		cut,
		close: () =>
			new Promise((done) => {
				server.close(() => done());
				cut();
			}),
	};
}
