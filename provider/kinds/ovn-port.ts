// OvnPort: a port of a logical switch of OVN: what a container may send from and is reached at, and its names.
// Source: ovn-nb(5), tables Logical_Switch_Port (addresses, port_security) and DNS.
import { derivedInterface, derivedMac, isAssignable, parseIp } from "../../sdk/addressing/index";
import { columnAt } from "../host/inverse";
import { markedRows } from "../host/records";
import type { Tables } from "../host/snapshot";
import { boolean, type Infer, ip, list, mac, object, optional, rule, string } from "../validate/index";
import type { Kind } from "./kind";
import { serving } from "./ovn-dhcp";
import { databaseAt, logicalName, remote, tls, tlsFits } from "./ovn-inputs";
import { planRows, refusePorts, rowsExist, switchOf, tablesIn, type WantedRow } from "./ovn-rows";
import { START } from "./ovn-switch";

// OVN compares in lower case (ovn-nb(5), DNS.records).
const hostname = string({
	grammar: /^(?!-)[a-z0-9_-]{1,63}(?:\.(?!-)[a-z0-9_-]{1,63})*$/,
	max: 253,
	expected: "a name in lower case, of a-z 0-9 _ - with dots between",
	wayOut: "choose another name",
});

const shape = object({
	northbound: optional(remote),
	tls: optional(tls),
	switch: logicalName,
	name: optional(logicalName),
	mac: optional(mac),
	addresses: optional(list(ip(), { unique: true, min: 1 })),
	portSecurity: optional(boolean),
	hostnames: optional(list(hostname, { unique: true, min: 1 })),
});

const reached = rule(shape, ["northbound", "tls"], (args, complain) =>
	tlsFits("northbound", args.northbound, args.tls, complain),
);

export const ovnPortSchema = rule(reached, ["addresses", "hostnames"], ({ addresses, hostnames }, complain) => {
	(addresses ?? []).forEach((address, index) => {
		if (!isAssignable(parseIp(address)!))
			complain(`addresses[${index}]`, address, "an address that an interface can have", "correct it");
	});
	if (hostnames !== undefined && addresses === undefined)
		complain("hostnames", hostnames.join(), "addresses beside it, which the names stand for", "declare addresses");
});

export type OvnPortArgs = Infer<typeof ovnPortSchema>;

export const ovnPort: Kind<OvnPortArgs> = {
	name: "OvnPort",
	schema: ovnPortSchema,
	outputs: [],
	replace: ["name", "switch", "northbound"],
	complete: (args, owner) => ({ ...args, name: args.name ?? derivedInterface(owner), mac: args.mac ?? derivedMac(owner) }),
	physicalName: (args) => args.name!,
	containers: () => [],
	databases: (args) => [databaseOf(args)],
	heals: () => false,

	plan(wish, snapshot) {
		const args = wish.wanted;
		const database = databaseOf(args ?? wish.previous!);
		const tables = tablesIn(database, snapshot, START);
		if (!args) return planRows(wish, database, tables, []);
		const wanted = rows(args, switchOf(args.switch, tables, snapshot), tables);
		refusePorts(wish, tables, wanted, snapshot);
		return planRows(wish, database, tables, wanted);
	},

	observe(args, mark, snapshot) {
		const tables = snapshot.databases?.[databaseOf(args).join(" ")];
		const row = typeof tables === "object" && markedRows(tables, [mark]).find(({ table }) => table === "Logical_Switch_Port");
		if (!row) return { args, outputs: {} };
		const secured = columnAt(row.columns, "port_security") !== undefined;
		const found: OvnPortArgs = { ...args };
		if (args.portSecurity !== undefined && secured !== args.portSecurity) found.portSecurity = secured;
		return { args: found, outputs: {} };
	},

	exists: rowsExist,
};

function databaseOf({ northbound, tls: files }: Pick<OvnPortArgs, "northbound" | "tls">) {
	return databaseAt("ovn-nbctl", northbound, files);
}

function rows(args: OvnPortArgs, row: string, tables: Tables): WantedRow[] {
	const name = args.name!;
	const address = [args.mac!, ...(args.addresses ?? [])].join(" ");
	const secured = args.portSecurity !== false;
	const wanted: WantedRow[] = [
		{
			table: "Logical_Switch_Port",
			role: "port",
			words: `logical port ${name}`,
			columns: {
				...{ name, addresses: [address], port_security: secured ? [address] : undefined },
				...serving(tables, row, name, args.addresses ?? []),
			},
			parent: { table: "Logical_Switch", row, column: "ports" },
		},
	];
	if (args.hostnames && args.addresses)
		wanted.push({
			table: "DNS",
			role: "names",
			words: `the names ${args.hostnames.join(", ")}`,
			columns: Object.fromEntries(args.hostnames.map((hostname) => [`records:${hostname}`, args.addresses!.join(" ")])),
			whole: ["records"],
			parent: { table: "Logical_Switch", row, column: "dns_records" },
		});
	return wanted;
}
