// Up to four shells on one host, shared by all scripts that run at the same time. Every kind of transport is this class with a link.

import { isNetplumbError, NetplumbError } from "../errors.js";
import { greeting } from "./framing.js";
import { ChannelRefused, type Link } from "./link.js";
import { explainDeath, explainNoHelper, requireRoot, requireSame, shellCommand } from "./privilege.js";
import { Shell, ShellDied } from "./shell.js";
import { checkAddress, reason, whereIs } from "./text.js";
import type { HostAddress, ScriptResult, Transport, TransportCounters } from "./transport.js";

/** sshd allows ten sessions and frees one late, so five lost none of 600 in our measurement; one is left to spare. */
const MAX_SHELLS = 4;
const CONNECT_SECONDS = 30;
const SCRIPT_SECONDS = 120;
const IDLE_MILLISECONDS = 60_000;
const REFUSED_TRIES = 5;

interface Waiter {
	resolve: (shell: Shell) => void;
	reject: (error: unknown) => void;
}

/** A link and the time before it: whoever holds an old session can see that it is old. */
interface Session {
	promise: Promise<Link>;
	link?: Link;
}

/** Opens a link to the host within the time limit; counts handshakes itself. */
export type OpenLink = (milliseconds: number, counters: TransportCounters) => Promise<Link>;

export class ShellTransport implements Transport {
	readonly counters: TransportCounters = { handshakes: 0, roundTrips: 0, bytesSent: 0, bytesReceived: 0 };
	#session: Session | undefined;
	#shells = new Set<Shell>();
	#idle: Shell[] = [];
	#waiting: Waiter[] = [];
	#opening = 0;
	#limit = MAX_SHELLS;
	#running = 0;
	#idleTimer: NodeJS.Timeout | undefined;

	constructor(
		private readonly host: HostAddress,
		private readonly openLink: OpenLink,
	) {
		checkAddress(host);
	}

	async run(script: string, options: { timeoutSeconds?: number } = {}): Promise<ScriptResult> {
		if (script.includes("\0")) throw new NetplumbError("input", `${whereIs(this.host)}: a script must not hold a NUL byte.`);
		this.#count(+1);
		try {
			const shell = await new Promise<Shell>((resolve, reject) => {
				this.#waiting.push({ resolve, reject });
				this.#serve();
			});
			try {
				return await shell.run(script, options.timeoutSeconds ?? this.host.timeoutSeconds ?? SCRIPT_SECONDS);
			} finally {
				this.#giveBack(shell);
			}
		} finally {
			this.#count(-1);
		}
	}

	close(): void {
		clearTimeout(this.#idleTimer);
		const session = this.#session;
		this.#forget();
		// A link that is still on its way is closed by #connect, which sees that its session is old.
		session?.link?.close();
	}

	/** Gives idle shells to waiting scripts, and opens more shells while there are more scripts than shells on their way. */
	#serve(): void {
		while (this.#waiting.length > 0) {
			const shell = this.#idle.pop();
			if (!shell) break;
			if (shell.usable) this.#waiting.shift()!.resolve(shell);
			else this.#shells.delete(shell);
		}
		// The first shell is opened alone: what it meets (a refused key, a missing sudo) is then said once.
		const allowed = this.#shells.size === 0 ? 1 : this.#limit;
		while (this.#waiting.length > this.#opening && this.#shells.size + this.#opening < allowed) {
			this.#opening += 1;
			this.#openShell()
				.then(
					(shell) => {
						this.#opening -= 1;
						this.#idle.push(shell);
					},
					(error) => {
						this.#opening -= 1;
						// While other shells work, their scripts' turn comes; a script fails only when no shell is left to run it.
						if (this.#shells.size > 0) this.#limit = Math.max(1, this.#shells.size);
						else for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
					},
				)
				.finally(() => this.#serve());
		}
	}

	async #openShell(): Promise<Shell> {
		const milliseconds = (this.host.timeoutSeconds ?? CONNECT_SECONDS) * 1000;
		for (let attempt = 1; ; attempt += 1) {
			this.#session ??= this.#connect(milliseconds);
			const session = this.#session;
			const link = await session.promise;
			try {
				return await this.#startShell(session, link, milliseconds);
			} catch (error) {
				const dropped = this.#session !== session;
				// Nothing was started: the link dropped in between, or the host wants fewer channels at a time.
				if ((!dropped && !(error instanceof ChannelRefused)) || this.#shells.size > 0 || attempt >= REFUSED_TRIES)
					throw this.#explain(error, link.where);
				await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt));
			}
		}
	}

	async #startShell(session: Session, link: Link, milliseconds: number): Promise<Shell> {
		const stream = await link.open(shellCommand(this.host));
		const shell = new Shell(stream, link.where, this.counters);
		try {
			if (this.host.helper) await greetHelper(shell, link.where, milliseconds);
			else requireRoot(await shell.start(milliseconds), link.where, this.host.sudo);
			if (this.#session !== session) throw new Error("the connection was closed");
		} catch (error) {
			shell.close();
			throw error instanceof ShellDied ? ((await link.explain?.(error)) ?? error) : error;
		}
		this.#shells.add(shell);
		stream.onClose(() => this.#drop(shell));
		return shell;
	}

	#connect(milliseconds: number): Session {
		const session: Session = {
			promise: this.openLink(milliseconds, this.counters).then(
				(link) => {
					if (this.#session !== session) {
						link.close();
						return link;
					}
					session.link = link;
					link.hold(this.#running > 0);
					link.onDown(() => {
						if (this.#session === session) this.#forget();
					});
					return link;
				},
				(error) => {
					if (this.#session === session) this.#session = undefined;
					throw error;
				},
			),
		};
		return session;
	}

	#explain(error: unknown, where: string): unknown {
		if (error instanceof ShellDied && this.host.helper && error.exitCode !== null) return explainNoHelper(error, where);
		if (error instanceof ShellDied) return explainDeath(error, where, this.host.sudo);
		if (isNetplumbError(error)) return error;
		if (error instanceof ChannelRefused)
			return new NetplumbError(
				"host-unreachable",
				`${where}: the host refused to open a channel ${REFUSED_TRIES} times (${reason(error)}); raise MaxSessions in its sshd_config or end other sessions.`,
			);
		return new NetplumbError(
			"host-unreachable",
			`${where}: no shell could be opened (${reason(error)}); nothing was run, so try again.`,
		);
	}

	#giveBack(shell: Shell): void {
		if (shell.usable) this.#idle.push(shell);
		else {
			this.#drop(shell);
			shell.close();
		}
		this.#serve();
	}

	#drop(shell: Shell): void {
		this.#shells.delete(shell);
		this.#idle = this.#idle.filter((other) => other !== shell);
	}

	/** The link is gone: scripts in flight hear it from their shells, waiting ones get a new link. */
	#forget(): void {
		this.#session = undefined;
		this.#shells.clear();
		this.#idle = [];
		this.#limit = MAX_SHELLS;
		if (this.#waiting.length > 0) this.#serve();
	}

	#count(change: 1 | -1): void {
		this.#running += change;
		clearTimeout(this.#idleTimer);
		this.#session?.link?.hold(this.#running > 0);
		if (this.#running > 0) return;
		this.#idleTimer = setTimeout(() => this.close(), IDLE_MILLISECONDS);
		this.#idleTimer.unref();
	}
}

/** What is needed of the helper is loaded only where there is one. */
async function greetHelper(shell: Shell, where: string, milliseconds: number): Promise<void> {
	const { helperProgram } = await import("../helper/program.js");
	requireSame(await shell.start(milliseconds, greeting), where, helperProgram().id);
}
