// OVN's daemons on lab hosts, for the tests of one describe block; what they made is gone after it.
import { expect } from "chai";
import { labOvnStart, labOvnStop, ovnProblem } from "../../lab/index";
import { skipUnless } from "../toolchain/skip";
import { hostDump } from "./dump";
import { labDir, labHost, on } from "./lab";
import { Resource } from "./resource";

/** The first host has the databases too. To be called after `useLab`. */
export function useOvn(...hosts: string[]): void {
	before(async function () {
		this.timeout(60_000);
		skipUnless(this, ovnProblem());
		await Promise.all(hosts.map((host) => labOvnStop(host, { dir: labDir })));
		await Promise.all(
			hosts.map((host, index) => labOvnStart(host, index === 0 ? ["central", "controller"] : ["controller"], { dir: labDir })),
		);
		// ovn-controller makes its bridge a moment after it has started.
		for (const host of hosts) await on(host, "sh", "-ec", "until ovs-vsctl --timeout=5 br-exists br-int; do sleep 0.1; done");
	});
	after(async function () {
		this.timeout(30_000);
		await Promise.all(hosts.map((host) => labOvnStop(host, { dir: labDir })));
	});
}

export const address = (host: string): string => labHost(host).address;

export const central = (name = "central"): Resource => new Resource("OvnCentral", name);

export const chassis = (host: string, name = `chassis-${host}`): Resource =>
	new Resource("OvnChassis", name, { host: labHost(host, { heal: false }) });

/** An OvnCentral on h1 and an OvnChassis on each host, without TLS. */
export async function cloud(...hosts: string[]): Promise<Record<string, Resource>> {
	const databases = await central().create({ address: address("h1"), tls: false });
	const made = await Promise.all(
		hosts.map(async (host) => [
			host,
			await chassis(host).create({ southbound: databases.state["southbound"], encapIp: address(host) }),
		]),
	);
	return { central: databases, ...Object.fromEntries(made) } as Record<string, Resource>;
}

export const nbctl = (...argv: string[]): Promise<string> => on("h1", "ovn-nbctl", "--timeout=20", ...argv);
export const sbctl = (...argv: string[]): Promise<string> => on("h1", "ovn-sbctl", "--timeout=20", ...argv);

/** What is on these hosts and in the databases on h1: one line a fact, without what northd and ovn-controller count. */
export async function cloudDump(...hosts: string[]): Promise<string[]> {
	const host = async (name: string) =>
		Object.entries(await hostDump(name)).flatMap(([what, facts]) =>
			(typeof facts === "string" ? facts.split("\n").flatMap(rows) : (facts as unknown[])).map(
				(fact) => `${name} ${what} ${fact}`,
			),
		);
	const database = async (ask: typeof nbctl, ...tables: string[]) =>
		rows(await ask("--format=json", ...tables.flatMap((table) => ["--", `--columns=${COLUMNS[table]}`, "list", table])));
	const found = await Promise.all([
		...hosts.map(host),
		database(nbctl, ...NORTHBOUND),
		database(sbctl, "Chassis", "Connection", "SSL"),
	]);
	return found.flat().sort();
}

const NORTHBOUND = [
	...["Logical_Switch", "Logical_Switch_Port", "ACL", "DNS", "DHCP_Options", "Connection", "SSL"],
	...["Logical_Router", "Logical_Router_Port", "Gateway_Chassis", "Logical_Router_Static_Route", "NAT", "Load_Balancer"],
];

const COLUMNS: Record<string, string> = {
	Logical_Switch: "_uuid,name,ports,acls,dns_records,external_ids",
	Logical_Switch_Port: "_uuid,name,type,addresses,port_security,options,tag,dhcpv4_options,external_ids",
	Logical_Router: "_uuid,name,ports,static_routes,nat,load_balancer,external_ids",
	Logical_Router_Port: "_uuid,name,mac,networks,gateway_chassis,options,external_ids",
	Gateway_Chassis: "_uuid,name,chassis_name,priority,external_ids",
	Logical_Router_Static_Route: "_uuid,ip_prefix,nexthop,external_ids",
	NAT: "_uuid,type,external_ip,logical_ip,external_ids",
	Load_Balancer: "_uuid,name,protocol,vips,external_ids",
	DHCP_Options: "_uuid,cidr,options,external_ids",
	ACL: "_uuid,direction,priority,match,action,external_ids",
	DNS: "_uuid,records,external_ids",
	Connection: "_uuid,target,external_ids",
	SSL: "_uuid,private_key,certificate,ca_cert,external_ids",
	Chassis: "name",
};

/** Tables of OVSDB, row by row: their order means nothing. */
function rows(text: string): string[] {
	return text
		.split("\n")
		.filter((line) => line.startsWith("{"))
		.flatMap((line) => {
			const { headings, data } = JSON.parse(line) as { headings: string[]; data: unknown[] };
			// ovn-controller writes when it was started, again and again, from its first connection on.
			const text = (row: unknown) => JSON.stringify(row).replace(/\["ovn-startup-ts","\d+"\]/, "");
			return data.map((row) => `${headings.join()} ${text(row)}`);
		});
}

/** What is gone and what is left since a dump: nothing, where there is no trace. */
export async function expectNoTrace(before: string[], ...hosts: string[]): Promise<void> {
	const after = await cloudDump(...hosts);
	const [gone, left] = [before.filter((line) => !after.includes(line)), after.filter((line) => !before.includes(line))];
	expect({ gone, left }).to.deep.equal({ gone: [], left: [] });
}

export async function leavesNoTrace(hosts: string[], work: () => Promise<unknown>): Promise<void> {
	const before = await cloudDump(...hosts);
	await work();
	await expectNoTrace(before, ...hosts);
}
