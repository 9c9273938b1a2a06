// The inputs of a tunnel as OVSDB's `options` says them, and back (ovs-vswitchd.conf.db(5), "Tunnel Options").

import { DEFAULT_PORT, type TunnelType } from "../../sdk/addressing/tunnel";
import { NetplumbError } from "../errors";
import type { Ovs, OvsPort } from "../host/snapshot";

export interface TunnelInputs {
	type: TunnelType;
	remote: string;
	key?: number;
	localIp?: string;
	port?: number;
	tos?: number | "inherit";
	ttl?: number | "inherit";
	df?: boolean;
	csum?: boolean;
}

type Option = Exclude<keyof TunnelInputs, "type">;

const NAMES: Record<Option, string> = {
	remote: "remote_ip",
	key: "key",
	localIp: "local_ip",
	port: "dst_port",
	tos: "tos",
	ttl: "ttl",
	df: "df_default",
	csum: "csum",
};
const entries = Object.entries(NAMES) as [Option, string][];

/** The whole column: what is not declared is not there. */
export function options(args: TunnelInputs): Record<string, string> {
	return Object.fromEntries(entries.flatMap(([input, name]) => (args[input] === undefined ? [] : [[name, String(args[input])]])));
}

export function optionsOf(port: OvsPort): Record<string, string> {
	return (port.interface["options"] ?? {}) as Record<string, string>;
}

/** The inputs with what the port has in their place. */
export function observedOptions<A extends TunnelInputs>(args: A, port: OvsPort): A {
	const found: Record<string, unknown> = Object.fromEntries(Object.entries(args));
	const present = optionsOf(port);
	for (const [input, name] of entries) {
		const text = present[name];
		if (text === undefined) {
			// A tunnel without a far end is none; the declared one stands for it.
			if (input !== "remote") delete found[input];
		} else if (text !== String(args[input])) found[input] = input === "remote" || input === "localIp" ? text : scalar(text);
	}
	return found as A;
}

function scalar(text: string): string | number | boolean {
	if (text === "true" || text === "false") return text === "true";
	return /^(?:\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : text;
}

/**
 * Open vSwitch tells the tunnels of a host apart by type, far end, near end, key and port, on whatever bridge they are; no key is
 * key 0. A tunnel for one near address beside one for all of them would take over a part of its frames.
 */
export function refuseTwin(name: string, args: TunnelInputs, ovs: Ovs, hostName: string): void {
	const twin = Object.values(ovs.ports).find((port) => {
		if (port.name === name || port.interface["type"] !== args.type) return false;
		const { remote_ip, local_ip, key = "0", dst_port } = optionsOf(port);
		const samePort = Number(dst_port ?? DEFAULT_PORT[args.type]) === (args.port ?? DEFAULT_PORT[args.type]);
		const sameNearEnd = args.localIp === undefined || local_ip === undefined || local_ip === args.localIp;
		const sameKey = key === "flow" || Number(key) === (args.key ?? 0);
		return remote_ip === args.remote && sameKey && sameNearEnd && (samePort || args.type === "gre");
	});
	if (twin)
		throw new NetplumbError(
			"conflict",
			`host ${hostName}: key: found ${args.type} tunnel "${twin.name}" in bridge "${twin.bridge}" with the same far end ${args.remote} and key ${args.key ?? 0}, expected a key of its own for each tunnel between two hosts; choose another key on both ends`,
		);
}
