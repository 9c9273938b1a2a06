import { expect } from "chai";
import * as fc from "fast-check";
import type { Snapshot, Tables } from "../../provider/host/snapshot";
import type { Kind } from "../../provider/kinds/kind";
import { ovnCentral } from "../../provider/kinds/ovn-central";
import { ovnChassis } from "../../provider/kinds/ovn-chassis";
import { ovnPort } from "../../provider/kinds/ovn-port";
import { ovnRouter } from "../../provider/kinds/ovn-router";
import { ovnSwitch } from "../../provider/kinds/ovn-switch";
import { foreign, own } from "../model/compare";
import { hosts } from "../model/hosts";
import { applyChange } from "../model/model-host";
import { databases } from "../model/ovn";
import { centralInputs, chassisInputs, portInputs, routerInputs, switchInputs } from "./inputs";
import { itKeepsItsPromises, MARK } from "./properties";

/** With OVN's databases, in which others have something, and ovn-controller's bridge. */
function withOvn(snapshot: Snapshot): Snapshot {
	const out = applyChange(snapshot, { verb: "bridge.add", name: "br-out" });
	const made = applyChange(out, { verb: "bridge.add", name: "br-int" });
	const bridge = applyChange(made, { verb: "row.set", table: "Bridge", row: "br-int", columns: { datapath_type: "system" } });
	return { ...bridge, databases: databases(), chassis: "not connected" };
}

/** An Open vSwitch with a name, and perhaps with settings for ovn-controller that somebody made by hand. */
function configured(snapshot: Snapshot, named: boolean, byHand: boolean): Snapshot {
	const found = structuredClone(snapshot);
	const [row] = Object.values((found.databases!["ovs-vsctl"] as Tables)["Open_vSwitch"]!);
	row!["external_ids"] = {
		hostname: "h1",
		...(named ? { "system-id": "h1" } : {}),
		...(byHand ? { "ovn-remote": "tcp:192.0.2.99:6642", "ovn-encap-ip": "192.0.2.98", "ovn-bridge-mappings": "store:br-x" } : {}),
	};
	return found;
}

const kinds: [kind: Kind<object>, inputs: fc.Arbitrary<Record<string, unknown>>][] = [
	[ovnCentral as unknown as Kind<object>, centralInputs],
	[ovnSwitch as unknown as Kind<object>, switchInputs],
	[ovnPort as unknown as Kind<object>, portInputs],
	[ovnRouter as unknown as Kind<object>, routerInputs],
];

for (const [kind, inputs] of kinds)
	describe(`the plan of an ${kind.name}`, () => {
		itKeepsItsPromises({
			kind,
			start: hosts.map(withOvn),
			inputs,
			untouched: (before, after) => expect(foreign(after, MARK)).to.deep.equal(foreign(before, MARK)),
			ours: (snapshot) => own(snapshot, MARK),
		});
	});

describe("the plan of an OvnChassis", () => {
	itKeepsItsPromises({
		kind: ovnChassis,
		start: fc
			.tuple(hosts, fc.constantFrom(true, true, false), fc.constantFrom(false, false, true))
			.map(([host, named, byHand]) => configured(withOvn(host), named, byHand)),
		inputs: chassisInputs,
		untouched(before, after) {
			// The row of Open vSwitch itself is everybody's: what is not for ovn-controller stays in it.
			const rest = (snapshot: Snapshot) => {
				const { ovn, bridges, ports, ...others } = foreign(snapshot, MARK);
				return others;
			};
			expect(rest(after)).to.deep.equal(rest(before));
			const [row] = Object.values((after.databases!["ovs-vsctl"] as Tables)["Open_vSwitch"]!);
			expect((row!["external_ids"] as Record<string, string>)["hostname"]).to.equal("h1");
		},
		ours: (snapshot, args) => {
			const [row] = Object.values((snapshot.databases!["ovs-vsctl"] as Tables)["Open_vSwitch"]!);
			const { "netplumb-before": _, ...ids } = row!["external_ids"] as Record<string, string>;
			return [args.southbound, Object.entries(ids).sort()];
		},
	});
});
