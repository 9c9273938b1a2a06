import { expect } from "chai";
import * as fc from "fast-check";
import type { Snapshot, Tables } from "../../provider/host/snapshot";
import { type OvnSwitchArgs, ovnSwitch } from "../../provider/kinds/ovn-switch";
import { difference, essence } from "../model/compare";
import { hosts } from "../model/hosts";
import { applyChange, applyPlan, takeBack } from "../model/model-host";
import { databases } from "../model/ovn";
import { switchInputs } from "./inputs";
import { checked, lookAt, plan, RUNS, wish } from "./properties";

const database = ["ovn-nbctl"];
const PORTS: Record<string, { address: string; mark?: string }> = {
	web: { address: "02:00:00:00:00:01 10.72.0.5", mark: "shop/prod/web-0123456789" },
	db: { address: "02:00:00:00:00:02 10.72.0.200 fd00:72::5", mark: "shop/prod/db-0123456789" },
	"by-hand": { address: "02:00:00:00:00:03 10.72.0.6" },
};

const north = (snapshot: Snapshot) => snapshot.databases!["ovn-nbctl"] as Tables;

/** The switch, with ports of other resources and one that somebody made by hand. */
function withPorts(before: Snapshot, args: OvnSwitchArgs): Snapshot | undefined {
	const start = { ...structuredClone(before), databases: databases() };
	const operations = plan(ovnSwitch, wish(args), start);
	return (
		operations &&
		Object.entries(PORTS).reduce(
			(snapshot, [name, { address, mark }]) =>
				applyChange(snapshot, {
					...{ verb: "record.add", database, table: "Logical_Switch_Port" },
					columns: { name, addresses: [address], ...(mark ? { "external_ids:netplumb": mark } : {}) },
					parent: { table: "Logical_Switch", row: args.name!, column: "ports" },
				}),
			applyPlan(start, operations).after,
		)
	);
}

/** The subnet that answers a port. */
function answers(snapshot: Snapshot, port: string): unknown {
	const row = Object.values(north(snapshot)["Logical_Switch_Port"]!).find(({ name }) => name === port)!["dhcpv4_options"];
	return north(snapshot)["DHCP_Options"]![String(row)]?.["cidr"];
}

describe("the DHCP of an OvnSwitch", () => {
	it("serves the ports that are there by their addresses, in place and with a way back, and no others", () => {
		const property = fc.property(hosts, switchInputs, switchInputs, (host, first, second) => {
			const [a, b] = [first, second].map((one) => checked(ovnSwitch, { ...one, name: "apps" }));
			fc.pre(a !== undefined && b !== undefined);
			const start = withPorts(host, a!);
			fc.pre(start !== undefined);
			const settled = applyPlan(start!, ovnSwitch.plan(wish(a!), start!)).after;
			const operations = ovnSwitch.plan(wish(b!, a!), settled);
			lookAt(operations);
			const { after, done } = applyPlan(settled, operations);
			const inside: Record<string, string[]> = { "10.72.0.0/24": ["web", "db"], "10.72.0.0/29": ["web"] };
			const served = inside[b!.dhcp?.subnet ?? ""] ?? [];
			for (const port of Object.keys(PORTS))
				expect(answers(after, port), port).to.equal(served.includes(port) ? b!.dhcp!.subnet : undefined);
			expect(ovnSwitch.plan(wish(b!, b!), after)).to.deep.equal([]);
			for (let count = 0; count <= done.length; count++) {
				const back = takeBack(applyPlan(settled, done, count), settled);
				expect(difference(essence(back), essence(settled)), `taken back after ${count}`).to.equal(undefined);
			}
		});
		fc.assert(property, { numRuns: RUNS });
	});
});
