import { readdirSync, readlinkSync } from "node:fs";
import { hostInit } from "./host";
import { type LabOptions, labPaths } from "./options";
import { readText } from "./process";
import { stateOf } from "./state";

/**
 * "ssh": connections still open, but no banner comes and sessions hang. "all": every process of the host itself (its
 * containers' processes have process namespaces of their own and run on); the userspace datapath stops too, so the host
 * is silent on the network.
 */
export type FreezeScope = "ssh" | "all";

function namespaceOf(pid: number | string): string | undefined {
	try {
		return readlinkSync(`/proc/${pid}/ns/pid`);
	} catch {
		return undefined; // it has ended meanwhile
	}
}

function signal(name: string, scope: FreezeScope, signalName: "SIGSTOP" | "SIGCONT", options: LabOptions): void {
	const paths = labPaths(options);
	stateOf(paths, name);
	const init = hostInit(paths, name);
	if (init === undefined) throw new Error(`Host ${name} is off.`);
	const own = namespaceOf(init.pid);
	for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
		if (namespaceOf(pid) !== own || (scope === "ssh" && readText(`/proc/${pid}/comm`) !== "sshd\n")) continue;
		try {
			process.kill(Number(pid), signalName);
		} catch {
			// It has ended meanwhile.
		}
	}
}

export function freeze(name: string, options: LabOptions & { scope?: FreezeScope } = {}): void {
	signal(name, options.scope ?? "ssh", "SIGSTOP", options);
}

/** Ends every kind of freeze. */
export function thaw(name: string, options: LabOptions = {}): void {
	signal(name, "all", "SIGCONT", options);
}
