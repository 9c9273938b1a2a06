import { expect } from "chai";
import * as fc from "fast-check";
import type { DockerUser } from "../../provider/host/firewall";
import { markOf } from "../../provider/host/marks";
import type { Route, Snapshot } from "../../provider/host/snapshot";
import { staticRoute } from "../../provider/kinds/static-route";
import { foreign, own } from "../model/compare";
import { among, bareHost, hosts } from "../model/hosts";
import { applyChange, applyPlan } from "../model/model-host";
import { routeInputs } from "./inputs";
import { itKeepsItsPromises, MARK, wish } from "./properties";

const OTHER = markOf("shop/prod/other", "StaticRoute");
const basic = { from: "10.80.1.0/24", to: "10.80.2.0/24", via: "192.0.2.8" };

/** Another resource forwards from another network to the same one. */
function beside(snapshot: Snapshot): Snapshot {
	const operations = staticRoute.plan({ mark: OTHER, marks: [OTHER], wanted: { ...basic, from: "10.80.9.0/24" } }, snapshot);
	return applyPlan(snapshot, operations).after;
}

const docker: fc.Arbitrary<DockerUser | undefined> = fc.option(
	fc.record({
		tool: fc.constant("iptables"),
		forwardDrops: fc.boolean(),
		dropsTo: fc.constant([]),
		accepts: fc.constant(false),
	}),
	{ nil: undefined },
);

const start = fc.tuple(hosts, docker, fc.boolean()).map(([host, four, shared]) => {
	const one = among(host);
	if (four && typeof one.firewall === "object") one.firewall.docker = { 4: four };
	return shared ? beside(one) : one;
});

describe("the plan of a StaticRoute", () => {
	itKeepsItsPromises({
		kind: staticRoute,
		start,
		inputs: routeInputs,
		untouched(before, after, args) {
			const rest = (snapshot: Snapshot) => {
				const plain = foreign(snapshot, MARK);
				plain.host.routes = plain.host.routes.filter((route) => !route.includes(`["to","${args.to}"]`));
				return plain;
			};
			expect(rest(after)).to.deep.equal(rest(before));
		},
		ours: (snapshot, args) => ({
			firewall: own(snapshot, MARK).firewall,
			routes: snapshot.host.routes
				.filter(({ to }) => to === args.to)
				.map((route) => JSON.stringify(Object.entries(route).sort())),
		}),
	});

	const host = among(bareHost());
	const refusal = (inputs: Partial<typeof basic>, on = host): string => {
		try {
			staticRoute.plan(wish({ ...basic, ...inputs }), on);
		} catch (error) {
			return (error as Error).message;
		}
		return "";
	};

	it("refuses a host that is no neighbour", () => {
		expect(refusal({ via: "198.51.100.1" })).to.contain(
			"via: found 198.51.100.1 behind the router 192.0.2.1, expected a host on the same segment",
		);
		expect(refusal({ via: "192.0.2.7" })).to.contain("an address of this host itself");
		expect(refusal({ via: "192.0.2.99" })).to.contain("found no route to 192.0.2.99");
	});

	it("refuses a network that the host is in, a route of somebody else, and one that leads elsewhere", () => {
		expect(refusal({ to: "192.0.2.0/25" })).to.contain('found 192.0.2.7/24 on interface "eth0"');
		const theirs: Route = { to: basic.to, via: "192.0.2.9", dev: "eth0", metric: 0, protocol: "static", onlink: false };
		const taken = applyChange(host, { verb: "route.add", where: "host", route: theirs });
		expect(refusal({}, taken)).to.contain("found a route to 10.80.2.0/24 via 192.0.2.9 that netplumb did not make");
		expect(refusal({ via: "192.0.2.9" }, beside(host))).to.contain("expected one neighbour for one network");
		expect(refusal({}, beside(host))).to.equal("");
	});

	it("refuses a host that forwards nothing", () => {
		const off = structuredClone(host);
		if (typeof off.firewall === "object") off.firewall.forwarding = { 4: false, 6: true };
		expect(refusal({}, off)).to.contain("found net.ipv4.ip_forward off, expected it on");
		expect(refusal({ from: "fd00:81::/64", to: "fd00:82::/64", via: "fd00:2::8" }, off)).to.equal("");
	});

	it("keeps the one route for the other resource that needs it", () => {
		const both = applyPlan(beside(host), staticRoute.plan(wish(basic), beside(host))).after;
		const removal = staticRoute.plan(wish<typeof basic>(undefined, basic), both);
		expect(removal.map(({ change }) => change.verb)).to.deep.equal(["element.delete", "element.delete"]);
	});

	it("is drift when the route or the table is taken away", () => {
		const made = applyPlan(host, staticRoute.plan(wish(basic), host)).after;
		const words = (snapshot: Snapshot) => staticRoute.plan(wish(basic, basic), snapshot).map(({ describe }) => describe);
		const bare = structuredClone(made);
		bare.host.routes = bare.host.routes.filter(({ to }) => to !== basic.to);
		expect(words(bare)).to.deep.equal(["route 10.80.2.0/24 via 192.0.2.8"]);
		const flushed = structuredClone(made);
		if (typeof flushed.firewall === "object") delete flushed.firewall.table;
		expect(words(flushed)).to.include("forward between 10.80.1.0/24 and 10.80.2.0/24");
		expect(staticRoute.plan(wish<typeof basic>(undefined, basic), flushed).map(({ change }) => change.verb)).to.deep.equal([
			"route.delete",
		]);
	});
});
