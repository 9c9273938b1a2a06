import { existsSync } from "node:fs";
import { connect } from "node:net";
import { hostExec } from "./exec";
import { hostInit } from "./host";
import { hostPaths, type LabPaths } from "./options";
import { isAlive, readRecord, readText } from "./process";
import { sleep } from "./run";
import { hostAddress, type LabState } from "./state";

/** What the server says first, such as "SSH-2.0-OpenSSH_9.2"; undefined when it says nothing in time. */
export function sshBanner(address: string, port = 22, timeoutMs = 2000): Promise<string | undefined> {
	return new Promise((done) => {
		const socket = connect({ host: address, port });
		const finish = (banner?: string): void => {
			socket.destroy();
			done(banner);
		};
		socket.setTimeout(timeoutMs, () => finish());
		socket.once("error", () => finish());
		socket.once("close", () => finish());
		socket.once("data", (data) => finish(data.toString("latin1").split("\r\n")[0]));
	});
}

const tail = (text: string | undefined, lines = 15): string => (text ?? "").trimEnd().split("\n").slice(-lines).join("\n");

/** Waits until a host can be used: an SSH banner, Docker and Open vSwitch. The error carries the end of the boot log. */
export async function waitReady(paths: LabPaths, state: LabState, name: string, timeoutMs = 60_000): Promise<void> {
	const host = hostPaths(paths, name);
	const started = Date.now();
	const check = async (): Promise<string | undefined> => {
		if (!existsSync(host.ready)) return "it has not finished to boot";
		const banner = await sshBanner(hostAddress(state, name));
		if (!banner?.startsWith("SSH-2.0-")) return "its SSH server does not answer";
		const { exitCode, stderr } = await hostExec(name, ["sh", "-c", "docker version && ovs-vsctl --timeout=5 show"], paths);
		return exitCode === 0 ? undefined : stderr;
	};
	for (let pause = 20; ; await sleep(pause)) {
		const problem = await check();
		if (problem === undefined) return;
		const elapsed = Date.now() - started;
		const died = elapsed > 2000 && hostInit(paths, name) === undefined && !isAlive(readRecord(host.outerRecord));
		if (died || elapsed > timeoutMs) {
			const reason = died ? "it died while booting" : `after ${timeoutMs / 1000} s ${problem}`;
			throw new Error(`Host ${name} is not ready: ${reason}. The end of ${host.bootLog}:\n${tail(readText(host.bootLog))}`);
		}
		pause = Math.min(pause * 2, 200);
	}
}
