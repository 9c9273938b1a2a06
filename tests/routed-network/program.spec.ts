// What the component declares, on Pulumi's own mocks: no host is asked.
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Host, RoutedNetwork, type RoutedNetworkArgs } from "../../sdk/index";

interface Declared {
	type: string;
	name: string;
	inputs: Record<string, unknown>;
}

const [a, b, c] = [1, 2, 3].map((n) => new Host(`ssh://root@192.0.2.${n}`)) as [Host, Host, Host];
const hosts = {
	a: { host: a, subnet: "10.80.1.0/24" },
	b: { host: b, subnet: "10.80.2.0/24", endpoint: "198.51.100.2" },
	c: { host: c, subnet: "10.80.3.0/24" },
};

async function declared(args: RoutedNetworkArgs): Promise<{ net: RoutedNetwork; made: Declared[] }> {
	const made: Declared[] = [];
	await pulumi.runtime.setMocks(
		{
			newResource: ({ type, name, inputs }) => {
				made.push({ type: type.split(":").at(-1)!, name, inputs });
				return { id: name, state: { name, ...inputs } };
			},
			call: () => ({}),
		},
		"project",
		"stack",
	);
	const net = new RoutedNetwork("net", args);
	await new Promise((resolve) => setTimeout(resolve, 50));
	return { net, made };
}

describe("a RoutedNetwork", () => {
	it("declares a bridge with the gateway on each host, and a route from each to the subnet of every other", async () => {
		const { net, made } = await declared({ hosts });
		const of = (type: string) => made.filter((one) => one.type === type);
		expect(of("OvsBridge").map(({ inputs }) => (inputs["addresses"] as string[]).join())).to.have.members([
			"10.80.1.1/24",
			"10.80.2.1/24",
			"10.80.3.1/24",
		]);
		expect(
			of("StaticRoute").map(({ name, inputs }) => `${name} ${inputs["from"]} ${inputs["to"]} ${inputs["via"]}`),
		).to.have.members([
			"net-a--b 10.80.1.0/24 10.80.2.0/24 198.51.100.2",
			"net-a--c 10.80.1.0/24 10.80.3.0/24 192.0.2.3",
			"net-b--a 10.80.2.0/24 10.80.1.0/24 192.0.2.1",
			"net-b--c 10.80.2.0/24 10.80.3.0/24 192.0.2.3",
			"net-c--a 10.80.3.0/24 10.80.1.0/24 192.0.2.1",
			"net-c--b 10.80.3.0/24 10.80.2.0/24 198.51.100.2",
		]);
		expect(Object.keys(net.on("a"))).to.have.members(["host", "bridge", "mtu"]);
		expect(net.subnet("b").gateway).to.equal("10.80.2.1");
		expect(() => net.on("x")).to.throw('RoutedNetwork: found "x", expected one of the hosts a, b, c; correct the name');
	});

	it("refuses subnets that two hosts share, families that differ, names that are none, and no hosts at all", () => {
		const refused = (more: RoutedNetworkArgs["hosts"]) => () => new RoutedNetwork("two", { hosts: more });
		expect(refused({ ...hosts, d: { host: c, subnet: "10.80.0.0/16" } })).to.throw(
			"RoutedNetwork two: hosts.d.subnet: found 10.80.0.0/16, which overlaps 10.80.1.0/24 of a, expected",
		);
		expect(refused({ ...hosts, d: { host: c, subnet: "fd00::/64" } })).to.throw("expected an IPv4 network, as a has");
		expect(refused({ "a b": hosts.a })).to.throw('RoutedNetwork two: hosts: found the name "a b"');
		expect(refused({})).to.throw("RoutedNetwork two: hosts: found none");
	});
});
