// What the component declares, on Pulumi's own mocks: no host is asked.
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Host, OverlayNetwork, type OverlayNetworkArgs, OvnCentral, OvnChassis, type OvnNetworkArgs } from "../../sdk/index";

interface Declared {
	type: string;
	name: string;
	inputs: Record<string, unknown>;
}

async function declared(
	args: Partial<OverlayNetworkArgs> & Pick<OverlayNetworkArgs, "hosts">,
): Promise<{ net: OverlayNetwork; made: Declared[] }> {
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
	const net = new OverlayNetwork("net", { subnet: "10.70.0.0/24", ...args });
	await new Promise((resolve) => setTimeout(resolve, 50));
	return { net, made };
}

const value = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => output.apply(resolve));
const [a, b, c] = [1, 2, 3].map((n) => new Host(`ssh://root@192.0.2.${n}`)) as [Host, Host, Host];

describe("an OverlayNetwork", () => {
	it("declares a bridge on each host and both ends of every tunnel, with one key", async () => {
		const { net, made } = await declared({ hosts: { a, b, c } });
		const of = (type: string) => made.filter((one) => one.type === type);
		expect(of("OvsBridge").map(({ name }) => name)).to.have.members(["net-a-bridge", "net-b-bridge", "net-c-bridge"]);
		expect(of("OvsTunnel").map(({ name, inputs }) => `${name} ${inputs["remote"]}`)).to.have.members([
			"net-a--b 192.0.2.2",
			"net-a--c 192.0.2.3",
			"net-b--a 192.0.2.1",
			"net-b--c 192.0.2.3",
			"net-c--a 192.0.2.1",
			"net-c--b 192.0.2.2",
		]);
		const key = await value(net.key);
		expect(key).to.be.within(1, 0xffffff);
		for (const { inputs } of of("OvsTunnel")) expect(inputs).to.include({ type: "vxlan", key, mtu: 1450, protected: true });
		expect(await value(net.on("b").mtu)).to.equal(1450);
	});

	it("reckons with the encapsulation and with IPv6 between the hosts", async () => {
		const mtu = async (args: Partial<OverlayNetworkArgs>) => value((await declared({ hosts: { a, b }, ...args })).net.mtu);
		expect(await mtu({ type: "gre" })).to.equal(1458);
		expect(await mtu({ endpoints: { a: "fd00::1", b: "fd00::2" } })).to.equal(1430);
		expect(await mtu({ mtu: 8950 })).to.equal(8950);
		expect(await mtu({ type: "gre", key: "none" })).to.equal(1462);
	});

	it("has no key where none is wanted", async () => {
		const { net, made } = await declared({ hosts: { a, b }, type: "gre", key: "none" });
		expect(await value(net.key)).to.equal(undefined);
		for (const { inputs } of made.filter(({ type }) => type === "OvsTunnel")) expect(inputs["key"]).to.equal(undefined);
	});

	it("refuses hosts that it does not have", async () => {
		const { net } = await declared({ hosts: { a, b } });
		expect(() => net.on("x")).to.throw('OverlayNetwork: found "x", expected one of the hosts a, b; correct the name');
		expect(() => new OverlayNetwork("two", { hosts: { a }, subnet: "10.0.0.0/24", endpoints: { x: "192.0.2.9" } })).to.throw(
			'endpoints: found "x"',
		);
	});

	describe('with engine: "ovn"', () => {
		const southbound = "tcp:192.0.2.1:6642";
		/** In the program of the network, whose mocks are set by then. */
		const ovn = () => ({
			central: new OvnCentral("ovn", { host: a, address: "192.0.2.1", tls: false }),
			chassis: {
				a: new OvnChassis("a", { host: a, southbound, encapIp: "192.0.2.1" }),
				b: new OvnChassis("b", { host: b, southbound, encapIp: "192.0.2.2" }),
			},
			dns: "10.70.0.254",
		});
		const network = async (args: Partial<OverlayNetworkArgs> = {}, more: Partial<OvnNetworkArgs> = {}) => {
			const { made } = await declared({ hosts: { a } });
			made.length = 0;
			const net = new OverlayNetwork("cloud", {
				hosts: { a, b },
				subnet: "10.70.0.0/24",
				engine: "ovn",
				ovn: { ...ovn(), ...more },
				...args,
			});
			return { net, made };
		};

		it("hands out its own subnet and MTU by DHCP", async () => {
			const { made } = await network({}, { dhcp: { router: "10.70.0.1" } });
			await new Promise((resolve) => setTimeout(resolve, 50));
			const { inputs } = made.find(({ type }) => type === "OvnSwitch")!;
			expect(inputs["dhcp"]).to.deep.equal({ router: "10.70.0.1", subnet: "10.70.0.0/24", mtu: 1442 });
		});

		it("declares a switch, and a port for each member", async () => {
			const { net, made } = await network();
			const web = net.on("b", "Web");
			expect(await value(web.mtu)).to.equal(1442);
			expect(await value(web.ovnPort!)).to.equal(await value(net.on("b", "Web").ovnPort!));
			net.on("a", "db", { addresses: ["10.70.0.9", "fd00:70::9"] });
			await new Promise((resolve) => setTimeout(resolve, 50));
			const shown = made.filter(({ type }) => /OvnSwitch|OvnPort|OvsBridge|OvsTunnel/.test(type));
			expect(shown.map(({ type, name }) => `${type} ${name}`)).to.deep.equal([
				"OvnSwitch cloud-switch",
				"OvnPort cloud-Web",
				"OvnPort cloud-db",
			]);
			expect(await value(net.ovnSwitch.name)).to.equal("cloud-switch");
			expect(shown[1]!.inputs).to.deep.include({ switch: "cloud-switch", hostnames: ["web"] });
			expect(shown[1]!.inputs["addresses"]).to.deep.equal([net.subnet.allocate("Web").split("/")[0]]);
			expect(shown[2]!.inputs["addresses"]).to.deep.equal(["10.70.0.9", "fd00:70::9"]);
		});

		it("refuses what it has no use for, and what it lacks", async () => {
			const { net } = await network();
			expect(() => net.on("a")).to.throw(
				'found no member for a, expected a name, because engine "ovn" gives each container a port',
			);
			net.on("a", "web");
			expect(() => net.on("b", "web")).to.throw('found the member "web" on b, expected it on a alone');
			const refused = (args: Partial<OverlayNetworkArgs>) => () =>
				new OverlayNetwork("other", { hosts: { a, b }, subnet: "10.71.0.0/24", engine: "ovn", ...args });
			expect(refused({})).to.throw('ovn: found nothing, expected { central, chassis }; give it what engine: "ovn" needs');
			expect(refused({ topology: "hub" })).to.throw('topology: found it beside engine: "ovn", expected it left out');
			expect(refused({ ovn: { central: { host: a }, chassis: {} } })).to.throw(
				"ovn.chassis: found none for host a, expected one",
			);
			const plain = new OverlayNetwork("plain", { hosts: { a, b }, subnet: "10.71.0.0/24" });
			expect(() => plain.ovnSwitch).to.throw("OverlayNetwork plain: ovnSwitch: found a network of bridges");
			expect(refused({ engine: "ovs", ovn: { central: { host: a }, chassis: {} } })).to.throw('found it without engine: "ovn"');
		});
	});
});
