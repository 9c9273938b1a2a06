import { expect } from "chai";
import { makeContainer, useLab } from "../support/lab";
import { Resource, useResources } from "../support/resource";
import { leavesNoTrace, removeContainers, routes, sh } from "../support/wiring";

describe("the default routes of Docker's own network, in both families", function () {
	this.timeout(60_000);
	useLab(1);
	useResources();
	before(async () => {
		await removeContainers("both");
		await sh("docker network create --ipv6 --subnet fd55::/64 both-net >/dev/null");
		await makeContainer("h1", "both", "--network=both-net");
		// Docker's addresses get their link-local ones, which a dump shows, a moment after the start.
		await sh('sleep 2; nsenter -t "$(docker inspect -f "{{.State.Pid}}" both)" -n ip -6 route show default | grep -q fd55::1');
	});
	after(async () => {
		await removeContainers("both");
		await sh("docker network rm both-net >/dev/null");
	});

	const defaults = async () =>
		[...(await routes("both")), ...(await routes("both", "-6"))].filter((line) => /^default/.test(line));

	it("are parked, and restored as they were, beside another resource's addresses", async () => {
		await leavesNoTrace(["both"], async () => {
			const before = await defaults();
			const bridge = await new Resource("OvsBridge", "both-br").create({ name: "both-br" });
			const wire = await new Resource("VethAttachment", "both").create({ container: "both", bridge: "both-br" });
			const place = { container: "both", interface: "eth1" };
			const gateways = { gateway: "10.67.0.1", gateway6: "fd67::1" };
			const one = await new Resource("StaticContainerIp", "one").create({
				...place,
				addresses: ["10.67.0.2/24", "fd67::2/64"],
				...gateways,
			});
			const two = await new Resource("StaticContainerIp", "two").create({ ...place, addresses: ["10.67.0.3/24", "fd67::3/64"] });
			expect(await defaults()).to.include("default via 10.67.0.1 dev eth1 proto 78");
			expect([await one.read(), await two.read()]).to.deep.equal([[], []]);
			await one.delete();
			expect(await defaults()).to.deep.equal(before);
			expect(await two.read()).to.deep.equal([]);
			await two.delete();
			await wire.delete();
			await bridge.delete();
		});
	});
});
