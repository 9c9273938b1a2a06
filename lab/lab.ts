import { existsSync } from "node:fs";
import { hostInit, powerOff, powerOn } from "./host";
import { makeImage } from "./image";
import { makeKeys, publicKey } from "./keys";
import { hostPaths, type LabOptions, type LabPaths, labPaths } from "./options";
import { labProblem } from "./problem";
import { waitReady } from "./ready";
import { hostAddress, hostNames, type LabState, makeFolder, readState, stateOf, withLock, writeState } from "./state";
import { freeNetworks } from "./subnet";
import { startSwitch } from "./switch";

export interface LabUpOptions extends LabOptions {
	/** How many hosts there are to be; a running lab only grows. Default 2, or what the lab has. */
	hosts?: number;
	/** How many hosts p1, p2 … there are to be besides, whose address sits on eth0 itself. Default 0, or what the lab has. */
	plain?: number;
	/** Default: the first free one of 10.99.0.0/24, 10.99.1.0/24, … */
	subnet?: string;
}

export interface HostInfo {
	name: string;
	address: string;
	port: number;
	user: string;
	identityFile: string;
	knownHostsFile: string;
	/** "ssh-ed25519 AAAA…" */
	hostKey: string;
}

export interface LabStatus {
	dir: string;
	/** Undefined when there is no lab. */
	subnet?: string;
	link?: string;
	hosts: (HostInfo & { running: boolean; pid?: number })[];
}

function toInfo(paths: LabPaths, state: LabState, name: string): HostInfo {
	return {
		name,
		address: hostAddress(state, name),
		port: 22,
		user: "root",
		identityFile: paths.identityFile,
		knownHostsFile: paths.knownHostsFile,
		hostKey: publicKey(hostPaths(paths, name).hostKey),
	};
}

/** How to reach a host over SSH. Users: root, ops (passwordless sudo) and nobody-ops (no sudo), all with the same key. */
export function hostInfo(name: string, options: LabOptions = {}): HostInfo {
	const paths = labPaths(options);
	return toInfo(paths, stateOf(paths, name), name);
}

export function labStatus(options: LabOptions = {}): LabStatus {
	const paths = labPaths(options);
	const state = readState(paths);
	if (state === undefined) return { dir: paths.dir, hosts: [] };
	const hosts = hostNames(state)
		.filter((name) => existsSync(`${hostPaths(paths, name).hostKey}.pub`))
		.map((name) => {
			const pid = hostInit(paths, name)?.pid;
			return { ...toInfo(paths, state, name), running: pid !== undefined, pid };
		});
	return { dir: paths.dir, subnet: `${state.network}.0/24`, link: state.link, hosts };
}

async function newState(hosts: number, subnet?: string): Promise<LabState> {
	const [free] = await freeNetworks(subnet);
	return { version: 1, ...free!, hosts };
}

/** Starts a lab, adds hosts to a running one, or boots those of its hosts that are off. Resolves when all can be used. */
export async function labUp(options: LabUpOptions = {}): Promise<LabStatus> {
	const problem = labProblem();
	if (problem !== undefined) throw new Error(problem);
	if (options.hosts !== undefined && !(Number.isInteger(options.hosts) && options.hosts >= 1 && options.hosts <= 100)) {
		throw new Error(`A lab has 1 to 100 hosts, not ${options.hosts}.`);
	}
	if (options.plain !== undefined && !(Number.isInteger(options.plain) && options.plain >= 0 && options.plain <= 10)) {
		throw new Error(`A lab has 0 to 10 plain hosts, not ${options.plain}.`);
	}
	const paths = labPaths(options);
	makeFolder(paths);
	return await withLock(paths, async () => {
		const before = readState(paths);
		if (before !== undefined && options.subnet !== undefined && options.subnet !== `${before.network}.0/24`) {
			throw new Error(`This lab runs on ${before.network}.0/24; take it down to give it another subnet.`);
		}
		const state = before ?? (await newState(options.hosts ?? 2, options.subnet));
		state.hosts = Math.max(state.hosts, options.hosts ?? 0);
		state.plain = Math.max(state.plain ?? 0, options.plain ?? 0);
		writeState(paths, state); // first, so that `down` finds whatever a broken `up` leaves
		const names = hostNames(state);
		const [newSwitch] = await Promise.all([startSwitch(paths, state), makeImage(paths), makeKeys(paths, state)]);
		if (newSwitch) await Promise.all(names.map((name) => powerOff(paths, name)));
		await Promise.all(names.map((name) => powerOn(paths, state, name)));
		await Promise.all(names.map((name) => waitReady(paths, state, name)));
		return labStatus(options);
	});
}
