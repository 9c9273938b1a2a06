import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import {
	Host,
	type HostArgs,
	OverlayNetwork,
	OvnCentral,
	OvnChassis,
	OvnPort,
	OvnRouter,
	OvnSwitch,
	StaticContainerIp,
	VethAttachment,
} from "netplumb";

// pulumi config set --path hosts.h1 ssh://root@192.0.2.11
const config = new pulumi.Config();
const targets = config.requireObject<Record<string, string | HostArgs>>("hosts");
const image = config.get("image") ?? "busybox:1.36";
// Files on the hosts; false is for networks where nobody else is.
const tls = config.getObject<{ privateKey: string; certificate: string; caCert: string }>("tls") ?? false;
// A bridge on every host that leads out, an address there for the router, and the next router.
const outside = config.getObject<{ bridge: string; address: string; gateway: string }>("outside");

const hosts = Object.fromEntries(Object.entries(targets).map(([name, target]) => [name, new Host(target)]));
const [first, second, third] = Object.keys(hosts);
if (first === undefined || second === undefined || third === undefined) throw new Error("hosts: name three of them");

const central = new OvnCentral("ovn", { host: hosts[first]!, address: hosts[first]!.args.address, tls });
const chassis: Record<string, OvnChassis> = {};
for (const [name, host] of Object.entries(hosts))
	chassis[name] = new OvnChassis(`ovn-${name}`, {
		host,
		southbound: central.southbound,
		encapIp: host.args.address,
		...(outside ? { bridgeMappings: { outside: outside.bridge } } : {}),
		...(tls ? { tls } : {}),
	});

// Nothing but the web server reaches the database, and that at one port.
const net = new OverlayNetwork("apps", {
	hosts,
	subnet: "10.72.0.0/24",
	engine: "ovn",
	ovn: {
		central,
		chassis,
		dns: "10.72.0.254",
		acls: [
			{ direction: "to-lport", priority: 1000, match: "ip4.dst == 10.72.0.20", action: "drop" },
			{
				direction: "to-lport",
				priority: 1001,
				match: "ip4.src == 10.72.0.10 && ip4.dst == 10.72.0.20 && tcp.dst == 80",
				action: "allow-related",
			},
		],
	},
});

// The way out, at the first host, and at the second one when that is down; and the way in to the web server.
if (outside) {
	const uplink = new OvnSwitch("outside", { host: central.host, name: "outside", localnet: { network: "outside" } });
	new OvnRouter("edge", {
		host: central.host,
		name: "edge",
		ports: [
			{ switch: net.ovnSwitch, addresses: ["10.72.0.1/24"] },
			{ switch: uplink, addresses: [outside.address], chassis: [chassis[first]!, chassis[second]!], mtu: net.mtu },
		],
		routes: [{ to: "0.0.0.0/0", via: outside.gateway }],
		snat: [{ from: "10.72.0.0/24" }],
		publish: [{ port: 8080, target: "10.72.0.10", targetPort: 80 }],
	});
}

// A second network by hand, for backups: a switch, and a port for each of two members.
const backup = new OvnSwitch("backup", { host: central.host, name: "backup" });
const backups: Record<string, string> = { db: "10.73.0.20", batch: "10.73.0.30" };

const members = { web: [first, "10.72.0.10"], db: [second, "10.72.0.20"], batch: [third, "10.72.0.30"] } as const;
export const addresses: Record<string, pulumi.Output<string>> = {};
for (const [name, [place, address]] of Object.entries(members)) {
	const host = hosts[place]!;
	const container = new docker.Container(
		`ovn-${name}`,
		{
			image,
			name: `ovn-${name}`,
			networkMode: "none",
			dns: ["10.72.0.254"],
			command: ["sh", "-c", `echo ${name} >/name && exec httpd -f -p 80 -h /`],
			restart: "unless-stopped",
		},
		{ provider: host.docker() },
	);
	const attachment = new VethAttachment(`ovn-${name}`, { ...net.on(place, name, { addresses: [address] }), container });
	const ip = new StaticContainerIp(`ovn-${name}`, {
		attachment,
		addresses: [`${address}/24`],
		...(outside ? { gateway: "10.72.0.1" } : {}),
	});
	addresses[name] = ip.ip;

	const own = backups[name];
	if (own === undefined) continue;
	const port = new OvnPort(`backup-${name}`, { host: central.host, switch: backup, addresses: [own] });
	const wire = new VethAttachment(`backup-${name}`, {
		host,
		container,
		interface: "eth2",
		bridge: chassis[place]!.bridge,
		mtu: net.mtu,
		ovnPort: port.name,
		mac: port.mac,
	});
	new StaticContainerIp(`backup-${name}`, { attachment: wire, addresses: [`${own}/24`] });
}
