// One network over any number of hosts: a bridge on each, a tunnel between any two, and a container on each.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, OverlayNetwork, StaticContainerIp, Subnet, VethAttachment } from "netplumb";

// pulumi config set --path hosts.h1 ssh://root@192.0.2.11
const config = new pulumi.Config();
const targets = config.requireObject<Record<string, string | HostArgs>>("hosts");
const image = config.get("image") ?? "busybox:1.36";
const topology = config.get<"mesh" | "hub">("topology") ?? "mesh";
const type = config.get<"vxlan" | "geneve" | "gre">("type") ?? "vxlan";

const hosts = Object.fromEntries(Object.entries(targets).map(([name, target]) => [name, new Host(target)]));
const six = new Subnet("fd00:70::/64");
const net = new OverlayNetwork("mesh", { hosts, subnet: "10.70.0.0/24", type, topology });

export const addresses: Record<string, pulumi.Output<string>> = {};
for (const [name, host] of Object.entries(hosts)) {
	const container = new docker.Container(
		`mesh-${name}`,
		{
			image,
			name: `mesh-${name}`,
			networkMode: "none",
			command: ["sh", "-c", `echo ${name} >/name && exec httpd -f -p 80 -h /`],
			restart: "unless-stopped",
		},
		{ provider: host.docker() },
	);
	const attachment = new VethAttachment(`mesh-${name}`, { ...net.on(name), container });
	const ip = new StaticContainerIp(`mesh-${name}`, { attachment, addresses: [net.subnet.allocate(name), six.allocate(name)] });
	addresses[name] = ip.ip;
}
