/** Prints one line now and one every 15 seconds, so that a long step is never a silent one. */
export async function withProgress<T>(what: string, work: () => Promise<T>): Promise<T> {
	const started = Date.now();
	const seconds = () => Math.round((Date.now() - started) / 1000);
	say(`${what} …`);
	const timer = setInterval(() => say(`${what} … ${seconds()} s`), 15_000);
	try {
		const result = await work();
		say(`${what}: done in ${seconds()} s`);
		return result;
	} finally {
		clearInterval(timer);
	}
}

/** On stderr: stdout belongs to the command that the toolchain is needed for. */
export function say(line: string): void {
	process.stderr.write(`toolchain: ${line}\n`);
}
