// A subnet for each host, and routes between the hosts, without encapsulation.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, RoutedNetwork, StaticContainerIp, VethAttachment } from "netplumb";

// pulumi config set --path hosts.h1 ssh://root@192.0.2.11
const config = new pulumi.Config();
const targets = config.requireObject<Record<string, string | HostArgs>>("hosts");
const image = config.get("image") ?? "busybox:1.36";
// pulumi config set --path subnets.h1 10.80.1.0/24
const subnets = config.requireObject<Record<string, string>>("subnets");

const hosts = Object.fromEntries(Object.entries(targets).map(([name, target]) => [name, new Host(target)]));
const net = new RoutedNetwork("routed", {
	hosts: Object.fromEntries(Object.entries(hosts).map(([name, host]) => [name, { host, subnet: subnets[name]! }])),
});

export const addresses: Record<string, pulumi.Output<string>> = {};
for (const [name, host] of Object.entries(hosts)) {
	const container = new docker.Container(
		`routed-${name}`,
		{
			image,
			name: `routed-${name}`,
			networkMode: "none",
			command: ["sh", "-c", `echo ${name} >/name && exec httpd -f -p 80 -h /`],
			restart: "unless-stopped",
		},
		{ provider: host.docker() },
	);
	const attachment = new VethAttachment(`routed-${name}`, { ...net.on(name), container });
	const subnet = net.subnet(name);
	const ip = new StaticContainerIp(`routed-${name}`, {
		attachment,
		addresses: [subnet.allocate(name)],
		gateway: subnet.gateway,
	});
	addresses[name] = ip.ip;
}
