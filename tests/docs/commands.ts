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
	if (kind.startsWith("Ovn")) return ovnCommands(kind, snapshot);
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

/** Those for the resources of examples/overlay-ovn, in databases that have nothing yet. */
function ovnCommands(kind: KindName, snapshot: Snapshot): string[] {
	const project = "netplumb-overlay-ovn";
	const empty = { Connection: {}, SSL: {}, ACL: {}, DNS: {}, Logical_Switch_Port: {} };
	const apps = { name: "apps", ports: [], acls: [], dns_records: [], external_ids: {} };
	snapshot.host.links["eth0"] = { ...link, name: "eth0", index: 2, addresses: ["192.0.2.11/24"] };
	snapshot.chassis = "not connected";
	const columns = { datapath_type: "system" };
	snapshot.ovs = {
		...{ ports: {}, kernelDatapath: true },
		bridges: { "br-int": { name: "br-int", ports: [], controllers: [], columns } },
	};
	snapshot.databases = {
		"ovn-nbctl": { ...empty, Logical_Switch: kind === "OvnPort" ? { "5c0d7304-2be2-470b-8b5a-221ba44972fb": apps } : {} },
		"ovn-sbctl": { ...empty },
		"ovs-vsctl": { SSL: {}, Open_vSwitch: { "2fc88ce6-e179-405e-9df8-4e6b5f0ed3f5": { external_ids: { "system-id": "h1" } } } },
	};
	if (kind === "OvnCentral") return plan(kind, "ovn", { address: "192.0.2.11", tls: false }, snapshot, project);
	if (kind === "OvnChassis")
		return plan(kind, "ovn-h1", { southbound: "tcp:192.0.2.11:6642", encapIp: "192.0.2.11" }, snapshot, project);
	if (kind === "OvnSwitch") {
		const acls = [{ direction: "to-lport", priority: 1000, match: "ip4.dst == 10.72.0.20", action: "drop" }];
		return plan(kind, "apps-switch", { name: "apps", dns: "10.72.0.254", acls }, snapshot, project);
	}
	if (kind === "OvnRouter") {
		const named = (name: string) => ({ ...apps, name });
		const switches = {
			"5c0d7304-2be2-470b-8b5a-221ba44972fb": named("apps"),
			"b3f4e2d0-77a1-4c2e-9d55-6a0f1c8e2b91": named("outside"),
		};
		snapshot.databases["ovn-nbctl"] = { ...empty, Logical_Switch: switches };
		const ports = [
			{ switch: "apps", addresses: ["10.72.0.1/24"] },
			{ switch: "outside", addresses: ["192.0.2.50/24"], chassis: ["h1", "h2"], mtu: 1442 },
		];
		const more = { routes: [{ to: "0.0.0.0/0", via: "192.0.2.1" }], snat: [{ from: "10.72.0.0/24" }] };
		const publish = [{ port: 8080, target: "10.72.0.10", targetPort: 80 }];
		return plan(kind, "edge", { name: "edge", ports, ...more, publish }, snapshot, project);
	}
	return plan(kind, "apps-web", { switch: "apps", addresses: ["10.72.0.10"], hostnames: ["web"] }, snapshot, project);
}
