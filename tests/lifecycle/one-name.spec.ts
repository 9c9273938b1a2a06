import { expect } from "chai";
import { makeContainer, useLab } from "../support/lab";
import { Resource, useResources } from "../support/resource";
import { addresses, eventually, leavesNoTrace, link, removeContainers, row, vsctl } from "../support/wiring";

// Pulumi tells resources apart by type and name, so a program may call the bridge, the wire and the address of one thing alike.
describe("resources of different kinds with one name", function () {
	this.timeout(60_000);
	useLab(1);
	useResources();
	before(async () => {
		await removeContainers("alike");
		await makeContainer("h1", "alike");
	});
	after(() => removeContainers("alike"));

	for (const named of [{}, { name: "alike-br", hostInterface: "alike-h" }])
		it(`live side by side, ${"name" in named ? "named in the program" : "with derived names"}`, async () => {
			await leavesNoTrace(["alike"], async () => {
				const { name, hostInterface } = { ...({} as { name?: string; hostInterface?: string }), ...named };
				const bridge = await new Resource("OvsBridge", "alike").create({ name });
				const args = { container: "alike", bridge: bridge.state["name"], hostInterface };
				const wire = await new Resource("VethAttachment", "alike").create(args);
				const ip = await new Resource("StaticContainerIp", "alike").create({
					...{ container: "alike", interface: "eth1", addresses: ["10.64.0.1/24"] },
				});
				const port = String(wire.state["hostInterface"]);
				await bridge.update({ name, mtu: 1400 });
				expect(await vsctl("list-ports", String(bridge.state["name"]))).to.equal(port);
				expect([await bridge.read(), await wire.read(), await ip.read()]).to.deep.equal([[], [], []]);
				await ip.delete();
				await wire.delete();
				expect(await addresses("eth1", "alike")).to.deep.equal([]);
				await eventually(async () => (await link(String(bridge.state["name"])))?.mtu, 1400);
				expect(await row("Bridge", String(bridge.state["name"]), "external_ids:netplumb")).to.have.lengthOf(1);
				expect(await bridge.read()).to.deep.equal([]);
				await bridge.delete();
			});
		});
});
