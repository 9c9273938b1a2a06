import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./progress";

/** Runs `work` while no other process does the same: two test runs at once must not build the CLI twice. */
export async function withLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
	const lock = path.join(folder, ".lock");
	mkdirSync(folder, { recursive: true });
	let told = false;
	while (!take(lock)) {
		if (isStale(lock)) {
			rmSync(lock, { force: true });
			continue;
		}
		if (!told) say(`waiting for another process that prepares ${folder}`);
		told = true;
		await sleep(500);
	}
	try {
		return await work();
	} finally {
		rmSync(lock, { force: true });
	}
}

function take(lock: string): boolean {
	try {
		writeFileSync(lock, String(process.pid), { flag: "wx" });
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
		throw error;
	}
}

function isStale(lock: string): boolean {
	try {
		const pid = Number(readFileSync(lock, "utf8"));
		// An empty file is one that its owner is about to write, unless it has been so for a while.
		if (!pid) return Date.now() - statSync(lock).mtimeMs > 5_000;
		process.kill(pid, 0);
		return false;
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code;
		return code === "ESRCH";
	}
}
