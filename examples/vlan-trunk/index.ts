// Two VLANs over two hosts: a trunk between the bridges carries both, access ports with equal tags talk, others do not.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, OvsBridge, OvsTunnel, StaticContainerIp, VethAttachment } from "netplumb";

const config = new pulumi.Config();
const hosts = { a: new Host(config.requireObject<HostArgs>("a")), b: new Host(config.requireObject<HostArgs>("b")) };
const image = config.get("image") ?? "busybox:1.36";
// VLAN 30 is on both hosts, and stays on each of them as long as the trunk does not carry it.
const trunks = config.getObject<number[]>("trunks") ?? [10, 20];

const other = { a: hosts.b, b: hosts.a };

export const addresses: Record<string, pulumi.Output<string>> = {};
for (const name of ["a", "b"] as const) {
	const host = hosts[name];
	const bridge = new OvsBridge(`trunk-${name}`, { host, name: "br-trunk" });
	const trunk = new OvsTunnel(`trunk-${name}`, {
		host,
		bridge,
		type: "geneve",
		remote: other[name].args.address,
		key: 7,
		trunks,
	});
	for (const vlan of [10, 20, 30]) {
		const member = `${name}${vlan}`;
		const container = new docker.Container(
			`trunk-${member}`,
			{
				image,
				name: `trunk-${member}`,
				networkMode: "none",
				command: ["sh", "-c", `echo ${member} >/name && exec httpd -f -p 80 -h /`],
				restart: "unless-stopped",
			},
			{ provider: host.docker() },
		);
		const attachment = new VethAttachment(`trunk-${member}`, { host, container, bridge, vlan, mtu: trunk.mtu });
		// One subnet for all: only the tags keep them apart.
		const ip = new StaticContainerIp(`trunk-${member}`, {
			attachment,
			addresses: [`10.61.0.${name === "a" ? vlan : vlan + 1}/24`],
		});
		addresses[member] = ip.ip;
	}
}
