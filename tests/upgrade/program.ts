// The program whose state and host are recorded for each released version: every kind, with most of its inputs, and a change of each in place.
import type { Snapshot } from "../../provider/host/snapshot";
import type { Args, Declared } from "../fuzz/engine";
import { among, bareHost, DB, emptyContainer, WEB } from "../model/hosts";

export interface Recorded {
	version: string;
	start: Snapshot;
	/** With the host's address as HOST. */
	host: Snapshot;
	resources: [name: string, { kind: string; id: string; state: Args }][];
}

export const HOST = "recorded.invalid";

/** What `program` is written for; a recorded one is read from its file. */
export function startingHost(): Snapshot {
	return among({ ...bareHost(), containers: { [WEB]: emptyContainer(WEB, "web"), [DB]: emptyContainer(DB, "db") } });
}

export const program: Declared = {
	lan: {
		kind: "OvsBridge",
		args: { name: "br0", addresses: ["10.20.0.1/24", "fd00:20::1/64"], mtu: 1400, otherConfig: { "mac-aging-time": "60" } },
	},
	wire: { kind: "VethAttachment", args: { container: WEB, bridge: "br0", interface: "eth1", vlan: 10, portSecurity: true } },
	trunk: { kind: "VethAttachment", args: { container: DB, bridge: "br0", vlan: { trunks: [10, 20], native: 10 } } },
	ip: {
		kind: "StaticContainerIp",
		args: { container: WEB, interface: "eth1", addresses: ["10.20.0.10/24", "fd00:20::10/64"], gateway: "10.20.0.1" },
	},
	tunnel: { kind: "OvsTunnel", args: { bridge: "br0", type: "vxlan", remote: "192.0.2.8", key: 42, protected: true } },
	port: { kind: "NatPublish", args: { hostPorts: "8080-8082", target: "10.20.0.10", targetPort: 80, allowFrom: ["10.0.0.0/8"] } },
	net: { kind: "IsolatedNetwork", args: { name: "net0", subnet: "10.67.0.0/24", egress: "internet", services: ["udp/53"] } },
	route: { kind: "StaticRoute", args: { from: "10.80.1.0/24", to: "10.80.2.0/24", via: "192.0.2.8" } },
};

/** By the name of the resource: inputs that every kind can change without being made anew. */
const IN_PLACE: Record<string, Args> = {
	lan: { otherConfig: { "mac-aging-time": "90" } },
	wire: { vlan: 20 },
	trunk: { vlan: { trunks: [10, 30], native: 10 } },
	ip: { addresses: ["10.20.0.10/24"] },
	tunnel: { key: 43 },
	port: { allowFrom: ["10.0.0.0/8", "192.0.2.0/24"] },
	net: { egress: "none" },
	route: { via: "192.0.2.9" },
};

export const edited: Declared = Object.fromEntries(
	Object.entries(program).map(([name, { kind, args }]) => [name, { kind, args: { ...args, ...IN_PLACE[name] } }]),
);
