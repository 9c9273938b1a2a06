// What is done on facts that a container told before the rest, and what needs a look first.
import { expect } from "chai";
import type { Change } from "../../provider/host/change";
import { isEnough } from "../../provider/host/enough";
import type { Link, Route, RunningContainer, Snapshot } from "../../provider/host/snapshot";
import { bareHost, emptyContainer } from "../model/hosts";

const WEB = "a".repeat(64);
const link = (name: string, alias?: string): Link => ({
	...{ name, index: 5, kind: "veth", mac: "02:00:00:00:00:01", mtu: 1500, up: true, addresses: ["10.0.0.2/24"] },
	...(alias === undefined ? {} : { alias }),
});
const route = (to: string, dev: string): Route => ({ to, dev, metric: 0, protocol: "78", onlink: false });

function known(toldAt: number | undefined): Snapshot {
	const { namespace, ...rest } = emptyContainer(WEB, "web");
	const links = { ...namespace.links, eth1: link("eth1", "netplumb:lab/test/web"), eth9: link("eth9") };
	const web: RunningContainer = { ...rest, namespace: { ...namespace, links, routes: [route("0.0.0.0/0", "eth9")] } };
	return { ...bareHost(), readAt: 1000, containers: { web: toldAt === undefined ? web : { ...web, toldAt } } };
}

function enough(
	changes: Change[],
	more: { keepOnFailure?: boolean; looks?: boolean; begun?: boolean; toldAt?: number } = {},
): boolean {
	const { begun = false, toldAt = 900, ...request } = more;
	const operations = changes.map((change) => ({ change, describe: change.verb }));
	return isEnough(operations, { request: { containers: ["web"], ...request }, begun }, known(toldAt));
}

const add = (dev: string, cidr = "10.0.0.3/24"): Change => ({ verb: "address.add", where: WEB, dev, cidr });
const set = (name: string, values: object): Change => ({ verb: "link.set", where: WEB, name, ...values });
const ipv6On = (dev: string): Change => ({
	...{ verb: "sysctl.set", where: WEB, path: ["ipv6", "conf", dev, "disable_ipv6"], value: "0" },
});
const pair: Change = {
	...{ verb: "link.add", where: WEB, name: "eth2", mac: "02:00:00:00:00:02", mtu: 1500, alias: "" },
	peer: { name: "web2", mtu: 1500 },
};
const port: Change = { verb: "port.add", bridge: "br0", name: "web2" };

describe("what a container told before the rest", () => {
	it("is enough for what is added to a link of netplumb's", () => {
		const advice: Change = { verb: "sysctl.set", where: WEB, path: ["ipv6", "conf", "eth1", "accept_ra"], value: "0" };
		expect(enough([set("eth1", { alias: "x" }), advice, add("eth1"), { verb: "announce", where: WEB, dev: "eth1" }])).to.equal(
			true,
		);
		expect(enough([{ verb: "route.add", where: WEB, route: route("10.9.0.0/16", "eth1") }])).to.equal(true);
	});

	it("is enough for a new pair, and for what is about its end", () => {
		expect(enough([pair, set("eth2", { up: true, mtu: 1000 }), ipv6On("eth2"), add("eth2"), port])).to.equal(true);
	});

	it("is not enough for what is there already, for a link of others, or where addresses could go", () => {
		const no: [string, Change[]][] = [
			["nothing is left to do", []],
			["an address that is there", [add("eth1", "10.0.0.2/24")]],
			["a route that is there, whatever its device", [{ verb: "route.add", where: WEB, route: route("0.0.0.0/0", "eth1") }]],
			["a link of others", [add("eth9")]],
			["its alias", [set("eth9", { alias: "x" })]],
			["a link that nobody knows", [add("eth7")]],
			["an address that goes", [{ verb: "address.delete", where: WEB, dev: "eth1", cidr: "10.0.0.2/24" }]],
			["a link that makes way", [{ verb: "link.delete", where: WEB, name: "eth2" }, pair]],
			["a port that makes way", [{ verb: "port.delete", bridge: "br0", name: "web2" }, port]],
			["an MTU", [set("eth1", { mtu: 1000 })]],
			["a MAC", [set("eth1", { mac: "02:00:00:00:00:03" })]],
			["a link that goes down", [set("eth1", { up: false })]],
			["IPv6", [ipv6On("eth1"), add("eth1")]],
		];
		for (const [what, changes] of no) expect(enough(changes), what).to.equal(false);
	});

	it("is enough to delete a pair by the host's end, and nothing else", () => {
		const ends: Change[] = [
			{ verb: "port.delete", bridge: "br0", name: "web1" },
			{ verb: "link.delete", where: "host", name: "web1" },
		];
		expect(enough(ends, { keepOnFailure: true })).to.equal(true);
		expect(enough([], { keepOnFailure: true, begun: true }), "that is done").to.equal(true);
		expect(enough([], { keepOnFailure: true }), "that finds nothing").to.equal(false);
		expect(enough(ends.slice(0, 1), { keepOnFailure: true }), "an adopted one").to.equal(false);
		expect(enough([{ verb: "link.delete", where: WEB, name: "eth1" }], { keepOnFailure: true }), "inside").to.equal(false);
	});

	it("is no question where it was told with the rest, or where nothing is changed", () => {
		expect(enough([], { toldAt: 1000 })).to.equal(true);
		expect(enough([], { looks: true })).to.equal(true);
	});
});
