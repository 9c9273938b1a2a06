// What netplumb sends to a host for the resources of examples/static-ip, on a host that has nothing yet.
import { shCommand } from "../../provider/host/encode";
import { markOf } from "../../provider/host/marks";
import { render } from "../../provider/host/render";
import type { RunningContainer, Snapshot } from "../../provider/host/snapshot";
import type { KindName } from "../../provider/kinds/registry";
import { kindOf } from "../../provider/kinds/registry";
import { check } from "../../provider/lifecycle/check";

const id = "f7a9f89561dc".padEnd(64, "0");
const host = { address: "192.0.2.11" };
const link = { kind: "veth", mac: "02:30:00:00:00:10", mtu: 1400, up: true, addresses: [] as string[] };

function plan(kind: KindName, name: string, args: object, snapshot: Snapshot, project = "netplumb-static-ip"): string[] {
	const owner = `${project}/dev/${name}`;
	const { inputs, failures } = check(kindOf(kind), { host, owner, ...args });
	if (failures.length > 0) throw new Error(JSON.stringify(failures));
	const { host: _host, owner: _owner, ...wanted } = inputs;
	const mark = markOf(owner, kind);
	return kindOf(kind)
		.plan({ mark, marks: [mark], wanted }, snapshot)
		.flatMap(({ change }) => {
			const rendered = render(change);
			if (rendered.tool === "ip") return rendered.lines.map((line) => `ip ${line}`);
			// Of a sysctl or an announcement, the files that are written.
			if (rendered.tool === "sh") return [...new Set(rendered.line.match(/\/proc\/sys\/net\/[^\s;]+/g) ?? [])];
			if (rendered.tool === "nft") return rendered.lines.map((line) => `nft ${line}`);
			return rendered.commands.map((command) => `-- ${shCommand(command)}`);
		});
}

/** The rules are the same on every host, and told apart from the elements. */
const isElement = (line: string): boolean => !/^nft add (table|set|map|chain|rule)/.test(line);

/** The commands, one a line, by kind. */
export function commandsOf(kind: KindName): string[] {
	const container: RunningContainer = {
		...{ id, name: "static-db", pid: 1502, startTime: "1", networkMode: "none", sharesHost: false },
		namespace: { links: {}, routes: [], ipv6Disabled: { eth1: true } },
	};
	const snapshot: Snapshot = {
		...{ hostName: "192.0.2.11", generation: "none", containers: { [id]: container } },
		host: { links: {}, routes: [], ipv6Disabled: {} },
		ovs: { bridges: {}, ports: {}, kernelDatapath: true },
	};
	if (kind === "OvsBridge")
		return plan(kind, "static", { name: "br-static", addresses: ["10.30.0.1/24", "fd00:30::1/64"] }, snapshot);
	if (kind === "OvsTunnel") {
		const columns = { datapath_type: "system" };
		const bridges = { "br-vxlan": { name: "br-vxlan", ports: [], controllers: [], columns } };
		snapshot.ovs = { bridges, ports: {}, kernelDatapath: true };
		snapshot.paths = { "192.0.2.12": { dev: "eth0", local: false } };
		snapshot.firewall = { docker: {}, routeLocalnet: {}, conntrack: true };
		const args = { bridge: "br-vxlan", type: "vxlan", remote: "192.0.2.12", key: 42 };
		return plan(kind, "vxlan-a", args, snapshot, "netplumb-two-hosts-vxlan").filter(isElement);
	}
	if (kind === "StaticRoute") {
		snapshot.paths = { "192.0.2.12": { dev: "eth0", local: false } };
		snapshot.firewall = { docker: {}, routeLocalnet: {}, conntrack: true };
		const args = { from: "10.80.1.0/24", to: "10.80.2.0/24", via: "192.0.2.12" };
		return plan(kind, "routed-h1--h2", args, snapshot, "netplumb-routed").filter(isElement);
	}
	if (kind === "VethAttachment") {
		const columns = { datapath_type: "system" };
		snapshot.ovs = {
			...{ ports: {}, kernelDatapath: true },
			bridges: { "br-static": { name: "br-static", ports: [], controllers: [], columns } },
		};
		const args = { container: id, bridge: "br-static", interface: "eth1", mac: "02:30:00:00:00:10", mtu: 1400 };
		return plan(kind, "static-db", args, snapshot);
	}
	if (kind === "IsolatedNetwork") {
		snapshot.firewall = { docker: {}, routeLocalnet: {}, conntrack: true };
		const args = { name: "db", subnet: "10.33.3.0/24", allow: ["app"] };
		return plan(kind, "db", args, snapshot).filter(isElement);
	}
	if (kind === "NatPublish") {
		const bridge = { ...link, name: "npports", index: 9, addresses: ["10.31.0.1/24"] };
		snapshot.host.links["npports"] = bridge;
		snapshot.firewall = { docker: {}, routeLocalnet: { npports: false }, conntrack: true };
		snapshot.ports = [];
		const args = { hostPorts: 8080, target: "10.31.0.10", targetPort: 80, allowFrom: ["192.0.2.0/24"], localhost: true };
		return plan(kind, "web", args, snapshot).filter(isElement);
	}
	const alias = `netplumb:${markOf("netplumb-static-ip/dev/static-db", "VethAttachment")}`;
	container.namespace.links["eth1"] = { ...link, name: "eth1", index: 2, alias };
	const args = {
		...{ container: id, interface: "eth1", addresses: ["10.30.0.10/24", "fd00:30::10/64"] },
		...{ gateway: "10.30.0.1", gateway6: "fd00:30::1", routes: [{ to: "10.99.99.0/24", via: "10.30.0.2" }] },
	};
	return plan(kind, "static-db", args, snapshot);
}
