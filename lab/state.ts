import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { LabPaths } from "./options";
import { isAlive, readRecord, readText, recordOf } from "./process";
import { sleep } from "./run";

/** What a lab remembers from `up` to `down`. */
export interface LabState {
	version: 1;
	/** The first three bytes, such as "10.99.0". */
	network: string;
	/** The machine's link into the lab; also the name of the lab's cgroups. */
	link: string;
	hosts: number;
	/** Hosts whose address sits on eth0 itself. */
	plain?: number;
}

const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`);
/** h1, h2 … have their address on an Open vSwitch bridge; p1, p2 …, the plain ones, on eth0 itself. */
export const hostNames = (state: LabState): string[] => [...numbered("h", state.hosts), ...numbered("p", state.plain ?? 0)];
export const isPlain = (name: string): boolean => name.startsWith("p");
/** Different for every host of a lab: there are at most 100 of the one sort and 10 of the other. */
export const hostNumber = (name: string): number => Number(name.slice(1)) + (isPlain(name) ? 200 : 0);
export const hostAddress = (state: LabState, name: string): string => `${state.network}.${10 + hostNumber(name)}`;

export function readState(paths: LabPaths): LabState | undefined {
	const text = readText(paths.state);
	if (text === undefined) return undefined;
	const state = JSON.parse(text) as LabState;
	if (state.version !== 1) throw new Error(`${paths.state} was written by another version of netplumb-lab.`);
	return state;
}

export function writeState(paths: LabPaths, state: LabState): void {
	writeFileSync(`${paths.state}.new`, `${JSON.stringify(state, null, "\t")}\n`);
	renameSync(`${paths.state}.new`, paths.state);
}

/** The state of a lab that is up, and the name checked against it. */
export function stateOf(paths: LabPaths, host?: string): LabState {
	const state = readState(paths);
	if (state === undefined) throw new Error(`There is no lab in ${paths.dir}: start one with \`netplumb-lab up\`.`);
	if (host !== undefined && !hostNames(state).includes(host)) {
		throw new Error(`The lab has no host ${host}: it has ${hostNames(state).join(", ")}.`);
	}
	return state;
}

/** Makes the lab's folder. A folder that holds other things is refused: `down` will remove it. */
export function makeFolder(paths: LabPaths): void {
	mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
	if (readState(paths) === undefined && readdirSync(paths.dir).some((name) => !name.startsWith("lock"))) {
		throw new Error(`${paths.dir} is not empty and holds no lab: choose another folder with --dir.`);
	}
	const { mode, uid } = statSync(paths.dir);
	if (uid !== 0 || (mode & 0o077) !== 0) {
		throw new Error(
			`${paths.dir} must belong to root alone, because it holds keys: \`chown root ${paths.dir}; chmod 700 ${paths.dir}\`.`,
		);
	}
}

/** One `up` or `down` at a time in one folder. The lock of a process that died is taken over. */
export async function withLock<T>(paths: LabPaths, work: () => Promise<T>): Promise<T> {
	const own = recordOf(process.pid)!;
	const mine = `${paths.lock}.${process.pid}`;
	writeFileSync(mine, `${own.pid} ${own.start} ${own.boot}`);
	try {
		for (const deadline = Date.now() + 120_000; ; await sleep(50)) {
			try {
				linkSync(mine, paths.lock);
				break;
			} catch (error) {
				if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
			}
			const holder = readRecord(paths.lock);
			if (holder !== undefined && !isAlive(holder)) rmSync(paths.lock, { force: true });
			if (Date.now() > deadline) throw new Error(`Process ${holder?.pid} works on the lab in ${paths.dir} and does not finish.`);
		}
	} finally {
		rmSync(mine, { force: true });
	}
	try {
		return await work();
	} finally {
		rmSync(paths.lock, { force: true });
	}
}
