import { expect } from "chai";
import { ovsBridge } from "../../provider/kinds/ovs-bridge";
import { essence, foreign, own } from "../model/compare";
import { hosts } from "../model/hosts";
import { bridgeInputs } from "./inputs";
import { itKeepsItsPromises, MARK } from "./properties";

describe("the plan of an OvsBridge", () => {
	itKeepsItsPromises({
		kind: ovsBridge,
		start: hosts,
		inputs: bridgeInputs,
		untouched(before, after, args) {
			const uplinks = args.uplinks ?? [];
			const rest = (snapshot: typeof before) => {
				const plain = foreign(snapshot, MARK);
				// An uplink and an adopted bridge are what the program asks for.
				for (const name of [...uplinks, args.name!]) delete plain.host.links[name];
				delete plain.bridges[args.name!];
				delete plain.ports[args.name!];
				plain.host.routes = plain.host.routes.filter((route) => !route.includes(`"${args.name}"`));
				return plain;
			};
			expect(rest(after)).to.deep.equal(rest(before));
			for (const port of Object.keys(essence(before).bridges[args.name!]?.ports ?? {}))
				expect(essence(after).bridges[args.name!]!.ports).to.include(essence(before).bridges[args.name!]!.ports[Number(port)]);
		},
		ours(snapshot, args) {
			const plain = own(snapshot, MARK);
			// What an adopted bridge was before is kept for the settings that were ever declared; more is no harm.
			const ids = plain.bridges[args.name!]?.columns["external_ids"] as Record<string, string> | undefined;
			delete ids?.["netplumb-before"];
			return plain;
		},
	});
});
