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
				// The guard belongs to all tunnels together.
				const { elements } = plain.firewall as { elements: string[] };
				return { ...plain, firewall: elements.filter((element) => !element.includes('"netplumb:tunnels"')) };
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

	describe("the guard", () => {
		const guard = ({ firewall }: Snapshot): string[] =>
			(typeof firewall === "object" ? (firewall.table?.elements ?? []) : []).map(({ key }) => key.join(" ")).sort();
		const alone = [`192.0.2.8 udp 4789`, "udp 4789"];
		const made = (inputs: object, on: Snapshot) =>
			applyPlan(on, ovsTunnel.plan(wish(complete({ ...basic, ...inputs })), on)).after;
		/** With a tunnel port of another resource, or of nobody. */
		const with_ = (on: Snapshot, columns: Record<string, string>, mark?: string): Snapshot => {
			const added = applyChange(on, { verb: "port.add", bridge: "br-old", name: "other" });
			const typed = applyChange(added, { verb: "row.set", table: "Interface", row: "other", columns });
			if (mark === undefined) return typed;
			return applyChange(typed, { verb: "row.set", table: "Port", row: "other", columns: { "external_ids:netplumb": mark } });
		};
		const vxlan = (remote: string, port?: number) => ({
			...{ type: "vxlan", "options:remote_ip": remote, "options:key": "5" },
			...(port === undefined ? {} : { "options:dst_port": String(port) }),
		});

		it("is a closed port and an open far end, before the port of the tunnel is there", () => {
			expect(guard(made({}, host))).to.deep.equal(alone);
			const steps = applyPlan(host, ovsTunnel.plan(wish(complete(basic)), host)).done.map(({ change }) => change.verb);
			expect(steps.lastIndexOf("element.add")).to.be.lessThan(steps.indexOf("port.add"));
			expect(guard(made({ type: "gre" }, host))).to.deep.equal(["192.0.2.8 gre 25944", "gre 25944"]);
			expect(guard(made({ type: "geneve", remote: "fd00:2::8" }, host))).to.deep.equal(["fd00:2::8 udp 6081", "udp 6081"]);
		});

		it("accepts tunnels of others on the same port, and does not know their other ports", () => {
			expect(guard(made({}, with_(host, vxlan("192.0.2.9"))))).to.deep.equal([alone[0], "192.0.2.9 udp 4789", alone[1]]);
			expect(guard(made({}, with_(host, vxlan("192.0.2.9", 8472))))).to.deep.equal(alone);
			const kernel = structuredClone(host);
			const { lo } = kernel.host.links;
			kernel.host.links["vx0"] = { ...lo!, name: "vx0", index: 77, tunnel: { type: "vxlan", port: 4789, remote: "192.0.2.9" } };
			expect(guard(made({}, kernel))).to.deep.equal([alone[0], "192.0.2.9 udp 4789", alone[1]]);
			delete kernel.host.links["vx0"]!.tunnel!.remote;
			expect(refusal({}, kernel)).to.contain('found interface "vx0", which takes tunnel frames at udp port 4789 from anybody');
			expect(refusal({ port: 8472 }, kernel)).to.equal("");
		});

		it("refuses a tunnel of others on the same port that takes anybody", () => {
			expect(refusal({}, with_(host, vxlan("flow")))).to.contain(
				'found port "other" of bridge "br-old", which takes tunnel frames',
			);
		});

		it("stays for the tunnels that are left, and goes with the last", () => {
			const two = made({}, with_(host, vxlan("192.0.2.8"), "another-mark"));
			expect(guard(two)).to.deep.equal(alone);
			const removal = ovsTunnel.plan(wish<ReturnType<typeof complete>>(undefined, complete(basic)), two);
			const one = applyPlan(two, removal).after;
			expect(guard(one)).to.deep.equal(alone);
			const none = applyChange(one, { verb: "port.delete", bridge: "br-old", name: "other" });
			const rest = applyPlan(none, ovsTunnel.plan(wish<ReturnType<typeof complete>>(undefined, complete(basic)), none)).after;
			expect(typeof rest.firewall === "object" && rest.firewall.table).to.equal(undefined);
		});

		it("follows the far end, and is drift when somebody takes it away", () => {
			const one = made({}, host);
			const moved = applyPlan(one, ovsTunnel.plan(wish(complete({ ...basic, remote: "fd00:2::8" }), complete(basic)), one)).after;
			expect(guard(moved)).to.deep.equal(["fd00:2::8 udp 4789", "udp 4789"]);
			const flushed = structuredClone(one);
			if (typeof flushed.firewall === "object") flushed.firewall.table!.elements = [];
			const words = ovsTunnel.plan(wish(complete(basic), complete(basic)), flushed).map(({ describe }) => describe);
			expect(words).to.deep.equal([
				"close udp port 4789 to hosts without a tunnel",
				"accept tunnel frames from 192.0.2.8 at udp port 4789",
			]);
		});

		it("needs nftables to be made, and not to be deleted", () => {
			const bare = { ...host, firewall: "nftables is not installed (no nft command)" };
			expect(refusal({}, bare)).to.contain("see that nftables is installed");
			const left = { ...made({}, host), firewall: bare.firewall };
			expect(ovsTunnel.plan(wish<ReturnType<typeof complete>>(undefined, complete(basic)), left)).to.have.length(1);
		});
	});
});
