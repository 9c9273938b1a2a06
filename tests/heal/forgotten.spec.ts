// What the host keeps to make a resource again goes with the resource, also when the container has gone before.
import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { labHost, makeContainer, on, useLab } from "../support/lab";
import { Resource } from "../support/resource";
import { remains } from "./fixture";

describe("what the host keeps of a container that is gone", function () {
	this.timeout(60_000);
	useLab(1);
	useForeign();

	it("is shown by a refresh, and goes with its resource", async () => {
		const untouched = await remains();
		const resource = (kind: ConstructorParameters<typeof Resource>[0], name: string) =>
			new Resource(kind, name, { host: labHost() });
		await makeContainer("h1", "gone");
		const bridge = await resource("OvsBridge", "bridge").create({ name: "br-gone" });
		const attachment = await resource("VethAttachment", "wire").create({
			container: "gone",
			bridge: "br-gone",
			interface: "eth1",
		});
		const address = await resource("StaticContainerIp", "ip").create({
			container: "gone",
			interface: "eth1",
			addresses: ["10.64.9.1/24"],
		});
		await on("h1", "docker", "rm", "-f", "gone");
		for (const one of [address, attachment])
			expect(await one.read(), one.kind).to.deep.equal([
				`host ${labHost().address}: container: found no container "gone", expected a running one; create it first, or correct the name`,
			]);
		for (const one of [address, attachment, bridge]) await one.delete();
		expect(await remains()).to.deep.equal(untouched);
	});
});
