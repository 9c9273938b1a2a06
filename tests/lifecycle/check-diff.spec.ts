import { expect } from "chai";
import type { Kind } from "../../provider/kinds/kind";
import { kinds } from "../../provider/kinds/registry";
import { check } from "../../provider/lifecycle/check";
import { diff, differsOnHost } from "../../provider/lifecycle/diff";
import { providerOf } from "../../provider/lifecycle/provider";
import { type Inputs, migrate, type State, stateOf } from "../../provider/lifecycle/state";
import { UNKNOWN } from "../../provider/validate/index";
import { complete, good, places, put } from "../bad-inputs/good";

const all = kinds as unknown as Record<string, Kind<object>>;
const owner = "p/s/n";
const declaredOf = ({ host: _, owner: __, ...args }: Inputs) => args;

/** What a change of each input means, as the sdk's doc comments say. */
const expected: Record<string, Record<string, [next: unknown, means: "update" | "replace"]>> = {
	OvsBridge: {
		name: ["br1", "replace"],
		datapath: ["system", "replace"],
		addresses: [["10.0.0.2/24"], "update"],
		mtu: [1500, "update"],
		uplinks: [[], "update"],
		failMode: ["standalone", "update"],
		rstp: [false, "update"],
		stp: [undefined, "update"],
		mcastSnooping: [false, "update"],
		controllers: [[], "update"],
		protocols: [["OpenFlow10"], "update"],
		otherConfig: [{}, "update"],
		acceptRisk: [undefined, "update"],
		adopt: [false, "update"],
	},
	VethAttachment: {
		container: ["db", "replace"],
		bridge: ["br1", "update"],
		interface: ["eth2", "replace"],
		hostInterface: ["vdb", "replace"],
		mac: ["02:00:00:00:00:02", "update"],
		mtu: [1500, "update"],
		vlan: [10, "update"],
		portSecurity: [undefined, "update"],
		adopt: [false, "update"],
	},
	StaticContainerIp: {
		container: ["db", "replace"],
		interface: ["eth2", "replace"],
		addresses: [["10.0.0.6/24", "fd00::5/64"], "update"],
		portSecurity: [false, "update"],
		gateway: ["10.0.0.2", "update"],
		gateway6: ["fd00::2", "update"],
		defaultRoute: [false, "update"],
		routes: [[], "update"],
		adopt: [false, "update"],
	},
	OvsTunnel: {
		bridge: ["br1", "replace"],
		name: ["vx1", "replace"],
		type: ["geneve", "replace"],
		remote: ["192.0.2.3", "update"],
		key: [43, "update"],
		localIp: ["192.0.2.9", "update"],
		port: [8472, "update"],
		mtu: [1300, "update"],
		tos: [0, "update"],
		ttl: ["inherit", "update"],
		df: [false, "update"],
		csum: [false, "update"],
		protected: [false, "update"],
		trunks: [[10], "update"],
	},
	StaticRoute: {
		from: ["10.80.3.0/24", "update"],
		to: ["10.80.4.0/24", "replace"],
		via: ["192.0.2.3", "update"],
	},
	OvnCentral: {
		address: ["192.0.2.9", "update"],
		southboundPort: [6742, "update"],
		northboundPort: [6741, "update"],
		tls: [false, "update"],
	},
	OvnChassis: {
		southbound: ["ssl:192.0.2.9:6642", "update"],
		encapIp: ["192.0.2.9", "update"],
		encapType: ["vxlan", "update"],
		systemId: ["h9", "replace"],
		bridgeMappings: [{ outside: "br9" }, "update"],
		datapath: ["system", "update"],
		tls: [{ privateKey: "/etc/k.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" }, "update"],
		adopt: [false, "update"],
	},
	OvnSwitch: {
		northbound: ["ssl:192.0.2.9:6641", "replace"],
		tls: [{ privateKey: "/etc/k.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" }, "update"],
		name: ["apps9", "replace"],
		acls: [[], "update"],
		dns: ["10.72.0.9", "update"],
		localnet: [{ network: "store" }, "update"],
	},
	OvnRouter: {
		northbound: ["ssl:192.0.2.9:6641", "replace"],
		tls: [{ privateKey: "/etc/k.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" }, "update"],
		name: ["edge9", "replace"],
		ports: [[{ switch: "outside", addresses: ["192.0.2.50/24"], chassis: ["h9"] }], "update"],
		routes: [[], "update"],
		snat: [[], "update"],
		publish: [[], "update"],
	},
	OvnPort: {
		northbound: ["ssl:192.0.2.9:6641", "replace"],
		tls: [{ privateKey: "/etc/k.pem", certificate: "/etc/cert.pem", caCert: "/etc/ca.pem" }, "update"],
		switch: ["apps9", "replace"],
		name: ["web9", "replace"],
		mac: ["02:00:00:00:00:09", "update"],
		addresses: [["10.72.0.9"], "update"],
		portSecurity: [false, "update"],
		hostnames: [["web9"], "update"],
	},
	IsolatedNetwork: {
		name: ["net9", "replace"],
		subnet: ["10.0.0.0/25", "update"],
		gateway: ["10.0.0.2", "update"],
		egress: ["none", "update"],
		clients: ["open", "update"],
		allow: [[], "update"],
		services: [[], "update"],
		mtu: [1300, "update"],
		vlan: [11, "update"],
		datapath: ["system", "replace"],
	},
	NatPublish: {
		protocol: ["udp", "update"],
		hostIp: [undefined, "update"],
		hostPorts: ["8000-8009", "update"],
		target: ["10.0.0.6", "update"],
		targetPort: [undefined, "update"],
		allowFrom: [["10.1.0.0/16"], "update"],
		hairpin: [false, "update"],
		localhost: [false, "update"],
	},
};

for (const [name, kind] of Object.entries(all)) {
	const given = { host: { address: "10.0.0.1" }, owner, ...complete[name as keyof typeof complete] };
	const inputs = check(kind, given).inputs;
	const args = Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== "host" && key !== "owner"));
	const state = stateOf(kind, inputs, { args, outputs: {} });
	const kindOfChange = (news: Inputs, olds: State = state) => {
		const { changes, replaces } = diff(kind, olds, news);
		return !changes ? "nothing" : replaces.length > 0 ? "replace" : "update";
	};

	describe(`the inputs of ${name}`, () => {
		it("may be unknown, each of them and each part of them", () => {
			for (const path of places(given).filter(([first]) => first !== "owner"))
				expect(check(kind, put(given, path, UNKNOWN) as Inputs).failures, path.join(".")).to.deep.equal([]);
			expect(check(kind, put(given, ["owner"], UNKNOWN) as Inputs).failures).to.deep.equal([]);
		});

		it("update or replace, as documented; every one is in the table", () => {
			expect(Object.keys(expected[name]!).sort()).to.deep.equal(Object.keys(args).sort());
			expect(kindOfChange(inputs)).to.equal("nothing");
			for (const [key, [next, means]] of Object.entries(expected[name]!)) {
				const { inputs: news, failures } = check(kind, { ...given, [key]: next });
				expect(failures, key).to.deep.equal([]);
				expect(kindOfChange(news), key).to.equal(means);
			}
		});

		it("another login is an update, another machine a replacement, another owner an update", () => {
			const on = (host: object) => ({ ...inputs, host: { address: "10.0.0.1", ...host } }) as Inputs;
			expect(kindOfChange(on({ user: "ops", identityFile: "/k", sudo: true, via: { address: "j" } }))).to.equal("update");
			expect(kindOfChange(on({ port: 22 }))).to.equal("update");
			expect(kindOfChange(on({ address: "10.0.0.2" }))).to.equal("replace");
			expect(kindOfChange(on({ port: 2222 }))).to.equal("replace");
			expect(kindOfChange(on({ address: UNKNOWN }))).to.equal("replace");
			expect(kindOfChange({ ...inputs, owner: "p/s/m" })).to.equal("update");
		});

		it("drift is a change", () => expect(kindOfChange(inputs, { ...state, drift: ["add it"] })).to.equal("update"));

		it("without what may be left out are accepted", () =>
			expect(check(kind, { host: good.host, owner, ...good[name as keyof typeof complete] }).failures).to.deep.equal([]));
	});
}

describe("a state", () => {
	const kind = all["VethAttachment"]!;
	it("keeps apart what the program gave and what the host chose: a defaulted MTU is no difference", () => {
		const { inputs } = check(kind, { host: good.host, owner, ...good.VethAttachment });
		const { host: _, owner: __, ...args } = inputs;
		const state = stateOf(kind, inputs, { args, outputs: { mtu: 1450 } });
		expect(state["mtu"]).to.equal(1450);
		expect(diff(kind, state, inputs).changes).to.equal(false);
		expect(diff(kind, state, { ...inputs, mtu: 1400 }).changes).to.equal(true);
		const declared = stateOf(kind, inputs, { args: { ...args, mtu: 1400 }, outputs: { mtu: 1400 } });
		expect(diff(kind, declared, inputs).changes, "no longer declared").to.equal(true);
	});
	it("from before an input was derived is the same as with it", () => {
		for (const one of Object.values(all)) {
			const { inputs } = check(one, { host: good.host, owner, ...good[one.name as keyof typeof good] });
			const { host: _, owner: __, ...args } = inputs;
			const state = stateOf(one, inputs, { args, outputs: {} });
			expect(migrate(one, state), one.name).to.deep.equal(state);
		}
		const router = all["OvnRouter"]!;
		const { inputs } = check(router, { host: good.host, owner, ...good.OvnRouter });
		const [port] = inputs["ports"] as Record<string, unknown>[];
		expect(port!["mac"]).to.match(/^[0-9a-f:]{17}$/);
		const { mac: _, ...underived } = port!;
		const old = stateOf(router, inputs, { args: { ...inputs, ports: [underived] }, outputs: {} });
		expect(diff(router, migrate(router, old), inputs).changes).to.equal(false);
		expect(diff(router, migrate(router, old), { ...inputs, ports: [{ ...port, mac: "02:00:00:00:00:09" }] }).changes).to.equal(
			true,
		);
	});
	it("of a newer version is refused with one sentence", async () => {
		const newer = { host: { address: "x" }, owner, stateVersion: 99 };
		expect(() => migrate(kind, newer)).to.throw(
			"this resource was last written by a newer netplumb (state version 99, this one knows 1): update the package",
		);
		const error = await providerOf(kind)
			.delete("id", newer)
			.catch((reason: Error) => reason);
		expect((error as Error).message).to.match(/newer netplumb/);
	});
});

describe("check, as the engine calls it", () => {
	it("refuses a file of known hosts that would not count, and still destroys what was made so before", async () => {
		const host = { address: "10.0.0.1", knownHostsFile: "/etc/hosts.known", insecureIgnoreHostKey: true };
		const wrong = (given: object) =>
			check(all["OvsBridge"]!, { ...good.OvsBridge, owner, host: given }).failures.map(({ reason }) => reason);
		const says = "insecureIgnoreHostKey: found true, expected no such permission beside knownHostsFile; remove one of the two";
		expect(wrong(host)).to.deep.equal([`host.${says}`]);
		expect(wrong({ address: "10.0.0.2", via: host })).to.deep.equal([`host.via.${says}`]);
		const { inputs } = check(all["OvsBridge"]!, { ...good.OvsBridge, owner, host: good.host });
		expect(migrate(all["OvsBridge"]!, { ...inputs, host, stateVersion: 1 } as State).host).to.deep.equal(host);
	});

	it("sees no difference between the default protocol of a published port and none", () => {
		const router = all["OvnRouter"]!;
		const publish = [{ port: 80, target: "10.72.0.5" }];
		const { inputs, failures } = check(router, { ...complete.OvnRouter, owner, host: good.host, publish });
		expect(failures).to.deep.equal([]);
		const before = { ...declaredOf(inputs), publish: [{ ...publish[0], protocol: "tcp" }] };
		const state = migrate(router, stateOf(router, inputs, { args: before, outputs: {} }));
		expect(diff(router, state, JSON.parse(JSON.stringify(inputs))).changes).to.equal(false);
	});

	it("knows a host in another spelling of its address, and what a helper changes", () => {
		const bridge = all["OvsBridge"]!;
		const on = (host: object) => check(bridge, { ...good.OvsBridge, owner, host }).inputs;
		const stateOn = (host: object) => stateOf(bridge, on(host), { args: declaredOf(on(host)), outputs: {} });
		const between = (before: object, after: object) => diff(bridge, stateOn(before), on(after));
		expect(between({ address: "fd00::1" }, { address: "FD00:0::1" }).replaces).to.deep.equal([]);
		// ssh -G tells aliases apart by their letters.
		expect(between({ address: "Web" }, { address: "web" }).replaces).to.deep.equal(["host"]);
		expect(between({ address: "fd00::1" }, { address: "fd00::2" }).replaces).to.deep.equal(["host"]);
		const helped = { address: "10.0.0.1", user: "ops", helper: true };
		expect(differsOnHost(bridge, stateOn(helped), on({ address: "10.0.0.1" }))).to.equal(true);
		expect(differsOnHost(bridge, stateOn({ ...helped, helper: false, heal: false }), on(helped))).to.equal(false);
	});

	it("refuses a helper for the kinds of OVN, whose databases it does not know, and for no other", async () => {
		const refused: string[] = [];
		for (const kind of Object.values(all)) {
			const host = { address: "10.0.0.1", user: "ops", helper: true };
			const { failures } = check(kind, { owner, ...(good as Record<string, object>)[kind.name], host });
			if (failures.length > 0) refused.push(kind.name);
			for (const { reason } of failures)
				expect(reason).to.equal(
					"host.helper: found true, expected a login with all of root's rights, because the helper knows no databases of OVN; give the resource another Host",
				);
		}
		expect(refused.sort()).to.deep.equal(
			Object.keys(kinds)
				.filter((name) => name.startsWith("Ovn"))
				.sort(),
		);
	});

	it("gives reasons without a property, because the engine would print the value", async () => {
		const { failures } = await providerOf(all["OvsBridge"]!).check({}, { host: good.host, owner, name: "-x" });
		expect(failures.map(({ property }) => property)).to.deep.equal([""]);
	});
	it("asks the configuration for the key and its passphrase", async () => {
		const asked: string[] = [];
		const get = (key: string) => asked.push(key) && undefined;
		await providerOf(all["OvsBridge"]!).configure({ config: { get } });
		expect(asked).to.deep.equal(["netplumb:privateKey", "netplumb:passphrase"]);
	});
});
