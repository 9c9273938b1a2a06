import type { ChildProcess } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { type Diagnostic, diagnosticsOf, type EngineEvent, readEvents, type Summary, summarize } from "./events";
import { ensurePulumi } from "./install/ensure";
import { type Descendant, descendants } from "./processes";

export type { Diagnostic, EngineEvent, Summary } from "./events";
export { ensurePulumi, type PulumiCli } from "./install/ensure";

export type Operation = "up" | "preview" | "refresh" | "destroy";

export interface Result {
	stdout: string;
	stderr: string;
	/** -1 when a signal ended the CLI. */
	exitCode: number;
	events: EngineEvent[];
	summary: Summary;
	diagnostics: Diagnostic[];
}

export interface Running {
	/** The CLI. Its plugins are processes of their own, which outlive it when it is killed: see `kill`. */
	child: ChildProcess;
	/** The process that serves dynamic resources, once the engine has started it. */
	provider(): Descendant | undefined;
	/** Ends the CLI, or all of its processes, or the dynamic provider alone, with no time to tidy up. */
	kill(what: "cli" | "all" | "provider"): void;
	/** Never rejects. */
	done: Promise<Result>;
}

export interface StackOptions {
	/** The folder with Pulumi.yaml. */
	dir: string;
	/** Default `test`. */
	name?: string;
	/** Added to the environment of every command. */
	env?: NodeJS.ProcessEnv;
	/** Where the state is kept; default a new temporary folder, which `remove` takes away. */
	backendDir?: string;
	/** Time limit of one command in milliseconds, default ten minutes. */
	timeoutMs?: number;
}

/** One stack of a program folder, kept in a folder of its own: the program folder is only read. */
export class Stack {
	readonly name: string;
	readonly backendDir: string;
	/** The stack's settings. They lie beside its state: no Pulumi.<stack>.yaml appears in the program folder. */
	readonly settingsFile: string;
	private readonly ownsBackend: boolean;
	private initialized: Promise<void> | undefined;
	private runs = 0;

	constructor(private readonly options: StackOptions) {
		this.name = options.name ?? "test";
		this.ownsBackend = !options.backendDir;
		this.backendDir = options.backendDir ?? mkdtempSync(path.join(os.tmpdir(), "netplumb-stack-"));
		this.settingsFile = path.join(this.backendDir, "settings", this.projectName(), `Pulumi.${this.name}.yaml`);
	}

	up(args: string[] = []): Promise<Result> {
		return this.operate("up", args);
	}

	preview(args: string[] = []): Promise<Result> {
		return this.operate("preview", args);
	}

	refresh(args: string[] = []): Promise<Result> {
		return this.operate("refresh", args);
	}

	destroy(args: string[] = []): Promise<Result> {
		return this.operate("destroy", args);
	}

	async operate(operation: Operation, args: string[] = []): Promise<Result> {
		return (await this.start(operation, args)).done;
	}

	/** Starts an operation and gives its process, for tests that end it in the middle. */
	async start(operation: Operation, args: string[] = []): Promise<Running> {
		await this.initialize();
		const log = path.join(this.backendDir, `events-${this.name}-${process.pid}-${++this.runs}.jsonl`);
		const confirm = operation === "preview" ? [] : ["--yes", "--skip-preview"];
		const running = await this.spawn([
			operation,
			...confirm,
			...["--event-log", log],
			...["--color", "never"],
			...this.configArgs(),
			...args,
		]);
		const done = running.done.then((finished): Result => {
			const events = readEvents(log);
			rmSync(log, { force: true });
			return { ...finished, events, summary: summarize(events), diagnostics: diagnosticsOf(events) };
		});
		const all = () => (running.child.pid ? descendants(running.child.pid) : []);
		const provider = () => all().find(({ command }) => command.includes("dynamic-provider") && command.startsWith("node"));
		return { child: running.child, done, provider, kill: (what) => kill(running.child, what, all(), provider()) };
	}

	/** Gives a stack free whose CLI was killed: Pulumi's lock file stays behind. */
	async unlock(): Promise<void> {
		await this.must(["cancel", "--yes", this.name]);
	}

	/** Sets configuration values: `{ "netplumb:privateKey": "…" }`; keys without a namespace are the project's own. */
	async setConfig(values: Record<string, unknown>, options: { secret?: boolean } = {}): Promise<void> {
		for (const [key, value] of Object.entries(values)) {
			const plain = typeof value === "string" ? value : JSON.stringify(value);
			await this.must(["config", "set", options.secret ? "--secret" : "--plaintext", ...this.configArgs(), key, "--", plain]);
		}
	}

	async outputs(): Promise<Record<string, unknown>> {
		return JSON.parse(await this.must(["stack", "output", "--json", "--show-secrets"])) as Record<string, unknown>;
	}

	/** The deployment as `pulumi stack export` gives it. */
	async exportState(): Promise<{ deployment: { resources?: StateResource[]; pending_operations?: unknown[] } }> {
		return JSON.parse(await this.must(["stack", "export"])) as Awaited<ReturnType<Stack["exportState"]>>;
	}

	/** The bytes that lie on disk, for tests that look for what must not be there. */
	stateFile(): string {
		const folder = path.join(this.backendDir, ".pulumi", "stacks");
		return readFileSync(path.join(folder, this.projectName(), `${this.name}.json`), "utf8");
	}

	/** Any other command on this stack. Give `--stack` yourself only if the command has no default for it. */
	async command(args: string[]): Promise<{ stdout: string; stderr: string; exitCode: number }> {
		await this.initialize();
		return (await this.spawn(args)).done;
	}

	/** Forgets the stack with all its state. Resources that still exist stay; `destroy` first. */
	remove(): void {
		if (this.ownsBackend) rmSync(this.backendDir, { recursive: true, force: true });
	}

	/** The environment of every command, for a process that a test starts itself. */
	async environment(): Promise<NodeJS.ProcessEnv> {
		const cli = await ensurePulumi();
		return {
			...process.env,
			...cli.environment,
			PULUMI_BACKEND_URL: `file://${this.backendDir}`,
			PULUMI_STACK: this.name,
			PULUMI_DEBUG_COMMANDS: "true", // --event-log is hidden behind it
			...this.options.env,
		};
	}

	private initialize(): Promise<void> {
		this.initialized ??= (async () => {
			// `stack init` writes settings beside the Pulumi.yaml that it finds, so it gets a copy to find.
			const folder = path.dirname(this.settingsFile);
			mkdirSync(folder, { recursive: true });
			copyFileSync(path.join(this.options.dir, "Pulumi.yaml"), path.join(folder, "Pulumi.yaml"));
			const running = await this.spawn(["stack", "init", this.name, "--no-select", "--secrets-provider", "passphrase"], folder);
			const { exitCode, stderr } = await running.done;
			if (exitCode !== 0 && !stderr.includes("already exists")) throw new Error(`pulumi stack init failed: ${stderr}`);
		})();
		return this.initialized;
	}

	private configArgs(): string[] {
		return ["--config-file", this.settingsFile];
	}

	private projectName(): string {
		const project = readFileSync(path.join(this.options.dir, "Pulumi.yaml"), "utf8");
		return /^name:\s*["']?([^\s"']+)/m.exec(project)?.[1] ?? "";
	}

	private async must(args: string[]): Promise<string> {
		const { stdout, stderr, exitCode } = await this.command(args);
		if (exitCode !== 0) throw new Error(`pulumi ${args[0]} ${args[1]} failed: ${stderr || stdout}`);
		return stdout;
	}

	private async spawn(
		args: string[],
		cwd = this.options.dir,
	): Promise<{
		child: ChildProcess;
		done: Promise<{ stdout: string; stderr: string; exitCode: number }>;
	}> {
		const { execa } = await import("execa");
		const cli = await ensurePulumi();
		const child = execa(cli.command, ["--non-interactive", ...args], {
			cwd,
			env: await this.environment(),
			extendEnv: false,
			reject: false,
			stdin: "ignore",
			detached: true,
			timeout: this.options.timeoutMs ?? 600_000,
			forceKillAfterDelay: 5_000,
		});
		const done = child.then(({ stdout, stderr, exitCode }) => ({
			stdout: String(stdout),
			stderr: String(stderr),
			exitCode: exitCode ?? -1,
		}));
		return { child: child as unknown as ChildProcess, done };
	}
}

function kill(cli: ChildProcess, what: "cli" | "all" | "provider", all: Descendant[], provider: Descendant | undefined): void {
	if (what === "provider" && !provider) throw new Error("the dynamic provider has not been started");
	const started = { cli: [], all: all.map(({ pid }) => pid), provider: provider ? [provider.pid] : [] }[what];
	for (const pid of [...(what !== "provider" && cli.pid ? [cli.pid] : []), ...started]) {
		try {
			process.kill(pid, "SIGKILL");
		} catch {
			// It ended by itself in the meantime.
		}
	}
}

export interface StateResource {
	urn: string;
	type: string;
	id?: string;
	inputs?: Record<string, unknown>;
	outputs?: Record<string, unknown>;
	initErrors?: string[];
	sourcePosition?: string;
	[other: string]: unknown;
}
