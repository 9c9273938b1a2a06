// OvnChassis: what ovn-controller on a host has to know. The daemon itself is the distribution's (package ovn-host).
// Source: ovn-controller(8), "Configuration".
import { NetplumbError } from "../errors";
import type { ColumnValue, Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { rowMark } from "../host/marks";
import type { Database, Ovs, OvsValue, Snapshot, Tables } from "../host/snapshot";
import { boolean, type Infer, interfaceName, ip, object, oneOf, optional, record, rule } from "../validate/index";
import { differing, inWords, remembered } from "./columns";
import { openVswitch } from "./facts";
import { type Kind, operation, type Wish } from "./kind";
import { refuseOther, tlsRow } from "./ovn-central";
import { databaseAt, logicalName, physicalNetwork, remote, tls, tlsFits } from "./ovn-inputs";
import { planRows, rowsExist, tablesIn } from "./ovn-rows";

const shape = object({
	southbound: remote,
	encapIp: ip(),
	encapType: optional(oneOf("geneve", "vxlan"), "geneve"),
	systemId: optional(logicalName),
	datapath: optional(oneOf("system", "netdev")),
	bridgeMappings: optional(record(physicalNetwork, interfaceName)),
	tls: optional(tls),
	adopt: optional(boolean),
});

export const ovnChassisSchema = rule(shape, ["southbound", "tls"], (args, complain) =>
	tlsFits("southbound", args.southbound, args.tls, complain),
);

export type OvnChassisArgs = Infer<typeof ovnChassisSchema>;

/** The database of Open vSwitch, for the row and the table that no other verb knows. */
const SWITCH: Database = ["ovs-vsctl"];
/** ovn-controller makes it when it starts (ovn-controller(8), "ovn-bridge"). */
export const BRIDGE = "br-int";
const MARK = "external_ids:netplumb";
const BEFORE = "external_ids:netplumb-before";
const SYSTEM_ID = "external_ids:system-id";
const MAPPINGS = "external_ids:ovn-bridge-mappings";
/** Seconds that ovn-controller has to reach the southbound database. */
const REACH_SECONDS = 10;

interface Before {
	/** Keys of external_ids; null: it was not there. */
	ids: Record<string, ColumnValue | null>;
	/** The datapath type of ovn-controller's bridge. */
	datapath: string;
	/** While some are declared: the mappings before the first one was, and the bridge that each declared network had; null: none. */
	mappings?: { text: string | null; networks: Record<string, string | null> };
}

export const ovnChassis: Kind<OvnChassisArgs> = {
	name: "OvnChassis",
	schema: ovnChassisSchema,
	outputs: ["bridge", "chassis"],
	// A running ovn-controller keeps the name that it began with (ovn-controller(8), "external_ids:system-id").
	replace: ["systemId"],
	complete: (args) => args,
	physicalName: () => "ovn-chassis",
	containers: () => [],
	facts: ["chassis"],
	databases: () => [SWITCH],
	heals: () => false,

	plan(wish, snapshot) {
		const tables = tablesIn(SWITCH, snapshot, "install and start openvswitch-switch");
		return wish.wanted ? planChassis(wish, wish.wanted, tables, snapshot) : planRemoval(wish, tables, snapshot);
	},

	observe(args, _mark, snapshot) {
		const row = own(snapshot.databases?.[SWITCH.join(" ")]);
		const id = (key: string) => columnAt(row?.columns ?? {}, `external_ids:${key}`) as string | undefined;
		const found: OvnChassisArgs = { ...args };
		if (row) {
			// What is not there at all is drift, and no input.
			found.southbound = id("ovn-remote") ?? args.southbound;
			found.encapIp = id("ovn-encap-ip") ?? args.encapIp;
			if (args.bridgeMappings !== undefined) {
				const there = mappingsIn(id("ovn-bridge-mappings"));
				found.bridgeMappings = Object.fromEntries(
					Object.keys(args.bridgeMappings).flatMap((network) => (there[network] ? [[network, there[network]]] : [])),
				);
			}
			if (args.systemId !== undefined) found.systemId = id("system-id") ?? args.systemId;
		}
		return { args: found, outputs: { bridge: BRIDGE, chassis: id("system-id") ?? args.systemId ?? "" } };
	},

	exists: rowsExist,
};

function own(tables: Tables | string | undefined): { row: string; columns: Record<string, OvsValue> } | undefined {
	const [entry] = typeof tables === "object" ? Object.entries(tables["Open_vSwitch"] ?? {}) : [];
	return entry && { row: entry[0], columns: entry[1] };
}

/** `network:bridge,network:bridge` (ovn-controller(8), "ovn-bridge-mappings"). */
function mappingsIn(text = ""): Record<string, string> {
	const words = text.split(",").map((word) => word.trim());
	return Object.fromEntries(words.flatMap((word) => (word.includes(":") ? [word.split(":", 2) as [string, string]] : [])));
}

/** The mappings of others: all that are there now but the declared ones, in whose place stands what they replaced. */
function othersIn(present: string | undefined, before: Before["mappings"]): Record<string, string> {
	const others = mappingsIn(present);
	for (const [network, bridge] of Object.entries(before?.networks ?? {}))
		if (bridge === null) delete others[network];
		else others[network] = bridge;
	return others;
}

/** In the words that were there before, where they say the same. */
function mappingsText(mappings: Record<string, string>, before: string | null): string | undefined {
	const text = (all: Record<string, string>) =>
		Object.entries(all)
			.map(([network, bridge]) => `${network}:${bridge}`)
			.sort()
			.join(",");
	if (before !== null && text(mappingsIn(before)) === text(mappings)) return before;
	return text(mappings) || undefined;
}

function planChassis(wish: Wish<OvnChassisArgs>, args: OvnChassisArgs, tables: Tables, snapshot: Snapshot): Operation[] {
	const where = `host ${snapshot.hostName}:`;
	const found = own(tables)!;
	const ovs = openVswitch(snapshot);
	const bridge = ovs.bridges[BRIDGE];
	if (!bridge || !/^(?:not )?connected$/.test(snapshot.chassis ?? ""))
		throw new NetplumbError(
			"missing",
			`${where} found no running ovn-controller (${reason(snapshot, bridge !== undefined)}), expected one; install ovn-host, or start it: systemctl start ovn-controller`,
		);
	if (!Object.values(snapshot.host.links).some(({ addresses }) => addresses.some((one) => one.split("/")[0] === args.encapIp)))
		throw new NetplumbError(
			"missing",
			`${where} encapIp: found no interface with ${args.encapIp}, expected one of the host's own addresses; correct it`,
		);
	const owner = rowMark(found.columns);
	const mine = owner !== undefined && wish.marks.includes(owner);
	const foreign = columnAt(found.columns, "external_ids:ovn-remote");
	if (!mine && owner !== undefined)
		throw new NetplumbError(
			"conflict",
			`${where} found another OvnChassis (${owner}), expected one on a host; remove one of the two`,
		);
	if (!mine && foreign !== undefined && args.adopt !== true)
		throw new NetplumbError(
			"conflict",
			`${where} southbound: found ${foreign}, which netplumb did not set, expected none; set adopt: true to take the settings over`,
		);
	const systemId = columnAt(found.columns, SYSTEM_ID);
	const datapath = args.datapath ?? (ovs.kernelDatapath ? "system" : "netdev");
	const columns: Record<string, ColumnValue> = {
		"external_ids:ovn-remote": args.southbound,
		"external_ids:ovn-encap-type": args.encapType,
		"external_ids:ovn-encap-ip": args.encapIp,
		"external_ids:ovn-bridge-datapath-type": datapath,
	};
	refuseMappings(args.bridgeMappings ?? {}, datapath, ovs.bridges, where);
	const kept = mine ? remembered<Before>({ name: ".", columns: found.columns }, BEFORE, snapshot.hostName) : undefined;
	if (args.systemId !== undefined) columns[SYSTEM_ID] = args.systemId;
	else if (kept && SYSTEM_ID in kept.ids) columns[SYSTEM_ID] = kept.ids[SYSTEM_ID] ?? undefined;
	if ((args.systemId ?? columns[SYSTEM_ID] ?? systemId) === undefined)
		throw new NetplumbError(
			"missing",
			`${where} systemId: found no external_ids:system-id in Open vSwitch, expected one, which is the chassis' name; give systemId`,
		);
	const now = Object.fromEntries(Object.keys(columns).map((path) => [path, columnAt(found.columns, path) ?? null]));
	const ids = Object.entries({ ...now, ...kept?.ids }).sort(([a], [b]) => (a < b ? -1 : 1));
	const before: Before = {
		ids: Object.fromEntries(ids),
		datapath: kept?.datapath ?? String(bridge.columns["datapath_type"] ?? ""),
	};
	const declared = args.bridgeMappings ?? {};
	const networks = Object.keys(declared).sort();
	if (networks.length > 0 || kept?.mappings) {
		const present = columnAt(found.columns, MAPPINGS) as string | undefined;
		const others = othersIn(present, kept?.mappings);
		const text = kept?.mappings ? kept.mappings.text : (present ?? null);
		columns[MAPPINGS] = mappingsText({ ...others, ...declared }, text);
		if (networks.length > 0)
			before.mappings = { text, networks: Object.fromEntries(networks.map((network) => [network, others[network] ?? null])) };
	}
	columns[MARK] = wish.mark;
	columns[BEFORE] = JSON.stringify(before);
	const operations: Operation[] = [];
	// ovn-controller would do it, but would not take it back.
	if (bridge.columns["datapath_type"] !== datapath)
		operations.push(
			operation(
				{ verb: "row.set", table: "Bridge", row: BRIDGE, columns: { datapath_type: datapath } },
				`set datapath_type ${datapath} of bridge ${BRIDGE}`,
			),
		);
	if (args.tls) refuseOther(wish, tables, "SSL", () => true, "TLS settings of Open vSwitch", snapshot);
	const row = args.tls ? [tlsRow(args.tls, { table: "Open_vSwitch", row: ".", column: "ssl" })] : [];
	operations.push(...planRows(wish, SWITCH, tables, row));
	const changes = differing(found.columns, columns);
	if (Object.keys(changes).length > 0) {
		const shown = Object.entries(changes).filter(([path]) => path !== MARK && path !== BEFORE);
		const words = inWords(Object.fromEntries(shown.map(([path, value]) => [path.replace("external_ids:", ""), value])));
		operations.push(
			operation(
				{ verb: "record.set", database: SWITCH, table: "Open_vSwitch", row: found.row, columns: changes },
				`set ${words || "the owner mark"} for ovn-controller`,
			),
		);
	}
	if (snapshot.chassis !== "connected" || "external_ids:ovn-remote" in changes)
		operations.push(
			operation({ verb: "chassis.wait", seconds: REACH_SECONDS }, `wait for ovn-controller to reach ${args.southbound}`),
		);
	return operations;
}

/** ovn-controller would be silent about them: it leaves a bridge out that is not there, and patch ports join no two datapaths. */
function refuseMappings(mappings: Record<string, string>, datapath: string, bridges: Ovs["bridges"], where: string): void {
	for (const [network, name] of Object.entries(mappings)) {
		const bridge = name === BRIDGE ? undefined : bridges[name];
		if (!bridge)
			throw new NetplumbError(
				"missing",
				`${where} bridgeMappings.${network}: found no bridge "${name}" in Open vSwitch beside ${BRIDGE}, expected one; make it first, for example with OvsBridge`,
			);
		const found = String(bridge.columns["datapath_type"] ?? "") || "system";
		if (found !== datapath)
			throw new NetplumbError(
				"conflict",
				`${where} bridgeMappings.${network}: found bridge "${name}" with datapath ${found}, expected ${datapath}, as ${BRIDGE} has; change one of the two`,
			);
	}
}

function reason(snapshot: Snapshot, bridge: boolean): string {
	const said = snapshot.chassis ?? "";
	if (said === "absent") return "OVN is not installed";
	return bridge || said !== "" ? said.split("\n")[0]!.slice(0, 120) : `no bridge ${BRIDGE}`;
}

function planRemoval(wish: Wish<OvnChassisArgs>, tables: Tables, snapshot: Snapshot): Operation[] {
	const found = own(tables);
	const operations = planRows(wish, SWITCH, tables, []);
	if (!found || !wish.marks.includes(rowMark(found.columns) ?? "")) return operations;
	const was = remembered<Before>({ name: ".", columns: found.columns }, BEFORE, snapshot.hostName);
	const columns: Record<string, ColumnValue> = {};
	for (const [path, value] of Object.entries(was?.ids ?? {})) columns[path] = value ?? undefined;
	if (was?.mappings) {
		const present = columnAt(found.columns, MAPPINGS) as string | undefined;
		columns[MAPPINGS] = mappingsText(othersIn(present, was.mappings), was.mappings.text);
	}
	// Adopted settings stay in force, and with them the chassis.
	const stays = columns["external_ids:ovn-remote"] !== undefined;
	const changes = differing(found.columns, columns);
	if (Object.keys(changes).length > 0)
		operations.push(
			operation(
				{ verb: "record.set", database: SWITCH, table: "Open_vSwitch", row: found.row, columns: changes },
				"give ovn-controller its settings back",
			),
		);
	const ovs = openVswitch(snapshot);
	const bridge = ovs.bridges[BRIDGE];
	const datapath = was && bridge && bridge.columns["datapath_type"] !== was.datapath ? { datapath: was.datapath } : {};
	const leave = { verb: "chassis.leave", row: found.row, bridge: BRIDGE, ...datapath } as const;
	if (stays) return [...operations, operation({ ...leave, ports: [], ids: [] }, "take the owner mark off Open vSwitch")];
	const ports = Object.values(ovs.ports)
		.filter(({ bridge, columns }) =>
			// Tunnels, and both ends of the patch cables to the bridges of bridgeMappings.
			["ovn-localnet-port", ...(bridge === BRIDGE ? ["ovn-chassis-id"] : [])].some(
				(id) => columnAt(columns, `external_ids:${id}`) !== undefined,
			),
		)
		.map((port) => port.name)
		.sort();
	// The connection tracking zones of ports that are gone: without a connection they stay (ovn-controller(8), "ct-zone-*").
	const ids = Object.keys((bridge?.columns["external_ids"] ?? {}) as object).filter((key) => key.startsWith("ct-zone-"));
	// A delete that stopped half-way may have given these back already.
	const name = String(wish.previous?.systemId ?? columnAt(found.columns, "external_ids:system-id") ?? "");
	const database = databaseAt("ovn-sbctl", wish.previous?.southbound, wish.previous?.tls);
	// Its row may have another name: one from before a boot, at which Open vSwitch's package writes its own (ovs-ctl(8), "--system-id").
	const encapIp = String(wish.previous?.encapIp ?? columnAt(found.columns, "external_ids:ovn-encap-ip") ?? "");
	const forget = { database, name, encapIp };
	return [...operations, operation({ ...leave, ports, ids, forget }, `take chassis ${name} out of the southbound database`)];
}
