// Three tiers, each a network of its own. web reaches app, app reaches db, and nothing else goes from one to another.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, IsolatedNetwork, StaticContainerIp, VethAttachment } from "netplumb";

const config = new pulumi.Config();
const host = new Host(config.requireObject<HostArgs>("host"));
const image = config.get("image") ?? "busybox:1.36";

const web = new IsolatedNetwork("web", { host, name: "web", subnet: "10.33.1.0/24", egress: "internet" });
const app = new IsolatedNetwork("app", { host, name: "app", subnet: "10.33.2.0/24", allow: [web] });
const db = new IsolatedNetwork("db", { host, name: "db", subnet: "10.33.3.0/24", allow: [app] });

function member(name: string, network: IsolatedNetwork, address: string) {
	const container = new docker.Container(
		`tier-${name}`,
		{
			image,
			name: `tier-${name}`,
			networkMode: "none",
			command: ["sh", "-c", `echo ${name} >/name && exec httpd -f -p 80 -h /`],
			restart: "unless-stopped",
		},
		{ provider: host.docker() },
	);
	const attachment = new VethAttachment(`tier-${name}`, { host, container, bridge: network });
	return new StaticContainerIp(`tier-${name}`, { attachment, addresses: [address], gateway: network.gateway }).ip;
}

export const addresses = {
	web: member("web", web, "10.33.1.10/24"),
	app: member("app", app, "10.33.2.10/24"),
	db: member("db", db, "10.33.3.10/24"),
};
