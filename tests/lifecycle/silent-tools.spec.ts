import { expect } from "chai";
import { makeContainer, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { addresses, leavesNoTrace, removeContainers, sh } from "../support/wiring";

// What cannot be seen is not gone: a delete that did nothing would drop the resource from the state and leave its wiring behind.
describe("a delete on a host of which a tool does not answer", function () {
	this.timeout(120_000);
	useLab(1);
	useResources();
	before(async () => {
		await removeContainers("silent");
		await makeContainer("h1", "silent");
	});
	after(() => removeContainers("silent"));

	async function wire(work: (wire: Resource, ip: Resource, bridge: Resource) => Promise<unknown>): Promise<void> {
		await leavesNoTrace(["silent"], async () => {
			const bridge = await new Resource("OvsBridge", "silent-br").create({ name: "silent-br" });
			const one = await new Resource("VethAttachment", "silent").create({ container: "silent", bridge: "silent-br" });
			const place = { container: "silent", interface: "eth1" };
			const ip = await new Resource("StaticContainerIp", "silent").create({ ...place, addresses: ["10.65.0.1/24"] });
			await work(one, ip, bridge);
			await ip.delete();
			await one.delete();
			await bridge.delete();
		});
	}

	it("fails for the port in a database that is silent, and says so in read", () =>
		wire(async (one, _ip, bridge) => {
			await sh('kill -STOP "$(cat /run/openvswitch/ovsdb-server.pid)"');
			try {
				expect(await failure(one.delete())).to.contain("Open vSwitch does not answer");
				expect((await one.read())?.join()).to.contain("Open vSwitch does not answer");
				expect(await failure(bridge.read())).to.contain("Open vSwitch does not answer");
			} finally {
				await sh('kill -CONT "$(cat /run/openvswitch/ovsdb-server.pid)"');
			}
		}));

	it("fails for addresses in a container that Docker does not tell about", () =>
		wire(async (_one, ip) => {
			// As in a new run: this process has seen the container, and would not need Docker to find it again.
			ip.state["host"] = { ...(JSON.parse(ip.state["host"] as string) as object), timeoutSeconds: 59 };
			await sh("mv /run/docker.sock /run/docker.sock.away");
			try {
				expect(await failure(ip.delete())).to.contain("Docker does not answer");
			} finally {
				await sh("mv /run/docker.sock.away /run/docker.sock");
			}
			expect(await addresses("eth1", "silent")).to.deep.equal(["10.65.0.1/24"]);
		}));
});
