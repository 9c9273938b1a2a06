// OvnRouter: a logical router of OVN between logical switches, with a way to the outside: routes, SNAT and published ports.
// Source: ovn-nb(5), tables Logical_Router, Logical_Router_Port, Gateway_Chassis, Logical_Router_Static_Route, NAT and Load_Balancer.
import { derivedInterface, derivedMac } from "../../sdk/addressing/index";
import { markOf } from "../host/marks";
import { markedRows } from "../host/records";
import type { Snapshot, Tables } from "../host/snapshot";
import { hasUnknown } from "../validate/index";
import type { Kind, Wish } from "./kind";
import { databaseAt } from "./ovn-inputs";
import {
	addressOf,
	endpoint,
	familyOf,
	type OvnRouterArgs,
	outerAddress,
	ovnRouterSchema,
	protocolOf,
} from "./ovn-router-inputs";
import { planRows, refusePorts, refuseTaken, refuseUsed, rowsExist, switchOf, tablesIn, type WantedRow } from "./ovn-rows";
import { START } from "./ovn-switch";

export const ovnRouter: Kind<OvnRouterArgs> = {
	name: "OvnRouter",
	schema: ovnRouterSchema,
	outputs: [],
	replace: ["name", "northbound"],
	complete: (args, owner) => ({
		...args,
		name: args.name ?? derivedInterface(owner),
		ports: withMacs(args.ports, owner),
		...withoutDefaults(args),
	}),
	physicalName: (args) => args.name!,
	containers: () => [],
	databases: (args) => [databaseOf(args)],
	heals: () => false,

	plan(wish, snapshot) {
		const args = wish.wanted;
		const database = databaseOf(args ?? wish.previous!);
		const tables = tablesIn(database, snapshot, START);
		if (!args) {
			refuseUsed(wish, tables, snapshot);
			return planRows(wish, database, tables, []);
		}
		refuseTaken(wish, tables, "Logical_Router", args.name!, snapshot, "logical router");
		const wanted = rows(args, wish, tables, snapshot);
		refusePorts(wish, tables, wanted, snapshot);
		return planRows(wish, database, tables, wanted);
	},

	// What is missing or changed shows as drift.
	observe: (args) => ({ args, outputs: {} }),
	exists: rowsExist,
};

/** Each with its MAC address, one for a router and a switch. */
function withMacs(ports: OvnRouterArgs["ports"], owner: string): OvnRouterArgs["ports"] {
	if (!Array.isArray(ports)) return ports;
	const mark = markOf(owner.slice("OvnRouter:".length), "OvnRouter");
	return ports.map((port) => {
		if (port.mac !== undefined || hasUnknown(port.switch ?? port)) return port;
		return { ...port, mac: derivedMac(`router ${port.switch} ${mark}`) };
	});
}

function databaseOf({ northbound, tls: files }: Pick<OvnRouterArgs, "northbound" | "tls">) {
	return databaseAt("ovn-nbctl", northbound, files);
}

function rows(args: OvnRouterArgs, wish: Wish<OvnRouterArgs>, tables: Tables, snapshot: Snapshot): WantedRow[] {
	const name = args.name!;
	const own = markedRows(tables, wish.marks).find(({ table }) => table === "Logical_Router");
	const parent = (column: string) => ({ table: "Logical_Router", row: own?.row ?? name, column });
	return [
		{ table: "Logical_Router", role: "router", words: `logical router ${name}`, columns: { name } },
		...args.ports.flatMap((port, index) => {
			const inSwitch = switchOf(port.switch, tables, snapshot, `ports[${index}].switch`);
			return portRows(port, name, parent("ports"), inSwitch);
		}),
		...(args.routes ?? []).map(({ to, via }) => ({
			table: "Logical_Router_Static_Route",
			role: `route ${to}`,
			words: `the route to ${to} via ${via}`,
			columns: { ip_prefix: to, nexthop: via },
			parent: parent("static_routes"),
		})),
		...translations(args).map(([type, role, external, logical]) => ({
			table: "NAT",
			role,
			words: `${type} of ${logical} and ${external}`,
			columns: { type, external_ip: external, logical_ip: logical },
			parent: parent("nat"),
		})),
		...balancers(args).map(([protocol, vips]) => ({
			table: "Load_Balancer",
			role: `publish ${protocol}`,
			words: `the published ${protocol} ports`,
			columns: { name: `${name}-${protocol}`, protocol, ...vips },
			whole: ["vips"],
			parent: parent("load_balancer"),
		})),
	];
}

/** The router's end and the switch's end, and the chassis on which the router's end has its place. */
function portRows(
	{ switch: to, addresses, mac, chassis = [], mtu }: OvnRouterArgs["ports"][number],
	router: string,
	ports: WantedRow["parent"] & object,
	inSwitch: string,
): WantedRow[] {
	const [name, end] = [`${router}-${to}`, `${to}-to-${router}`];
	return [
		{
			table: "Logical_Router_Port",
			role: `port ${to}`,
			words: `router port ${name}`,
			columns: { name, mac: mac!, networks: addresses, "options:gateway_mtu": mtu === undefined ? undefined : String(mtu) },
			parent: ports,
		},
		...chassis.map((one, index) => ({
			table: "Gateway_Chassis",
			role: `chassis ${to} ${one}`,
			words: `chassis ${one} for router port ${name}`,
			// The first one that is alive has the port.
			columns: { name: `${name}-${one}`, chassis_name: one, priority: 100 - index },
			parent: { table: "Logical_Router_Port", row: name, column: "gateway_chassis" },
		})),
		{
			table: "Logical_Switch_Port",
			role: `switch ${to}`,
			words: `logical port ${end}`,
			columns: {
				...{ name: end, type: "router", addresses: ["router"], "options:router-port": name },
				// Where it has its place, its addresses for others are announced too (ovn-nb(5), "nat-addresses").
				"options:nat-addresses": chassis.length > 0 ? "router" : undefined,
			},
			parent: { table: "Logical_Switch", row: inSwitch, column: "ports" },
		},
	];
}

function translations(args: OvnRouterArgs): [type: string, role: string, external: string, logical: string][] {
	const alone = (args.publish ?? []).filter(({ port }) => port === undefined);
	return [
		...(args.snat ?? []).map(
			({ from, to }) =>
				["snat", `snat ${from}`, to ?? outerAddress(args, familyOf(from))!, from] as [string, string, string, string],
		),
		...alone.map(
			({ address, target }) => ["dnat_and_snat", `publish ${address}`, address!, target] as [string, string, string, string],
		),
	];
}

/** `protocol: "tcp"` and none are the same. */
function withoutDefaults({ publish }: OvnRouterArgs): Partial<OvnRouterArgs> {
	if (!Array.isArray(publish)) return {};
	return {
		publish: publish.map((one) => {
			if (one?.protocol !== "tcp") return one;
			const { protocol: _, ...rest } = one;
			return rest;
		}),
	};
}

/** NAT knows no ports: those are the business of a load balancer with one backend each. */
function balancers(args: OvnRouterArgs): [protocol: string, vips: Record<string, string>][] {
	return (["tcp", "udp", "sctp"] as const).flatMap((protocol) => {
		const own = (args.publish ?? []).filter((one) => one.port !== undefined && protocolOf(one) === protocol);
		const vips = own.map((one) => [
			`vips:${endpoint(addressOf(args, one)!, one.port!)}`,
			endpoint(one.target, one.targetPort ?? one.port!),
		]);
		return own.length > 0 ? [[protocol, Object.fromEntries(vips)] as [string, Record<string, string>]] : [];
	});
}
