// One OverlayNetwork over all hosts, and one VethAttachment and one StaticContainerIp for each of `count` containers (box-0, box-1 …).
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, OverlayNetwork, StaticContainerIp, VethAttachment } from "netplumb";

const config = new pulumi.Config();
const count = config.requireNumber("count");
const targets = Object.entries(config.requireObject<Record<string, HostArgs>>("hosts"));
const hosts = Object.fromEntries(targets.map(([name, args]) => [name, new Host(args)]));
const net = new OverlayNetwork("net", { hosts, subnet: "10.60.0.0/16" });

for (let index = 0; index < count; index++) {
	const [name] = targets[index % targets.length]!;
	const attachment = new VethAttachment(`wire-${index}`, { ...net.on(name), container: `box-${index}` });
	new StaticContainerIp(`ip-${index}`, { attachment, addresses: [net.subnet.address(index + 10)] });
}
