// What carries shells: implemented by ssh2, by the system's ssh and by local processes.

import type { ShellDied, ShellStream } from "./shell.js";

/** One live connection to one host. */
export interface Link {
	/** user@address:port as it was resolved, for messages. */
	readonly where: string;
	/** Starts a command on the host. Rejects with ChannelRefused when the host wants fewer channels. */
	open(argv: readonly string[]): Promise<ShellStream>;
	/** What a shell's early end means for this kind of connection, when it means something to it. */
	explain?(died: ShellDied): Promise<Error | undefined>;
	/** Called once when the connection is gone, also after close(). */
	onDown(listener: () => void): void;
	/** Whether the connection keeps this process alive: only while a script runs. */
	hold(active: boolean): void;
	close(): void;
}

/** The host refused one more channel on a live connection. Nothing was started, so trying again is safe. */
export class ChannelRefused extends Error {
	constructor(why: string) {
		super(why);
	}
}
