// What `pipework br1 db 10.30.0.10/24@10.30.0.1` does, declared: an address, and a second one in IPv6, for a container that
// Docker gave no network.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, OvsBridge, StaticContainerIp, VethAttachment } from "netplumb";

const config = new pulumi.Config();
const host = new Host(config.requireObject<HostArgs>("host"));
const image = config.get("image") ?? "busybox:1.36";
const address = config.get("address") ?? "10.30.0.10/24";

const bridge = new OvsBridge("static", { host, name: "br-static", addresses: ["10.30.0.1/24", "fd00:30::1/64"] });

const db = new docker.Container(
	"static-db",
	{
		image,
		name: "static-db",
		networkMode: "none",
		command: ["httpd", "-f", "-p", "3306", "-h", "/etc"],
		restart: "unless-stopped",
	},
	{ provider: host.docker() },
);
const wire = new VethAttachment("static-db", {
	host,
	container: db,
	bridge,
	interface: "eth1",
	mac: "02:30:00:00:00:10",
	mtu: 1400,
});
const ip = new StaticContainerIp("static-db", {
	attachment: wire,
	addresses: [address, "fd00:30::10/64"],
	gateway: "10.30.0.1",
	gateway6: "fd00:30::1",
	routes: [{ to: "10.99.99.0/24", via: "10.30.0.2" }],
});

export const addresses = ip.addresses;
export const mac = wire.mac;
