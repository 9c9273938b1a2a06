import { expect } from "chai";
import { desiredEndings } from "../../provider/heal/desired";
import { markOf } from "../../provider/host/marks";
import { ApplyError, HostSession, type Request } from "../../provider/host/session";
import type { Snapshot } from "../../provider/host/snapshot";
import type { Kind } from "../../provider/kinds/kind";
import { kinds } from "../../provider/kinds/registry";
import { check } from "../../provider/lifecycle/check";
import { providerOf } from "../../provider/lifecycle/provider";
import { bareHost } from "../model/hosts";
import { applyPlan } from "../model/model-host";

const kind = kinds.OvsBridge as unknown as Kind<object>;
const provider = providerOf(kind);
const inputs = { ...check(kind, { host: { address: "10.0.0.1" }, owner: "p/s/lan", name: "br0" }).inputs, __provider: "line" };
const mark = markOf("p/s/lan", "OvsBridge");
const plan = kind.plan({ mark, marks: [mark], wanted: { name: "br0" } }, bareHost());

describe("a resource, as the engine hears of it", () => {
	const { submit } = HostSession.prototype;
	afterEach(() => {
		HostSession.prototype.submit = submit;
	});
	const answer = (with_: (request: Request<unknown>) => unknown) => {
		HostSession.prototype.submit = (async (request: Request<unknown>) => with_(request)) as typeof submit;
	};

	it("that was made in part is remembered with its id, its properties and the reason", async () => {
		// The undo failed: the bridge of this owner is still there.
		const after = applyPlan(bareHost(), plan).after;
		answer(() => {
			throw new ApplyError("command", "host h1: could not bring br0 up", after);
		});
		const error = await provider.create(inputs).then(
			() => undefined,
			(reason) => reason,
		);
		expect(error).to.include({ id: "10.0.0.1/br0", message: "host h1: could not bring br0 up" });
		expect(error.reasons).to.deep.equal(["host h1: could not bring br0 up"]);
		expect(error.properties).to.deep.include({
			__provider: "line",
			name: "br0",
			owner: "p/s/lan",
			drift: ["host h1: could not bring br0 up"],
		});
	});

	it("that was changed in part is remembered with what was and what was wanted", async () => {
		const state = { ...inputs, stateVersion: 1, addresses: ["10.1.0.1/24"], otherConfig: { a: "1" }, mtu: 1500 };
		const news = { ...inputs, addresses: ["10.2.0.1/24"], otherConfig: { a: "2", b: "3" }, mtu: 1400, stp: true, rstp: false };
		const update = async (error: ApplyError) => {
			answer(() => {
				throw error;
			});
			return provider.update("10.0.0.1/br0", state, news).catch((reason) => reason);
		};
		const error = await update(new ApplyError("timeout", "it ran past its limit", undefined));
		expect(error).to.include({ id: "10.0.0.1/br0", message: "it ran past its limit" });
		expect(error.properties).to.deep.equal({
			...{ ...state, addresses: ["10.1.0.1/24", "10.2.0.1/24"], otherConfig: { a: "1", b: "3" }, stp: true },
			drift: ["it ran past its limit"],
		});
		const refused = await update(new ApplyError("conflict", "no", undefined, false));
		expect(refused, "what was never begun").not.to.have.property("properties");
	});

	it("that was changed in part is remembered without what the host gave for what it was", async () => {
		const tunnel = providerOf(kinds.OvsTunnel as unknown as Kind<object>);
		const args = {
			host: { address: "10.0.0.1" },
			owner: "p/s/t",
			name: "t0",
			bridge: "br0",
			type: "vxlan",
			remote: "10.0.0.2",
			key: 7,
		};
		const made = check(kinds.OvsTunnel as unknown as Kind<object>, args).inputs;
		const state = { ...made, stateVersion: 1, mtu: 1450, defaulted: ["mtu"] };
		answer(() => {
			throw new ApplyError("timeout", "it ran past its limit", undefined);
		});
		const left = async (change: object) => {
			const { properties } = await tunnel.update("10.0.0.1/t0", state, { ...made, ...change }).catch((reason) => reason);
			return [properties.mtu, properties.defaulted];
		};
		expect(await left({ trunks: [5] }), "tagged frames leave less room").to.deep.equal([undefined, undefined]);
		expect(await left({ tos: 8 })).to.deep.equal([1450, ["mtu"]]);
	});

	it("that was given another name in part is found by both, and destroyed", async () => {
		const state = { ...inputs, stateVersion: 1 };
		const was = applyPlan(bareHost(), plan).after;
		const now = markOf("p/s/wan", "OvsBridge");
		const renaming = kind.plan({ mark: now, marks: [now, mark], wanted: { name: "br0" } }, was);
		answer(() => {
			throw new ApplyError("timeout", "it ran past its limit", undefined);
		});
		const error = await provider.update("10.0.0.1/br0", state, { ...inputs, owner: "p/s/wan" }).catch((reason) => reason);
		expect(error.properties).to.include({ owner: "p/s/wan", formerly: "p/s/lan" });
		for (const found of [was, applyPlan(was, renaming).after]) {
			answer((request) => request.done(found));
			const { props } = await provider.read("10.0.0.1/br0", error.properties);
			let planned: unknown;
			answer((request) => {
				planned = request.plan(found).map(({ describe }) => describe);
			});
			await provider.delete("10.0.0.1/br0", props);
			expect(planned).to.deep.equal(["delete bridge br0"]);
		}
	});

	it("that was changed and is as it was before is not remembered in another way", async () => {
		const state = { ...inputs, stateVersion: 1, host: { address: "10.0.0.1", heal: false } };
		const made = applyPlan(bareHost(), plan).after;
		answer(() => {
			throw new ApplyError("command", "host h1: could not add address", made);
		});
		const error = await provider
			.update("10.0.0.1/br0", state, { ...state, addresses: ["10.2.0.1/24"] })
			.catch((reason) => reason);
		expect(error.message).to.equal("host h1: could not add address");
		expect(error).not.to.have.property("properties");
	});

	it("that is refused is remembered where a run that was killed has left something of it, and only there", async () => {
		const { after } = applyPlan(bareHost(), plan);
		const silent = { ...bareHost(), ovs: "Open vSwitch does not answer: x" };
		const remembered = async (found: Snapshot) => {
			answer(() => {
				throw new ApplyError("conflict", "no", found, false);
			});
			return provider.create(inputs).catch((reason) => "properties" in reason);
		};
		expect([await remembered(after), await remembered(bareHost()), await remembered(silent)]).to.deep.equal([true, false, false]);
	});

	it("is not gone, and not forgotten, as long as the host keeps it to make it again", async () => {
		const kept = { ...bareHost(), desired: { [`0-${desiredEndings(kind, [mark])[0]}`]: "" } };
		answer(() => {
			throw new ApplyError("conflict", "no", kept);
		});
		expect(await provider.create(inputs).catch((reason) => "properties" in reason)).to.equal(true);
		answer((request) => request.done(kept));
		const known = { addresses: ["10.2.0.1/24"], mac: "02:00:00:00:00:01" };
		const found = await provider.read("10.0.0.1/br0", { ...inputs, ...known, stateVersion: 1 });
		expect(found.id).to.equal("10.0.0.1/br0");
		expect(found.props, "what to make again, and what to take away").to.deep.include(known);
		expect((found.props as { drift: string[] }).drift).to.include("add bridge br0");
		const program = { host: { address: "10.0.0.1" }, owner: "p/s/lan", name: "br0" };
		expect(await provider.read("10.0.0.1/br0", program), "a static get has nothing to give").to.deep.equal({ id: "", props: {} });
		answer(() => {
			throw new ApplyError("conflict", "no", kept, false);
		});
		const refused = await provider.create(inputs).catch((reason) => "properties" in reason);
		expect(refused, "the inputs of one that is refused were never on the host").to.equal(false);
	});

	it("keeps what the host once gave where a refresh cannot see it, and not as an input", async () => {
		const tunnel = kinds.OvsTunnel as unknown as Kind<object>;
		const args = { host: { address: "10.0.0.1", heal: false }, owner: "p/s/tun", bridge: "br0", name: "tun", type: "vxlan" };
		const state = { ...check(tunnel, { ...args, remote: "192.0.2.8" }).inputs, mtu: 1450, defaulted: ["mtu"], stateVersion: 1 };
		const columns = { "external_ids:netplumb": markOf("p/s/tun", "OvsTunnel") };
		const found = [
			...plan,
			{ change: { verb: "port.add", bridge: "br0", name: "tun" }, describe: "" } as const,
			{ change: { verb: "row.set", table: "Port", row: "tun", columns }, describe: "" } as const,
		];
		answer((request) => request.done({ ...applyPlan(bareHost(), found).after, paths: { "192.0.2.8": "unreachable" } }));
		const { props, inputs: read } = await providerOf(tunnel).read("10.0.0.1/tun", state);
		expect(props).to.deep.include({ mtu: 1450, defaulted: ["mtu"] });
		expect(read).to.not.have.property("mtu");
	});

	it("of which nothing is on the host is not remembered", async () => {
		answer(() => {
			throw new ApplyError("command", "no", bareHost());
		});
		const error = await provider.create(inputs).then(
			() => undefined,
			(reason) => reason,
		);
		expect(error).not.to.have.property("properties");
	});

	it("is found by static get from the program's inputs, or is gone only on proof", async () => {
		const made = applyPlan(bareHost(), plan).after;
		answer((request) => request.done(made));
		const found = await provider.read("10.0.0.1/br0", { host: { address: "10.0.0.1" }, owner: "p/s/lan", name: "br0" });
		expect(found.id).to.equal("10.0.0.1/br0");
		expect(found.props).to.include({ name: "br0", stateVersion: 1 });
		answer((request) => request.done(bareHost()));
		expect(await provider.read("10.0.0.1/br0", { ...inputs, stateVersion: 1 })).to.deep.equal({ id: "", props: {} });
		answer((request) => request.done({ ...bareHost(), ovs: "Open vSwitch does not answer: x" }));
		const error = await provider.read("10.0.0.1/br0", { ...inputs, stateVersion: 1 }).then(
			() => undefined,
			(reason: Error) => reason,
		);
		expect(error?.message).to.match(/does not answer.*nothing is known about 10\.0\.0\.1\/br0$/);
	});
});
