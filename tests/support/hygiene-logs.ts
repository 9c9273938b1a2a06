// The logs of lab hosts, read from the machine: what was written since the last look, and counts as a warning.
import { execFile } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";

export type LogReader = () => string[];

const run = promisify(execFile);

/** The lines of a file that end after this was called; all of them where it was made anew meanwhile. */
function tailOf(file: string): () => string {
	const stat = () => {
		try {
			return statSync(file);
		} catch {
			return undefined; // A host that has no such daemon, or no agent now.
		}
	};
	const first = stat();
	let [inode, offset] = [first?.ino, first?.size ?? 0];
	// What is being written just then is the end of an older line.
	let isWhole = offset === 0 || bytesOf(file, offset - 1, offset) === "\n";
	return () => {
		const now = stat();
		if (!now) return "";
		if (now.ino !== inode || now.size < offset) [inode, offset, isWhole] = [now.ino, 0, true];
		const start = Math.max(offset, now.size - (4 << 20));
		const text = bytesOf(file, start, now.size);
		const end = text.lastIndexOf("\n") + 1;
		if (end === 0) return "";
		const lines = text.slice(isWhole && start === offset ? 0 : text.indexOf("\n") + 1, end);
		offset = start + end; // one byte is one character of it
		isWhole = true;
		return lines;
	};
}

function bytesOf(file: string, from: number, to: number): string {
	const buffer = Buffer.alloc(to - from);
	let handle: number;
	try {
		handle = openSync(file, "r");
	} catch {
		return ""; // It went between two looks: the agent's with the last resource.
	}
	const length = readSync(handle, buffer, 0, buffer.length, from);
	closeSync(handle);
	return buffer.toString("latin1", 0, length);
}

function warningsIn(what: string, text: string, warning: RegExp, clean: (line: string) => string): string[] {
	return text.split("\n").flatMap((line) => (warning.test(line) ? [`${what}: ${clean(line)}`] : []));
}

/**
 * What dockerd says at work. While it ends and starts it complains of its own containerd, now this way and now that, which is nobody's
 * business as long as it comes back: what it dies of counts.
 */
function withoutRestarts(): (text: string) => string {
	let isAtWork = true;
	return (text) =>
		text
			.split("\n")
			.filter((line) => {
				if (/msg="(?:Processing signal '(?!hangup)|Starting up")/.test(line)) isAtWork = false;
				else if (line.includes('msg="Daemon has completed initialization"')) isAtWork = true;
				return isAtWork || /level=(?:fatal|panic)|^panic:|^failed to/.test(line);
			})
			.join("\n");
}

/** The warnings of Open vSwitch's daemons and of Docker's since this was called. */
export function hostLogs(dir: string, name: string): LogReader {
	const log = path.join(dir, "hosts", name, "disk", "log");
	const ovs = (line: string) => line.replace(/^[^|]*\|\d+\|/, "");
	const docker = (line: string) => line.replace(/^time="?[^ ]*"? /, "");
	const sources = (["ovs-vswitchd", "ovsdb-server"] as const).map((daemon) => {
		const read = tailOf(path.join(log, "openvswitch", `${daemon}.log`));
		return () => warningsIn(daemon, read(), /\|(?:WARN|ERR|EMER)\|/, ovs);
	});
	const read = tailOf(path.join(log, "dockerd.log"));
	const atWork = withoutRestarts();
	sources.push(() => warningsIn("dockerd", atWork(read()), /level=(?:warning|error|fatal|panic)|^panic:|^failed to/, docker));
	return () => sources.flatMap((source) => source());
}

/** The agents' complaints: their log goes with the last resource, so it is looked at now and then. */
export function watchAgents(dir: string, names: readonly string[]): LogReader {
	const found: string[] = [];
	const readers = names.map((name) => {
		const read = tailOf(path.join(dir, "hosts", name, "disk", "lib", "upper", "netplumb", "log"));
		return () =>
			found.push(...warningsIn(`${name}: agent`, read(), /degraded|failed|damaged/, (line) => line.replace(/^\S+ /, "")));
	});
	const all = () => {
		for (const read of readers) read();
	};
	const timer = setInterval(all, 200);
	timer.unref();
	return () => {
		clearInterval(timer);
		all();
		return found;
	};
}

const KERNEL = /segfault|traps:|general protection|BUG:|WARNING:|Oops|hung task|Out of memory|table full/;

/** What the machine's kernel complains of, where it lets us read that. */
export function kernelLog(): () => Promise<string[]> {
	const began = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
	return async () => {
		const { stdout } = await run("dmesg", [], { maxBuffer: 64 << 20 }).catch(() => ({ stdout: "" }));
		const since = stdout.split("\n").filter((line) => Number(/^\[\s*([\d.]+)\]/.exec(line)?.[1] ?? 0) > began);
		return warningsIn("kernel", since.join("\n"), KERNEL, (line) => line.replace(/^\[[^\]]*\] /, ""));
	};
}
