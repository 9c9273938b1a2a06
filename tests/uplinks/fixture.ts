// A host whose address sits on its only network card, and ways to take that address away from under a change.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { labReboot } from "../../lab";
import { connect } from "../../provider/transport/index";
import { hostDump } from "../support/dump";
import { labDir, labHost, on } from "../support/lab";
import { Resource } from "../support/resource";

export const HOST = "p1";
export const BRIDGE = "br-up";
/** Seconds until the host takes back what is not confirmed. */
export const LIMIT = 5;

export const plain = (more = {}) => ({ ...labHost(HOST, { confirmSeconds: LIMIT }), ...more });
export const uplink = (name = "a") => new Resource("OvsBridge", name);
export const args = (more: Record<string, unknown> = {}) => ({
	host: plain(),
	name: BRIDGE,
	uplinks: ["eth0"],
	acceptRisk: ["ssh-path"],
	...more,
});

export const onPlain = (script: string, ...words: string[]): Promise<string> => on(HOST, "sh", "-ec", script, "-", ...words);

/** Everything of the host, one line a fact. */
export async function facts(): Promise<string[]> {
	// A link-local address that has just come back with IPv6 is not usable for a second.
	await onPlain("i=0; while ip -6 address show tentative | grep -q . && [ $i -lt 50 ]; do i=$((i + 1)); sleep 0.1; done");
	const dump = await hostDump(HOST);
	return Object.entries(dump).flatMap(([what, value]) => [value].flat().map((fact) => `${what} ${fact}`));
}

/** The host is as it was. */
export async function expectAsBefore(before: string[]): Promise<void> {
	const after = await facts();
	const gone = before.filter((line) => !after.includes(line));
	const left = after.filter((line) => !before.includes(line));
	expect({ gone, left }).to.deep.equal({ gone: [], left: [] });
}

/** A process on the host that waits until the move is done but for its last step, and then does harm. */
export async function lieInWait(harm: string): Promise<void> {
	const script = `until ip route show default dev ${BRIDGE} 2>/dev/null | grep -q via; do sleep 0.01; done; ${harm}`;
	harms.push(await onPlain('setsid sh -c "$1" </dev/null >/dev/null 2>&1 & echo $!', script));
}

const harms: string[] = [];
/** Takes away whatever does harm, and leaves to netplumb what is netplumb's. */
export async function noHarm(): Promise<void> {
	const waiting = harms.splice(0).map((pid) => `kill -KILL -- -${pid} ${pid} 2>/dev/null || true`);
	await onPlain(["kill -CONT $(pidof dockerd)", "nft delete table inet harm 2>/dev/null || true", ...waiting].join("\n"));
}

/** For before and after a test: whatever a failed one left. */
export async function clean(): Promise<void> {
	await noHarm();
	// A move that was not taken back: the host boots with its own wiring.
	if (!(await onPlain("ip -4 address show dev eth0")).includes("inet")) await labReboot(HOST, { dir: labDir });
	await onPlain(`ovs-vsctl --timeout=10 --if-exists del-br ${BRIDGE}`);
}

const uptime = () => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);

/** The deadline that the host has noted, in seconds since the machine started, which is the same clock here and there. */
export async function armed(): Promise<number> {
	for (let tries = 0; tries < 600; tries++) {
		const text = await onPlain("cat /run/netplumb/guard-*/deadline 2>/dev/null || true");
		if (text !== "") return Number(text) / 100;
		await sleep(20);
	}
	throw new Error("the guard was never armed");
}

/** How many seconds after the deadline the host takes a new SSH login, with a full handshake. */
export async function answersAfter(deadline: number): Promise<number> {
	await sleep(Math.max(0, (deadline - uptime()) * 1000));
	for (;;) {
		const transport = connect({ ...plain(), timeoutSeconds: 1 });
		try {
			await transport.run("exit 0");
			return uptime() - deadline;
		} catch {
			await sleep(50);
		} finally {
			transport.close();
		}
	}
}
