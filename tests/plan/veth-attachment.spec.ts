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
		ours: (snapshot) => own(snapshot, MARK),
	});
});
