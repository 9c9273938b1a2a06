// A state that somebody edited, or that is old: what it names is deleted only where it carries the mark.
import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { makeContainer, useLab } from "../support/lab";
import { Resource, useResources } from "../support/resource";
import { everything, leavesNoTrace, removeContainers, sh } from "../support/wiring";

const CONTAINERS = ["ts-1", "ts-2"];

describe("a state that names what is somebody else's", function () {
	this.timeout(60_000);
	useLab(1);
	useForeign();
	useResources();
	before(async () => {
		await removeContainers(...CONTAINERS);
		for (const name of CONTAINERS) await makeContainer("h1", name, "--network", "bridge");
	});
	after(() => removeContainers(...CONTAINERS));

	it("deletes nothing of it", () =>
		leavesNoTrace(CONTAINERS, async () => {
			const bridge = await new Resource("OvsBridge", "ts").create({ name: "ts-br" });
			const other = await new Resource("OvsBridge", "other").create({ name: "ts-br2" });
			const wire = await new Resource("VethAttachment", "ts").create({ container: "ts-1", bridge: "ts-br" });
			const owner = wire.state["owner"];
			const before = await everything(...CONTAINERS);
			const edits: [Resource, Record<string, unknown>][] = [
				[bridge, { name: "foreign-br" }],
				[bridge, { name: "br-phy" }],
				[bridge, { owner: "lab/test/nobody" }],
				[bridge, { name: "ts-br2" }],
				[wire, { hostInterface: "foreign0", interface: "eth0", owner: "lab/test/nobody" }],
				[wire, { container: "ts-2", interface: "eth0", owner: "lab/test/nobody" }],
			];
			for (const [made, edit] of edits) {
				// What carries the resource's own mark is deleted, whatever the edited name says; so the mark goes too.
				const copy = new Resource(made.kind, "copy");
				copy.id = made.id;
				copy.state = { ...made.state, ...edit, owner: edit["owner"] ?? `lab/test/nobody-${made.name}` };
				await copy.delete();
			}
			expect(await everything(...CONTAINERS)).to.deep.equal(before);
			expect(owner).to.equal("lab/test/ts");
			for (const made of [wire, other, bridge]) await made.delete();
		}));

	it("runs nothing, whatever text stands in it: the mark decides, and the text is data", async () => {
		for (const name of ["x; touch /root/tampered", "$(touch /root/tampered)", "--help", "../../etc"]) {
			const bridge = await new Resource("OvsBridge", "ts").create({ name: "ts-br" });
			bridge.state = { ...bridge.state, name, mtu: name };
			await bridge.read().catch((error: Error) => expect(error.message).to.match(/^host /));
			await bridge.delete();
			expect(await sh("[ ! -e /root/tampered ] && ovs-vsctl --timeout=10 br-exists ts-br || echo gone")).to.equal("gone");
		}
		expect(await sh("[ ! -e /root/tampered ] && echo none")).to.equal("none");
	});
});
