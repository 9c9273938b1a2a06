import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, NatPublish, OvsBridge, StaticContainerIp, Subnet, VethAttachment } from "netplumb";

// pulumi config set host ssh://root@192.0.2.11
const config = new pulumi.Config();
const host = new Host(config.getObject<HostArgs>("host") ?? config.require("host"));
const image = config.get("image") ?? "busybox:1.36";
const clients = config.getObject<string[]>("clients") ?? ["0.0.0.0/0"];

const lan = new Subnet("10.31.0.0/24");
const bridge = new OvsBridge("ports", { host, addresses: [lan.gatewayCidr] });
const container = new docker.Container(
	"ports-web",
	{
		...{ image, name: "ports-web", networkMode: "none", restart: "unless-stopped" },
		command: ["sh", "-c", "mkdir /www && echo hello >/www/index.html && exec httpd -f -p 80 -h /www"],
	},
	{ provider: host.docker() },
);
const attachment = new VethAttachment("ports-web", { host, container, bridge });
const ip = new StaticContainerIp("ports-web", { attachment, addresses: [lan.address(10)], gateway: lan.gateway });

// Port 8080 of the host, for these clients, and at 127.0.0.1 for the host's own programs.
const web = new NatPublish("web", { host, hostPorts: 8080, target: ip, targetPort: 80, allowFrom: clients, localhost: true });

// Ten thousand ports that keep their numbers: one element of a map.
const media = new NatPublish("media", { host, protocol: "udp", hostPorts: "20000-29999", target: ip });

export const published = pulumi.all([web.hostPorts, media.hostPorts]);
