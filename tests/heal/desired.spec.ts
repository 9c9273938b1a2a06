// The desired state that a host keeps: always the same text for the same wish, and never more than the wish.
import { expect } from "chai";
import * as fc from "fast-check";
import { desiredText, fileOf, memoryOf } from "../../provider/heal/desired";
import { clearFor, questionOf } from "../../provider/heal/present";
import { pristine } from "../../provider/heal/pristine";
import type { Change, Operation } from "../../provider/host/change";
import type { Snapshot } from "../../provider/host/snapshot";
import { isolatedNetwork } from "../../provider/kinds/isolated-network";
import type { Kind } from "../../provider/kinds/kind";
import { natPublish } from "../../provider/kinds/nat-publish";
import { ovsBridge } from "../../provider/kinds/ovs-bridge";
import { ovsTunnel } from "../../provider/kinds/ovs-tunnel";
import { staticContainerIp } from "../../provider/kinds/static-container-ip";
import { staticRoute } from "../../provider/kinds/static-route";
import { vethAttachment } from "../../provider/kinds/veth-attachment";
import { among, bareHost, hosts, WEB } from "../model/hosts";
import { applyPlan } from "../model/model-host";
import { bridgeInputs, ipInputs, networkInputs, publishInputs, routeInputs, tunnelInputs, vethInputs } from "../plan/inputs";
import { checked, MARK, plan, RUNS, wish } from "../plan/properties";

const cases: [kind: Kind<object>, inputs: fc.Arbitrary<Record<string, unknown>>, start?: fc.Arbitrary<Snapshot>][] = [
	[ovsBridge as unknown as Kind<object>, bridgeInputs.map((inputs) => ({ ...inputs, uplinks: undefined }))],
	[vethAttachment as unknown as Kind<object>, vethInputs],
	[staticContainerIp as unknown as Kind<object>, ipInputs.map((inputs) => ({ ...inputs, interface: "eth0", adopt: true }))],
	[isolatedNetwork as unknown as Kind<object>, networkInputs],
	[natPublish as unknown as Kind<object>, publishInputs],
	[ovsTunnel as unknown as Kind<object>, tunnelInputs.map((inputs) => ({ ...inputs, bridge: "br-old" })), hosts.map(among)],
	[staticRoute as unknown as Kind<object>, routeInputs, hosts.map(among)],
];

/** What was adopted is not made from nothing, but for the addresses on an interface of Docker's. */
function adoptable(kind: Kind<object>, { adopt, ...inputs }: Record<string, unknown>): Record<string, unknown> {
	return kind.name === "StaticContainerIp" ? { ...inputs, adopt } : inputs;
}

describe("the desired state of a resource", () => {
	for (const [kind, inputs, start = hosts] of cases) {
		it(`of kind ${kind.name} is the same before it is made and after, unless it is adopted`, () => {
			let made = 0;
			const property = fc.property(start, inputs, (before, given) => {
				const args = checked(kind, adoptable(kind, given));
				const operations = args && plan(kind, wish(args), before);
				if (!args || !operations) return;
				made++;
				const text = desiredText(kind, wish(args), before);
				expect(text).to.be.a("string");
				const { after } = applyPlan(before, operations);
				expect(desiredText(kind, wish(args), after)).to.equal(text);
				expect(desiredText(kind, wish(args, { ...args, ...kind.observe(args, MARK, after).outputs }), after)).to.be.a("string");
			});
			fc.assert(property, { numRuns: RUNS });
			expect(made).to.be.greaterThan(RUNS / 20);
		});

		it(`of kind ${kind.name} makes it from nothing, on the host without it`, () => {
			const property = fc.property(start, inputs, (before, given) => {
				const args = checked(kind, adoptable(kind, given));
				const operations = args && plan(kind, wish(args), before);
				if (!args || !operations) return;
				const { after } = applyPlan(before, operations);
				const addresses = (args as { addresses?: string[] }).addresses ?? [];
				const bare = pristine(after, {
					marks: [MARK],
					name: kind.physicalName(args),
					addresses,
					containers: kind.containers(args),
				});
				const changes = (all: Operation[]) => all.map(({ change }) => change);
				const again = changes(kind.plan(wish(args), bare));
				const made = changes(operations);
				// The table and Docker's chain are shared, and there or not: the agent asks.
				if (kind.facts?.includes("firewall")) {
					expect(again.map(({ verb }) => verb)).to.include("ruleset.write");
					expect(again).to.deep.include.members(made.filter(({ verb }) => verb === "element.add"));
				} else expect(again).to.deep.equal(made);
			});
			fc.assert(property, { numRuns: RUNS });
		});
	}

	it("is not kept for a bridge with uplinks, and removed when it gets some: the host's own address may come with them", () => {
		const before = bareHost();
		const plain = checked(ovsBridge, { name: "br0" })!;
		const name = (memoryOf(ovsBridge, wish(plain), true, before)[0]!.change as { name: string }).name;
		const uplinked = { ...plain, uplinks: ["eth0"] };
		expect(memoryOf(ovsBridge, wish(uplinked), true, before)).to.deep.equal([]);
		const kept = { ...before, desired: { [name]: "0" } };
		expect(memoryOf(ovsBridge, wish(uplinked), true, kept).map(({ change }) => change)).to.deep.equal([
			{ verb: "desired.remove", name },
		]);
	});

	it("is removed with the resource, with heal: false, and after a rename", () => {
		const before = bareHost();
		const args = checked(ovsBridge, { name: "br0" })!;
		const [keep] = memoryOf(ovsBridge, wish(args), true, before);
		const { after } = applyPlan(before, [...ovsBridge.plan(wish(args), before), keep!]);
		expect(memoryOf(ovsBridge, wish(args), true, after)).to.deep.equal([]);
		const [name] = Object.keys(after.desired!);
		const removal = [{ change: { verb: "desired.remove", name }, describe: "end the healing on the host" }];
		expect(memoryOf(ovsBridge, wish(args), false, after)).to.deep.equal(removal);
		expect(memoryOf(ovsBridge, wish(undefined, args), true, after)).to.deep.equal(removal);
		const renamed = memoryOf(ovsBridge, { mark: "other", marks: ["other", MARK], wanted: args }, true, after);
		expect(renamed.map(({ change }) => change.verb)).to.deep.equal(["desired.remove", "desired.set"]);
	});

	it("deletes nothing but the route that is moved", () => {
		const gone: Change[] = [
			{ verb: "link.delete", where: "host", name: "x" },
			{ verb: "port.delete", bridge: "br0", name: "x" },
			{ verb: "bridge.delete", name: "x" },
			{ verb: "address.delete", where: "host", dev: "x", cidr: "10.0.0.1/24" },
		];
		const text = fileOf(
			"OvsBridge",
			MARK,
			[...gone, { verb: "bridge.add", name: "br0" } as Change].map((change) => ({ change, describe: "d" })),
		);
		expect(text).to.not.match(/del-|link delete|address delete/);
		expect(text).to.contain("add-br br0");
	});

	it("is data: a description with a line break or a quote does not become code", () => {
		const change: Change = { verb: "bridge.add", name: "br0" };
		const text = fileOf("OvsBridge", MARK, [{ change, describe: "it's\nFILES\n$(touch /tmp/x)" }]);
		expect(text).to.contain(String.raw`redo 0 'it'\''s FILES $(touch /tmp/x)'`);
	});

	it("has a question for every verb but those that only follow others", () => {
		const link = { where: WEB, name: "eth1" };
		const samples: Change[] = [
			{ verb: "link.add", ...link, mac: "02:00:00:00:00:01", mtu: 1500, alias: "a", peer: { name: "v", mtu: 1500 } },
			{ verb: "link.set", ...link, up: true },
			{ verb: "offload.disable", ...link },
			{ verb: "address.add", where: WEB, dev: "eth1", cidr: "10.0.0.1/24" },
			{ verb: "sysctl.set", where: WEB, path: ["ipv6", "conf", "eth1", "accept_ra"], value: "0" },
			{ verb: "bridge.add", name: "br0" },
			{ verb: "port.add", bridge: "br0", name: "v" },
			{ verb: "row.set", table: "Port", row: "v", columns: { tag: 1 } },
			{ verb: "controller.set", bridge: "br0", targets: [] },
			{ verb: "ruleset.write", chains: [] },
			{ verb: "element.add", element: { set: "net", key: ["br0"], comment: "netplumb:x" } },
			{ verb: "docker-user.add", family: 4, tool: "iptables" },
		];
		for (const change of samples) expect(questionOf(change), change.verb).to.be.a("string");
		expect(questionOf({ verb: "announce", where: WEB, dev: "eth1", mac: "02:00:00:00:00:01" })).to.equal(undefined);
		expect(clearFor(samples[0]!)).to.equal("new_link eth1 v");
	});

	it("puts all of nftables into a part of its own, without the rules, which the agent has", () => {
		const element = { set: "net", key: ["br0"], comment: "netplumb:x" };
		const changes: Change[] = [
			{ verb: "bridge.add", name: "br0" },
			{ verb: "ruleset.write", chains: [] },
			{ verb: "element.add", element },
		];
		const text = fileOf(
			"IsolatedNetwork",
			MARK,
			changes.map((change) => ({ change, describe: "d" })),
		);
		expect(text).to.contain('# nft get element inet netplumb net { "br0" }\n').and.to.contain("parts=0:host\n");
		const part = text.slice(text.indexOf("part_nft() {"), text.indexOf("part_0() {"));
		expect(part).to.equal(
			`part_nft() {\nhas_ruleset || { redo 1 d; write_ruleset; }\nhas_element net '{ "br0" }' || { redo 2 d; nft=$nft$nl'add element inet netplumb net { "br0" comment "netplumb:x" }'; }\n}\n`,
		);
	});

	it("asks the bridge whether members of an isolated network see each other: the network may change it", () => {
		const columns = { "external_ids:netplumb-container": "0123456789ab", protected: false };
		const changes: Change[] = [
			{ verb: "port.add", bridge: "br0", name: "v" },
			{ verb: "row.set", table: "Port", row: "v", columns },
		];
		const text = fileOf(
			"VethAttachment",
			MARK,
			changes.map((change) => ({ change, describe: "d" })),
		);
		expect(text).to.not.contain("protected");
		expect(text).to.contain("follows_clients br0 v || { redo 1a d; follow_clients br0 v; }");
	});
});
