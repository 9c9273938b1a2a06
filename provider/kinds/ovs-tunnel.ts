// OvsTunnel: one end of a VXLAN, Geneve or GRE tunnel, a port of an Open vSwitch bridge.
// Source: ovs-vswitchd.conf.db(5), table Interface, "Tunnel Options", and table Port, "protected".
import { derivedName, isAssignable, isLinkLocal, parseIp } from "../../sdk/addressing/index";
import { MAX_KEY, overhead } from "../../sdk/addressing/tunnel";
import { NetplumbError } from "../errors";
import type { ColumnValue, Operation } from "../host/change";
import { columnAt } from "../host/inverse";
import { rowMark } from "../host/marks";
import { ownedBy } from "../host/owned";
import { OVS_ABSENT, type OvsPort, type Snapshot } from "../host/snapshot";
import { boolean, type Infer, integer, interfaceName, ip, list, object, oneOf, optional, rule, union } from "../validate/index";
import { differing, inWords, sameValue } from "./columns";
import { openVswitch } from "./facts";
import { type Kind, operation, type Wish } from "./kind";
import { guardIsIdle, planGuard, planUnguard } from "./tunnel-guard";
import { observedOptions, options, optionsOf, refuseTwin } from "./tunnel-options";
import { checkUnderlay, mtuInside } from "./underlay";
import { tag } from "./vlan";

const inherit = oneOf("inherit");

const shape = object({
	bridge: interfaceName,
	name: optional(interfaceName),
	type: oneOf("vxlan", "geneve", "gre"),
	remote: ip(),
	key: optional(integer(0, MAX_KEY.gre)),
	localIp: optional(ip()),
	port: optional(integer(1, 65535)),
	mtu: optional(integer(68, 65535)),
	tos: optional(union(integer(0, 255), inherit)),
	ttl: optional(union(integer(1, 255), inherit)),
	df: optional(boolean),
	csum: optional(boolean),
	protected: optional(boolean),
	trunks: optional(list(tag, { unique: true, min: 1 })),
});

const families = rule(shape, ["remote", "localIp"], ({ remote, localIp }, complain) => {
	const far = parseIp(remote)!;
	const useful = isAssignable(far) && !(far.family === 6 && isLinkLocal(far));
	if (!useful)
		complain("remote", remote, "an address that another host can have and a route can lead to", "write the other host's address");
	if (localIp === undefined) return;
	if (parseIp(localIp)!.family !== far.family)
		complain("localIp", localIp, `an IPv${far.family} address, as remote is`, "correct one of the two");
	else if (localIp === remote) complain("localIp", localIp, "another address than remote", "write this host's own address");
});

const keyed = rule(families, ["type", "key"], ({ type, key }, complain) => {
	if (key !== undefined && key > MAX_KEY[type])
		complain("key", key, `a whole number from 0 to ${MAX_KEY[type]}: ${type} has 24 bits for it`, "choose a smaller one");
});

// Open vSwitch ignores any other TOS with a warning in its log (netdev-vport.c): the two lowest bits are those of ECN (RFC 3168).
const marked = rule(keyed, ["tos"], ({ tos }, complain) => {
	if (typeof tos === "number" && tos % 4 !== 0)
		complain("tos", tos, "a multiple of 4, because the two lowest bits are those of ECN", `write ${tos - (tos % 4)}`);
});

export const ovsTunnelSchema = rule(marked, ["type", "port"], ({ type, port }, complain) => {
	if (type === "gre" && port !== undefined)
		complain("port", port, "no port with type gre, which is an IP protocol of its own", "remove it");
});

export type OvsTunnelArgs = Infer<typeof ovsTunnelSchema>;

export const ovsTunnel: Kind<OvsTunnelArgs> = {
	name: "OvsTunnel",
	schema: ovsTunnelSchema,
	outputs: [],
	defaulted: ["mtu"],
	holds: sameOutside,
	replace: ["name", "type", "bridge"],
	// Another seed than that of attachments and bridges, so that one of the same resource name has another port name.
	complete: (args, owner) => ({ ...args, name: args.name ?? derivedName(owner.split("/").at(-1) ?? "tun", `tunnel ${owner}`) }),
	physicalName: (args) => args.name!,
	containers: () => [],
	destinations: (args) => [args.remote],
	facts: ["firewall"],

	plan(wish, snapshot) {
		if (wish.wanted) return planTunnel(wish, wish.wanted, snapshot);
		if (snapshot.ovs === OVS_ABSENT) return [];
		openVswitch(snapshot);
		const mine = owned(wish.marks, snapshot);
		return [...mine.map(remove), ...planUnguard(mine, snapshot)];
	},

	observe(args, mark, snapshot) {
		const port = typeof snapshot.ovs === "object" ? snapshot.ovs.ports[args.name!] : undefined;
		const outputs = (present: OvsTunnelArgs) => {
			const inside = mtuInside(encapsulation(present), snapshot);
			return args.mtu === undefined && inside !== undefined ? { mtu: inside } : {};
		};
		if (!port || rowMark(port.columns) !== mark) return { args, outputs: outputs(args) };
		// Another type or bridge is mended in place; as a changed input it would replace the tunnel.
		const found = observedOptions(args, port);
		if (args.protected !== undefined) found.protected = port.columns["protected"] === true;
		const trunks = columnAt(port.columns, "trunks");
		if (!sameValue(trunks, args.trunks)) found.trunks = [trunks ?? []].flat() as number[];
		return { args: found, outputs: outputs(found) };
	},

	// The guard goes last, and belongs to no tunnel in particular: as long as one is of no use, somebody has to take it away.
	exists: (marks, snapshot) =>
		typeof snapshot.ovs === "string" ? snapshot.ovs : owned(marks, snapshot).length > 0 || guardIsIdle(snapshot),
};

function owned(marks: readonly string[], snapshot: Snapshot): OvsPort[] {
	return ownedBy(snapshot, marks).ports;
}

function encapsulation(args: OvsTunnelArgs) {
	return { ...args, tagged: args.trunks !== undefined };
}

/** What the host once gave holds as long as the packets on the underlay stay the same. */
function sameOutside(before: OvsTunnelArgs, after: OvsTunnelArgs): boolean {
	return overhead(encapsulation(before)) === overhead(encapsulation(after)) && before.remote === after.remote;
}

function planTunnel(wish: Wish<OvsTunnelArgs>, args: OvsTunnelArgs, snapshot: Snapshot): Operation[] {
	const name = args.name!;
	const ovs = openVswitch(snapshot);
	const bridge = ovs.bridges[args.bridge];
	if (!bridge)
		throw new NetplumbError(
			"missing",
			`host ${snapshot.hostName}: bridge: found no Open vSwitch bridge "${args.bridge}", expected one; make it first, for example with OvsBridge`,
		);
	const port = ovs.ports[name];
	const mine = port !== undefined && wish.marks.includes(rowMark(port.columns) ?? "");
	if ((port && !mine) || snapshot.host.links[name] || ovs.bridges[name])
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: name: found another port or interface called "${name}", expected the name to be free; choose another name`,
		);
	refuseTwin(name, args, ovs, snapshot.hostName);
	const given = wish.previous && sameOutside(wish.previous, args) ? wish.previous.mtu : undefined;
	checkUnderlay(encapsulation(args), given, bridge, snapshot);
	const fault = port ? faultOf(port) : "";
	const operations = planGuard({ ...args, name }, snapshot, wish.alone);
	const keep = port !== undefined && port.bridge === args.bridge && fault === "";
	if (port && !keep) operations.push(remove(port));
	if (!keep)
		operations.push(
			operation({ verb: "port.add", bridge: args.bridge, name }, `add ${args.type} tunnel port ${name} to bridge ${args.bridge}`),
		);
	const present = keep ? optionsOf(port) : {};
	const wanted = options(args);
	const settings: Record<string, ColumnValue> = { type: args.type };
	for (const key of new Set([...Object.keys(present), ...Object.keys(wanted)])) settings[`options:${key}`] = wanted[key];
	operations.push(...set("Interface", name, differing(keep ? port.interface : undefined, settings)));
	const columns: Record<string, ColumnValue> = {
		vlan_mode: args.trunks && "trunk",
		tag: undefined,
		trunks: args.trunks,
		protected: args.protected === true,
		"external_ids:netplumb": wish.mark,
	};
	operations.push(...set("Port", name, differing(keep ? port.columns : { protected: false }, columns)));
	// What was behind another tunnel may be behind this one now; Open vSwitch would not ask before its entries are 300 s old.
	if (!keep)
		operations.push(
			operation({ verb: "fdb.flush", bridge: args.bridge }, `let bridge ${args.bridge} learn again where MAC addresses are`),
		);
	return operations;
}

/** Exit status 0 is not success: Open vSwitch says in the row why a port does not work. */
function faultOf(port: OvsPort): string {
	const error = String(columnAt(port.interface, "error") ?? "");
	return error === "" && port.interface["ofport"] === -1 ? "Open vSwitch gave it no port number" : error;
}

function remove(port: OvsPort): Operation {
	const fault = faultOf(port);
	const describe = `take tunnel port ${port.name} out of bridge ${port.bridge}${fault && ` (${fault})`}`;
	return operation({ verb: "port.delete", bridge: port.bridge, name: port.name }, describe);
}

function set(table: "Interface" | "Port", name: string, columns: Record<string, ColumnValue>): Operation[] {
	if (Object.keys(columns).length === 0) return [];
	const words = inWords(columns).replaceAll("options:", "") || "the owner mark";
	return [operation({ verb: "row.set", table, row: name, columns }, `set ${words} of tunnel port ${name}`)];
}
