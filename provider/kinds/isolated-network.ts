// IsolatedNetwork: an Open vSwitch bridge with the gateway's address, and a boundary in the nftables table inet netplumb.
import { contains, formatCidr, gatewayOf, isAssignable, network, overlaps, parseCidr, parseIp } from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import type { Operation } from "../host/change";
import { flowOwner, flowsOf } from "../host/flows";
import { columnAt } from "../host/inverse";
import { OVS_ABSENT, type Snapshot } from "../host/snapshot";
import { cidr, type Infer, integer, interfaceName, ip, list, object, oneOf, optional, rule, string } from "../validate/index";
import { LEAST_IPV6_MTU, namesSubnet } from "./addresses";
import { CLIENTS, FOLLOWS, memberColumns, NETWORK_VLAN } from "./clients";
import { differing, inWords } from "./columns";
import { endConnectionsOf, firewallOf, hasElements, planElements, type WantedElement } from "./elements";
import { type Kind, operation, type Wish } from "./kind";
import { type OvsBridgeArgs, ovsBridge } from "./ovs-bridge";
import { planFlows } from "./port-security";
import { tag, vlanColumns } from "./vlan";

const service = string({
	grammar: (text) => /^(?:tcp|udp|sctp)\/[1-9]\d{0,4}$/.test(text) && Number(text.split("/")[1]) <= 65535,
	max: 10,
	expected: "a protocol and a port of the host",
	wayOut: "write it like udp/53",
});

const shape = object({
	name: optional(interfaceName),
	subnet: cidr,
	gateway: optional(ip()),
	egress: optional(oneOf("none", "internet", "all"), "none"),
	clients: optional(oneOf("open", "isolated"), "open"),
	allow: optional(list(interfaceName, { unique: true })),
	services: optional(list(service, { unique: true })),
	vlan: optional(tag),
	mtu: optional(integer(68, 65535)),
	datapath: optional(oneOf("system", "netdev")),
});

const wideEnough = rule(shape, ["subnet", "mtu"], ({ subnet, mtu = 1500 }, complain) => {
	if (mtu < LEAST_IPV6_MTU && subnet.includes(":"))
		complain("mtu", mtu, `at least ${LEAST_IPV6_MTU}, because the subnet is of IPv6`, "raise it");
});

export const isolatedNetworkSchema = rule(wideEnough, ["subnet", "gateway"], ({ subnet, gateway }, complain) => {
	const net = parseCidr(subnet)!;
	const plain = formatCidr(network(net));
	if (net.prefix === 0 || !isAssignable(parseIp(gatewayOf(net)!)!))
		complain("subnet", subnet, "a network whose addresses interfaces can have", "choose another one");
	else if (plain !== subnet) complain("subnet", subnet, "a network, with no bits set behind its prefix", `write it as ${plain}`);
	if (gateway === undefined) return;
	const address = parseIp(gateway)!;
	if (!contains(net, address))
		complain("gateway", gateway, `an address in ${plain}`, "choose one, or leave it out for the first");
	else if (namesSubnet(address, net)) complain("gateway", gateway, "a host's address", "choose another one in the subnet");
});

export type IsolatedNetworkArgs = Infer<typeof isolatedNetworkSchema>;

export const isolatedNetwork: Kind<IsolatedNetworkArgs> = {
	name: "IsolatedNetwork",
	schema: isolatedNetworkSchema,
	outputs: ["bridge"],
	replace: ["name", "datapath"],
	facts: ["firewall"],
	complete(args, owner) {
		const { name } = ovsBridge.complete({ name: args.name }, owner);
		const net = typeof args.subnet === "string" ? parseCidr(args.subnet) : undefined;
		const gateway = args.gateway ?? (net && gatewayOf(net));
		return { ...args, name, ...(gateway === undefined ? {} : { gateway }) };
	},
	physicalName: (args) => args.name!,
	containers: () => [],
	plan: (wish, snapshot) => (wish.wanted ? planNetwork(wish, wish.wanted, snapshot) : planRemoval(wish, snapshot)),
	observe(args, mark, snapshot) {
		const bridge = ovsBridge.observe(bridgeArgs(args), mark, snapshot).args;
		const found: IsolatedNetworkArgs = { ...args };
		if (args.mtu !== undefined && bridge.mtu !== undefined) found.mtu = bridge.mtu;
		const port = typeof snapshot.ovs === "object" ? snapshot.ovs.ports[args.name!] : undefined;
		const vlan = port && columnAt(port.columns, "tag");
		if (vlan !== undefined) found.vlan = Number(vlan);
		else if (port) delete found.vlan;
		return { args: found, outputs: { bridge: args.name! } };
	},
	exists(marks, snapshot) {
		return hasElements(marks, snapshot) || ovsBridge.exists(marks, snapshot);
	},
};

function bridgeArgs({ name, subnet, gateway, mtu, datapath }: IsolatedNetworkArgs): OvsBridgeArgs {
	const addresses = [`${gateway}/${subnet.split("/")[1]}`];
	// Without its flows, the bridge forwards nothing.
	return {
		name,
		addresses,
		failMode: "secure",
		...(mtu === undefined ? {} : { mtu }),
		...(datapath === undefined ? {} : { datapath }),
	};
}

function bridgeWish(wish: Wish<IsolatedNetworkArgs>): Wish<OvsBridgeArgs> {
	const { mark, marks, wanted, previous } = wish;
	return {
		mark,
		marks,
		...(wanted ? { wanted: bridgeArgs(wanted) } : {}),
		...(previous ? { previous: bridgeArgs(previous) } : {}),
	};
}

/** The elements come first in the script (render.ts): the drop is there before the bridge is. */
function planNetwork(wish: Wish<IsolatedNetworkArgs>, args: IsolatedNetworkArgs, snapshot: Snapshot): Operation[] {
	refuseOverlap(args, snapshot);
	const family = parseCidr(args.subnet)!.family;
	const forwards = args.egress !== "none" || (args.allow ?? []).length > 0;
	const approve = forwards && firewallOf(snapshot).docker[family]?.forwardDrops ? [family] : [];
	const elements = planElements(
		wish,
		{ elements: elementsFor(args), describe: `isolate network ${args.name}`, approve },
		snapshot,
	);
	return [
		...elements,
		...endConnections(args, wish.previous, elements, snapshot),
		...ovsBridge.plan(bridgeWish(wish), snapshot),
		...planVlan(args, snapshot),
		...planMembers(args, snapshot),
		...planFlows(args.name!, flowOwner(wish.mark), switchFlows(wish.mark), `let network ${args.name} forward`, snapshot),
	];
}

function elementsFor({ name, subnet, egress, allow = [], services = [] }: IsolatedNetworkArgs): WantedElement[] {
	const bridge = name!;
	const family = parseCidr(subnet)!.family;
	const element = (set: string, ...key: string[]): WantedElement => ({ set, key });
	return [
		element("net", bridge),
		element("net-self", bridge, bridge),
		element(`net-source${family}`, bridge, subnet),
		...allow.map((from) => element("net-allow", from, bridge)),
		...services.map((text) => element("net-service", bridge, ...text.split("/"))),
		...(egress === "none" ? [] : [element("net-egress", bridge), element(`net-masquerade${family}`, subnet)]),
		...(egress === "internet" ? [element("net-internet", bridge)] : []),
	];
}

/**
 * The boundary lets established connections pass. So those end that are not allowed any more, and, where the boundary was not there for a
 * while, those that began meanwhile.
 */
function endConnections(
	args: IsolatedNetworkArgs,
	previous: IsolatedNetworkArgs | undefined,
	elements: Operation[],
	snapshot: Snapshot,
): Operation[] {
	const opens = ({ change }: Operation) =>
		change.verb === "element.delete" || (change.verb === "element.add" && change.element.set === "net");
	if (!elements.some(opens)) return [];
	const subnets = new Set([args.subnet, previous?.subnet ?? args.subnet]);
	return [...subnets].flatMap((subnet) => endConnectionsOf(subnet, snapshot));
}

/** A secure bridge forwards nothing by itself. They come after the drops, and are gone when ovs-vswitchd has lost those of the guards. */
const switchFlows = (mark: string) => flowsOf(flowOwner(mark), ["priority=0 actions=NORMAL"]);

/** The bridge's own port, and so the gateway, is in the network's VLAN. */
function planVlan({ name, vlan }: IsolatedNetworkArgs, snapshot: Snapshot): Operation[] {
	const row = typeof snapshot.ovs === "object" ? snapshot.ovs.ports[name!]?.columns : undefined;
	const columns = differing(row, { vlan_mode: vlan === undefined ? undefined : "access", tag: vlan });
	if (Object.keys(columns).length === 0) return [];
	return [
		operation({ verb: "row.set", table: "Port", row: name!, columns }, `set ${inWords(columns)} of the gateway's port ${name}`),
	];
}

/** What is asked of members' ports: on the bridge, for attachments to come, and on the ports of those that are there. */
function planMembers(args: IsolatedNetworkArgs, snapshot: Snapshot): Operation[] {
	const ovs = typeof snapshot.ovs === "object" ? snapshot.ovs : undefined;
	const operations: Operation[] = [];
	const own = differing(ovs?.bridges[args.name!]?.columns, {
		[CLIENTS]: args.clients,
		[NETWORK_VLAN]: args.vlan === undefined ? undefined : String(args.vlan),
	});
	if (Object.keys(own).length > 0)
		operations.push(
			operation(
				{ verb: "row.set", table: "Bridge", row: args.name!, columns: own },
				`set clients ${args.clients}${args.vlan === undefined ? "" : ` and VLAN ${args.vlan}`} of network ${args.name}`,
			),
		);
	const wanted = memberColumns(args.clients);
	const vlan = vlanColumns(args.vlan);
	for (const port of Object.values(ovs?.ports ?? {})) {
		if (port.bridge !== args.name || columnAt(port.columns, "external_ids:netplumb-container") === undefined) continue;
		const follows = columnAt(port.columns, FOLLOWS) !== undefined;
		const columns = differing(port.columns, follows ? { ...wanted, ...vlan } : wanted);
		if (Object.keys(columns).length > 0)
			operations.push(
				operation({ verb: "row.set", table: "Port", row: port.name, columns }, `set ${inWords(columns)} of port ${port.name}`),
			);
	}
	return operations;
}

/** The bridge goes first (render.ts): the drop is there as long as there is a member. */
function planRemoval(wish: Wish<IsolatedNetworkArgs>, snapshot: Snapshot): Operation[] {
	const bridge = snapshot.ovs === OVS_ABSENT ? [] : ovsBridge.plan(bridgeWish(wish), snapshot);
	return [...bridge, ...planElements(wish, undefined, snapshot)];
}

/** Docker masquerades what comes from its subnets, whoever it is, and two routes to one subnet lead to one of the two. */
function refuseOverlap(args: IsolatedNetworkArgs, snapshot: Snapshot): void {
	const gateway = bridgeArgs(args).addresses![0]!;
	if (snapshot.host.links[args.name!]?.addresses.includes(gateway)) return;
	const net = parseCidr(args.subnet)!;
	for (const link of Object.values(snapshot.host.links)) {
		const held = link.addresses.find((address) => overlaps(parseCidr(address)!, net));
		if (held === undefined || link.name === args.name) continue;
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: subnet: found ${held} on interface "${link.name}", which overlaps ${args.subnet}, expected a subnet that the host does not use; choose another one`,
		);
	}
}
