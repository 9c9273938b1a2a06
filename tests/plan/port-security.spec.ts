// Plans in an isolated network, where attachments are guarded by default.
import { expect } from "chai";
import * as fc from "fast-check";
import { NetplumbError } from "../../provider/errors";
import { flowOwner, ownerOf } from "../../provider/host/flows";
import { markOf } from "../../provider/host/marks";
import type { Snapshot } from "../../provider/host/snapshot";
import { isolatedNetwork } from "../../provider/kinds/isolated-network";
import { linkLocalOf } from "../../provider/kinds/port-security";
import { staticContainerIp } from "../../provider/kinds/static-container-ip";
import { vethAttachment } from "../../provider/kinds/veth-attachment";
import type { VethAttachmentArgs } from "../../provider/kinds/veth-inputs";
import { foreign, own } from "../model/compare";
import { hosts, inside, WEB } from "../model/hosts";
import { applyPlan } from "../model/model-host";
import { ipInputs, vethInputs } from "./inputs";
import { checked, itKeepsItsPromises, MARK, RUNS } from "./properties";

const mark = (name: string) => markOf(`shop/prod/${name}`, name);
const as = <A>(name: string, wanted: A | undefined, previous?: A) => ({
	mark: mark(name),
	marks: [mark(name)],
	...(wanted ? { wanted } : {}),
	...(previous ? { previous } : {}),
});
const net = checked(isolatedNetwork, { name: "net0", subnet: "10.20.0.0/24", vlan: 7 })!;
const wire: VethAttachmentArgs = checked(vethAttachment, { container: WEB, bridge: "net0" })!;
const ip = checked(staticContainerIp, { container: WEB, interface: "eth1", addresses: ["10.20.0.10/24", "fd00:20::10/64"] })!;

const withNetwork = (before: Snapshot) => applyPlan(before, isolatedNetwork.plan(as("net", net), before)).after;
const withWire = (before: Snapshot, args: VethAttachmentArgs = wire) =>
	applyPlan(before, vethAttachment.plan(as("wire", args), before)).after;
const withIp = (before: Snapshot) => applyPlan(before, staticContainerIp.plan(as("ip", ip), before)).after;
const networks = hosts.map(withNetwork);
const flowsFor = (snapshot: Snapshot, name: string, bridge = "net0") =>
	(snapshot.flows?.[bridge] ?? []).filter((flow) => ownerOf(flow) === flowOwner(mark(name)));

describe("the plan of a guarded VethAttachment", () => {
	itKeepsItsPromises({
		kind: vethAttachment,
		runs: Math.ceil(RUNS / 4),
		start: networks,
		inputs: fc.tuple(vethInputs, fc.boolean()).map(([inputs, there]) => (there ? { ...inputs, bridge: "net0" } : inputs)),
		untouched: (before, after) => {
			const rest = (snapshot: Snapshot) => {
				const plain = foreign(snapshot, MARK);
				for (const bridge of Object.values(plain.bridges)) bridge.ports = bridge.ports.filter((port) => plain.ports[port]);
				return plain;
			};
			expect(rest(after)).to.deep.equal(rest(before));
			expect(flowsFor(after, "net")).to.deep.equal(flowsFor(before, "net"));
		},
		ours(snapshot) {
			const { bridges, ports } = own(snapshot, MARK);
			return { bridges, ports, flows: snapshot.flows?.["net0"]?.filter((flow) => ownerOf(flow) === flowOwner(MARK)) ?? [] };
		},
	});
});

describe("the plan of addresses on a guarded attachment", () => {
	itKeepsItsPromises({
		kind: staticContainerIp,
		runs: Math.ceil(RUNS / 8),
		start: networks.map((before) => withWire(before)),
		inputs: ipInputs.map((inputs) => ({ ...inputs, interface: "eth1" })),
		untouched(before, after) {
			for (const name of ["net", "wire"]) expect(flowsFor(after, name)).to.deep.equal(flowsFor(before, name));
		},
		ours: (snapshot) => snapshot.flows?.["net0"]?.filter((flow) => ownerOf(flow) === flowOwner(MARK)) ?? [],
	});

	it("is refused while the port is gone: the one that comes back would not know of them", () => {
		const property = fc.property(networks, (start) => {
			const before = withWire(start);
			const port = Object.values(before.host.links).find(({ alias }) => alias?.includes(mark("wire")))!.name;
			const { after } = applyPlan(before, [
				{ change: { verb: "port.delete", bridge: "net0", name: port }, describe: "somebody deletes it" },
			]);
			expect(() => staticContainerIp.plan(as("ip", ip), after)).to.throw(
				NetplumbError,
				`interface: found eth1 with its other end ${port} in no bridge, expected`,
			);
		});
		fc.assert(property, { numRuns: RUNS / 10 });
	});

	it("allows an address before it is used, and forbids it when it is gone", () => {
		const property = fc.property(networks, (start) => {
			const before = withWire(start);
			const used = (snapshot: Snapshot) => inside(snapshot, WEB).namespace.links["eth1"]!.addresses.length > 0;
			const allowed = (snapshot: Snapshot) => flowsFor(snapshot, "ip").length > 0;
			const made = staticContainerIp.plan(as("ip", ip), before);
			const { after } = applyPlan(before, made);
			const gone = staticContainerIp.plan(as("ip", undefined, ip), after);
			for (const [from, operations] of [
				[before, made],
				[after, gone],
			] as const)
				for (let count = 0; count <= operations.length; count++) {
					const { after: now } = applyPlan(from, operations, count);
					expect(used(now) && !allowed(now), `after ${count} operations`).to.equal(false);
				}
			expect([allowed(after), allowed(applyPlan(after, gone).after)]).to.deep.equal([true, false]);
		});
		fc.assert(property, { numRuns: RUNS / 10 });
	});

	it("stays allowed through every step of switching the guard, renaming the MAC and moving to another bridge", () => {
		const property = fc.property(networks, fc.boolean(), (start, off) => {
			const first = { ...wire, portSecurity: off };
			const second = { ...wire, portSecurity: !off };
			const before = withIp(withWire(start, first));
			const operations = vethAttachment.plan(as<VethAttachmentArgs>("wire", second, first), before);
			for (let count = 0; count <= operations.length; count++) {
				const { after } = applyPlan(before, operations, count);
				const guarded = flowsFor(after, "wire").length > 0;
				expect(guarded && flowsFor(after, "ip").length === 0, `after ${count} operations`).to.equal(false);
			}
			const { after } = applyPlan(before, operations);
			expect(staticContainerIp.plan(as("ip", ip, ip), after)).to.deep.equal([]);
			const renamed = { ...wire, mac: "02:00:00:00:00:77" };
			const then = applyPlan(after, vethAttachment.plan(as<VethAttachmentArgs>("wire", renamed, second), after)).after;
			expect(staticContainerIp.plan(as("ip", ip, ip), then)).to.deep.equal([]);
		});
		fc.assert(property, { numRuns: RUNS / 10 });
	});

	it("leave no flow behind, be the container gone or the attachment deleted first", () => {
		const property = fc.property(networks, fc.boolean(), (start, stopped) => {
			const before = withIp(withWire(start));
			const gone = structuredClone(before);
			if (stopped) gone.containers[WEB] = { id: WEB, name: "web", status: "exited" };
			const unwired = applyPlan(gone, vethAttachment.plan(as("wire", undefined, wire), gone)).after;
			expect([...flowsFor(unwired, "wire"), ...flowsFor(unwired, "ip")]).to.deep.equal([]);
			const unaddressed = applyPlan(gone, staticContainerIp.plan(as("ip", undefined, ip), gone)).after;
			expect(flowsFor(unaddressed, "ip")).to.deep.equal([]);
		});
		fc.assert(property, { numRuns: RUNS / 10 });
	});

	it("takes up members of a network whose VLAN changes", () => {
		const property = fc.property(networks, (start) => {
			const before = withWire(start);
			const other = { ...net, vlan: 9 };
			const { after } = applyPlan(before, isolatedNetwork.plan(as("net", other, net), before));
			expect(vethAttachment.plan(as("wire", wire, wire), after)).to.deep.equal([]);
			const tags = typeof after.ovs === "object" ? Object.values(after.ovs.bridges["net0"]!.ports) : [];
			for (const name of tags) expect(typeof after.ovs === "object" && after.ovs.ports[name]!.columns["tag"]).to.equal(9);
		});
		fc.assert(property, { numRuns: RUNS / 10 });
	});

	it("knows the link-local address of a MAC (RFC 4291, appendix A)", () => {
		expect(linkLocalOf("34:56:78:9a:bc:de")).to.equal("fe80::3656:78ff:fe9a:bcde");
		expect(linkLocalOf("02:00:00:00:00:01")).to.equal("fe80::ff:fe00:1");
	});
});
