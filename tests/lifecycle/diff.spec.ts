// What a change of each input does: an update in place, or a replacement. The table is the promise of the sdk's comments.
import { expect } from "chai";
import { ovsBridge } from "../../provider/kinds/ovs-bridge";
import type { kinds } from "../../provider/kinds/registry";
import { lifecycle } from "../../provider/v1";
import { UNKNOWN } from "../../provider/validate/index";

type Change = "update" | "replace";

const host = { address: "192.0.2.1" };
const common = { host, owner: "project/stack/name" };

/** For each input: a value before, a value after, and what the change does. */
const table: Record<keyof typeof kinds, Record<string, [unknown, unknown, Change]>> = {
	OvsBridge: {
		name: ["br0", "br1", "replace"],
		datapath: ["system", "netdev", "replace"],
		addresses: [["10.0.0.1/24"], ["10.0.0.2/24"], "update"],
		mtu: [1500, 1400, "update"],
		uplinks: [["eth1"], [], "update"],
		failMode: ["standalone", "secure", "update"],
		rstp: [true, false, "update"],
		stp: [true, false, "update"],
		mcastSnooping: [true, false, "update"],
		controllers: [["tcp:192.0.2.9:6653"], ["tcp:192.0.2.8:6653"], "update"],
		protocols: [["OpenFlow13"], ["OpenFlow14"], "update"],
		otherConfig: [{ "mac-aging-time": "60" }, { "mac-aging-time": "70" }, "update"],
		adopt: [false, true, "update"],
	},
	VethAttachment: {
		container: ["web", "db", "replace"],
		bridge: ["br0", "br1", "update"],
		interface: ["eth1", "eth2", "replace"],
		hostInterface: ["v1", "v2", "replace"],
		mac: ["02:00:00:00:00:01", "02:00:00:00:00:02", "update"],
		mtu: [1500, 1400, "update"],
		vlan: [10, 20, "update"],
		adopt: [false, true, "update"],
	},
	StaticContainerIp: {
		container: ["web", "db", "replace"],
		interface: ["eth1", "eth2", "replace"],
		addresses: [["10.0.0.5/24"], ["10.0.0.6/24"], "update"],
		gateway: ["10.0.0.1", "10.0.0.2", "update"],
		gateway6: ["fd00::1", "fd00::2", "update"],
		defaultRoute: [true, false, "update"],
		routes: [[{ to: "10.1.0.0/16" }], [{ to: "10.2.0.0/16" }], "update"],
		adopt: [false, true, "update"],
	},
};

const stored = (args: object, more: object = {}) => ({ ...common, ...args, stateVersion: 1, __provider: "line", ...more });

function diffOf(kind: string, olds: object, news: object) {
	return lifecycle(kind).diff("id", olds as Record<string, unknown>, { ...common, __provider: "line", ...news });
}

describe("a change of an input", () => {
	for (const [kind, inputs] of Object.entries(table)) {
		for (const [input, [before, after, what]] of Object.entries(inputs)) {
			it(`${what}s the ${kind} when it is ${input}`, async () => {
				const result = await diffOf(kind, stored({ [input]: before }), { [input]: after });
				expect(result).to.deep.equal({ changes: true, replaces: what === "replace" ? [input] : [], deleteBeforeReplace: true });
				expect((await diffOf(kind, stored({ [input]: before }), { [input]: before })).changes).to.equal(false);
			});
		}

		it(`is in the table for every input of ${kind}`, async () => {
			const { failures } = await lifecycle(kind).check({}, { ...common, nonsense: 1 });
			const known = failures.map(({ reason }) => /expected only (.*); remove it/.exec(reason)?.[1]).find(Boolean);
			expect(known?.split(", ")).to.have.members(Object.keys(inputs));
		});
	}
});

describe("what is no change of an input", () => {
	it("an MTU that came from the host, and that the program never declared", async () => {
		const state = stored({ container: "web", bridge: "br0", mtu: 1450 }, { defaulted: ["mtu"] });
		expect((await diffOf("VethAttachment", state, { container: "web", bridge: "br0" })).changes).to.equal(false);
		expect((await diffOf("VethAttachment", state, { container: "web", bridge: "br0", mtu: 1450 })).changes).to.equal(true);
	});

	it("outputs", async () => {
		const state = stored({ name: "br0" }, Object.fromEntries(ovsBridge.outputs.map((output) => [output, "x"])));
		expect((await diffOf("OvsBridge", state, { name: "br0" })).changes).to.equal(false);
	});

	it("drift, another owner, another login or another line are updates", async () => {
		const state = stored({ name: "br0" });
		const news = { name: "br0" };
		const update = { changes: true, replaces: [], deleteBeforeReplace: true };
		expect(await diffOf("OvsBridge", { ...state, drift: ["bring it up"] }, news)).to.deep.equal(update);
		expect(await diffOf("OvsBridge", state, { ...news, owner: "project/stack/other" })).to.deep.equal(update);
		expect(await diffOf("OvsBridge", state, { ...news, host: { ...host, user: "ops", sudo: true } })).to.deep.equal(update);
		expect(await diffOf("OvsBridge", state, { ...news, __provider: "newer line" })).to.deep.equal(update);
	});

	it("another address or port of the host replaces", async () => {
		const state = stored({ name: "br0" });
		for (const other of [{ address: "192.0.2.2" }, { address: "192.0.2.1", port: 2222 }, { address: UNKNOWN }]) {
			expect((await diffOf("OvsBridge", state, { name: "br0", host: other })).replaces).to.deep.equal(["host"]);
		}
		expect((await diffOf("OvsBridge", state, { name: "br0", host: { ...host, port: 22 } })).replaces).to.deep.equal([]);
	});

	it("a bridge that is made anew replaces the attachment, which goes away with it", async () => {
		const result = await diffOf("VethAttachment", stored({ bridge: "br0" }), { bridge: UNKNOWN });
		expect(result.replaces).to.deep.equal(["bridge"]);
	});

	it("a state of a newer version is refused with one sentence", async () => {
		const state = { ...stored({ name: "br0" }), stateVersion: 99 };
		const error = await diffOf("OvsBridge", state, { name: "br0" }).then(
			() => undefined,
			(caught: Error) => caught,
		);
		expect(error?.message).to.equal(
			"this resource was last written by a newer netplumb (state version 99, this one knows 1): update the package",
		);
	});
});

describe("unknown inputs in preview", () => {
	for (const [kind, inputs] of Object.entries(table)) {
		it(`are accepted for every input of ${kind}`, async () => {
			for (const key of [...Object.keys(inputs), "host"]) {
				const required = { OvsBridge: {}, VethAttachment: { container: "web", bridge: "br0" } }[kind as string] ?? {
					container: "web",
					interface: "eth1",
					addresses: ["10.0.0.5/24"],
				};
				const { failures, inputs: checked } = await lifecycle(kind).check({}, { ...common, ...required, [key]: UNKNOWN });
				expect(failures, key).to.deep.equal([]);
				expect((checked as Record<string, unknown>)[key]).to.equal(UNKNOWN);
			}
		});
	}
});
