// Random hosts for property tests: bridges, links, containers, addresses and routes that are none of netplumb's.
import * as fc from "fast-check";
import type { Change } from "../../provider/host/change";
import { isRunning, type RunningContainer, type Snapshot } from "../../provider/host/snapshot";
import { addAddress, addRoute, setUp } from "./kernel";
import { applyChange, freeIndex } from "./model-host";

export const WEB = "a".repeat(64);
export const DB = "b".repeat(64);

/** A host with nothing but its loopback and its network card. */
export function bareHost(): Snapshot {
	const lo = {
		name: "lo",
		index: 1,
		kind: "",
		mac: "00:00:00:00:00:00",
		mtu: 65536,
		up: true,
		addresses: ["127.0.0.1/8", "::1/128"],
	};
	const card = { name: "eth0", index: 2, kind: "", mac: "52:54:00:00:00:01", mtu: 1500, up: true, addresses: ["192.0.2.7/24"] };
	return {
		hostName: "h1",
		generation: "none",
		host: { links: { lo, eth0: card }, routes: [], ipv6Disabled: {} },
		ovs: { bridges: {}, ports: {}, kernelDatapath: true },
		containers: {},
		firewall: { docker: {}, routeLocalnet: { lo: false, eth0: false }, conntrack: true },
		ports: [],
	};
}

export function emptyContainer(id: string, name: string, ipv6Off = false): RunningContainer {
	const lo = {
		name: "lo",
		index: 1,
		kind: "",
		mac: "00:00:00:00:00:00",
		mtu: 65536,
		up: true,
		addresses: ["127.0.0.1/8", "::1/128"],
	};
	const ipv6Disabled = { all: false, default: ipv6Off, lo: false };
	const base = { id, name, pid: name.length * 100, startTime: "4711", networkMode: "none", sharesHost: false };
	return { ...base, namespace: { links: { lo }, routes: [], ipv6Disabled } };
}

/** What the random numbers decide. */
export interface Odds {
	kernelDatapath: boolean;
	ipv6Off: boolean;
	docker: boolean;
	dockerIpv6: boolean;
	foreignBridge: boolean;
	foreignNetdev: boolean;
	foreignPorts: number;
	linuxBridge: boolean;
	cards: { up: boolean; mtu: number }[];
	alias: boolean;
}

const odds: fc.Arbitrary<Odds> = fc.record({
	kernelDatapath: fc.boolean(),
	ipv6Off: fc.boolean(),
	docker: fc.boolean(),
	dockerIpv6: fc.boolean(),
	foreignBridge: fc.boolean(),
	foreignNetdev: fc.boolean(),
	foreignPorts: fc.integer({ min: 0, max: 2 }),
	linuxBridge: fc.boolean(),
	cards: fc.array(fc.record({ up: fc.boolean(), mtu: fc.constantFrom(1500, 9000) }), { maxLength: 3 }),
	alias: fc.boolean(),
});

function pair(snapshot: Snapshot, where: string, name: string, host: string, mac: string): Snapshot {
	const change: Change = { verb: "link.add", where, name, mac, mtu: 1500, alias: "", peer: { name: host, mtu: 1500 } };
	const after = applyChange(snapshot, change);
	delete inside(after, where).namespace.links[name]!.alias;
	setUp(after.host, after.host.links[host]!, true);
	const { namespace } = inside(after, where);
	setUp(namespace, namespace.links[name]!, true);
	return after;
}

export function inside(snapshot: Snapshot, id: string): RunningContainer {
	const container = snapshot.containers[id];
	if (!isRunning(container)) throw new Error(`no container ${id}`);
	return container;
}

function linuxBridge(snapshot: Snapshot, name: string, addresses: string[]): void {
	const index = freeIndex(snapshot);
	snapshot.host.links[name] = { name, index, kind: "bridge", mac: "02:42:00:00:00:01", mtu: 1500, up: true, addresses };
}

/** A host as the odds say, with the containers WEB and DB running. */
export function hostOf(chosen: Odds): Snapshot {
	let snapshot = bareHost();
	if (typeof snapshot.ovs !== "string") snapshot.ovs.kernelDatapath = chosen.kernelDatapath;
	snapshot.containers = { [WEB]: emptyContainer(WEB, "web", chosen.ipv6Off), [DB]: emptyContainer(DB, "db") };
	linuxBridge(snapshot, "docker0", ["172.17.0.1/16"]);
	if (chosen.linuxBridge) linuxBridge(snapshot, "lbr0", []);
	if (chosen.docker) {
		snapshot = pair(snapshot, WEB, "eth0", "vethd0", "02:42:ac:11:00:02");
		snapshot.host.links["vethd0"]!.master = "docker0";
		const { namespace } = inside(snapshot, WEB);
		namespace.ipv6Disabled["eth0"] = !chosen.dockerIpv6;
		addAddress(namespace, "eth0", "172.17.0.2/16");
		addRoute(namespace, { to: "0.0.0.0/0", via: "172.17.0.1", dev: "eth0", metric: 0, protocol: "boot", onlink: false });
		if (chosen.dockerIpv6) {
			addAddress(namespace, "eth0", "fd17::2/64");
			addRoute(namespace, { to: "::/0", via: "fd17::1", dev: "eth0", metric: 1024, protocol: "boot", onlink: false });
		}
		if (chosen.alias) snapshot.host.links["vethd0"]!.alias = "somebody's text";
	}
	chosen.cards.forEach(({ up, mtu }, at) => {
		const index = freeIndex(snapshot);
		snapshot.host.links[`nic${at}`] = { name: `nic${at}`, index, kind: "", mac: `52:54:00:00:01:0${at}`, mtu, up, addresses: [] };
	});
	if (chosen.foreignBridge) snapshot = foreignBridge(snapshot, chosen);
	return snapshot;
}

function foreignBridge(start: Snapshot, chosen: Odds): Snapshot {
	let snapshot = applyChange(start, { verb: "bridge.add", name: "br-old" });
	const columns = {
		datapath_type: chosen.foreignNetdev ? "netdev" : "system",
		fail_mode: "secure",
		"external_ids:owner": "somebody",
		"other_config:mac-aging-time": "60",
	};
	snapshot = applyChange(snapshot, { verb: "row.set", table: "Bridge", row: "br-old", columns });
	snapshot = applyChange(snapshot, { verb: "controller.set", bridge: "br-old", targets: ["tcp:192.0.2.9:6653"] });
	snapshot = applyChange(snapshot, { verb: "link.set", where: "host", name: "br-old", up: true });
	snapshot = applyChange(snapshot, { verb: "address.add", where: "host", dev: "br-old", cidr: "10.90.0.1/24" });
	for (let at = 0; at < chosen.foreignPorts; at++) {
		snapshot = pair(snapshot, DB, `old${at}`, `vold${at}`, `02:00:00:00:09:0${at}`);
		snapshot = applyChange(snapshot, { verb: "port.add", bridge: "br-old", name: `vold${at}` });
		snapshot = applyChange(snapshot, { verb: "row.set", table: "Port", row: `vold${at}`, columns: { tag: 900 + at } });
	}
	return snapshot;
}

export const hosts: fc.Arbitrary<Snapshot> = odds.map(hostOf);

/** 192.0.2.8 and .9 are neighbours, and one of IPv6; 198.51.100.1 is behind a router. */
export function among(snapshot: Snapshot): Snapshot {
	const next = structuredClone(snapshot);
	const eth0 = { dev: "eth0", local: false };
	next.paths = {
		...{ "192.0.2.8": eth0, "192.0.2.9": eth0, "fd00:2::8": eth0 },
		...{ "198.51.100.1": { ...eth0, via: "192.0.2.1" }, "192.0.2.7": { dev: "lo", local: true }, "192.0.2.99": "unreachable" },
	};
	const on = { dev: "eth0", protocol: "kernel", onlink: false };
	next.host.routes.push({ ...on, to: "192.0.2.0/24", metric: 0, source: "192.0.2.7" }, { ...on, to: "fd00:2::/64", metric: 256 });
	return next;
}
