// A logged-in ssh2 connection as a link: channels, keepalive, and an end that every script in flight hears.

import type { Socket } from "node:net";
import type { Client, ClientChannel } from "ssh2";
import { ChannelRefused, type Link } from "./link.js";
import type { ShellStream } from "./shell.js";
import { reason, shown } from "./text.js";

const KEEPALIVE_MILLISECONDS = 15_000;
const KEEPALIVE_MISSES = 3;

export class Ssh2Link implements Link {
	#downs: (() => void)[] = [];
	#down = false;
	#why: string | undefined;
	#missed = 0;
	readonly #beat: NodeJS.Timeout;

	constructor(
		readonly where: string,
		private readonly clients: Client[],
		private readonly socket: Socket,
	) {
		for (const client of clients) {
			client.on("error", (error) => {
				this.#why ??= shown(error.message);
			});
			client.on("close", () => this.close());
		}
		// ssh2's own keepalive timer would keep the process alive. The host answers this request for a forwarding that never was
		// with "no", which is all that is wanted.
		this.#beat = setInterval(() => this.#probe(), KEEPALIVE_MILLISECONDS);
		this.#beat.unref();
	}

	get #client(): Client {
		return this.clients.at(-1)!;
	}

	#probe(): void {
		if (this.#missed >= KEEPALIVE_MISSES) {
			this.#why ??= `no answer for ${(KEEPALIVE_MILLISECONDS * KEEPALIVE_MISSES) / 1000} s`;
			// Nobody there would hear a farewell.
			this.socket.destroy();
			this.close();
			return;
		}
		this.#missed += 1;
		try {
			this.#client.unforwardIn("localhost", 1, () => {
				this.#missed = 0;
			});
		} catch {
			this.close();
		}
	}

	open(argv: readonly string[]): Promise<ShellStream> {
		return new Promise((resolve, reject) => {
			try {
				// The words are constants without shell characters, so joining them is safe.
				this.#client.exec(argv.join(" "), (error, channel) => {
					if (!error) resolve(this.#stream(channel));
					else if ("reason" in error || /unable to exec/i.test(error.message)) reject(new ChannelRefused(reason(error)));
					else reject(error);
				});
			} catch (error) {
				reject(error);
			}
		});
	}

	#stream(channel: ClientChannel): ShellStream {
		let code: number | null = null;
		channel.on("exit", (value: number | null) => {
			code = value;
		});
		channel.on("error", () => {});
		channel.stderr.on("error", () => {});
		return {
			write: (data) => void channel.write(data),
			onData: (listener) => {
				channel.on("data", (chunk: Buffer) => listener("stdout", chunk));
				channel.stderr.on("data", (chunk: Buffer) => listener("stderr", chunk));
			},
			onClose: (listener) => {
				channel.once("close", () => listener({ code, why: this.#why }));
			},
			end: () => void channel.end(),
			kill: () => {
				channel.end();
				channel.close();
			},
		};
	}

	onDown(listener: () => void): void {
		if (this.#down) listener();
		else this.#downs.push(listener);
	}

	hold(active: boolean): void {
		if (active) this.socket.ref();
		else this.socket.unref();
	}

	close(): void {
		if (this.#down) return;
		this.#down = true;
		clearInterval(this.#beat);
		// From the far end to the near one; the socket at last, so that nothing waits for a host that is gone.
		for (const client of [...this.clients].reverse()) client.end();
		this.socket.destroySoon();
		setTimeout(() => this.socket.destroy(), 500).unref();
		for (const listener of this.#downs.splice(0)) listener();
	}
}
