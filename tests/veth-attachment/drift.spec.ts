import { expect } from "chai";
import { on, useLab } from "../support/lab";
import { type Resource, useResources } from "../support/resource";
import { inside, link, row, sh, vsctl } from "../support/wiring";
import { args, attachment, useBridges } from "./fixture";

describe("drift of a VethAttachment", () => {
	useLab(1);
	useBridges();
	useResources();

	const wanted = args({ vlan: 10, mtu: 1400, mac: "02:00:00:00:61:01" });

	async function isWhole(one: Resource): Promise<void> {
		expect(await one.read()).to.deep.equal([]);
		expect((await one.diff(wanted)).changes).to.equal(false);
		expect(await row("Port", "va-h1", "tag", "vlan_mode")).to.deep.equal(["10", "access"]);
		expect(await link("eth1", "va1")).to.include({ mtu: 1400, address: "02:00:00:00:61:01" });
		expect(await link("va-h1")).to.include({ mtu: 1400 });
		expect((await link("va-h1"))?.flags).to.include("LOWER_UP");
		expect((await row("Interface", "va-h1", "error"))[0]).to.equal("[]");
	}

	const cases: [what: string, harm: () => Promise<unknown>, drift: RegExp, seen?: Record<string, unknown>][] = [
		["the pair was deleted", () => on("h1", "ip", "link", "delete", "va-h1"), /make interface eth1 of container va1/],
		["the tag was changed", () => vsctl("set", "port", "va-h1", "tag=66"), /set tag 10 of port va-h1/, { vlan: 66 }],
		[
			"the port became a trunk",
			() => vsctl("set", "port", "va-h1", "vlan_mode=trunk", "trunks=7", "--", "clear", "port", "va-h1", "tag"),
			/set .*vlan_mode access.* of port va-h1/,
			{ vlan: { trunks: [7] } },
		],
		["the port was deleted", () => vsctl("del-port", "va-h1"), /add port va-h1 to bridge va-br/],
		[
			"the port was moved to another bridge",
			() => vsctl("del-port", "va-h1", "--", "add-port", "va-br2", "va-h1"),
			/take port va-h1 out of bridge va-br2/,
			{ bridge: "va-br2" },
		],
		[
			"the container was restarted",
			() => on("h1", "docker", "restart", "-t", "1", "va1"),
			/make interface eth1 of container va1/,
		],
		["the host's end is down", () => on("h1", "ip", "link", "set", "va-h1", "down"), /bring va-h1 up/],
		["the container's end is down", () => inside("va1", "ip", "link", "set", "eth1", "down"), /bring eth1 of container va1 up/],
		[
			"the MTU inside was changed",
			() => inside("va1", "ip", "link", "set", "eth1", "mtu", "1280"),
			/set the MTU to 1400 of eth1/,
			{ mtu: 1280 },
		],
		[
			"the MTU outside was changed",
			() => on("h1", "ip", "link", "set", "va-h1", "mtu", "1280"),
			/set the MTU of va-h1 to 1400/,
			{ mtu: 1280 },
		],
		[
			"the MAC was changed",
			() => inside("va1", "ip", "link", "set", "eth1", "address", "02:00:00:00:66:66"),
			/set the MAC to 02:00:00:00:61:01/,
			{ mac: "02:00:00:00:66:66" },
		],
		["the owner mark was removed inside", () => inside("va1", "ip", "link", "set", "eth1", "alias", ""), /eth1 of container va1/],
		["the owner mark was removed outside", () => on("h1", "ip", "link", "set", "va-h1", "alias", ""), /va-h1/],
		[
			"the owner mark was removed from the port",
			() => vsctl("remove", "port", "va-h1", "external_ids", "netplumb"),
			/owner mark of port va-h1/,
		],
	];
	for (const [what, harm, drift, seen] of cases) {
		it(`is shown and mended when ${what}`, async () => {
			const one = await attachment("a").create(wanted);
			await harm();
			const found = await one.read();
			expect(found?.join("; ")).to.match(drift);
			if (seen) expect(one.state).to.deep.include(seen);
			await one.update(wanted);
			await isWhole(one);
		});
	}

	it("is shown when the container is stopped, with what to do, and is mended once it runs", async () => {
		const one = await attachment("a").create(wanted);
		await on("h1", "docker", "stop", "-t", "1", "va1");
		try {
			const found = await one.read();
			expect(found?.join()).to.match(/found "va1" exited, expected it running .*start it/);
		} finally {
			await on("h1", "docker", "start", "va1");
		}
		await one.update(wanted);
		await isWhole(one);
	});

	it("is shown and mended on a Linux bridge", async () => {
		const linux = args({ bridge: "va-lin" });
		const one = await attachment("a").create(linux);
		await on("h1", "ip", "link", "set", "va-h1", "nomaster");
		expect(await one.read()).to.deep.equal(["add port va-h1 to bridge va-lin"]);
		await one.update(linux);
		expect((await link("va-h1"))?.master).to.equal("va-lin");
		expect(await one.read()).to.deep.equal([]);
	});

	it("of an MTU that was not declared is drift too, and is mended to what it was", async () => {
		const one = await attachment("a").create(args());
		await inside("va1", "ip", "link", "set", "eth1", "mtu", "1280");
		expect((await one.read())?.join()).to.contain("set the MTU to 1500 of eth1");
		await one.update(args());
		expect([(await link("va-h1"))?.mtu, (await link("eth1", "va1"))?.mtu]).to.deep.equal([1500, 1500]);
		expect(await one.read()).to.deep.equal([]);
	});

	it("is nothing when everything is gone: the resource is", async () => {
		const one = await attachment("a").create(wanted);
		await sh("ip link delete va-h1; ovs-vsctl --timeout=20 del-port va-h1");
		expect(await one.read()).to.equal(undefined);
	});
});
