import { expect } from "chai";
import { makeContainer, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { addresses, link, removeContainers, sh } from "../support/wiring";

describe("IPv6 on an interface with a small MTU", function () {
	this.timeout(60_000);
	useLab(1);
	useResources();
	before(async () => {
		await removeContainers("narrow");
		await makeContainer("h1", "narrow");
	});
	after(() => removeContainers("narrow"));

	it("is refused in either order, and what works goes on working", async () => {
		await new Resource("OvsBridge", "narrow").create({ name: "narrow-br", mtu: 1500 });
		const wire = { container: "narrow", bridge: "narrow-br" };
		const place = { container: "narrow", interface: "eth1" };
		const attachment = await new Resource("VethAttachment", "narrow").create(wire);
		const ip = await new Resource("StaticContainerIp", "narrow").create({ ...place, addresses: ["10.66.0.1/24", "fd66::1/64"] });
		expect(await failure(attachment.update({ ...wire, mtu: 1279 }))).to.match(/mtu: found 1279 .* fd66::1\/64, .* at least 1280/);
		expect(await ip.read()).to.deep.equal([]);
		await attachment.update({ ...wire, mtu: 1280 });
		expect(await addresses("eth1", "narrow")).to.deep.equal(["10.66.0.1/24", "fd66::1/64"]);
		await ip.update({ ...place, addresses: ["10.66.0.1/24"] });
		await attachment.update({ ...wire, mtu: 1279 });
		const refused = await failure(ip.update({ ...place, addresses: ["10.66.0.1/24", "fd66::1/64"] }));
		expect(refused).to.match(/addresses: found fd66::1\/64 for eth1 .* MTU is 1279, expected at least 1280/);
		expect(await ip.read()).to.deep.equal([]);
	});

	const ipv6Off = async (link: string) => (await sh(`cat /proc/sys/net/ipv6/conf/${link}/disable_ipv6`)).trim();

	it("does not come back to the host's end and the bridge when their MTU rises again", async () => {
		const bridge = await new Resource("OvsBridge", "widening").create({ name: "narrow-br2", mtu: 1200 });
		const wire = { container: "narrow", bridge: "narrow-br2", interface: "eth2", hostInterface: "narrow-v" };
		const attachment = await new Resource("VethAttachment", "widening").create({ ...wire, mtu: 1200 });
		await bridge.update({ name: "narrow-br2", mtu: 1500 });
		await attachment.update({ ...wire, mtu: 1500 });
		expect([await ipv6Off("narrow-v"), await ipv6Off("narrow-br2")]).to.deep.equal(["1", "1"]);
		expect((await link("narrow-v"))?.flags).to.include("UP");
		expect([await attachment.read(), await bridge.read()]).to.deep.equal([[], []]);
	});

	it("is not taken off a bridge by an attachment", async () => {
		const bridge = await new Resource("OvsBridge", "follows").create({ name: "narrow-br3", addresses: ["fd67::1/64"] });
		const wire = { container: "narrow", bridge: "narrow-br3", interface: "eth3", mtu: 1200 };
		const attachment = new Resource("VethAttachment", "follows");
		expect(await failure(attachment.create(wire))).to.match(
			/mtu: found 1200, and the bridge "narrow-br3" whose MTU of 1500 follows/,
		);
		await bridge.update({ name: "narrow-br3", addresses: ["fd67::1/64"], mtu: 1500 });
		await attachment.create(wire);
		const released = await failure(bridge.update({ name: "narrow-br3", addresses: ["fd67::1/64"] }));
		expect(released).to.match(/mtu: found none, and a port with the MTU 1200 in bridge "narrow-br3"/);
		expect(await addresses("narrow-br3")).to.deep.equal(["fd67::1/64"]);
	});
});
