import { expect } from "chai";
import * as fc from "fast-check";
import { markOf } from "../../provider/host/marks";
import type { Snapshot } from "../../provider/host/snapshot";
import { staticContainerIp } from "../../provider/kinds/static-container-ip";
import { vethAttachment } from "../../provider/kinds/veth-attachment";
import { validate } from "../../provider/validate/index";
import { essence } from "../model/compare";
import { hostOf, inside, type Odds, WEB } from "../model/hosts";
import { applyPlan } from "../model/model-host";
import { ipInputs } from "./inputs";
import { checked, itKeepsItsPromises, wish } from "./properties";

const OTHER = markOf("shop/prod/other", "StaticContainerIp");

/** A container with an attachment on eth1, and perhaps another resource's address on it. */
function attached(odds: Odds, neighbour: "none" | "first" | "route"): Snapshot {
	const start = hostOf({ ...odds, foreignBridge: true });
	const { value } = validate(vethAttachment.schema, { container: WEB, bridge: "br-old", interface: "eth1" });
	const mark = markOf("shop/prod/wire", "VethAttachment");
	const wire = { mark, marks: [mark], wanted: vethAttachment.complete(value, "shop/prod/wire") };
	const wired = applyPlan(start, vethAttachment.plan(wire, start)).after;
	if (neighbour === "none") return wired;
	const wanted = {
		container: WEB,
		interface: "eth1",
		addresses: ["10.20.0.100/24"],
		...(neighbour === "route" ? { routes: [{ to: "10.88.0.0/16", via: "10.20.0.7" }] } : {}),
	};
	return applyPlan(wired, staticContainerIp.plan({ mark: OTHER, marks: [OTHER], wanted }, wired)).after;
}

const BASE: Odds = {
	...{ kernelDatapath: true, ipv6Off: false, docker: false, dockerIpv6: false, foreignBridge: true, foreignNetdev: false },
	...{ foreignPorts: 1, linuxBridge: false, cards: [], alias: false },
};

const odds = fc.record({
	kernelDatapath: fc.constant(true),
	ipv6Off: fc.boolean(),
	docker: fc.boolean(),
	dockerIpv6: fc.boolean(),
	foreignBridge: fc.constant(true),
	foreignNetdev: fc.boolean(),
	foreignPorts: fc.constant(1),
	linuxBridge: fc.constant(false),
	cards: fc.constant([] as Odds["cards"]),
	alias: fc.constant(false),
});

describe("the plan of a StaticContainerIp", () => {
	itKeepsItsPromises({
		kind: staticContainerIp,
		start: fc.tuple(odds, fc.constantFrom("none", "first", "route")).map(([chosen, neighbour]) => attached(chosen, neighbour)),
		inputs: ipInputs,
		untouched(before, after, args) {
			const old = inside(before, WEB).namespace;
			const now = inside(after, WEB).namespace;
			for (const link of Object.values(old.links)) {
				expect(now.links[link.name]!.addresses).to.include.members(link.addresses);
				if (link.name !== args.interface) expect(now.links[link.name]).to.deep.equal(link);
			}
			// A default route is parked, not lost: it stands there with another metric.
			const key = (route: (typeof old.routes)[number]) => `${route.to} ${route.via} ${route.dev} ${route.protocol}`;
			expect(now.routes.map(key)).to.include.members(old.routes.map(key));
			const rest = (snapshot: Snapshot) => ({ ...essence(snapshot), containers: undefined });
			expect(rest(after)).to.deep.equal(rest(before));
		},
		ours: (snapshot) => essence(snapshot).containers[WEB],
	});

	it("has the old default route on the host at every moment, in its place or parked", () => {
		const start = attached({ ...BASE, docker: true }, "none");
		const args = checked(staticContainerIp, {
			...{ container: WEB, interface: "eth1", addresses: ["10.20.0.10/24"], gateway: "10.20.0.1" },
		})!;
		const made = applyPlan(start, staticContainerIp.plan(wish(args), start));
		const removal = staticContainerIp.plan(wish<typeof args>(undefined, args), made.after);
		for (const [before, operations] of [
			[start, made.done],
			[made.after, removal],
		] as const)
			for (let count = 0; count <= operations.length; count++) {
				const { routes } = inside(applyPlan(before, operations, count).after, WEB).namespace;
				expect(
					routes.filter(({ via }) => via === "172.17.0.1"),
					`after ${count} operations`,
				).to.not.deep.equal([]);
			}
	});
});
