// This machine, without SSH.

import type { Link } from "./link.js";
import { type ProcessStream, startProcess } from "./process.js";
import { whereIs } from "./text.js";
import type { HostAddress } from "./transport.js";

/** A link to this machine: every shell is a child process. */
export async function openLocal(host: HostAddress): Promise<Link> {
	return processLink(whereIs(host), (argv) => startProcess(argv));
}

/** A link whose shells are local processes that share nothing. */
export function processLink(
	where: string,
	start: (argv: readonly string[]) => Promise<ProcessStream>,
	onClose: () => void = () => {},
): Link & { live: Set<ProcessStream> } {
	const live = new Set<ProcessStream>();
	const downs: (() => void)[] = [];
	let active = true;
	let closed = false;
	return {
		where,
		live,
		open: async (argv) => {
			const stream = await start(argv);
			live.add(stream);
			stream.onClose(() => live.delete(stream));
			stream.hold(active);
			if (closed) stream.kill();
			return stream;
		},
		onDown: (listener) => void downs.push(listener),
		hold: (value) => {
			active = value;
			for (const stream of live) stream.hold(value);
		},
		close: () => {
			if (closed) return;
			closed = true;
			for (const stream of [...live]) stream.kill();
			onClose();
			for (const listener of downs.splice(0)) listener();
		},
	};
}
