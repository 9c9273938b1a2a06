// OvnSwitch: a logical switch of OVN, its ACLs, its DHCP, and the address that answers its containers' questions for names.
// Source: ovn-nb(5), tables Logical_Switch, ACL and Logical_Switch_Port ("localport").
import { derivedInterface, derivedMac } from "../../sdk/addressing/index";
import { markedRows } from "../host/records";
import type { RecordParent, Tables } from "../host/snapshot";
import { type Infer, integer, ip, list, object, oneOf, optional, rule, text } from "../validate/index";
import type { Kind, Wish } from "./kind";
import { dhcp, dhcpRow, dhcpRowOf, planServed } from "./ovn-dhcp";
import { databaseAt, logicalName, physicalNetwork, remote, tls, tlsFits } from "./ovn-inputs";
import { planRows, refusePorts, refuseTaken, refuseUsed, rowsExist, tablesIn, type WantedRow } from "./ovn-rows";
import { tag } from "./vlan";

const acl = object(
	{
		direction: oneOf("to-lport", "from-lport"),
		// ovn-nb(5), ACL.priority.
		priority: integer(0, 32767),
		match: text({ max: 4096 }),
		action: oneOf("allow", "allow-related", "allow-stateless", "drop", "reject"),
	},
	"{ direction, priority, match, action }",
);

const shape = object({
	northbound: optional(remote),
	tls: optional(tls),
	name: optional(logicalName),
	acls: optional(list(acl, { max: 1000 })),
	dns: optional(ip({ family: 4 })),
	dhcp: optional(dhcp),
	localnet: optional(object({ network: physicalNetwork, vlan: optional(tag) }, "{ network } with vlan")),
});

const reached = rule(shape, ["northbound", "tls"], (args, complain) =>
	tlsFits("northbound", args.northbound, args.tls, complain),
);

export const ovnSwitchSchema = rule(reached, ["acls"], ({ acls = [] }, complain) => {
	const seen = new Map<string, number>();
	acls.forEach((one, index) => {
		const first = seen.get(roleOf(one));
		if (one.match.trim() !== one.match)
			complain(`acls[${index}].match`, one.match, "an expression without spaces around it", "take them away");
		else if (first === undefined) seen.set(roleOf(one), index);
		else complain(`acls[${index}]`, one.match, "one action for a direction, priority and match", `remove it, or acls[${first}]`);
	});
});

export type OvnSwitchArgs = Infer<typeof ovnSwitchSchema>;
type Acl = Infer<typeof acl>;

function roleOf({ direction, priority, match }: Acl): string {
	return `acl ${direction} ${priority} ${match}`;
}

export const START = "start ovn-central there, or correct northbound";

export const ovnSwitch: Kind<OvnSwitchArgs> = {
	name: "OvnSwitch",
	schema: ovnSwitchSchema,
	outputs: [],
	replace: ["name", "northbound"],
	complete: (args, owner) => ({ ...args, name: args.name ?? derivedInterface(owner) }),
	physicalName: (args) => args.name!,
	containers: () => [],
	databases: (args) => [databaseOf(args)],
	heals: () => false,

	plan(wish, snapshot) {
		const database = databaseOf(wish.wanted ?? wish.previous ?? {});
		const tables = tablesIn(database, snapshot, START);
		if (!wish.wanted) {
			refuseUsed(wish, tables, snapshot);
			return planRows(wish, database, tables, []);
		}
		refuseTaken(wish, tables, "Logical_Switch", wish.wanted.name!, snapshot, "logical switch");
		const served = planServed(wish, database, tables, wish.wanted.dhcp);
		const wanted = rows(wish.wanted, wish, tables, served.holders);
		refusePorts(wish, tables, wanted, snapshot);
		return [...served.operations, ...planRows(wish, database, tables, wanted)];
	},

	observe(args, mark, snapshot) {
		const tables = snapshot.databases?.[databaseOf(args).join(" ")];
		if (typeof tables !== "object") return { args, outputs: {} };
		const seen: OvnSwitchArgs = { ...args };
		if (args.dhcp !== undefined && dhcpRowOf(tables, [mark]) === undefined) delete seen.dhcp;
		if (args.acls === undefined) return { args: seen, outputs: {} };
		const found = markedRows(tables, [mark]).filter(({ table }) => table === "ACL");
		const present = args.acls.flatMap((one) => {
			const row = found.find(
				({ columns }) => (columns["external_ids"] as Record<string, string>)["netplumb-row"] === roleOf(one),
			);
			return row ? [{ ...one, action: String(row.columns["action"]) as Acl["action"] }] : [];
		});
		return { args: { ...seen, acls: present }, outputs: {} };
	},

	exists: rowsExist,
};

function databaseOf({ northbound, tls: files }: Pick<OvnSwitchArgs, "northbound" | "tls">) {
	return databaseAt("ovn-nbctl", northbound, files);
}

function rows(args: OvnSwitchArgs, wish: Wish<OvnSwitchArgs>, tables: Tables, served: RecordParent[]): WantedRow[] {
	const name = args.name!;
	const own = markedRows(tables, wish.marks).find(({ table }) => table === "Logical_Switch");
	const parent = (column: string) => ({ table: "Logical_Switch", row: own?.row ?? name, column });
	const wanted: WantedRow[] = [
		{ table: "Logical_Switch", role: "switch", words: `logical switch ${name}`, columns: { name } },
		...(args.acls ?? []).map((one) => ({
			table: "ACL",
			role: roleOf(one),
			words: `ACL ${one.direction} ${one.priority} ${one.match}`,
			columns: { direction: one.direction, priority: one.priority, match: one.match, action: one.action },
			parent: parent("acls"),
		})),
	];
	if (args.dns !== undefined)
		wanted.push({
			table: "Logical_Switch_Port",
			role: "dns",
			words: `address ${args.dns} for names in logical switch ${name}`,
			// Every chassis answers ARP for it, and takes the questions out of the traffic before they would get there.
			columns: { name: `${name}-dns`, type: "localport", addresses: [`${derivedMac(`dns ${wish.mark}`)} ${args.dns}`] },
			parent: parent("ports"),
		});
	if (args.localnet)
		wanted.push({
			table: "Logical_Switch_Port",
			role: "localnet",
			words: `the way of logical switch ${name} to ${args.localnet.network}`,
			columns: {
				...{ name: `${name}-localnet`, type: "localnet", addresses: ["unknown"] },
				"options:network_name": args.localnet.network,
				tag: args.localnet.vlan,
			},
			parent: parent("ports"),
		});
	if (args.dhcp) wanted.push({ ...dhcpRow(args.dhcp, args.dns, wish.mark, name), holders: served });
	return wanted;
}
