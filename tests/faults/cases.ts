// For every kind: what it leans on, what is made, and what it is changed to, so that all its sorts of operations come up.
import type { KindName } from "../../provider/kinds/registry";
import type { Args, Declared } from "../fuzz/engine";

export interface Case {
	kind: KindName;
	base: Declared;
	first: Args;
	second: Args;
}

const bridge = (name: string, more: Args = {}): Declared[string] => ({ kind: "OvsBridge", args: { name, ...more } });

/** `web` has a network of Docker's, `bare` has none; `neighbour` is an address on the underlay. */
export function casesFor(web: string, bare: string, neighbour: string): Case[] {
	return [
		{
			kind: "OvsBridge",
			base: {},
			first: {
				name: "br-f",
				addresses: ["10.60.0.1/24", "fd00:60::1/64"],
				mtu: 1400,
				controllers: ["tcp:192.0.2.1:6653"],
				uplinks: ["nic0"],
			},
			second: { name: "br-f", addresses: ["10.60.0.2/24"], failMode: "secure", otherConfig: { "mac-aging-time": "60" } },
		},
		{
			kind: "OvsTunnel",
			base: { b: bridge("br-f") },
			first: { bridge: "br-f", name: "vx-f", type: "vxlan", remote: neighbour, key: 42, protected: true },
			second: { bridge: "br-f", name: "vx-f", type: "vxlan", remote: neighbour, key: 43, trunks: [10, 20] },
		},
		{
			kind: "VethAttachment",
			base: { b: bridge("br-f"), c: bridge("br-g") },
			first: { container: bare, bridge: "br-f", vlan: 10, portSecurity: true },
			second: { container: bare, bridge: "br-g", vlan: { trunks: [10, 20] }, mtu: 1400, mac: "02:00:00:00:00:44" },
		},
		{
			kind: "VethAttachment",
			base: {},
			first: { container: bare, bridge: "lbr-f" },
			second: { container: bare, bridge: "lbr-f", mtu: 1400 },
		},
		{
			kind: "StaticContainerIp",
			base: {
				b: bridge("br-f"),
				v: { kind: "VethAttachment", args: { container: web, bridge: "br-f", interface: "eth1", portSecurity: true } },
			},
			first: { container: web, interface: "eth1", addresses: ["10.60.0.5/24", "fd00:60::5/64"], gateway: "10.60.0.1" },
			second: {
				...{ container: web, interface: "eth1", addresses: ["10.60.0.6/24"], defaultRoute: false },
				routes: [{ to: "10.99.99.0/24", via: "10.60.0.9" }],
			},
		},
		{
			kind: "NatPublish",
			base: { b: bridge("br-f", { addresses: ["10.60.0.1/24"] }) },
			first: { hostPorts: 8080, target: "10.60.0.5", localhost: true },
			second: { hostPorts: "8080-8082", target: "10.60.0.6", targetPort: 80, allowFrom: ["10.0.0.0/8"] },
		},
		{
			kind: "IsolatedNetwork",
			base: {},
			first: { name: "net-f", subnet: "10.61.0.0/24", egress: "internet", services: ["udp/53"] },
			second: { name: "net-f", subnet: "10.61.0.0/24", clients: "isolated", mtu: 1400 },
		},
		{
			kind: "StaticRoute",
			base: {},
			first: { from: "10.62.0.0/24", to: "10.63.0.0/24", via: neighbour },
			second: { from: "10.64.0.0/24", to: "10.63.0.0/24", via: neighbour.replace(/\d+$/, "251") },
		},
	];
}

/** With OVN's databases on the host at `address`, whose ovn-controller has made br-int. */
export function ovnCasesFor(address: string, container: string): Case[] {
	const listening: Declared = { c: { kind: "OvnCentral", args: { address, tls: false } } };
	const southbound = `tcp:${address}:6642`;
	const apps: Declared[string] = { kind: "OvnSwitch", args: { name: "apps", dns: "10.72.0.2" } };
	const outside: Declared[string] = { kind: "OvnSwitch", args: { name: "outside", localnet: { network: "outside" } } };
	const acl = (priority: number, match: string) => ({ direction: "to-lport", priority, match, action: "drop" });
	const legs = (last: string, chassis: string[], mtu: number) => [
		{ switch: "apps", addresses: [`10.72.0.${last}/24`] },
		{ switch: "outside", addresses: ["192.0.2.50/24"], chassis, mtu },
	];
	return [
		{ kind: "OvnCentral", base: {}, first: { address, tls: false }, second: { address, tls: false, southboundPort: 6742 } },
		{
			kind: "OvnChassis",
			base: listening,
			first: { southbound, encapIp: address, systemId: "rack-7" },
			second: { southbound, encapIp: address, encapType: "vxlan", systemId: "rack-7", bridgeMappings: { outside: "br-phy" } },
		},
		{
			kind: "OvnSwitch",
			base: {},
			first: { name: "apps", acls: [acl(100, "ip4"), acl(90, "ip6")], dns: "10.72.0.2", dhcp: { subnet: "10.72.0.0/24" } },
			second: { name: "apps", acls: [acl(100, "ip6")], localnet: { network: "outside", vlan: 12 } },
		},
		{
			kind: "OvnPort",
			base: { s: apps },
			first: { switch: "apps", name: "web", addresses: ["10.72.0.5"], hostnames: ["web"] },
			second: { switch: "apps", name: "web", mac: "02:00:00:00:00:45", addresses: ["10.72.0.6"], portSecurity: false },
		},
		{
			kind: "OvnRouter",
			base: { s: apps, o: outside },
			first: {
				...{ name: "edge", ports: legs("1", ["h1", "h2"], 1442), routes: [{ to: "0.0.0.0/0", via: "192.0.2.1" }] },
				...{ snat: [{ from: "10.72.0.0/24" }], publish: [{ port: 80, target: "10.72.0.5" }] },
			},
			second: {
				...{ name: "edge", ports: legs("254", ["h2"], 1400), routes: [{ to: "0.0.0.0/0", via: "192.0.2.2" }] },
				publish: [
					{ protocol: "udp", port: 53, target: "10.72.0.5" },
					{ address: "192.0.2.51", target: "10.72.0.6" },
				],
			},
		},
		{
			kind: "VethAttachment",
			base: {},
			first: { container, bridge: "br-int", ovnPort: "web" },
			second: { container, bridge: "br-int", ovnPort: "db", mtu: 1400 },
		},
	];
}
