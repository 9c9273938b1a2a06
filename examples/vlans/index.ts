// Three access ports and a trunk on one bridge. Equal tags talk, different ones do not; the trunk carries both.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, OvsBridge, StaticContainerIp, VethAttachment, type VlanArgs } from "netplumb";

const config = new pulumi.Config();
const host = new Host(config.requireObject<HostArgs>("host"));
const image = config.get("image") ?? "busybox:1.36";
// The one to play with: 20 takes red2 away from red1 and gives it to blue.
const red2 = config.getNumber("red2") ?? 10;

const bridge = new OvsBridge("vlans", { host, name: "br-vlans" });

function member(name: string, address: string, vlan: number | VlanArgs) {
	const container = new docker.Container(
		`vlan-${name}`,
		{
			image,
			name: `vlan-${name}`,
			networkMode: "none",
			command: ["sh", "-c", `echo ${name} >/name && exec httpd -f -p 80 -h /`],
			restart: "unless-stopped",
		},
		{ provider: host.docker() },
	);
	const attachment = new VethAttachment(`vlan-${name}`, { host, container, bridge, vlan });
	return new StaticContainerIp(`vlan-${name}`, { attachment, addresses: [address] });
}

export const addresses = {
	red1: member("red1", "10.40.0.1/24", 10).ip,
	red2: member("red2", "10.40.0.2/24", red2).ip,
	blue: member("blue", "10.40.0.3/24", 20).ip,
	// A router would make eth1.20 and so on itself; the native VLAN reaches it untagged.
	trunk: member("trunk", "10.40.0.4/24", { trunks: [10, 20], native: 10 }).ip,
};
