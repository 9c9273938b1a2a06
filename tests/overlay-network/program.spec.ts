// What the component declares, on Pulumi's own mocks: no host is asked.
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Host, OverlayNetwork, type OverlayNetworkArgs } from "../../sdk/index";

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
});
