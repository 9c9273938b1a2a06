import { expect } from "chai";
import { makeContainer, on, useLab } from "../support/lab";
import { failure, useResources } from "../support/resource";
import { inside, leavesNoTrace, link, pings, removeContainers, sh, vsctl } from "../support/wiring";
import { args, args2, attachment, useBridges } from "./fixture";

describe("refusals of a VethAttachment", () => {
	useLab(1);
	useBridges();
	useResources();

	const extra = ["va-stopped", "va-host", "va-sharer"];
	before(async () => {
		await removeContainers(...extra);
		await Promise.all([
			makeContainer("h1", "va-stopped").then(() => on("h1", "docker", "stop", "-t", "1", "va-stopped")),
			makeContainer("h1", "va-host", "--network", "host"),
			makeContainer("h1", "va-sharer", "--network", "container:va1"),
		]);
	});
	after(() => removeContainers(...extra));

	/** Refused with one sentence, and nothing on the host has changed. */
	async function refused(more: Record<string, unknown>): Promise<string> {
		let message = "";
		await leavesNoTrace(["va1"], async () => {
			message = await failure(attachment("refused").create(args(more)));
		});
		expect(message).to.match(/^host [^:]+: /);
		expect(message).to.not.contain("\n");
		return message;
	}

	it("a container that does not exist", async () => {
		expect(await refused({ container: "nobody" })).to.contain('found no container "nobody", expected a running one');
	});
	it("a stopped container", async () => {
		expect(await refused({ container: "va-stopped" })).to.contain('found "va-stopped" exited, expected it running');
	});
	it("a container in the host's network", async () => {
		expect(await refused({ container: "va-host" })).to.contain('found "va-host" in the host\'s own network');
	});
	it("a container that shares another one's network", async () => {
		expect(await refused({ container: "va-sharer" })).to.match(
			/which shares the network of container \w{12}, expected the owner/,
		);
	});
	it("a bridge that does not exist", async () => {
		expect(await refused({ bridge: "nowhere" })).to.contain(
			'found no bridge "nowhere", expected an Open vSwitch or Linux bridge',
		);
	});
	it("a bridge that is something else", async () => {
		expect(await refused({ bridge: "va-lin0" })).to.contain('found "va-lin0", which is a veth device, expected a bridge');
	});
	it("a VLAN on a Linux bridge", async () => {
		expect(await refused({ bridge: "va-lin", vlan: 10 })).to.contain('vlan: found the Linux bridge "va-lin"');
	});

	it("a name that a foreign interface has inside", async () => {
		await inside("va1", "ip", "link", "add", "eth1", "type", "veth", "peer", "name", "other");
		try {
			expect(await refused({})).to.contain(
				'interface: found an interface "eth1" in container "va1" that this resource did not make',
			);
			expect(await refused({ adopt: true })).to.contain('interface: found an interface "eth1"');
		} finally {
			await inside("va1", "ip", "link", "delete", "eth1");
		}
	});

	it("a name that a foreign interface has on the host", async () => {
		for (const hostInterface of ["va-lin0", "va-lin", "va-br2"]) {
			expect(await refused({ hostInterface })).to.contain(`hostInterface: found an interface "${hostInterface}"`);
		}
	});

	it("a name that another bridge's port row has without a device", async () => {
		await sh("ovs-vsctl --timeout=20 --no-wait add-port va-br2 va-h1");
		try {
			expect(await refused({})).to.contain('found a port "va-h1" in bridge "va-br2" that this resource did not make');
		} finally {
			await vsctl("del-port", "va-h1");
		}
	});

	it("a name that another resource has", async () => {
		await attachment("a").create(args());
		const message = await failure(attachment("b").create(args2({ hostInterface: "va-h1" })));
		expect(message).to.contain('hostInterface: found an interface "va-h1" that this resource did not make');
		expect(await failure(attachment("c").create(args({ hostInterface: "va-h3" })))).to.contain(
			'interface: found an interface "eth1"',
		);
		expect(await link("va-h3")).to.equal(undefined);
		expect(await link("va-h1")).to.not.equal(undefined);
	});

	it("a Linux bridge is taken where an Open vSwitch bridge is not needed", async () => {
		const [one, other] = [attachment("a"), attachment("b")];
		await one.create(args({ bridge: "va-lin" }));
		await other.create(args2({ bridge: "va-lin" }));
		await inside("va1", "ip", "address", "add", "10.61.1.11/24", "dev", "eth1");
		await inside("va2", "ip", "address", "add", "10.61.1.12/24", "dev", "eth1");
		expect(await pings("va1", "10.61.1.12")).to.equal(true);
		expect(await one.read()).to.deep.equal([]);
	});
});
