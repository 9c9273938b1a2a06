// A folder with keys, an ssh config and a known_hosts file of its own, so that no test reads or writes the developer's ~/.ssh.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { closeAll } from "../../provider/transport/pool.js";

/** Only the folder: nothing of this process changes, so it may be made while mocha still loads the specs. */
export class Files {
	/** Short, because sockets live in it. */
	readonly dir = mkdtempSync("/tmp/npt-");
	readonly knownHosts = join(this.dir, "known_hosts");
	#keys = 0;

	setKnownHosts(text: string): void {
		writeFileSync(this.knownHosts, text);
	}

	/** Makes a key pair and gives back its private file. */
	key(options: { type?: string; passphrase?: string; format?: string; bits?: number; name?: string } = {}): string {
		this.#keys += 1;
		const file = join(this.dir, options.name ?? `key${this.#keys}`);
		execFileSync("ssh-keygen", [
			"-q",
			...["-t", options.type ?? "ed25519", "-N", options.passphrase ?? "", "-f", file, "-C", "test"],
			...(options.format ? ["-m", options.format] : []),
			...(options.bits ? ["-b", String(options.bits)] : []),
		]);
		return file;
	}

	/** The public half of a key file: "type base64". */
	pub(file: string): string {
		return readFileSync(`${file}.pub`, "utf8").trim().split(" ").slice(0, 2).join(" ");
	}

	path(name: string): string {
		return join(this.dir, name);
	}

	/** A folder with programs that come first in PATH. */
	programs(files: Record<string, string>): string {
		const folder = mkdtempSync(join(this.dir, "bin-"));
		for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o755 });
		return folder;
	}

	end(): void {
		rmSync(this.dir, { recursive: true, force: true });
	}
}

/** The folder, and the environment that leads ssh to it until `end`. Made in a hook or a test, one at a time. */
export class Fixture extends Files {
	#undo: (() => void)[] = [];

	constructor() {
		super();
		this.setConfig("");
		this.setKnownHosts("");
		this.env("SSH_AUTH_SOCK", undefined);
	}

	/** Sets a variable of this process until the end of the test. */
	env(name: string, value: string | undefined): void {
		const old = process.env[name];
		this.undo(() => {
			if (old === undefined) delete process.env[name];
			else process.env[name] = old;
		});
		if (value === undefined) delete process.env[name];
		else process.env[name] = value;
	}

	/** Something to undo at the end, last first. */
	undo(action: () => void): void {
		this.#undo.push(action);
	}

	/** Another config file, and with it other answers of `ssh -G`. */
	setConfig(text: string): void {
		const rest = `Host *\n\tUserKnownHostsFile ${this.knownHosts}\n\tGlobalKnownHostsFile /dev/null\n\tIdentityFile ${this.dir}/none\n`;
		const file = join(this.dir, `ssh_config${this.#undo.length}`);
		writeFileSync(file, `${text}\n${rest}`);
		this.env("NETPLUMB_SSH_CONFIG", file);
	}

	/** An SSH agent that holds these keys; its socket. */
	agent(...files: string[]): string {
		const socket = this.path("agent");
		const said = execFileSync("ssh-agent", ["-a", socket, "-s"], { encoding: "utf8" });
		const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)![1]);
		this.undo(() => process.kill(pid));
		for (const file of files)
			execFileSync("ssh-add", ["-q", file], { env: { ...process.env, SSH_AUTH_SOCK: socket }, stdio: "ignore" });
		return socket;
	}

	override end(): void {
		closeAll();
		for (const action of this.#undo.splice(0).reverse()) action();
		super.end();
	}
}

/** The error that a promise rejects with; fails when it does not. */
export async function failure(promise: Promise<unknown>): Promise<Error & { code: string }> {
	try {
		await promise;
	} catch (error) {
		return error as Error & { code: string };
	}
	throw new Error("expected a rejection, but it resolved");
}
