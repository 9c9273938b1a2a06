import { constants, copyFileSync, existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { labImageCommand } from "./image";
import { bootScript, hostPaths, type LabPaths } from "./options";
import { isAlive, killRecorded, type ProcessRecord, readRecord, readText } from "./process";
import { startDetached } from "./run";
import { hostAddress, hostNumber, isPlain, type LabState } from "./state";
import { switchPid, unplug } from "./switch";

/** Process 1 of a running host; undefined when the host is off. */
export function hostInit(paths: LabPaths, name: string): ProcessRecord | undefined {
	const record = readRecord(hostPaths(paths, name).initRecord);
	return isAlive(record) ? record : undefined;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, "0");

/** Starts a host that is off; `waitReady` tells when it can be used. */
export async function powerOn(paths: LabPaths, state: LabState, name: string): Promise<void> {
	const host = hostPaths(paths, name);
	if (hostInit(paths, name) !== undefined) return;
	await powerOff(paths, name); // clears what a host that died by itself has left
	if (!existsSync(host.image)) copyFileSync(paths.image, host.image, constants.COPYFILE_FICLONE);
	await startDetached(["bash", bootScript(), "host"], {
		LAB_HOST_DIR: host.dir,
		LAB_LINK: state.link,
		LAB_NAME: name,
		LAB_ADDRESS: hostAddress(state, name),
		LAB_GATEWAY: `${state.network}.1`,
		LAB_PLAIN: isPlain(name) ? "1" : "",
		// The same at every boot, so that nobody's ARP table is wrong after a reboot.
		LAB_MAC: ["02", "4e", "50", hex(Number(state.network.split(".")[2])), hex(hostNumber(name))].join(":"),
		LAB_SWITCH: String(switchPid(paths)),
		LAB_IMAGE_CMD: JSON.stringify(labImageCommand),
	});
}

/**
 * Like pulling the plug: the kernel kills every process of the host together with its process 1, and the host's mounts,
 * links and namespaces go with them. The disk stays.
 */
export async function powerOff(paths: LabPaths, name: string): Promise<void> {
	const host = hostPaths(paths, name);
	await killRecorded([readRecord(host.initRecord), readRecord(host.outerRecord)]);
	await unplug(paths, name);
	for (const cgroup of readText(host.cgroups)?.split("\n").filter(Boolean) ?? []) removeCgroup(cgroup);
	for (const file of [host.initRecord, host.outerRecord, host.ready, host.cgroups]) rmSync(file, { force: true });
}

/** A cgroup can only be removed by rmdir, from the leaves up; then the lab's own one above it, if this host was the last. */
function removeCgroup(cgroup: string): void {
	const removeTree = (folder: string): void => {
		for (const entry of readdirSync(folder, { withFileTypes: true }))
			if (entry.isDirectory()) removeTree(join(folder, entry.name));
		rmdirSync(folder);
	};
	if (!existsSync(cgroup)) return;
	removeTree(cgroup);
	try {
		rmdirSync(join(cgroup, ".."));
	} catch {
		// Other hosts of this lab are still in there.
	}
}
