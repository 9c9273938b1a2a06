// What is on a host although nobody heard that it was made: the engine has to hear of it from the next error, or no later up or destroy
// takes it away.
import { expect } from "chai";
import { NetplumbError } from "../../provider/errors";
import { Exchange } from "../../provider/host/exchange";
import { makeContainer, on, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { addresses, removeContainers, routes, vsctl } from "../support/wiring";

const WEB = "refused-web";
const BRIDGE = "br-refused";
const args = { container: WEB, bridge: BRIDGE, interface: "eth1" };

const { apply } = Exchange.prototype;
const afterwards = (then: () => Promise<Awaited<ReturnType<typeof apply>>>) => {
	Exchange.prototype.apply = async function (...call) {
		Exchange.prototype.apply = apply;
		await apply.apply(this, call);
		return then();
	};
};

describe("an attachment that is refused", function () {
	this.timeout(120_000);
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
			afterwards(async () => {
				await on("h1", "docker", "kill", WEB);
				return { kind: "again" };
			});
			return wire.create(args);
		}));

	it("after a run that was killed before the engine heard of it", () =>
		isRemembered(async (wire) => {
			(await new Resource("VethAttachment", "refused-wire").create(args)).release();
			await on("h1", "docker", "kill", WEB);
			await wire.create(args);
		}));
});

describe("an update whose end nobody heard of", function () {
	this.timeout(120_000);
	useLab(1);
	useResources();
	before(async () => {
		await removeContainers(WEB);
		await makeContainer("h1", WEB, "--network=bridge");
	});
	after(() => removeContainers(WEB));

	const unheard = async (resource: Resource, args: Record<string, unknown>) => {
		afterwards(async () => {
			throw new NetplumbError("timeout", "a script ran past its limit");
		});
		expect(await failure(resource.update(args))).to.equal("a script ran past its limit");
	};

	it("leaves no address and no route on an interface of Docker's after destroy", async () => {
		const base = { container: WEB, interface: "eth0" };
		const ip = (last: number) => ({
			...base,
			addresses: [`10.9.0.${last}/24`],
			routes: [{ to: `10.9${last}.0.0/24`, via: "10.9.0.7" }],
		});
		const start = [await addresses("eth0", WEB), await routes(WEB)];
		const resource = await new Resource("StaticContainerIp", "unheard-ip").create(ip(1));
		await unheard(resource, ip(2));
		expect(await addresses("eth0", WEB)).to.include("10.9.0.2/24");
		await resource.delete();
		expect([await addresses("eth0", WEB), await routes(WEB)]).to.deep.equal(start);
	});

	it("leaves nothing of what the program does not want any more on a bridge", async () => {
		const args = (third: number) => ({ name: BRIDGE, addresses: [`10.9.${third}.1/24`] });
		const lan = await new Resource("OvsBridge", "unheard-lan").create(args(1));
		await unheard(lan, { ...args(2), otherConfig: { "mac-aging-time": "60" } });
		await lan.update(args(3));
		expect(await addresses(BRIDGE)).to.deep.equal(["10.9.3.1/24"]);
		expect(await vsctl("get", "Bridge", BRIDGE, "other_config")).to.not.contain("mac-aging-time");
	});
});
