// One container in each of Docker's five network modes, and an Open vSwitch bridge that joins those which have a network of
// their own, with fixed addresses.
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { Host, type HostArgs, OvsBridge, StaticContainerIp, Subnet, VethAttachment } from "netplumb";

const config = new pulumi.Config();
const host = new Host(config.requireObject<HostArgs>("host"));
const image = config.get("image") ?? "busybox:1.36";
const ports = { bridge: 8045, host: 8046, network: 8047 };

/** A web server that answers with its own name and the address of its client. */
function container(name: string, port: number, more: Partial<docker.ContainerArgs>) {
	const script = `#!/bin/sh\necho\necho ${name} $REMOTE_ADDR`;
	const serve = `mkdir -p /www/cgi-bin; echo "$0" >/www/cgi-bin/who; chmod +x /www/cgi-bin/who; exec httpd -f -p ${port} -h /www`;
	return new docker.Container(
		`modes-${name}`,
		{ image, name: `modes-${name}`, command: ["sh", "-c", serve, script], restart: "unless-stopped", ...more },
		{ provider: host.docker(), deleteBeforeReplace: true },
	);
}

// bridge: Docker's default network, docker0, and a port of the host.
const bridge = container("bridge", 80, { networkMode: "bridge", ports: [{ internal: 80, external: ports.bridge }] });

// A user-defined network: a bridge of its own, names, and addresses that can be fixed.
const network = new docker.Network(
	"modes",
	{ name: "modes", ipamConfigs: [{ subnet: "10.46.0.0/24" }] },
	{ provider: host.docker() },
);
const member = container("network", 80, {
	networkMode: "bridge",
	networksAdvanced: [{ name: network.name, ipv4Address: "10.46.0.10" }],
	ports: [{ internal: 80, external: ports.network }],
});

// host: the host's own network. There is nothing to attach: its servers listen at the host's addresses, the bridge's among them.
container("host", ports.host, { networkMode: "host" });

// none: no network but loopback.
const none = container("none", 80, { networkMode: "none" });

// container:<id>: the network of another container, here of the one above. What that one has, this one has too.
container("shared", 8080, { networkMode: pulumi.interpolate`container:${none.id}` });

// netplumb: one network for all that have one of their own, whatever Docker gave them.
const subnet = new Subnet("10.45.0.0/24");
const lan = new OvsBridge("modes", { host, name: "br-modes", addresses: [subnet.gatewayCidr] });

function join(name: string, number: number, member: docker.Container, gateway?: string) {
	const attachment = new VethAttachment(`modes-${name}`, { host, container: member, bridge: lan });
	return new StaticContainerIp(`modes-${name}`, { attachment, addresses: [subnet.address(number)], gateway }).ip;
}

export const addresses = {
	// A second leg, eth1: the default route stays Docker's.
	bridge: join("bridge", 10, bridge),
	network: join("network", 11, member),
	// The only leg, for two containers: "shared" is at the same address.
	none: join("none", 12, none, subnet.gateway),
};
