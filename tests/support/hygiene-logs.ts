// The logs of lab hosts, read from the machine: what was written since the last look, and counts as a warning.
import { execFile } from "node:child_process";
import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";

export type LogReader = () => string[];

const run = promisify(execFile);

/** What is in a file beyond what was there when this was called; from its beginning where it was made anew meanwhile. */
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
	return () => {
		const now = stat();
		if (!now) return "";
		if (now.ino !== inode || now.size < offset) offset = 0;
		const buffer = Buffer.alloc(Math.min(now.size - offset, 4 << 20));
		const handle = openSync(file, "r");
		const length = readSync(handle, buffer, 0, buffer.length, now.size - buffer.length);
		closeSync(handle);
		[inode, offset] = [now.ino, now.size];
		return buffer.toString("utf8", 0, length);
	};
}

function warningsIn(what: string, text: string, warning: RegExp, clean: (line: string) => string): string[] {
	return text.split("\n").flatMap((line) => (warning.test(line) ? [`${what}: ${clean(line)}`] : []));
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
	sources.push(() => warningsIn("dockerd", read(), /level=(?:warning|error|fatal|panic)|^panic:/, docker));
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
