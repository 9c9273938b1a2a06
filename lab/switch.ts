import { existsSync, rmSync } from "node:fs";
import { bootScript, type LabPaths } from "./options";
import { isAlive, killRecorded, readRecord, readText } from "./process";
import { run, sleep, startDetached, tryRun } from "./run";
import type { LabState } from "./state";

/**
 * The bridge between the hosts lives in a network namespace of its own, not on the machine: the machine's firewall and
 * bridge filter never see the hosts' traffic, so nothing of theirs must be changed. The machine gets one link into it.
 * Says whether it was started anew: then hosts that still run have lost their links.
 */
export async function startSwitch(paths: LabPaths, state: LabState): Promise<boolean> {
	if (isAlive(readRecord(paths.switchRecord)) && existsSync(paths.switchReady)) return false;
	await stopSwitch(paths);
	const child = await startDetached(["unshare", "--net", "bash", bootScript(), "switch"], {
		LAB_DIR: paths.dir,
		LAB_LINK: state.link,
		LAB_CALLER: String(process.pid),
	});
	for (const deadline = Date.now() + 10_000; !existsSync(paths.switchReady); await sleep(10)) {
		if (child.exited() || Date.now() > deadline) {
			throw new Error(`The lab's bridge did not start:\n${readText(paths.switchLog)?.trim() ?? ""}`);
		}
	}
	await run(["ethtool", "-K", state.link, "tx", "off"]);
	await run(["ip", "address", "add", `${state.network}.1/24`, "dev", state.link]);
	await run(["ip", "link", "set", state.link, "up"]);
	return true;
}

/** The pid whose network namespace holds the bridge. */
export function switchPid(paths: LabPaths): number {
	const record = readRecord(paths.switchRecord);
	if (!isAlive(record)) throw new Error("The lab's bridge is not running: `netplumb-lab up` starts it again.");
	return record.pid;
}

const inSwitch = (pid: number, argv: string[]): string[] => ["nsenter", "--target", String(pid), "--net", ...argv];

/** Removes a host's link at once. The kernel would do it too, but some time after the host's end. */
export async function unplug(paths: LabPaths, link: string): Promise<void> {
	const record = readRecord(paths.switchRecord);
	if (isAlive(record)) await tryRun(inSwitch(record.pid, ["ip", "link", "delete", link]));
}

export async function stopSwitch(paths: LabPaths): Promise<void> {
	// Deleted from the inside, so that it is surely the lab's own link and not another one of this name.
	await unplug(paths, "up0");
	await killRecorded([readRecord(paths.switchRecord)]);
	for (const file of [paths.switchRecord, paths.switchReady]) rmSync(file, { force: true });
}
