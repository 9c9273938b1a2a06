// Faults at an exact operation on a lab host: a shim before the tools counts the operations and does harm before one of them.
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { labPowerOff, labPowerOn } from "../../lab/index";
import { NetplumbError } from "../../provider/errors";
import { transportFor } from "../../provider/transport/pool";
import type { HostSettings } from "../../provider/validate/host";
import { labDir } from "../support/lab";
import { sh } from "../support/wiring";

export const FAULTS = ["fails", "cut", "killed", "power"] as const;
export type Fault = (typeof FAULTS)[number];

const TOOLS = ["ip", "ovs-vsctl", "nft", "ethtool", "conntrack", "iptables", "ip6tables", "ovn-nbctl", "ovn-sbctl"];

/** For a host that was just booted: a folder of its own in front of the tools, which a power loss takes away. */
export async function plantShim(): Promise<void> {
	const text = readFileSync(path.join(__dirname, "shim.sh"), "utf8");
	await sh(
		`mountpoint -q /usr/local/sbin || mount -t tmpfs -o mode=755 tmpfs /usr/local/sbin
		mkdir -p /run/fault; printf '%s' "$1" >/usr/local/sbin/ip; chmod 755 /usr/local/sbin/ip; shift
		for tool; do ln -sf ip /usr/local/sbin/$tool; done`,
		text,
		...TOOLS.slice(1),
	);
}

export const removeShim = (): Promise<string> =>
	sh("rm -rf /run/fault; ! mountpoint -q /usr/local/sbin || umount /usr/local/sbin");

/** Counts from here; harm is done before the operation with this number, or never. */
export async function arm(what: Fault | "run" | "nothing", at = -1): Promise<void> {
	await sh("cd /run/fault; echo 0 >count; echo $2 >at; echo $1 >what; : >armed", what, String(at));
}

/** Before the operation with this number a script is run; then the operation goes on. */
export async function armScript(harm: string, at: number): Promise<void> {
	await sh("printf '%s\\n' \"$1\" >/run/fault/harm", harm);
	await arm("run", at);
}

/** How many operations were counted, and whether harm was done. */
export async function disarm(): Promise<{ count: number; struck: boolean }> {
	const [count, armed] = (await sh("cd /run/fault; cat count; ls armed 2>/dev/null || true; rm -f armed")).split("\n");
	return { count: Number(count), struck: armed !== "armed" };
}

/** What a killed provider does after its connection is gone: nothing. Gives back what undoes it. */
export function killedWithConnection({ heal, onUnreachable, confirmSeconds, ...address }: HostSettings): () => void {
	const transport = transportFor(address);
	const { run } = transport;
	let dead = false;
	transport.run = async (script, options) => {
		if (dead) throw new NetplumbError("host-unreachable", "the provider was killed");
		try {
			return await run.call(transport, script, options);
		} catch (error) {
			dead = true;
			throw error;
		}
	};
	return () => {
		transport.run = run;
	};
}

export async function powerCycle(): Promise<void> {
	await labPowerOff("h1", { dir: labDir });
	await labPowerOn("h1", { dir: labDir });
	// Until its own addresses are past duplicate address detection, what is true on the host changes by itself.
	await sh('i=0; while ip -6 address show tentative | grep -q . && [ "$i" -lt 100 ]; do i=$((i + 1)); sleep 0.1; done');
	await plantShim();
}
