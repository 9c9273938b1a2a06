// How the agent on a host sees that a change is made, and what has to be out of the way before it can be made again.
// The questions are functions of agent.sh. A verb without a question is made again whenever another one of its place was.
import type { Change } from "../host/change";
import { nftElement, ovsString, ovsValue, shCommand } from "../host/encode";
import type { Element } from "../host/firewall";
import { SETS, TABLE } from "../host/ruleset";

/** The verbs whose loss the agent notices, and those that only go with others. A resource that needs another verb is not healed. */
export function canHeal(change: Change): boolean {
	return (
		["announce", "conntrack.flush", "fdb.flush", "link.set", "row.set"].includes(change.verb) || questionOf(change) !== undefined
	);
}

/** A command for the agent that succeeds when the change is made. */
export function questionOf(change: Change): string | undefined {
	switch (change.verb) {
		case "link.add":
			return shCommand(["link_is", change.name, "kind=veth", ...words(change.alias)]);
		case "link.set": {
			const { name, mtu, mac, master, group, up } = change;
			const facts = [
				...(mtu === undefined ? [] : [`mtu=${mtu}`]),
				...(mac === undefined ? [] : [`mac=${mac}`]),
				...(master === undefined ? [] : [`master=${master ?? ""}`]),
				...(group === undefined ? [] : [`group=${group}`]),
				...(up === undefined ? [] : [`up=${up}`]),
			];
			return facts.length > 0 ? shCommand(["link_is", name, ...facts]) : undefined;
		}
		case "offload.disable":
			return shCommand(["offload_off", change.name]);
		case "address.add":
			return shCommand(["has_address", change.dev, change.cidr]);
		case "route.add":
		case "route.delete": {
			const { to, dev, metric, protocol, via } = change.route;
			const family = to.includes(":") ? "6" : "4";
			const question = shCommand(["has_route", family, to, dev, String(metric), protocol, ...(via === undefined ? [] : [via])]);
			return change.verb === "route.add" ? question : `! ${question}`;
		}
		case "sysctl.set":
			return shCommand(["is_sysctl", `/proc/sys/net/${change.path.join("/")}`, change.value]);
		case "bridge.add":
			return shCommand(["has_bridge", change.name]);
		case "port.add":
			return shCommand(["has_port", change.bridge, change.name]);
		case "row.set": {
			const conditions = rowConditions(change);
			return conditions.length > 0 ? shCommand(["has_row", change.table, change.row, ...conditions]) : undefined;
		}
		case "flows.set": {
			const { bridge, flows } = change;
			const port = flows.find(({ port }) => port !== undefined)?.port;
			const named = port === undefined ? [] : [port, String(flows.filter((flow) => flow.port === port).length)];
			return flows[0] && shCommand(["has_flows", bridge, flows[0].cookie, String(flows.length), ...named]);
		}
		case "controller.set":
			return shCommand(["has_controllers", change.bridge, ...change.targets]);
		case "ruleset.write":
			return "has_ruleset";
		case "element.add":
			return shCommand(["has_element", change.element.set, nftElement(SETS[change.element.set]!, keyOf(change.element))]);
		case "docker-user.add":
			return `docker_accepts ${change.family === 4 ? "iptables" : "ip6tables"}`;
		default:
			return undefined;
	}
}

/** The conditions of `ovs-vsctl find` for a row that is as the change says. */
export function rowConditions({ columns }: Extract<Change, { verb: "row.set" }>): string[] {
	return Object.entries(columns).flatMap(([path, value]) => {
		if (value === undefined || value === "") return [];
		const [column, ...key] = path.split(":");
		return [`${column}${key.length > 0 ? `:${ovsString(key.join(":"))}` : ""}=${ovsValue(value)}`];
	});
}

const keyOf = ({ set, key }: Element) => ({ set, key });

/** The question whether an element is there, as nft takes it: many of them are one transaction, which fails when one is missing. */
export function elementQuestion(element: Element): string {
	return `get element ${TABLE} ${element.set} ${nftElement(SETS[element.set]!, keyOf(element))}`;
}

/** Commands that clear what carries our mark and would be in the way, or say what may be. */
export function clearFor(change: Change): string | undefined {
	if (change.verb === "link.add") return shCommand(["new_link", change.name, change.peer.name]);
	return change.verb === "port.add" ? shCommand(["clear_port", change.name]) : undefined;
}

function words(alias: string): string[] {
	return alias
		.split(",")
		.filter((word) => word !== "")
		.map((word) => `word=${word}`);
}
