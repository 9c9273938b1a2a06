import { expect } from "chai";
import { sendFrames } from "../support/frames";
import { useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { inside, pings, row } from "../support/wiring";
import { args, args2, attachment, useBridges } from "./fixture";

const columns = () => row("Port", "va-h1", "vlan_mode", "tag", "trunks");

describe("VLANs of a VethAttachment", () => {
	useLab(1);
	useBridges();
	useResources();

	const shapes: [title: string, vlan: unknown, columns: string[]][] = [
		["an access port of no VLAN when none is declared", undefined, ["access", "[]", "[]"]],
		["an access port of a VLAN", 10, ["access", "10", "[]"]],
		["an access port of a VLAN, written out", { tag: 10 }, ["access", "10", "[]"]],
		["a trunk", { trunks: [20, 10] }, ["trunk", "[]", "[10, 20]"]],
		["a trunk with a native VLAN, which it then carries too", { trunks: [10], native: 5 }, ["native-untagged", "5", "[5, 10]"]],
	];
	for (const [title, vlan, expected] of shapes) {
		it(`makes ${title}`, async () => {
			const one = await attachment("a").create(args({ vlan }));
			expect(await columns()).to.deep.equal(expected);
			expect(await one.read()).to.deep.equal([]);
			expect((await one.diff(args({ vlan }))).changes).to.equal(false);
		});
	}

	it("changes from each form to every other one in place", async () => {
		const one = await attachment("a").create(args());
		for (const [, vlan, expected] of [...shapes.slice(1), ...shapes.slice(0, 1), shapes[4]!, shapes[1]!]) {
			if ((await one.diff(args({ vlan }))).changes) await one.update(args({ vlan }));
			expect(await columns()).to.deep.equal(expected);
		}
		expect(await one.read()).to.deep.equal([]);
	});

	it("keeps tagged frames of a container out of VLANs that were not declared for it", async () => {
		await attachment("a").create(args());
		await attachment("b").create(args2());
		expect(await sendFrames("va1", "va2", [10, 20])).to.deep.equal([0]);
	});

	it("lets a trunk carry the declared VLANs and no other", async () => {
		await attachment("a").create(args({ vlan: { trunks: [10, 20], native: 5 } }));
		await attachment("b").create(args2({ vlan: { trunks: [10, 30], native: 5 } }));
		expect(await sendFrames("va1", "va2", [10, 20, 30])).to.deep.equal([10, 0]);
	});

	it("delivers a trunk's frames to an access port of that VLAN, untagged", async () => {
		await attachment("a").create(args({ vlan: { trunks: [10, 20], native: 10 } }));
		await attachment("b").create(args2({ vlan: 10 }));
		expect(await sendFrames("va1", "va2", [10, 20])).to.deep.equal([0, 0]);
	});

	it("separates containers in different VLANs, and joins them when the tag changes", async () => {
		await attachment("a").create(args({ vlan: 10 }));
		const other = await attachment("b").create(args2({ vlan: 20 }));
		await inside("va1", "ip", "address", "add", "10.61.0.11/24", "dev", "eth1");
		await inside("va2", "ip", "address", "add", "10.61.0.12/24", "dev", "eth1");
		expect(await pings("va1", "10.61.0.12", 1)).to.equal(false);
		await other.update(args2({ vlan: 10 }));
		expect(await pings("va1", "10.61.0.12")).to.equal(true);
	});
});
