// OvnCentral: where the databases of OVN on a host listen. The daemons themselves are the distribution's (package ovn-central).
// Source: ovn-nb(5) and ovn-sb(5), tables Connection and SSL.
import { NetplumbError } from "../errors";
import type { Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { markedRows } from "../host/records";
import type { Database, Snapshot, Tables } from "../host/snapshot";
import { boolean, type Infer, integer, ip, object, optional, rule, union } from "../validate/index";
import type { Kind, Wish } from "./kind";
import { addressOf, hostPart, type Tls, tls } from "./ovn-inputs";
import { planRows, rowsExist, tablesIn, type WantedRow } from "./ovn-rows";

const shape = object({
	address: ip(),
	southboundPort: optional(integer(1, 65535), 6642),
	northboundPort: optional(integer(1, 65535)),
	tls: union(boolean, tls),
});

export const ovnCentralSchema = rule(shape, ["tls", "southboundPort", "northboundPort"], (args, complain) => {
	if (args.tls === true)
		complain("tls", true, "the paths of key, certificate and CA, or false", "give it { privateKey, certificate, caCert }");
	if (args.northboundPort === args.southboundPort)
		complain("northboundPort", args.northboundPort, "another port than southboundPort", "choose another one");
});

export type OvnCentralArgs = Infer<typeof ovnCentralSchema>;

export const NORTHBOUND: Database = ["ovn-nbctl"];
export const SOUTHBOUND: Database = ["ovn-sbctl"];
const START = "install ovn-central, or start it: systemctl start ovn-central";

const files = ({ tls: given }: OvnCentralArgs): Tls | undefined => (typeof given === "object" ? given : undefined);
const scheme = (args: OvnCentralArgs) => (files(args) ? "ssl" : "tcp");

export const ovnCentral: Kind<OvnCentralArgs> = {
	name: "OvnCentral",
	schema: ovnCentralSchema,
	outputs: ["southbound", "northbound"],
	replace: [],
	complete: (args) => args,
	physicalName: () => "ovn-central",
	containers: () => [],
	databases: () => [NORTHBOUND, SOUTHBOUND],
	heals: () => false,

	plan(wish, snapshot) {
		const [north, south] = [NORTHBOUND, SOUTHBOUND].map((database) => tablesIn(database, snapshot, START)) as [Tables, Tables];
		const args = wish.wanted;
		if (
			args &&
			!Object.values(snapshot.host.links).some(({ addresses }) => addresses.some((one) => one.split("/")[0] === args.address))
		)
			throw new NetplumbError(
				"missing",
				`host ${snapshot.hostName}: address: found no interface with ${args.address}, expected one of the host's own addresses; correct it`,
			);
		return [
			...planDatabase(wish, NORTHBOUND, "NB_Global", args?.northboundPort, north, snapshot),
			...planDatabase(wish, SOUTHBOUND, "SB_Global", args?.southboundPort, south, snapshot),
		];
	},

	observe(args, mark, snapshot) {
		const at = (port: number | undefined) => (port === undefined ? {} : addressOf(scheme(args), args.address, port));
		const found: OvnCentralArgs = { ...args };
		if (args.northboundPort !== undefined && !listens(NORTHBOUND, mark, snapshot)) delete found.northboundPort;
		const northbound = args.northboundPort === undefined ? {} : { northbound: at(args.northboundPort) };
		return { args: found, outputs: { southbound: at(args.southboundPort), ...northbound } };
	},

	exists: rowsExist,
};

function listens(database: Database, mark: string, snapshot: Snapshot): boolean {
	const tables = snapshot.databases?.[database.join(" ")];
	return typeof tables !== "object" || markedRows(tables, [mark]).some(({ table }) => table === "Connection");
}

function planDatabase(
	wish: Wish<OvnCentralArgs>,
	database: Database,
	global: string,
	port: number | undefined,
	tables: Tables,
	snapshot: Snapshot,
): Operation[] {
	const args = wish.wanted;
	const wanted: WantedRow[] = [];
	const parent = (column: string) => ({ table: global, row: ".", column });
	if (args && port !== undefined) {
		const target = `p${scheme(args)}:${port}:${hostPart(args.address)}`;
		refuseOther(wish, tables, "Connection", (columns) => columns["target"] === target, `${target}`, snapshot);
		wanted.push({
			table: "Connection",
			role: "listener",
			words: `listener ${target} of ${database[0] === "ovn-nbctl" ? "the northbound" : "the southbound"} database`,
			columns: { target },
			parent: parent("connections"),
		});
		const given = files(args);
		if (given) {
			refuseOther(wish, tables, "SSL", () => true, "TLS settings", snapshot);
			wanted.push(tlsRow(given, parent("ssl")));
		}
	}
	return planRows(wish, database, tables, wanted);
}

/** The one row with the files of a database, or of Open vSwitch. */
export function tlsRow({ privateKey, certificate, caCert }: Tls, parent: WantedRow["parent"]): WantedRow {
	const columns = { private_key: privateKey, certificate, ca_cert: caCert };
	return { table: "SSL", role: "tls", words: "the TLS settings", columns, ...(parent ? { parent } : {}) };
}

export function refuseOther(
	wish: { marks: readonly string[] },
	tables: Tables,
	table: string,
	is: (columns: Tables[string][string]) => boolean,
	what: string,
	snapshot: Snapshot,
): void {
	const mine = new Set(markedRows(tables, wish.marks).map(({ row }) => row));
	const other = Object.entries(tables[table] ?? {}).find(([row, columns]) => !mine.has(row) && is(columns));
	if (!other) return;
	const owner = columnAt(other[1], "external_ids:netplumb");
	const whose = owner === undefined ? "that netplumb did not make" : `of another netplumb resource (${owner})`;
	throw new NetplumbError(
		"conflict",
		`host ${snapshot.hostName}: found ${what} ${whose}, expected none; remove it by hand, or use it as it is and leave this resource out`,
	);
}
