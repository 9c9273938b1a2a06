// Random inputs of every kind, good ones most of the time.
import * as fc from "fast-check";
import { DB, WEB } from "../model/hosts";

const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const subset = <T>(...values: T[]) => fc.subarray(values, { minLength: 0 });

export const bridgeInputs = fc.record({
	name: fc.constantFrom(undefined, "br0", "br-old"),
	datapath: fc.constantFrom(undefined, "system", "netdev"),
	addresses: maybe(fc.shuffledSubarray(["10.20.0.1/24", "10.20.0.2/24", "10.21.0.1/16", "fd00:20::1/64"])),
	mtu: maybe(fc.constantFrom(1400, 1500, 9000)),
	uplinks: maybe(subset("nic0", "nic1")),
	failMode: fc.constantFrom(undefined, "standalone", "secure"),
	rstp: maybe(fc.boolean()),
	mcastSnooping: maybe(fc.boolean()),
	controllers: maybe(subset("tcp:192.0.2.1:6653", "tcp:192.0.2.2:6653")),
	protocols: maybe(subset("OpenFlow10", "OpenFlow13")),
	otherConfig: maybe(
		fc.dictionary(fc.constantFrom("mac-aging-time", "hwaddr", "disable-in-band"), fc.constantFrom("02:00:00:00:00:99", "300")),
	),
	adopt: fc.constantFrom(undefined, true, true),
});

const tag = fc.integer({ min: 1, max: 4094 });

export const vethInputs = fc.record({
	container: fc.constantFrom(WEB, WEB, DB),
	bridge: fc.constantFrom("br-old", "br-old", "br-old", "docker0", "lbr0"),
	interface: fc.constantFrom(undefined, "eth1", "eth0", "lan"),
	hostInterface: fc.constantFrom(undefined, undefined, "vweb", "vold0"),
	mac: fc.constantFrom(undefined, "02:00:00:00:00:01", "02:00:00:00:00:02"),
	mtu: maybe(fc.constantFrom(68, 1400, 1500, 9000)),
	vlan: fc.oneof(
		fc.constant(undefined),
		tag,
		fc.record({ tag }),
		fc.record({ trunks: fc.uniqueArray(tag, { minLength: 1, maxLength: 3 }), native: maybe(tag) }, { requiredKeys: ["trunks"] }),
	),
	portSecurity: maybe(fc.boolean()),
	ovnPort: fc.constantFrom(undefined, undefined, "web", "db"),
});

export const tunnelInputs = fc.record({
	bridge: fc.constantFrom(...Array<string>(9).fill("br-old"), "docker0"),
	name: fc.constantFrom(undefined, "vx0", "gv0"),
	type: fc.constantFrom("vxlan", "geneve", "gre"),
	remote: fc.constantFrom("192.0.2.8", "192.0.2.8", "192.0.2.8", "fd00:2::8", "fd00:2::8", "198.51.100.1"),
	key: maybe(fc.constantFrom(0, 42, 0xffffff)),
	localIp: fc.constantFrom(undefined, undefined, undefined, "192.0.2.7"),
	port: fc.constantFrom(undefined, undefined, undefined, 8472),
	mtu: fc.constantFrom(undefined, undefined, 1400, 1400, 1430, 1500),
	tos: fc.constantFrom(undefined, 0, 184, 252, "inherit"),
	ttl: fc.constantFrom(undefined, 1, 255, "inherit"),
	df: maybe(fc.boolean()),
	csum: maybe(fc.boolean()),
	protected: maybe(fc.boolean()),
	trunks: maybe(fc.uniqueArray(tag, { minLength: 1, maxLength: 3 })),
});

export const routeInputs = fc.oneof(
	fc.record({
		from: fc.constantFrom("10.80.1.0/24", "10.80.3.0/24"),
		to: fc.constantFrom("10.80.2.0/24", "10.81.0.0/16"),
		via: fc.constantFrom("192.0.2.8", "192.0.2.8", "192.0.2.9", "198.51.100.1"),
	}),
	fc.constant({ from: "fd00:81::/64", to: "fd00:82::/64", via: "fd00:2::8" }),
);

export const ipInputs = fc.record({
	container: fc.constant(WEB),
	interface: fc.constantFrom("eth1", "eth1", "eth0"),
	addresses: fc.shuffledSubarray(
		["10.20.0.10/24", "10.20.0.11/24", "10.30.0.10/16", "192.168.9.9/32", "fd00:20::10/64", "fd00:30::10/64"],
		{ minLength: 1 },
	),
	gateway: fc.constantFrom(undefined, undefined, "10.20.0.1", "10.30.0.1"),
	gateway6: fc.constantFrom(undefined, undefined, "fd00:20::1", "fe80::1"),
	defaultRoute: fc.constantFrom(undefined, true, false),
	routes: maybe(
		fc.shuffledSubarray([
			{ to: "10.99.0.0/16", via: "10.20.0.2" },
			{ to: "10.98.0.0/16" },
			{ to: "fd00:99::/48", via: "fd00:20::2" },
			{ to: "10.99.0.0/16", via: "10.20.0.3" },
			{ to: "10.97.0.5/24", via: "10.20.0.2" },
		]),
	),
});

const anyPorts = fc.constantFrom<(string | number)[]>(80, 443, "8000-8010", "8005", "1000-60000");

export const publishInputs = fc.record({
	protocol: fc.constantFrom(undefined, "tcp", "tcp", "udp", "sctp"),
	hostIp: fc.constantFrom(undefined, undefined, "192.0.2.7", "127.0.0.1", "fd17::1"),
	hostPorts: anyPorts,
	target: fc.constantFrom("172.17.0.2", "172.17.0.3", "10.20.0.5", "203.0.113.9", "fd17::2"),
	targetPort: fc.constantFrom(undefined, undefined, 80, 9000),
	allowFrom: maybe(fc.shuffledSubarray(["10.0.0.0/8", "10.1.0.0/16", "192.0.2.9/32", "0.0.0.0/0"], { minLength: 1 })),
	hairpin: maybe(fc.boolean()),
	localhost: maybe(fc.boolean()),
});

export const networkInputs = fc.record({
	name: fc.constantFrom(undefined, "net0"),
	subnet: fc.constantFrom("10.77.0.0/24", "10.78.0.0/16", "fd00:77::/64"),
	egress: fc.constantFrom(undefined, "none", "internet", "all"),
	clients: fc.constantFrom(undefined, "open", "isolated"),
	allow: maybe(subset("br-old", "net1")),
	services: maybe(subset("udp/53", "tcp/53")),
	vlan: maybe(fc.integer({ min: 1, max: 4094 })),
	mtu: maybe(fc.constantFrom(1400, 1500)),
	datapath: fc.constantFrom(undefined, "netdev"),
});

export const centralInputs = fc.record({
	address: fc.constantFrom("192.0.2.7", "192.0.2.7", "192.0.2.7", "198.51.100.1"),
	southboundPort: fc.constantFrom(undefined, undefined, 6742, 6699),
	northboundPort: fc.constantFrom(undefined, 6641, 6642),
	tls: fc.constantFrom(false, { privateKey: "/etc/k.pem", certificate: "/etc/c.pem", caCert: "/etc/ca.pem" }),
});

export const chassisInputs = fc.record({
	southbound: fc.constantFrom("tcp:192.0.2.7:6642", "ssl:192.0.2.8:6642", "tcp:[fd00:2::8]:6642"),
	encapIp: fc.constantFrom("192.0.2.7", "192.0.2.7", "192.0.2.7", "198.51.100.1"),
	encapType: fc.constantFrom(undefined, "geneve", "vxlan"),
	systemId: fc.constantFrom(undefined, "rack-7", "h1"),
	datapath: fc.constantFrom(undefined, "system", "netdev"),
	bridgeMappings: fc.constantFrom(
		undefined,
		{},
		{ outside: "br-out" },
		{ outside: "br-out", store: "br-out" },
		{ outside: "br-int" },
		{ store: "br-no" },
	),
	tls: maybe(fc.constant({ privateKey: "/etc/k.pem", certificate: "/etc/c.pem", caCert: "/etc/ca.pem" })),
	adopt: fc.constantFrom(undefined, true),
});

const rules = [
	{ direction: "to-lport", priority: 1000, match: "ip4", action: "drop" },
	{ direction: "to-lport", priority: 1001, match: 'inport == "web" && tcp.dst == {80, 443}', action: "allow-related" },
	{ direction: "from-lport", priority: 1000, match: "ip4", action: "drop" },
	{ direction: "to-lport", priority: 1000, match: "ip4", action: "reject" },
];

export const switchInputs = fc.record({
	name: fc.constantFrom(undefined, "apps", "apps", "theirs"),
	acls: maybe(fc.shuffledSubarray(rules)),
	dns: fc.constantFrom(undefined, "10.72.0.1", "10.72.0.2"),
	localnet: fc.constantFrom(undefined, undefined, { network: "outside" }, { network: "outside", vlan: 12 }, { network: "other" }),
	dhcp: maybe(
		fc.record({
			subnet: fc.constantFrom("10.72.0.0/24", "10.72.0.0/29", "10.72.4.0/24"),
			router: fc.constantFrom(undefined, "10.72.0.1", "10.72.4.1"),
			dns: fc.constantFrom(undefined, ["192.0.2.53"], ["192.0.2.53", "192.0.2.54"]),
			mtu: fc.constantFrom(undefined, 1442),
			leaseSeconds: fc.constantFrom(undefined, 600),
		}),
	),
});

const inner = { switch: "theirs", addresses: ["10.72.0.1/24", "fd00:72::1/64"] };
const legs = [
	[inner],
	[inner, { switch: "served", addresses: ["192.0.2.50/24"] }],
	...[["h1", "h2"], ["h2", "h3"], ["h2"]].map((chassis) => [inner, { switch: "served", addresses: ["192.0.2.50/24"], chassis }]),
	[{ switch: "served", addresses: ["192.0.2.51/24", "10.72.0.1/24"], chassis: ["h1"], mtu: 1400 }],
	[inner, { switch: "served", addresses: ["192.0.2.50/24"], chassis: ["h1", "h2"], mtu: 1442 }],
	[inner, { switch: "nobody", addresses: ["10.74.0.1/24"] }],
];
/** One of these, or none. */
const either = <T>(...values: T[]) => fc.constantFrom(undefined, ...values);
const listOf = (...entries: fc.Arbitrary<object | undefined>[]) =>
	maybe(fc.tuple(...entries).map((all) => all.filter((one) => one !== undefined)));

export const routerInputs = fc
	.record({
		name: fc.constantFrom(undefined, "edge", "edge", "their-router"),
		ports: fc.constantFrom(...legs),
		routes: listOf(
			either({ to: "10.81.0.0/16", via: "10.72.0.8" }),
			either({ to: "10.80.0.0/16", via: "10.72.0.9" }, { to: "10.80.0.0/16", via: "10.72.0.10" }),
		),
		snat: listOf(either({ from: "10.72.0.0/24" }, { from: "10.72.0.0/24", to: "192.0.2.60" }), either({ from: "10.80.0.0/16" })),
		publish: listOf(
			either({ port: 80, target: "10.72.0.5" }, { port: 80, target: "10.72.0.6", targetPort: 8080 }),
			either({ port: 53, protocol: "udp", target: "10.72.0.5" }),
			either({ port: 443, address: "192.0.2.61", target: "10.72.0.5" }),
			either({ address: "192.0.2.62", target: "10.72.0.5" }, { address: "192.0.2.62", target: "10.72.0.6" }),
		),
	})
	// Addresses are translated at a port with chassis.
	.map(({ snat, publish, ...plain }) => (plain.ports.some((leg) => "chassis" in leg) ? { snat, publish, ...plain } : plain));

export const portInputs = fc.record({
	switch: fc.constantFrom("theirs", "theirs", "served", "served", "nobody"),
	name: fc.constantFrom(undefined, undefined, "web", "their-port"),
	mac: fc.constantFrom(undefined, "02:00:00:00:00:01"),
	addresses: maybe(fc.shuffledSubarray(["10.72.0.5", "10.73.0.6", "fd00:72::5"], { minLength: 1 })),
	portSecurity: maybe(fc.boolean()),
	hostnames: maybe(fc.shuffledSubarray(["web", "web.apps", "db"], { minLength: 1 })),
});
