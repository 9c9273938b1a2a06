import { readFileSync } from "node:fs";
import { sleep } from "./run";

/** Names one process for good. A pid alone may belong to somebody else by now. */
export interface ProcessRecord {
	pid: number;
	/** Start time in clock ticks, field 22 of /proc/PID/stat. */
	start: string;
	/** The machine's boot id: after a reboot of the machine every record is void. */
	boot: string;
}

export function readText(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8");
	} catch {
		return undefined;
	}
}

const bootId = (): string => readText("/proc/sys/kernel/random/boot_id")?.trim() ?? "";

/** State and start time, from behind the command name (which may itself contain blanks and brackets). */
function processStat(pid: number): { state: string; start: string } | undefined {
	const stat = readText(`/proc/${pid}/stat`);
	const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
	return fields?.[0] && fields[19] ? { state: fields[0], start: fields[19] } : undefined;
}

export function readRecord(file: string): ProcessRecord | undefined {
	const [pid, start, boot] = readText(file)?.trim().split(" ") ?? [];
	return pid && start && boot && /^[1-9]\d*$/.test(pid) ? { pid: Number(pid), start, boot } : undefined;
}

export function recordOf(pid: number): ProcessRecord | undefined {
	const stat = processStat(pid);
	return stat && { pid, start: stat.start, boot: bootId() };
}

export function isAlive(record: ProcessRecord | undefined): record is ProcessRecord {
	if (record === undefined || record.boot !== bootId()) return false;
	const stat = processStat(record.pid);
	return stat !== undefined && stat.start === record.start && stat.state !== "Z" && stat.state !== "X";
}

/** Kills the recorded processes, and nothing else, and waits until they are gone. */
export async function killRecorded(records: readonly (ProcessRecord | undefined)[], timeoutMs = 15_000): Promise<void> {
	const deadline = Date.now() + timeoutMs;
	for (const record of records) if (isAlive(record)) process.kill(record.pid, "SIGKILL");
	for (const record of records) {
		while (isAlive(record)) {
			if (Date.now() > deadline) throw new Error(`Process ${record.pid} does not end, although it was killed.`);
			await sleep(10);
		}
	}
}
