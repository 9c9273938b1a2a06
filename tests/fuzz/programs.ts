// Random programs: a host, and a few steps, each of which changes some of what is declared, perhaps with a fault on the way.
import * as fc from "fast-check";
import type { KindName } from "../../provider/kinds/registry";
import { DB, hosts, WEB } from "../model/hosts";
import { bridgeInputs, ipInputs, networkInputs, publishInputs, routeInputs, tunnelInputs, vethInputs } from "../plan/inputs";
import type { Args } from "./engine";
import type { Fault } from "./model-exchange";

export interface Edit {
	name: string;
	kind: KindName;
	/** Undefined: it is declared no longer. */
	args?: Args;
}

export interface Step {
	edits: Edit[];
	fault?: Fault;
}

type Inputs = fc.Arbitrary<Record<string, unknown>>;

const BRIDGES = ["br0", "br0", "br-old", "br-old", "net0", "docker0", "lbr0"];

/** The names of what can be declared, each with inputs of its kind. What two of them share (a name, an address) is seldom the same. */
export function slotsOf(containers: readonly [string, string] = [WEB, DB], bridges: readonly string[] = BRIDGES) {
	const [web, db] = containers;
	const bridge = fc.constantFrom(...bridges);
	const end = (container: string, link: string, mac: string): Inputs =>
		fc
			.tuple(vethInputs, bridge)
			.map(([inputs, on]) => ({ ...inputs, container, bridge: on, interface: link, hostInterface: undefined, mac }));
	const ip = (container: string, link: string, last: number): Inputs =>
		ipInputs.map((inputs) => ({
			...inputs,
			container,
			interface: link,
			addresses: inputs.addresses.map((one) => moved(one, last)),
		}));
	// The other neighbour of IPv6 is behind a bridge, where IPv6 may be off.
	const route = routeInputs.map((inputs) => ({ ...inputs, via: inputs.via.replace("fd00:2::8", "fd00:2::9") }));
	const slots: [string, KindName, Inputs][] = [
		["b0", "OvsBridge", bridgeInputs.map((inputs) => ({ ...inputs, name: "br0", adopt: undefined }))],
		["b1", "OvsBridge", bridgeInputs.map((inputs) => ({ ...inputs, name: "br-old", datapath: undefined, adopt: true }))],
		["n0", "IsolatedNetwork", networkInputs.map((inputs) => ({ ...inputs, name: "net0" }))],
		["v0", "VethAttachment", end(web, "eth1", "02:00:00:00:00:01")],
		["v1", "VethAttachment", end(web, "eth2", "02:00:00:00:00:02")],
		["v2", "VethAttachment", end(db, "eth1", "02:00:00:00:00:03")],
		["t0", "OvsTunnel", fc.tuple(tunnelInputs, bridge).map(([inputs, on]) => ({ ...inputs, bridge: on, name: "vx0" }))],
		["t1", "OvsTunnel", fc.tuple(tunnelInputs, bridge).map(([inputs, on]) => ({ ...inputs, bridge: on, name: "gv0" }))],
		["i0", "StaticContainerIp", ip(web, "eth1", 0)],
		["i1", "StaticContainerIp", ip(web, "eth2", 100)],
		["i2", "StaticContainerIp", ip(db, "eth1", 0)],
		["p0", "NatPublish", publishInputs],
		["p1", "NatPublish", publishInputs],
		["r0", "StaticRoute", route],
		["r1", "StaticRoute", route],
	];
	return slots;
}

/** The same address, `by` further on, where it is of IPv4 with a subnet. */
function moved(cidr: string, by: number): string {
	return cidr.replace(/\.(\d+)\/(?!32)/, (_, last) => `.${Number(last) + by}/`);
}

export function stepsOf(slots: ReturnType<typeof slotsOf>, most = 5, faults = true): fc.Arbitrary<Step[]> {
	const edits = slots.map(([name, kind, inputs]) =>
		fc
			.tuple(inputs, fc.constantFrom(true, true, true, false))
			.map(([args, keep]): Edit => (keep ? { name, kind, args: defined(args) } : { name, kind })),
	);
	const whats = ["fails", "dies", "unheard", "ends"] as const;
	const fault = fc.record({ at: fc.nat(30), what: fc.constantFrom(...whats), refresh: fc.boolean() });
	const step = fc.record({
		edits: fc.uniqueArray(fc.oneof(...edits), { selector: ({ name }) => name, minLength: 1, maxLength: 7 }),
		...(faults ? { fault: fc.option(fault, { nil: undefined }) } : {}),
	});
	return fc.array(step as fc.Arbitrary<Step>, { minLength: 1, maxLength: most });
}

function defined(args: Record<string, unknown>): Args {
	return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
}

/** Hosts that have all that the inputs speak of, most of the time. */
export const starts = fc
	.record({
		host: hosts,
		through: fc.boolean(),
		drops: fc.boolean(),
		docker: fc.boolean(),
	})
	.map(({ host, through, drops, docker }) => {
		const old = typeof host.ovs === "object" ? host.ovs.bridges["br-old"] : undefined;
		const dev = through && old?.columns["datapath_type"] === "netdev" ? "br-old" : "eth0";
		const paths = {
			"192.0.2.8": { dev, local: false, source: "192.0.2.7" },
			"192.0.2.9": { dev: "eth0", local: false, source: "192.0.2.7" },
			"fd00:2::8": { dev, local: false },
			"fd00:2::9": { dev: "eth0", local: false },
			"192.0.2.7": { dev: "lo", local: true },
			"198.51.100.1": "unreachable" as const,
		};
		if (typeof host.firewall !== "object") throw new Error("no firewall");
		for (const name of Object.keys(host.host.links)) host.firewall.routeLocalnet[name] = false;
		const user = { tool: "iptables", forwardDrops: drops, dropsTo: ["docker0"], accepts: false };
		host.firewall.docker = docker ? { 4: user, 6: { ...user } } : {};
		const on = (to: string, dev: string) => ({ to, dev, metric: to.includes(":") ? 1024 : 0, protocol: "static", onlink: false });
		const near = [on("192.0.2.8/32", dev), on("192.0.2.9/32", "eth0"), on("fd00:2::9/128", "eth0")];
		return { ...host, paths, host: { ...host.host, routes: [...host.host.routes, ...near] } };
	});
