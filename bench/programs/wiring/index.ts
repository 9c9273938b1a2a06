// One VethAttachment and one StaticContainerIp for each of `count` containers (bench-0, bench-1 …), dealt out over the hosts.
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, StaticContainerIp, Subnet, VethAttachment } from "netplumb";

const config = new pulumi.Config();
const count = config.requireNumber("count");
const hosts = config.requireObject<HostArgs[]>("hosts").map((args) => new Host(args));
const subnet = new Subnet("10.60.0.0/16");

for (let index = 0; index < count; index++) {
	const host = hosts[index % hosts.length]!;
	const attachment = new VethAttachment(`wire-${index}`, { host, container: `bench-${index}`, bridge: "br-bench" });
	new StaticContainerIp(`ip-${index}`, { attachment, addresses: [subnet.address(index + 10)] });
}
