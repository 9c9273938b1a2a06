// Never published. How the docker stand-in reaches a Docker daemon: over SSH, a unix socket or TCP, always as a
// bounded number of kept-alive HTTP connections.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import * as http from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** sshd allows ten sessions a connection by default; one more keeps the shared connection open. */
const MAX_CONNECTIONS = 6;
const CONNECT_TIMEOUT_MS = 30_000;

export interface Connection {
	agent: http.Agent;
	/** What `http.request` needs to know of the way to the daemon. */
	request: { socketPath?: string; host?: string; port?: number };
}

export function connect(host: string, sshOpts: string[]): Connection {
	const limits = { keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: MAX_CONNECTIONS };
	const url = new URL(host);
	if (url.protocol === "unix:") return { agent: new http.Agent(limits), request: { socketPath: url.pathname } };
	if (url.protocol === "tcp:") {
		return { agent: new http.Agent(limits), request: { host: url.hostname, port: Number(url.port || 2375) } };
	}
	if (url.protocol === "ssh:") {
		if (url.pathname.replace("/", "") !== "") throw new Error(`the path in docker host ${host} is not known to the stand-in`);
		return { agent: new SshAgent(limits, new SshMaster(sshArguments(url, sshOpts))), request: { host: "docker" } };
	}
	throw new Error(`docker host ${host}: the stand-in knows ssh://, unix:// and tcp://`);
}

function sshArguments(url: URL, sshOpts: string[]): string[] {
	const user = url.username ? ["-l", decodeURIComponent(url.username)] : [];
	const port = url.port ? ["-p", url.port] : [];
	return [...sshOpts, ...user, ...port, "-T", "--", url.hostname.replace(/^\[|\]$/g, "")];
}

/** Hands out connections that are `docker system dial-stdio` on the host, as the docker CLI does for ssh:// hosts. */
class SshAgent extends http.Agent {
	constructor(
		options: http.AgentOptions,
		private readonly master: SshMaster,
	) {
		super(options);
	}

	override createConnection(_: http.ClientRequestArgs, callback?: (error: Error | null, stream: Duplex) => void): undefined {
		this.master.session(["docker", "system", "dial-stdio"]).then(
			(child) => callback?.(null, new ProcessStream(child)),
			(error: Error) => callback?.(error, undefined as never),
		);
		return undefined;
	}
}

/** One authenticated SSH connection a host, which all sessions share. */
class SshMaster {
	private socket: Promise<string> | undefined;

	constructor(private readonly args: string[]) {}

	async session(command: string[]): Promise<ChildProcess> {
		this.socket ??= this.open();
		const socket = await this.socket;
		return spawn("ssh", ["-S", socket, "-o", "ControlMaster=no", ...this.args, ...command], { stdio: "pipe" });
	}

	private async open(): Promise<string> {
		// Not in a folder of its own: ssh removes the socket itself, also when this process is killed and cannot clean up.
		const socket = path.join(os.tmpdir(), `netplumb-docker-${randomBytes(12).toString("hex")}`);
		// `cat` ends when this process does, however it ends, and the connection with it.
		const child = spawn("ssh", ["-M", "-S", socket, "-o", "ControlPersist=no", ...this.args, "cat"], {
			stdio: ["pipe", "ignore", "pipe"],
		});
		let stderr = "";
		let ended = false;
		child.stderr.on("data", (text) => {
			stderr += text;
		});
		child.stdin.on("error", () => {});
		child.on("error", (error) => {
			stderr += error.message;
			ended = true;
		});
		child.on("close", () => {
			ended = true;
			this.socket = undefined; // the next session connects anew
		});

		const deadline = Date.now() + CONNECT_TIMEOUT_MS;
		while (!existsSync(socket)) {
			if (ended || Date.now() > deadline) {
				child.kill();
				this.socket = undefined;
				throw new Error(`ssh to the docker host failed: ${stderr.trim() || `no answer in ${CONNECT_TIMEOUT_MS / 1000} s`}`);
			}
			await sleep(10);
		}
		return socket;
	}
}

/** The standard streams of a process, as the socket that Node's HTTP client wants. */
class ProcessStream extends Duplex {
	private stderr = "";

	constructor(private readonly child: ChildProcess) {
		super();
		child.stdout?.on("data", (chunk) => {
			if (!this.push(chunk)) child.stdout?.pause();
		});
		child.stderr?.on("data", (text) => {
			this.stderr += text;
		});
		child.stdin?.on("error", (error) => this.destroy(error));
		child.on("error", (error) => this.destroy(error));
		child.on("close", (code) => {
			if (code)
				this.destroy(new Error(`docker system dial-stdio on the host failed: ${this.stderr.trim() || `exit code ${code}`}`));
			else this.push(null);
		});
	}

	override _read(): void {
		this.child.stdout?.resume();
	}

	override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
		this.child.stdin?.write(chunk, done);
	}

	override _final(done: () => void): void {
		this.child.stdin?.end(done);
	}

	override _destroy(error: Error | null, done: (error: Error | null) => void): void {
		this.child.kill();
		done(error);
	}

	setKeepAlive(): this {
		return this;
	}

	setNoDelay(): this {
		return this;
	}

	setTimeout(): this {
		return this;
	}

	ref(): this {
		return this;
	}

	unref(): this {
		return this;
	}
}
