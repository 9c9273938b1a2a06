// A database that one network of clients reaches, at the host's port 3306, and that reaches nothing.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, IsolatedNetwork, NatPublish, StaticContainerIp, VethAttachment } from "netplumb";

const config = new pulumi.Config();
const host = new Host(config.getObject<HostArgs>("host") ?? config.require("host"));
const clients = config.require("clients");

const container = new docker.Container(
	"publish-db",
	{
		...{ name: "publish-db", networkMode: "none", restart: "unless-stopped" },
		image: config.get("image") ?? "mariadb:11",
		command: config.getObject<string[]>("command"),
		envs: ["MARIADB_RANDOM_ROOT_PASSWORD=1"],
	},
	{ provider: host.docker() },
);

// Nothing enters this network, and nothing leaves it, but for what is declared here.
const network = new IsolatedNetwork("data", { host, name: "data", subnet: "10.34.0.0/24" });
const attachment = new VethAttachment("publish-db", { host, container, bridge: network });
const ip = new StaticContainerIp("publish-db", { attachment, addresses: ["10.34.0.10/24"], gateway: network.gateway });
const db = new NatPublish("db", { host, hostPorts: 3306, target: ip, allowFrom: [clients] });

export const published = db.hostPorts;
