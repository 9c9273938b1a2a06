import { expect } from "chai";
import { on, useLab } from "../support/lab";
import { itAsRoot } from "../support/login";
import { failure, useResources } from "../support/resource";
import { addresses, eventually, leavesNoTrace, link, row, sh, vsctl } from "../support/wiring";
import { args, bridge, full, NAME, shown, useCleanHost } from "./fixture";

describe("drift and conflicts of an OvsBridge", () => {
	useLab(1);
	useCleanHost();
	useResources();

	const set =
		(...columns: string[]) =>
		() =>
			vsctl("set", "bridge", NAME, ...columns);
	const cases: [what: string, harm: () => Promise<unknown>, drift: RegExp, seen?: Record<string, unknown>][] = [
		["the fail mode", set("fail_mode=standalone"), /fail_mode secure/, { failMode: "standalone" }],
		["RSTP", set("rstp_enable=false"), /rstp_enable true/, { rstp: false }],
		["multicast snooping", set("mcast_snooping_enable=false"), /mcast_snooping_enable true/, { mcastSnooping: false }],
		["the controllers", () => vsctl("del-controller", NAME), /set the controllers of bridge/, { controllers: [] }],
		["the protocols", set("protocols=[OpenFlow15]"), /protocols OpenFlow10/, { protocols: ["OpenFlow15"] }],
		[
			"a key of other_config",
			set("other_config:mac-aging-time=5"),
			/mac-aging-time 60/,
			{ otherConfig: { ...full.otherConfig, "mac-aging-time": "5" } },
		],
		["the MTU", () => vsctl("set", "interface", NAME, "mtu_request=1300"), /set the MTU of bridge ob-br to 1400/, { mtu: 1300 }],
		["an address", () => on("h1", "ip", "address", "delete", "10.63.0.1/24", "dev", NAME), /add address 10\.63\.0\.1/],
		["the link state", () => on("h1", "ip", "link", "set", NAME, "down"), /bring bridge ob-br up/],
		["the owner mark of the link", () => on("h1", "ip", "link", "set", NAME, "alias", ""), /bridge ob-br/],
	];
	for (const [what, harm, drift, seen] of cases) {
		it(`is shown and mended in ${what}`, async () => {
			const one = await bridge().create(args(full));
			const made = await shown();
			await harm();
			if (what === "the MTU") await eventually(async () => (await link(NAME))?.mtu, 1300);
			expect((await one.read())?.join("; ")).to.match(drift);
			if (seen) expect(one.state).to.deep.include(seen);
			await one.update(args(full));
			expect(await one.read()).to.deep.equal([]);
			expect(await shown()).to.deep.equal(made);
			expect(await addresses(NAME)).to.have.members(full.addresses);
		});
	}

	it("is a missing resource when the bridge was deleted by hand", async () => {
		const one = await bridge().create(args(full));
		await vsctl("del-br", NAME);
		expect(await one.read()).to.equal(undefined);
		await one.create(args(full));
		expect(await one.read()).to.deep.equal([]);
	});

	it("refuses the name of a foreign bridge, of another resource's bridge and of another link", async () => {
		await vsctl("add-br", "ob-old", "--", "set", "bridge", "ob-old", "datapath_type=netdev");
		await sh("ip link add ob-nic type veth peer name ob-nic1");
		await bridge("owner").create(args());
		const refusal = (name: string) => failure(bridge("b").create({ name }));
		expect(await refusal("ob-old")).to.contain('found a bridge "ob-old" that netplumb did not make');
		expect(await refusal(NAME)).to.contain('found bridge "ob-br" of another netplumb resource (lab/test/owner-');
		expect(await refusal("ob-nic")).to.contain('found another interface called "ob-nic", expected the name to be free');
		await sh("ip link delete ob-nic; ovs-vsctl --timeout=20 del-br ob-old");
	});

	it("refuses an address that another interface has", async () => {
		const taken = (await addresses("br-phy"))[0]!;
		expect(await failure(bridge().create(args({ addresses: [taken] })))).to.contain(
			`addresses: found ${taken} on interface "br-phy"`,
		);
		expect(await link(NAME)).to.equal(undefined);
	});

	it("refuses an uplink that has an address, is in another bridge, or is not there", async () => {
		await sh("ip link add ob-nic type veth peer name ob-nic1; ip address add 192.0.2.9/24 dev ob-nic");
		const refusal = (name: string) => failure(bridge().create(args({ uplinks: [name] })));
		expect(await refusal("ob-nic")).to.contain(
			'uplinks: found address 192.0.2.9/24 on "ob-nic", expected acceptRisk: ["ssh-path"]',
		);
		expect(await refusal("eth0")).to.contain('uplinks: found "eth0" in bridge "br-phy", expected it to be free');
		expect(await refusal("ob-none")).to.contain('uplinks: found no interface "ob-none"');
		expect(await link(NAME)).to.equal(undefined);
		await sh("ip link delete ob-nic");
	});

	itAsRoot("adopts a bridge and gives its settings, controllers and addresses back", async () => {
		await sh(`ovs-vsctl --timeout=20 add-br ob-old -- set bridge ob-old datapath_type=netdev fail_mode=standalone stp_enable=true \\
				protocols=[OpenFlow14] other_config:mac-aging-time=99 other_config:hwaddr=\\"02:00:00:00:63:01\\" external_ids:owner=somebody \\
				-- set-controller ob-old ptcp:6697:127.0.0.1
			echo 1 >/proc/sys/net/ipv6/conf/ob-old/disable_ipv6
			ip address add 10.63.9.1/24 dev ob-old
			ip link set ob-old alias somebodys up`);
		const wanted = { name: "ob-old", ...full, stp: false, addresses: ["10.63.9.1/24", "10.63.9.2/24"], adopt: true };
		await leavesNoTrace([], async () => {
			const one = await bridge().create(wanted);
			expect(await shown("ob-old")).to.include({ fail_mode: "secure", stp_enable: "false", rstp_enable: "true", mtu: "1400" });
			expect(await row("Bridge", "ob-old", "external_ids:owner")).to.deep.equal(["somebody"]);
			expect(await one.read()).to.deep.equal([]);
			await one.update({
				...wanted,
				failMode: undefined,
				otherConfig: { "flow-limit": "1000" },
				controllers: undefined,
				mtu: undefined,
			});
			expect(await one.read()).to.deep.equal([]);
			await one.update({ ...wanted, addresses: ["10.63.9.2/24"] });
			await one.delete();
			await eventually(async () => (await link("ob-old"))?.mtu, 1500);
		});
		await vsctl("del-br", "ob-old");
	});
});
