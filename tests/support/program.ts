// What the program tests/end-to-end/fixtures/wires makes, and the containers for it.
import type { HostSettings } from "../../provider/validate/host";
import type { Stack } from "../toolchain/pulumi";
import { image, labHost, on } from "./lab";

export interface Wire {
	container: string;
	vlan?: number;
	mtu?: number;
	interface?: string;
	addresses?: string[];
	routes?: { to: string; via?: string }[];
}

export interface Program {
	host: HostSettings;
	bridge: string;
	/** True when the bridge is there already. */
	existing?: boolean;
	/** True when a field of the host is a secret of the program. */
	secret?: boolean;
	wires: Record<string, Wire>;
}

export async function declare(stack: Stack, program: Program): Promise<void> {
	await stack.setConfig({ program });
}

/** A program of `names.length` wires with the addresses 10.50.0.1 and so on. */
export function wired(names: readonly string[], more: Partial<Program> = {}): Program {
	const wires: Record<string, Wire> = {};
	for (const [index, name] of names.entries()) wires[name] = { container: name, addresses: [`10.50.0.${index + 1}/24`] };
	return { host: labHost(), bridge: "br-e2e", wires, ...more };
}

/** Starts containers without a network, several at a time. */
export async function makeContainers(host: string, names: readonly string[]): Promise<void> {
	const run = `printf '%s\\n' "$@" | xargs -P 4 -I {} docker run -d --name {} --network none --stop-timeout 0 ${image} sleep 86400`;
	await on(host, "sh", "-c", run, "-", ...names);
}

export async function removeContainers(host: string, names: readonly string[]): Promise<void> {
	await on(host, "sh", "-c", `printf '%s\\n' "$@" | xargs -n 20 -P 2 docker rm -f >/dev/null 2>&1; true`, "-", ...names);
}

/** The host's ends of attachments: the ports of a bridge, sorted; none when there is no such bridge. */
export async function ports(host: string, bridge = "br-e2e"): Promise<string[]> {
	const listed = await on(host, "sh", "-c", 'ovs-vsctl --timeout=10 list-ports "$1" 2>/dev/null || true', "-", bridge);
	return listed.split("\n").filter(Boolean).sort();
}

/** The links that carry netplumb's mark, on the host and not in containers. */
export async function markedLinks(host: string): Promise<string[]> {
	const links = JSON.parse(await on(host, "ip", "-j", "link")) as { ifname: string; ifalias?: string }[];
	return links
		.filter(({ ifalias }) => ifalias?.includes("netplumb:"))
		.map(({ ifname }) => ifname)
		.sort();
}
