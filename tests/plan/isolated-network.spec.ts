import { expect } from "chai";
import type { Firewall } from "../../provider/host/firewall";
import { isolatedNetwork } from "../../provider/kinds/isolated-network";
import { essence, foreign, own } from "../model/compare";
import { bareHost, hosts } from "../model/hosts";
import { applyPlan } from "../model/model-host";
import { networkInputs } from "./inputs";
import { itKeepsItsPromises, MARK } from "./properties";

describe("the plan of an IsolatedNetwork", () => {
	itKeepsItsPromises({
		kind: isolatedNetwork,
		start: hosts,
		inputs: networkInputs,
		untouched(before, after, args) {
			const rest = (snapshot: typeof before) => {
				const plain = foreign(snapshot, MARK);
				plain.host.routes = plain.host.routes.filter((route) => !route.includes(`"${args.name}"`));
				return plain;
			};
			expect(rest(after)).to.deep.equal(rest(before));
		},
		ours: (snapshot) => own(snapshot, MARK),
	});

	it("has the drop before the bridge, and takes the bridge away before the drop", () => {
		const wanted = {
			...{ name: "net0", subnet: "10.77.0.0/24", gateway: "10.77.0.1" },
			egress: "none",
			clients: "open",
		} as const;
		const wish = { mark: MARK, marks: [MARK], wanted };
		const made = applyPlan(bareHost(), isolatedNetwork.plan(wish, bareHost()));
		const order = (done: readonly { change: { verb: string } }[], verb: string) =>
			done.findIndex(({ change }) => change.verb === verb);
		expect(order(made.done, "element.add")).to.be.lessThan(order(made.done, "bridge.add"));
		const gone = applyPlan(made.after, isolatedNetwork.plan({ mark: MARK, marks: [MARK], previous: wanted }, made.after));
		expect(order(gone.done, "bridge.delete")).to.be.lessThan(order(gone.done, "ruleset.delete"));
		expect(essence(gone.after)).to.deep.equal(essence(bareHost()));
	});

	it("ends the connections that began while the boundary was not whole, whatever was missing of it", () => {
		const wanted = { name: "net0", subnet: "10.77.0.0/24", gateway: "10.77.0.1", egress: "none", clients: "open" } as const;
		const wish = { mark: MARK, marks: [MARK], wanted, previous: wanted };
		const made = applyPlan(bareHost(), isolatedNetwork.plan(wish, bareHost())).after;
		const damage: Record<string, (firewall: Firewall) => void> = {
			"no table": (firewall) => delete firewall.table,
			"no rules": ({ table }) => (table!.chains["fence"]!.rules = []),
			"no elements": ({ table }) => (table!.elements = []),
		};
		for (const [what, change] of Object.entries(damage)) {
			const host = structuredClone(made);
			change(host.firewall as Firewall);
			const flushes = isolatedNetwork.plan(wish, host).filter(({ change: { verb } }) => verb === "conntrack.flush");
			expect(
				flushes.map(({ change: { verb: _, ...which } }) => which),
				what,
			).to.deep.include.members([
				{ family: 4, source: wanted.subnet },
				{ family: 4, destination: wanted.subnet },
			]);
			(host.firewall as Firewall).conntrack = false;
			expect(() => isolatedNetwork.plan(wish, host), what).to.throw("install conntrack");
		}
		expect(isolatedNetwork.plan(wish, made)).to.deep.equal([]);
	});
});
