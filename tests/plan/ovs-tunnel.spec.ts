import { expect } from "chai";
import * as fc from "fast-check";
import type { Snapshot } from "../../provider/host/snapshot";
import { ovsTunnel } from "../../provider/kinds/ovs-tunnel";
import { validate } from "../../provider/validate/index";
import { DEFAULT_PORT, overhead } from "../../sdk/addressing/tunnel";
import { foreign, own } from "../model/compare";
import { hostOf, hosts, type Odds } from "../model/hosts";
import { applyChange, applyPlan } from "../model/model-host";
import { tunnelInputs } from "./inputs";
import { itKeepsItsPromises, MARK, plan, wish } from "./properties";

const odds: Odds = {
	...{ kernelDatapath: true, ipv6Off: false, docker: true, dockerIpv6: false, foreignBridge: true, foreignNetdev: false },
	...{ foreignPorts: 1, linuxBridge: false, cards: [], alias: false },
};

/** The host knows its ways: 192.0.2.8 and an IPv6 address are neighbours, nothing else can be reached. */
function routed(snapshot: Snapshot, through = false): Snapshot {
	const ovs = typeof snapshot.ovs === "object" ? snapshot.ovs.bridges["br-old"] : undefined;
	// The userspace datapath needs a bridge on the way, mostly.
	const local = { dev: ovs?.columns["datapath_type"] === "netdev" && through ? "br-old" : "eth0", local: false };
	const paths = { "192.0.2.8": { ...local, source: "192.0.2.7" }, "fd00:2::8": local, "192.0.2.7": { dev: "lo", local: true } };
	return { ...snapshot, paths: { ...paths, "198.51.100.1": "unreachable" } };
}

/** With a tunnel that somebody else made by hand, which has the far end and key of some of the random inputs. */
function besides(snapshot: Snapshot): Snapshot {
	if (typeof snapshot.ovs === "string" || !snapshot.ovs.bridges["br-old"]) return snapshot;
	const added = applyChange(snapshot, { verb: "port.add", bridge: "br-old", name: "theirs" });
	const columns = { type: "vxlan", "options:remote_ip": "192.0.2.8", "options:key": "0x2a" };
	return applyChange(added, { verb: "row.set", table: "Interface", row: "theirs", columns });
}

const complete = (inputs: object) => ovsTunnel.complete(validate(ovsTunnel.schema, inputs).value, "shop/prod/thing");

describe("the plan of an OvsTunnel", () => {
	itKeepsItsPromises({
		kind: ovsTunnel,
		start: fc
			.tuple(
				hosts.filter(({ ovs }) => typeof ovs === "object" && "br-old" in ovs.bridges),
				fc.boolean(),
				fc.constantFrom(true, true, true, false),
			)
			.map(([host, theirs, through]) => routed(theirs ? besides(host) : host, through)),
		inputs: tunnelInputs,
		untouched(before, after) {
			const rest = (snapshot: Snapshot) => {
				const plain = foreign(snapshot, MARK);
				for (const bridge of Object.values(plain.bridges)) bridge.ports = bridge.ports.filter((port) => plain.ports[port]);
				return plain;
			};
			expect(rest(after)).to.deep.equal(rest(before));
		},
		ours: (snapshot) => own(snapshot, MARK),
	});

	const host = routed(hostOf(odds));
	const basic = { bridge: "br-old", type: "vxlan", remote: "192.0.2.8", key: 42 };
	const refusal = (inputs: object, on = host): string => {
		try {
			ovsTunnel.plan(wish(complete({ ...basic, ...inputs })), on);
		} catch (error) {
			return (error as Error).message;
		}
		return "";
	};

	it("knows what each encapsulation costs", () => {
		const cost = (type: "vxlan" | "geneve" | "gre", more = {}) => overhead({ type, remote: "192.0.2.8", ...more });
		const sixth = { remote: "fd00::8" };
		expect([cost("vxlan"), cost("geneve"), cost("gre"), cost("gre", { key: 0 })]).to.deep.equal([50, 50, 38, 42]);
		expect([cost("vxlan", sixth), cost("geneve", sixth), cost("gre", sixth)]).to.deep.equal([70, 70, 58]);
		expect([cost("gre", { csum: true }), cost("vxlan", { csum: true }), cost("vxlan", { tagged: true })]).to.deep.equal([
			42, 50, 54,
		]);
		expect(DEFAULT_PORT).to.deep.equal({ vxlan: 4789, geneve: 6081, gre: undefined });
	});

	it("derives the MTU from the underlay, and from the route where that is smaller", () => {
		const mtu = (snapshot: Snapshot) => ovsTunnel.observe(complete(basic), MARK, snapshot).outputs["mtu"];
		expect(mtu(host)).to.equal(1450);
		const path = { dev: "eth0", local: false, mtu: 1400 };
		expect(mtu({ ...host, paths: { "192.0.2.8": path } })).to.equal(1350);
	});

	it("refuses an MTU that the underlay does not carry, also when it shrinks later", () => {
		expect(refusal({ mtu: 1451 })).to.contain(
			'mtu: found 1451, expected at most 1450, which is 1500 of interface "eth0" less 50',
		);
		const made = applyPlan(host, ovsTunnel.plan(wish(complete(basic)), host)).after;
		const shrunk = applyChange(made, { verb: "link.set", where: "host", name: "eth0", mtu: 1400 });
		expect(() => ovsTunnel.plan(wish(complete(basic), { ...complete(basic), mtu: 1450 }), shrunk)).to.throw("found 1450");
	});

	it("refuses a far end that cannot be one", () => {
		expect(refusal({ remote: "198.51.100.1" })).to.contain("remote: found no route to 198.51.100.1");
		expect(refusal({ remote: "192.0.2.7" })).to.contain("an address of this host itself");
		expect(refusal({ localIp: "192.0.2.99" })).to.contain("localIp: found no interface with 192.0.2.99");
	});

	it("refuses the userspace datapath where the way does not lead through one of its bridges", () => {
		const userspace = routed(hostOf({ ...odds, foreignNetdev: true }));
		expect(refusal({}, userspace)).to.contain('the way to the other host through "eth0", expected');
		const through = { ...userspace, paths: { "192.0.2.8": { dev: "br-old", local: false } } };
		expect(plan(ovsTunnel, wish(complete(basic)), through)).to.not.equal(undefined);
	});

	it("refuses a second tunnel that Open vSwitch could not tell from the first", () => {
		const taken = besides(host);
		expect(refusal({}, taken)).to.contain(
			'found vxlan tunnel "theirs" in bridge "br-old" with the same far end 192.0.2.8 and key 42',
		);
		expect(refusal({ localIp: "192.0.2.7" }, taken)).to.contain('"theirs"');
		for (const other of [{ key: 43 }, { port: 8472 }, { type: "geneve" }, { remote: "fd00:2::8" }])
			expect(refusal(other, taken), JSON.stringify(other)).to.equal("");
	});
});
