import { expect } from "chai";
import { makeContainer, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { addresses, removeContainers } from "../support/wiring";

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
		await new Resource("OvsBridge", "narrow").create({ name: "narrow-br" });
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
});
