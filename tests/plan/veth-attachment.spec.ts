import { expect } from "chai";
import { vethAttachment } from "../../provider/kinds/veth-attachment";
import { foreign, own } from "../model/compare";
import { hosts } from "../model/hosts";
import { vethInputs } from "./inputs";
import { itKeepsItsPromises, MARK } from "./properties";

describe("the plan of a VethAttachment", () => {
	itKeepsItsPromises({
		kind: vethAttachment,
		start: hosts,
		inputs: vethInputs,
		untouched: (before, after) => {
			const rest = (snapshot: typeof before) => {
				const plain = foreign(snapshot, MARK);
				for (const bridge of Object.values(plain.bridges)) bridge.ports = bridge.ports.filter((port) => plain.ports[port]);
				return plain;
			};
			expect(rest(after)).to.deep.equal(rest(before));
		},
		ours(snapshot, args) {
			const plain = own(snapshot, MARK);
			// An MTU that is not declared is the bridge's at the time of making, and stays.
			if (args.mtu === undefined)
				for (const { links } of [plain.host, ...Object.values(plain.containers)].flatMap((one) =>
					typeof one === "object" && "links" in one ? [one] : [],
				))
					for (const link of Object.values(links)) link.mtu = 0;
			return plain;
		},
	});
});
