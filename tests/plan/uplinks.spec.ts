// Cards that carry the host's addresses: on the model, as many kinds of them as can be thought of.
import { expect } from "chai";
import * as fc from "fast-check";
import type { Change, Operation } from "../../provider/host/change";
import type { Route, Snapshot } from "../../provider/host/snapshot";
import { type OvsBridgeArgs, ovsBridge } from "../../provider/kinds/ovs-bridge";
import { difference, essence } from "../model/compare";
import { bareHost } from "../model/hosts";
import { applyChange, applyPlan, takeBack } from "../model/model-host";
import { checked, lookAt, MARK, plan, RUNS, wish } from "./properties";

const CARD = "nic0";
const ADDRESSES = ["10.1.0.5/24", "10.1.0.6/24", "10.2.0.5/32", "fd00:1::5/64"];
const ROUTES: Omit<Route, "dev">[] = [
	{ to: "10.9.0.0/16", via: "10.1.0.1", metric: 0, protocol: "static", onlink: false },
	{ to: "0.0.0.0/0", via: "10.1.0.1", metric: 100, protocol: "boot", onlink: false },
	{ to: "10.8.0.0/16", metric: 5, protocol: "static", onlink: false },
	{ to: "::/0", via: "fd00:1::1", metric: 512, protocol: "static", onlink: false },
	{ to: "fd00:9::/32", via: "fe80::1", metric: 600, protocol: "boot", onlink: false },
];

const starts: fc.Arbitrary<Snapshot> = fc
	.record({
		addresses: fc.shuffledSubarray(ADDRESSES, { minLength: 1 }),
		routes: fc.subarray(ROUTES),
		kernelDatapath: fc.boolean(),
		bridge: fc.boolean(),
	})
	.map(({ addresses, routes, kernelDatapath, bridge }) => {
		let snapshot = bareHost();
		if (typeof snapshot.ovs === "object") snapshot.ovs.kernelDatapath = kernelDatapath;
		const eth = snapshot.host.links["eth0"]!;
		snapshot.host.links[CARD] = { ...eth, name: CARD, index: 3, mac: "52:54:00:00:00:09", up: true, addresses: [] };
		const act = (change: Change) => {
			try {
				snapshot = applyChange(snapshot, change);
			} catch {
				// A route whose gateway none of the addresses reaches.
			}
		};
		for (const cidr of addresses) act({ verb: "address.add", where: "host", dev: CARD, cidr });
		for (const route of routes) act({ verb: "route.add", where: "host", route: { ...route, dev: CARD } });
		if (bridge) act({ verb: "bridge.add", name: "br-old" });
		if (bridge) act({ verb: "link.set", where: "host", name: "br-old", up: true });
		return snapshot;
	});

const inputs = fc.record({
	name: fc.constantFrom("br0", "br-old"),
	datapath: fc.constantFrom(undefined, "netdev"),
	addresses: fc.constantFrom(undefined, ["10.20.0.1/24"], ["fd00:20::1/64"], ["10.1.0.5/24"], ["10.1.0.77/24"]),
	adopt: fc.constant(true),
});

const without = { uplinks: [] as string[], acceptRisk: ["ssh-path" as const] };
const moved = { uplinks: [CARD], acceptRisk: ["ssh-path" as const] };

/** What people on the host see: which address and which route is where, whose port the card is. */
function seen(snapshot: Snapshot): unknown {
	return essence(snapshot);
}

function same(found: Snapshot, expected: Snapshot, when: string): void {
	const text = difference(seen(found), seen(expected));
	if (text !== undefined) throw new Error(`${when}: ${text}`);
}

function holds(body: (before: Snapshot, args: OvsBridgeArgs, operations: Operation[]) => void): void {
	const property = fc.property(starts, inputs, (before, drawn) => {
		const args = checked(ovsBridge, { ...drawn, ...moved });
		fc.pre(args !== undefined);
		const operations = plan(ovsBridge, wish(args!), before);
		fc.pre(operations !== undefined);
		lookAt(operations!);
		body(before, args!, operations!);
	});
	fc.assert(property, { numRuns: RUNS });
}

/** Plans and applies until nothing is left to do, as a session does. */
function toTheEnd(from: Snapshot, wanted: OvsBridgeArgs | undefined, previous: OvsBridgeArgs): Snapshot {
	let snapshot = from;
	for (let tries = 0; tries < 4; tries++) {
		const operations = ovsBridge.plan(wish(wanted, previous), snapshot);
		if (operations.length === 0) return snapshot;
		lookAt(operations);
		snapshot = applyPlan(snapshot, operations).after;
	}
	throw new Error("the plan does not become empty");
}

describe("the plan for a card that carries the host's addresses", () => {
	it("moves all of them with their routes, and a second plan is empty", () =>
		holds((before, args, operations) => {
			const { after } = applyPlan(before, operations);
			expect(ovsBridge.plan(wish(args, args), after)).to.deep.equal([]);
			expect(after.host.links[CARD]!.addresses).to.deep.equal([]);
			expect(after.host.links[args.name!]!.addresses).to.include.members(before.host.links[CARD]!.addresses);
			const plain = ({ dev, source, ...route }: Route) => JSON.stringify(Object.entries(route).sort());
			const there = after.host.routes.filter(({ dev }) => dev === args.name).map(plain);
			for (const route of before.host.routes.filter(({ dev }) => dev === CARD)) expect(there).to.include(plain(route));
			expect(after.host.routes.filter(({ dev }) => dev === CARD)).to.deep.equal([]);
			expect(ovsBridge.observe(args, MARK, after).outputs["uplinkAddresses"]).to.have.members(before.host.links[CARD]!.addresses);
		}));

	it("says which of its steps can cut the way to the host", () =>
		holds((_before, _args, operations) => {
			const risks = operations.filter(({ risk }) => risk !== undefined).map(({ describe }) => describe);
			expect(risks).to.not.deep.equal([]);
			for (const risk of risks) expect(risk).to.match(/^move (the route to )?\S+ from nic0 to bridge br/);
		}));

	it("is refused without consent, before anything else", () =>
		holds((before, args) => {
			const refused = () => ovsBridge.plan(wish({ ...args, acceptRisk: undefined }), before);
			expect(refused).to.throw(/uplinks: found address \S+ on "nic0", expected acceptRisk: \["ssh-path"\]/);
		}));

	it("is taken back to the start from every point of its script, and from its end", () =>
		holds((before, _args, operations) => {
			for (let count = 0; count <= operations.length; count++) {
				const part = applyPlan(before, operations, count);
				same(takeBack(part, before), before, `taken back after ${count} operations`);
			}
		}));

	it("is taken back whole, although only a part of it was done", () =>
		holds((before, _args, operations) => {
			const { done } = applyPlan(before, operations);
			for (let count = 0; count <= operations.length; count++) {
				const { after } = applyPlan(before, operations, count);
				same(takeBack({ after, done }, before), before, `everything taken back after ${count} operations`);
			}
		}));

	for (const [way, wanted] of [
		["is deleted", undefined],
		["loses its uplink", without],
	] as const) {
		it(`gives everything back when the bridge ${way}`, () =>
			holds((before, args, operations) => {
				const { after } = applyPlan(before, operations);
				const next = wanted && { ...args, ...wanted };
				// An address that the program declares besides cannot be in two places.
				fc.pre(!next || !args.addresses?.some((address) => before.host.links[CARD]!.addresses.includes(address)));
				const left = toTheEnd(after, next, args);
				expect(left.host.links[CARD]!.addresses).to.have.members(before.host.links[CARD]!.addresses);
				if (next) same(left, toTheEnd(before, next, next), "beside a bridge without an uplink");
				else same(left, before, "after the delete");
			}));

		it(`can be taken back while the bridge ${way}`, () =>
			holds((before, args, operations) => {
				const { after } = applyPlan(before, operations);
				const next = wanted && { ...args, ...wanted };
				fc.pre(!next || !args.addresses?.some((address) => before.host.links[CARD]!.addresses.includes(address)));
				const back = ovsBridge.plan(wish(next, args), after);
				for (let count = 0; count <= back.length; count++)
					same(takeBack(applyPlan(after, back, count), after), after, `taken back after ${count} operations`);
			}));
	}
});
