// Two containers on two hosts, in one network: a bridge on each host, and a VXLAN tunnel between the bridges.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, OvsBridge, OvsTunnel, StaticContainerIp, VethAttachment } from "netplumb";

// The hosts must have their addresses as text: a tunnel takes no names.
const config = new pulumi.Config();
const a = new Host(config.requireObject<HostArgs>("a"));
const b = new Host(config.requireObject<HostArgs>("b"));
const image = config.get("image") ?? "busybox:1.36";
// Both ends must agree on the number.
const key = config.getNumber("key") ?? 42;

function end(name: string, host: Host, other: Host, address: string) {
	const bridge = new OvsBridge(`vxlan-${name}`, { host, name: "br-vxlan" });
	const tunnel = new OvsTunnel(`vxlan-${name}`, { host, bridge, type: "vxlan", remote: other.args.address, key });
	const container = new docker.Container(
		`vxlan-${name}`,
		{
			image,
			name: `vxlan-${name}`,
			networkMode: "none",
			command: ["sh", "-c", `echo ${name} >/name && exec httpd -f -p 80 -h /`],
			restart: "unless-stopped",
		},
		{ provider: host.docker() },
	);
	// What fits through the tunnel: larger packets would be lost on the way.
	const attachment = new VethAttachment(`vxlan-${name}`, { host, container, bridge, mtu: tunnel.mtu });
	return new StaticContainerIp(`vxlan-${name}`, { attachment, addresses: [address] });
}

export const addresses = { a: end("a", a, b, "10.60.0.1/24").ip, b: end("b", b, a, "10.60.0.2/24").ip };
