import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { useLab } from "../support/lab";
import { itAsRoot } from "../support/login";
import { failure, useResources } from "../support/resource";
import { addresses, eventually, leavesNoTrace, link, row, sh, vsctl } from "../support/wiring";
import { args, bridge, defaults, full, NAME, shown, useCleanHost } from "./fixture";

describe("OvsBridge", () => {
	useLab(1);
	useForeign();
	useCleanHost();
	useResources();

	it("leaves no trace, and nothing of others is touched", async () => {
		await leavesNoTrace([], async () => {
			const one = await bridge().create(args(full));
			const two = await bridge("b").create({ addresses: ["10.64.0.1/24"] });
			expect(await link(NAME)).to.not.equal(undefined);
			await one.update(args({ stp: true, addresses: ["10.63.0.2/24"] }));
			await one.delete();
			await two.delete();
		});
	});

	it("shows every input on the host", async () => {
		const one = await bridge().create(args(full));
		expect(await shown()).to.deep.equal({
			...{ fail_mode: "secure", stp_enable: "false", rstp_enable: "true", mcast_snooping_enable: "true" },
			...{
				protocols: "[OpenFlow10, OpenFlow13]",
				controllers: "ptcp:6698:127.0.0.1,tcp:127.0.0.1:6699",
				aging: '"60"',
				mtu: "1400",
			},
		});
		expect(await addresses(NAME)).to.have.members(full.addresses);
		expect((await link(NAME))?.flags).to.include("UP");
		expect(one.state).to.include({ name: NAME, mac: (await link(NAME))?.address });
		expect(one.state["datapathId"]).to.equal(JSON.parse((await row("Bridge", NAME, "datapath_id"))[0]!));
		expect(await one.read()).to.deep.equal([]);
		expect((await one.diff(args(full))).changes).to.equal(false);
	});

	it("chooses the userspace datapath where the kernel has none, and the declared one otherwise", async () => {
		const kernel = (await sh("[ -d /sys/module/openvswitch ] && echo system || echo netdev")) as "system" | "netdev";
		const one = await bridge().create(args());
		expect(await row("Bridge", NAME, "datapath_type")).to.deep.equal([kernel]);
		expect((await one.diff(args({ datapath: "system" }))).replaces).to.deep.equal(["datapath"]);
		expect((await one.diff(args({ name: "ob-other" }))).replaces).to.deep.equal(["name"]);
		await one.delete();
		await bridge().create(args({ datapath: "netdev" }));
		expect(await row("Bridge", NAME, "datapath_type")).to.deep.equal(["netdev"]);
	});

	it("keeps its MAC and datapath id when ports come and go", async () => {
		const one = await bridge().create(args());
		const before = [(await link(NAME))?.address, await row("Bridge", NAME, "datapath_id")];
		await sh("ip link add ob-nic address 00:00:00:00:00:02 type veth peer name ob-nic1");
		await vsctl("add-port", NAME, "ob-nic");
		expect([(await link(NAME))?.address, await row("Bridge", NAME, "datapath_id")]).to.deep.equal(before);
		await vsctl("del-port", "ob-nic");
		await sh("ip link delete ob-nic");
		expect(await one.read()).to.deep.equal([]);
	});

	it("changes everything in place, and an input that is left out goes back to Open vSwitch's default", async () => {
		const one = await bridge().create(args());
		const made = await row("Bridge", NAME, "_uuid");
		expect(await shown()).to.deep.equal(defaults);
		await one.update(args(full));
		expect(await one.read()).to.deep.equal([]);
		await one.update(
			args({ ...full, rstp: undefined, stp: true, failMode: "standalone", addresses: ["10.63.0.2/24", "10.63.0.3/24"] }),
		);
		expect(await addresses(NAME)).to.have.members(["10.63.0.2/24", "10.63.0.3/24"]);
		expect(await shown()).to.include({ fail_mode: "standalone", stp_enable: "true", rstp_enable: "false" });
		await one.update(args());
		await eventually(shown, defaults);
		expect(await addresses(NAME)).to.deep.equal([]);
		expect(await row("Bridge", NAME, "_uuid")).to.deep.equal(made);
		expect(await one.read()).to.deep.equal([]);
	});

	it("has IPv6 on its own port only when an IPv6 address is declared", async () => {
		const off = () => sh(`cat /proc/sys/net/ipv6/conf/${NAME}/disable_ipv6 /proc/sys/net/ipv6/conf/${NAME}/accept_ra`);
		const one = await bridge().create(args({ addresses: ["10.63.0.1/24"] }));
		expect(await off()).to.equal("1\n0");
		await one.update(args({ addresses: ["10.63.0.1/24", "2001:db8:64::1/64"] }));
		expect(await off()).to.equal("0\n0");
		await one.update(args({ addresses: ["10.63.0.1/24"] }));
		expect(await off()).to.equal("1\n0");
	});

	it("creates once when it is created again after a crash, and deletes twice", async () => {
		const one = await bridge().create(args(full));
		await bridge().create(args(full));
		expect((await sh("ovs-vsctl list-br")).split("\n").filter((name) => name === NAME)).to.have.length(1);
		await one.delete();
		await one.delete();
		expect(await link(NAME)).to.equal(undefined);
	});

	it("follows a rename of its owner", async () => {
		const one = await bridge().create(args());
		await one.update(args({ owner: "lab/test/renamed" }));
		expect((await row("Bridge", NAME, "external_ids:netplumb"))[0]).to.contain("lab/test/renamed-");
		expect(await one.read()).to.deep.equal([]);
	});

	it("is not deleted while it has ports of others", async () => {
		const one = await bridge().create(args());
		await vsctl("add-port", NAME, "ob-tap", "--", "set", "interface", "ob-tap", "type=internal");
		try {
			expect(await failure(one.delete())).to.match(
				/bridge "ob-br" still has ports that are not this resource's: found ob-tap, expected none/,
			);
			expect(await link(NAME)).to.not.equal(undefined);
		} finally {
			await vsctl("del-port", "ob-tap");
		}
	});

	itAsRoot("takes an uplink without an address, and gives it back as it was", async () => {
		await sh("ip link add ob-nic type veth peer name ob-nic1; echo 1 >/proc/sys/net/ipv6/conf/ob-nic/disable_ipv6");
		const state = () => sh("ip -o link show ob-nic | sed 's/^[0-9]*: //; s/ qdisc.*//; s/,PROMISC//; s/NO-CARRIER,//'");
		const untouched = await state();
		const one = await bridge().create(args({ uplinks: ["ob-nic"] }));
		expect(await sh(`ovs-vsctl list-ports ${NAME}`)).to.equal("ob-nic");
		expect((await link("ob-nic"))?.flags).to.include("UP");
		expect(await one.read()).to.deep.equal([]);
		await vsctl("del-port", "ob-nic");
		expect((await one.read())?.join()).to.contain("add uplink ob-nic");
		await one.update(args({ uplinks: ["ob-nic"] }));
		await one.update(args());
		expect(await sh(`ovs-vsctl list-ports ${NAME}`)).to.equal("");
		await one.update(args({ uplinks: ["ob-nic"] }));
		await one.delete();
		expect((await link("ob-nic"))?.flags).to.include("UP");
		expect(await state()).to.equal(untouched.replace("BROADCAST,MULTICAST", "BROADCAST,MULTICAST,UP"));
	});
});
