// A row of OVSDB that does not remember what netplumb wrote there: one sentence, and nothing is done.
import { expect } from "chai";
import { ovsBridge } from "../../provider/kinds/ovs-bridge";
import { hostOf } from "../model/hosts";
import { applyChange, applyPlan } from "../model/model-host";
import { checked, MARK, wish } from "./properties";

describe("what a row remembers", () => {
	it("is needed to give an adopted bridge back, and a hand's edit of it is told", () => {
		const odds = { kernelDatapath: true, foreignBridge: true, foreignNetdev: false, foreignPorts: 0, cards: [], alias: false };
		const start = hostOf({ ...odds, ipv6Off: false, docker: false, dockerIpv6: false, linuxBridge: false });
		const args = checked(ovsBridge, { name: "br-old", failMode: "standalone", adopt: true })!;
		const { after } = applyPlan(start, ovsBridge.plan(wish(args), start));
		const columns = { "external_ids:netplumb-before": "garbage" };
		const damaged = applyChange(after, { verb: "row.set", table: "Bridge", row: "br-old", columns });
		for (const wanted of [args, undefined])
			expect(() => ovsBridge.plan(wish(wanted, args), damaged)).to.throw(
				'host h1: found an external_ids:netplumb-before of "br-old" that is not what netplumb wrote',
			);
		expect(ovsBridge.exists([MARK], damaged)).to.equal(true);
	});
});
