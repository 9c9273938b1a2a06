export interface Result {
	stdout: string;
	stderr: string;
	exitCode: number;
}

export interface RunOptions {
	input?: string;
	/** Milliseconds; default one minute. */
	timeout?: number;
	env?: Record<string, string>;
}

/** A small, fixed environment: a lab behaves the same whoever starts it. */
export const cleanEnv: Record<string, string> = {
	PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	HOME: "/root",
	LANG: "C.UTF-8",
};

/** Runs a command and returns how it went; it throws only when the command could not run at all or took too long. */
export async function tryRun(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
	const { execa } = await import("execa");
	const [file, ...args] = argv as [string, ...string[]];
	const result = await execa(file, args, {
		reject: false,
		extendEnv: false,
		env: { ...cleanEnv, ...options.env },
		input: options.input ?? "",
		timeout: options.timeout ?? 60_000,
	});
	if (result.timedOut) throw new Error(`\`${argv.join(" ")}\` took longer than ${(options.timeout ?? 60_000) / 1000} s.`);
	if (result.exitCode === undefined && result.signal === undefined) {
		throw new Error(`\`${argv.join(" ")}\` could not be run: ${result.shortMessage}`);
	}
	// A command that a signal ended has no exit code; 128 and more is what a shell would say.
	return { stdout: result.stdout, stderr: result.stderr, exitCode: result.exitCode ?? 128 };
}

/** Runs a command that must succeed. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
	const result = await tryRun(argv, options);
	if (result.exitCode !== 0) {
		throw new Error(
			`\`${argv.join(" ")}\` failed (exit code ${result.exitCode}): ${result.stderr.trim() || result.stdout.trim()}`,
		);
	}
	return result.stdout;
}

/** Starts a process that outlives this one. It says nothing here: it keeps its own log. */
export async function startDetached(argv: readonly string[], env: Record<string, string>): Promise<{ exited(): boolean }> {
	const { execa } = await import("execa");
	const [file, ...args] = argv as [string, ...string[]];
	const child = execa(file, args, {
		detached: true,
		cleanup: false,
		stdio: "ignore",
		reject: false,
		extendEnv: false,
		env: { ...cleanEnv, ...env },
	});
	let exited = false;
	void child.then(() => {
		exited = true;
	});
	child.unref();
	return { exited: () => exited };
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
