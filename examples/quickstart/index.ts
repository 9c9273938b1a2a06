import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, OvsBridge, StaticContainerIp, Subnet, VethAttachment } from "netplumb";

// pulumi config set --path hosts.h1 ssh://root@192.0.2.11
// pulumi config set --path hosts.h2 ssh://root@192.0.2.12
const config = new pulumi.Config();
const hosts = config.requireObject<Record<string, string | HostArgs>>("hosts");
const image = config.get("image") ?? "busybox:1.36";

const subnets = new Subnet("10.20.0.0/16").split(24);

export const addresses: Record<string, pulumi.Output<string>> = {};

Object.entries(hosts).forEach(([name, target], index) => {
	const host = new Host(target);
	const lan = subnets[index + 1]!;
	const bridge = new OvsBridge(`${name}-lan`, { host, addresses: [lan.gatewayCidr] });

	for (const [role, command] of Object.entries({
		web: ["sh", "-c", `echo hello from ${name} >/index.html && exec httpd -f -p 80 -h /`],
		client: ["sleep", "86400"],
	})) {
		const container = new docker.Container(
			`${name}-${role}`,
			{ image, name: `${name}-${role}`, networkMode: "none", command, restart: "unless-stopped" },
			{ provider: host.docker() },
		);
		const attachment = new VethAttachment(`${name}-${role}`, { host, container, bridge });
		const ip = new StaticContainerIp(`${name}-${role}`, {
			attachment,
			addresses: [lan.address(role === "web" ? 10 : 20)],
			gateway: lan.gateway,
		});
		addresses[`${name}-${role}`] = ip.ip;
	}
});
