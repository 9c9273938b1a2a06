// Inputs that every kind accepts, with every property set.
const full = {
	OvsBridge: {
		name: "br0",
		datapath: "netdev",
		addresses: ["10.0.0.1/24"],
		mtu: 1400,
		uplinks: ["eth1"],
		failMode: "secure",
		rstp: true,
		stp: false,
		mcastSnooping: true,
		controllers: ["tcp:192.0.2.1:6653"],
		protocols: ["OpenFlow13"],
		otherConfig: { "mac-aging-time": "300" },
		acceptRisk: ["ssh-path"],
		adopt: true,
	},
	OvsTunnel: {
		bridge: "br0",
		name: "vx0",
		type: "vxlan",
		remote: "192.0.2.2",
		key: 42,
		localIp: "192.0.2.1",
		port: 4789,
		mtu: 1400,
		tos: "inherit",
		ttl: 64,
		df: true,
		csum: true,
		protected: true,
		trunks: [10, 20],
	},
	VethAttachment: {
		container: "web",
		bridge: "br0",
		interface: "eth1",
		hostInterface: "vweb",
		mac: "02:00:00:00:00:01",
		mtu: 1400,
		vlan: { trunks: [10, 20], native: 10 },
		portSecurity: false,
		adopt: true,
	},
	OvnCentral: {
		address: "192.0.2.1",
		southboundPort: 6642,
		northboundPort: 6641,
		tls: { privateKey: "/etc/key.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" },
	},
	OvnChassis: {
		southbound: "ssl:192.0.2.1:6642",
		encapIp: "192.0.2.2",
		encapType: "geneve",
		systemId: "h2",
		datapath: "netdev",
		bridgeMappings: { outside: "br-phy" },
		tls: { privateKey: "/etc/key.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" },
		adopt: true,
	},
	OvnSwitch: {
		northbound: "ssl:192.0.2.1:6641",
		tls: { privateKey: "/etc/key.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" },
		name: "apps",
		acls: [{ direction: "to-lport", priority: 1000, match: "ip4", action: "drop" }],
		dns: "10.72.0.1",
		localnet: { network: "outside", vlan: 10 },
	},
	OvnPort: {
		northbound: "ssl:192.0.2.1:6641",
		tls: { privateKey: "/etc/key.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" },
		switch: "apps",
		name: "web",
		mac: "02:00:00:00:00:01",
		addresses: ["10.72.0.5", "fd00:72::5"],
		portSecurity: true,
		hostnames: ["web", "web.apps"],
	},
	OvnRouter: {
		northbound: "ssl:192.0.2.1:6641",
		tls: { privateKey: "/etc/key.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" },
		name: "edge",
		ports: [
			{ switch: "apps", addresses: ["10.72.0.1/24"], mac: "02:00:00:00:00:01" },
			{ switch: "outside", addresses: ["192.0.2.50/24"], chassis: ["h1", "h2"], mtu: 1442 },
		],
		routes: [{ to: "0.0.0.0/0", via: "192.0.2.1" }],
		snat: [{ from: "10.72.0.0/24", to: "192.0.2.51" }],
		publish: [{ protocol: "tcp", address: "192.0.2.52", port: 80, target: "10.72.0.5", targetPort: 8080 }],
	},
	StaticContainerIp: {
		container: "web",
		interface: "eth1",
		addresses: ["10.0.0.5/24", "fd00::5/64"],
		gateway: "10.0.0.1",
		gateway6: "fd00::1",
		defaultRoute: true,
		routes: [{ to: "10.9.0.0/16", via: "10.0.0.2" }],
		portSecurity: true,
		adopt: true,
	},
	StaticRoute: { from: "10.80.1.0/24", to: "10.80.2.0/24", via: "192.0.2.2" },
	IsolatedNetwork: {
		name: "net0",
		subnet: "10.0.0.0/24",
		gateway: "10.0.0.1",
		egress: "internet",
		clients: "isolated",
		allow: ["net1"],
		services: ["udp/53"],
		vlan: 10,
		mtu: 1400,
		datapath: "netdev",
	},
	NatPublish: {
		protocol: "tcp",
		hostIp: "192.0.2.7",
		hostPorts: "8000-8999",
		target: "10.0.0.5",
		targetPort: 8000,
		allowFrom: ["10.1.0.0/16", "10.2.0.0/16"],
		hairpin: true,
		localhost: true,
	},
} as const;

export const complete: Record<keyof typeof full, Record<string, unknown>> = full;

/** The least that every kind accepts. */
export const good = {
	host: { address: "10.0.0.1" },
	OvsBridge: {},
	OvsTunnel: { bridge: "br0", type: "vxlan", remote: "192.0.2.2" },
	VethAttachment: { container: "web", bridge: "br0" },
	OvnCentral: { address: "192.0.2.1", tls: false },
	OvnChassis: { southbound: "tcp:192.0.2.1:6642", encapIp: "192.0.2.2" },
	OvnSwitch: {},
	OvnPort: { switch: "apps" },
	OvnRouter: { ports: [{ switch: "apps", addresses: ["10.72.0.1/24"] }] },
	StaticContainerIp: { container: "web", interface: "eth1", addresses: ["10.0.0.5/24"] },
	StaticRoute: { from: "10.80.1.0/24", to: "10.80.2.0/24", via: "192.0.2.2" },
	IsolatedNetwork: { subnet: "10.0.0.0/24" },
	NatPublish: { hostPorts: 3306, target: "10.0.0.5" },
};

export type Path = (string | number)[];

/** Every place in a value, the value itself left out. */
export function places(value: unknown, path: Path = []): Path[] {
	if (typeof value !== "object" || value === null) return [];
	return Object.entries(value).flatMap(([key, inner]) => {
		const at = [...path, Array.isArray(value) ? Number(key) : key];
		return [at, ...places(inner, at)];
	});
}

/** A copy with another value in one place. */
export function put(value: unknown, path: Path, inner: unknown): unknown {
	if (path.length === 0) return inner;
	const [key, ...rest] = path as [string | number, ...Path];
	const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string | number, unknown>;
	copy[key] = put(copy[key], rest, inner);
	return copy;
}

export function at(value: unknown, path: Path): unknown {
	return path.reduce<unknown>((inner, key) => (inner as Record<string | number, unknown>)[key], value);
}
