// Programs that random runs found, made small: each failed before what it speaks of was mended.
import { expect } from "chai";
import { essence } from "../model/compare";
import { among, bareHost, emptyContainer, WEB } from "../model/hosts";
import { applyChange } from "../model/model-host";
import type { Args, Declared } from "./engine";
import type { Step } from "./programs";
import { runProgram, withoutWaiting, worldOn } from "./run";

/** A host with a bridge of somebody's, a container, and a neighbour. */
function start() {
	const bare = bareHost();
	bare.containers = { [WEB]: emptyContainer(WEB, "web") };
	bare.paths = { "192.0.2.8": { dev: "eth0", local: false, source: "192.0.2.7" } };
	if (typeof bare.firewall === "object") bare.firewall.routeLocalnet["br-old"] = false;
	const host = applyChange(bare, { verb: "bridge.add", name: "br-old" });
	return applyChange(host, { verb: "link.set", where: "host", name: "br-old", up: true });
}

describe("programs that failed once", () => {
	let waiting: () => void;
	before(() => {
		waiting = withoutWaiting();
	});
	after(() => waiting());

	const cases: Record<string, Step[]> = {
		"a tunnel with a derived MTU gets trunks, which leave less room": [
			{ edits: [{ name: "t1", kind: "OvsTunnel", args: tunnel({}) }] },
			{ edits: [{ name: "t1", kind: "OvsTunnel", args: tunnel({ trunks: [1] }) }] },
		],
		"the same, and the update dies half-way": [
			{ edits: [{ name: "t1", kind: "OvsTunnel", args: tunnel({}) }] },
			{ edits: [{ name: "t1", kind: "OvsTunnel", args: tunnel({ trunks: [1] }) }], fault: { at: 1, what: "dies" } },
		],
		"an attachment that cannot be guarded any more is given up, and its addresses with it": [
			{ edits: [{ name: "v0", kind: "VethAttachment", args: attachment({ bridge: "br-old", portSecurity: true }) }] },
			{
				edits: [
					{ name: "b1", kind: "OvsBridge", args: { name: "br-old", protocols: ["OpenFlow13"], adopt: true } },
					{ name: "i0", kind: "StaticContainerIp", args: { container: WEB, interface: "eth1", addresses: ["10.20.0.10/24"] } },
				],
			},
		],
		"a network that is replaced, while the attachment in it cannot be deleted": [
			{
				edits: [
					{ name: "n0", kind: "IsolatedNetwork", args: { name: "net0", subnet: "10.77.0.0/24", datapath: "netdev" } },
					{ name: "v0", kind: "VethAttachment", args: attachment({ bridge: "net0" }) },
				],
			},
			{
				edits: [{ name: "n0", kind: "IsolatedNetwork", args: { name: "net0", subnet: "10.77.0.0/24" } }],
				fault: { at: 2, what: "fails" },
			},
		],
	};
	for (const [name, steps] of Object.entries(cases)) it(name, () => runProgram(start(), steps));

	it("a route that is refused when its neighbour has changed in the same moment is remembered, and goes", async () => {
		const route = (from: string, via: string) => ({ kind: "StaticRoute" as const, args: { from, to: "10.81.0.0/16", via } });
		const { engine, exchange } = worldOn(among(start()));
		expect((await engine.up({ r1: route("10.80.1.0/24", "192.0.2.8") })).errors).to.deep.equal({});
		const { errors } = await engine.up({ r1: route("10.80.1.0/24", "192.0.2.9"), r0: route("10.80.3.0/24", "192.0.2.8") });
		expect(errors["r0"]).to.contain("expected one neighbour for one network");
		expect((await engine.up({})).errors).to.deep.equal({});
		expect(essence(exchange.snapshot)).to.deep.equal(essence(among(start())));
	});

	it("a tunnel that a refresh finds with trunks, because an update ended half-way", async () => {
		const { engine, exchange } = worldOn(start());
		const declared = (args: Args): Declared => ({ t1: { kind: "OvsTunnel", args } });
		expect((await engine.up(declared(tunnel({})))).errors).to.deep.equal({});
		exchange.snapshot = applyChange(exchange.snapshot, { verb: "row.set", table: "Port", row: "gv0", columns: { trunks: [1] } });
		await engine.refresh();
		expect((await engine.up(declared(tunnel({ trunks: [1] })))).errors).to.deep.equal({});
		expect(await engine.refresh()).to.deep.equal({});
	});
});

function tunnel(more: Record<string, unknown>) {
	return { bridge: "br-old", name: "gv0", type: "geneve", remote: "192.0.2.8", ...more };
}

function attachment(more: Record<string, unknown>) {
	return { container: WEB, interface: "eth1", mac: "02:00:00:00:00:01", ...more };
}
