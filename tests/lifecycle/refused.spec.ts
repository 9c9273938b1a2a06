// An attachment that is refused because its container ended, when a port of it is on the host already: the engine has to hear of it, or
// no later up or destroy takes it away.
import { expect } from "chai";
import { Exchange } from "../../provider/host/exchange";
import { makeContainer, on, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { removeContainers, vsctl } from "../support/wiring";

const WEB = "refused-web";
const BRIDGE = "br-refused";
const args = { container: WEB, bridge: BRIDGE, interface: "eth1" };

describe("an attachment that is refused", function () {
	this.timeout(120_000);
	const { apply } = Exchange.prototype;
	useLab(1);
	useResources();
	beforeEach(async () => {
		await removeContainers(WEB);
		await makeContainer("h1", WEB);
		await new Resource("OvsBridge", "refused-lan").create({ name: BRIDGE });
	});
	afterEach(() => {
		Exchange.prototype.apply = apply;
	});
	after(() => removeContainers(WEB));

	async function isRemembered(work: (wire: Resource) => Promise<unknown>): Promise<void> {
		const wire = new Resource("VethAttachment", "refused-wire");
		expect(await failure(work(wire))).to.contain(`container: found "${WEB}" exited`);
		expect(await vsctl("list-ports", BRIDGE), "of its container's time").to.not.equal("");
		expect(wire.id).to.not.equal("");
		await wire.delete();
		expect(await vsctl("list-ports", BRIDGE)).to.equal("");
	}

	it("after its script ran, and the answer was lost", () =>
		isRemembered((wire) => {
			Exchange.prototype.apply = async function (...call) {
				Exchange.prototype.apply = apply;
				await apply.apply(this, call);
				await on("h1", "docker", "kill", WEB);
				return { kind: "again" };
			};
			return wire.create(args);
		}));

	it("after a run that was killed before the engine heard of it", () =>
		isRemembered(async (wire) => {
			(await new Resource("VethAttachment", "refused-wire").create(args)).release();
			await on("h1", "docker", "kill", WEB);
			await wire.create(args);
		}));
});
