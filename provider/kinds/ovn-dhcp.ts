// The DHCP of a logical switch: one row of options, to which the ports refer that it serves. Each host answers its own containers.
// Source: ovn-nb(5), tables DHCP_Options and Logical_Switch_Port (dhcpv4_options).
import { type Cidr, contains, derivedMac, formatCidr, gatewayOf, network, parseCidr, parseIp } from "../../sdk/addressing/index";
import type { Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { rowMark } from "../host/marks";
import { markedRows } from "../host/records";
import type { Database, OvsValue, RecordParent, Tables } from "../host/snapshot";
import { cidr, type Infer, integer, ip, list, object, optional, rule } from "../validate/index";
import { namesSubnet } from "./addresses";
import { operation, type Wish } from "./kind";
import { ROLE, references, type WantedRow } from "./ovn-rows";

const v4 = ip({ family: 4 });

const shape = object(
	{
		subnet: cidr,
		router: optional(v4),
		server: optional(v4),
		dns: optional(list(v4, { unique: true, min: 1 })),
		// RFC 2132, 5.1.
		mtu: optional(integer(68, 65535)),
		leaseSeconds: optional(integer(60, 2 ** 32 - 1), 3600),
	},
	"{ subnet } with router, dns, mtu, server, leaseSeconds",
);

export const dhcp = rule(shape, ["subnet", "router", "server"], ({ subnet, router, server }, complain) => {
	const net = parseCidr(subnet)!;
	const plain = formatCidr(network(net));
	if (net.family !== 4 || net.prefix > 30 || net.prefix === 0)
		complain("subnet", subnet, "an IPv4 network of at least four addresses", "correct it");
	else if (plain !== subnet) complain("subnet", subnet, "a network, with no bits set behind its prefix", `write it as ${plain}`);
	else
		for (const [input, address] of Object.entries({ router, server }))
			if (address !== undefined && !isHost(net, address)) complain(input, address, `a host's address in ${plain}`, "correct it");
});

export type Dhcp = Infer<typeof dhcp>;

const TABLE = "DHCP_Options";
const COLUMN = "dhcpv4_options";

function isHost(net: Cidr, text: string): boolean {
	const address = parseIp(text)!;
	return contains(net, address) && !namesSubnet(address, net);
}

/** `dns`: the address at which the switch itself answers for names. */
export function dhcpRow(
	{ subnet, router, server, ...args }: Dhcp,
	dns: string | undefined,
	mark: string,
	name: string,
): WantedRow {
	const servers = args.dns ?? (dns === undefined ? [] : [dns]);
	const options = {
		server_id: server ?? router ?? dns ?? gatewayOf(parseCidr(subnet)!),
		server_mac: derivedMac(`dhcp ${mark}`),
		lease_time: String(args.leaseSeconds),
		router,
		dns_server: servers.length > 0 ? `{${servers.join(", ")}}` : undefined,
		mtu: args.mtu === undefined ? undefined : String(args.mtu),
	};
	const given = Object.entries(options).flatMap(([key, value]) => (value === undefined ? [] : [[`options:${key}`, value]]));
	const columns = { cidr: subnet, ...(Object.fromEntries(given) as Record<string, string>) };
	return { table: TABLE, role: "dhcp", words: `DHCP for ${subnet} in logical switch ${name}`, columns, whole: ["options"] };
}

export function dhcpRowOf(
	tables: Tables,
	marks: readonly string[],
): { row: string; columns: Record<string, OvsValue> } | undefined {
	return markedRows(tables, marks).find(({ table, columns }) => table === TABLE && columnAt(columns, ROLE) === "dhcp");
}

/** The reference of a port of this switch, where it is for us to say: to what its owner declared, if that is for one of its addresses. */
export function serving(
	tables: Tables,
	inSwitch: string,
	port: string,
	addresses: readonly string[],
): Record<string, string | undefined> {
	const owner = rowMark(tables["Logical_Switch"]?.[inSwitch] ?? {});
	const row = owner === undefined ? undefined : dhcpRowOf(tables, [owner]);
	if (!row) return {};
	if (isServed(String(row.columns["cidr"]), addresses)) return { [COLUMN]: row.row };
	const now = Object.values(tables["Logical_Switch_Port"] ?? {}).find(({ name }) => name === port)?.[COLUMN];
	return now === row.row ? { [COLUMN]: undefined } : {};
}

function isServed(subnet: string, addresses: readonly string[]): boolean {
	const net = parseCidr(subnet);
	const ips = addresses.flatMap((text) => parseIp(text) ?? []);
	return net !== undefined && ips.some((address) => contains(net, address));
}

/**
 * The references of the ports that are there already. Those of a row that is yet to be made come with it; those of one that goes,
 * go with it. Ports that netplumb did not make are left alone.
 */
export function planServed<A>(
	wish: Wish<A>,
	database: Database,
	tables: Tables,
	wanted: Dhcp | undefined,
): { operations: Operation[]; holders: RecordParent[] } {
	const operations: Operation[] = [];
	const holders: RecordParent[] = [];
	const home = markedRows(tables, wish.marks).find(({ table }) => table === "Logical_Switch");
	if (!wanted || !home) return { operations, holders };
	const row = dhcpRowOf(tables, wish.marks)?.row;
	for (const port of references(home.columns, "ports")) {
		const columns = tables["Logical_Switch_Port"]?.[port] ?? {};
		if (rowMark(columns) === undefined || (columns["type"] ?? "") !== "") continue;
		const now = columnAt(columns, COLUMN);
		const served = isServed(wanted.subnet, String(columns["addresses"]).split(" ").slice(1));
		const set = (value: string | undefined) => {
			const change = {
				verb: "record.set",
				database,
				table: "Logical_Switch_Port",
				row: port,
				columns: { [COLUMN]: value },
			} as const;
			operations.push(
				operation(change, `${value === undefined ? "take DHCP from" : "give DHCP to"} logical port ${columns["name"]}`),
			);
		};
		if (served && row !== undefined) {
			if (now !== row) set(row);
		} else if (served) {
			if (now !== undefined) set(undefined);
			holders.push({ table: "Logical_Switch_Port", row: port, column: COLUMN });
		} else if (row !== undefined && now === row) set(undefined);
	}
	return { operations, holders };
}
