import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { on, useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { addresses, inside, leavesNoTrace, link, pings, row, sh, startedAt } from "../support/wiring";
import { args, args2, attachment, useBridges } from "./fixture";

describe("VethAttachment", () => {
	useLab(1);
	useForeign();
	useBridges();
	useResources();

	it("leaves no trace, and nothing of others is touched", async () => {
		await leavesNoTrace(["va1", "va2"], async () => {
			const first = await attachment("a").create(args({ vlan: 10, mtu: 1400 }));
			const second = await attachment("b").create(args2({ bridge: "va-lin" }));
			expect(await link("va-h1")).to.not.equal(undefined);
			await first.update(args({ vlan: { trunks: [10, 20] }, bridge: "va-br2" }));
			await first.delete();
			await second.delete();
		});
	});

	it("gives both ends the declared MTU and the inside the declared MAC", async () => {
		const one = await attachment("a").create(args({ mac: "02:00:00:00:61:01", mtu: 1420, interface: "net7" }));
		expect(await link("net7", "va1")).to.include({ address: "02:00:00:00:61:01", mtu: 1420 });
		expect(await link("va-h1")).to.include({ mtu: 1420 });
		expect(one.state).to.include({ mac: "02:00:00:00:61:01", mtu: 1420, interface: "net7", hostInterface: "va-h1" });
		expect(await one.read()).to.deep.equal([]);
	});

	it("takes the bridge's MTU, a derived MAC and a derived name when none is declared", async () => {
		const one = await attachment("web").create({ container: "va1", bridge: "va-br" });
		const name = one.state["hostInterface"] as string;
		expect(name).to.match(/^web-[0-9a-z]+$/);
		expect((await link("eth1", "va1"))?.address).to.equal(one.state["mac"]);
		expect((await link(name))?.mtu).to.equal((await link("va-br"))?.mtu);
		expect((await one.diff({ container: "va1", bridge: "va-br" })).changes).to.equal(false);
	});

	it("carries traffic between two containers and from the host", async () => {
		await attachment("a").create(args());
		await attachment("b").create(args2());
		await inside("va1", "ip", "address", "add", "10.61.0.11/24", "dev", "eth1");
		await inside("va2", "ip", "address", "add", "10.61.0.12/24", "dev", "eth1");
		expect(await pings("va1", "10.61.0.12")).to.equal(true);
		expect(await pings("va2", "10.61.0.1")).to.equal(true);
	});

	it("lets only the bridge answer ARP for the bridge's address", async () => {
		await attachment("a").create(args());
		await inside("va1", "ip", "address", "add", "10.61.0.11/24", "dev", "eth1");
		const answers = await inside("va1", "sh", "-c", "busybox arping -c 1 -w 3 -I eth1 10.61.0.1");
		const macs = [...answers.matchAll(/reply from 10\.61\.0\.1 \[([0-9a-f:]+)\]/gi)].map(([, mac]) => mac?.toLowerCase());
		expect(macs, answers).to.deep.equal([(await link("va-br"))?.address]);
		const settings = await sh(
			"cd /proc/sys/net; cat ipv6/conf/va-h1/disable_ipv6 ipv4/conf/va-h1/arp_ignore ipv4/conf/va-h1/forwarding",
		);
		expect(settings.split("\n")).to.deep.equal(["1", "8", "0"]);
	});

	it("has no IPv6 address on the host's end", async () => {
		await attachment("a").create(args());
		expect((await link("va-h1"))?.addr_info).to.deep.equal([]);
		expect(await addresses("eth1", "va1")).to.deep.equal([]);
	});

	it("changes tag, MTU, MAC and bridge in place, without a restart of the container", async () => {
		const started = await startedAt("va1");
		const one = await attachment("a").create(args({ vlan: 10 }));
		const index = JSON.parse(await inside("va1", "ip", "-j", "link", "show", "dev", "eth1"))[0].ifindex;
		const changes = [{ vlan: 20 }, { vlan: 20, mtu: 1300 }, { vlan: 20, mtu: 1300, mac: "02:00:00:00:61:02" }];
		for (const change of changes) await one.update(args(change));
		expect(await row("Port", "va-h1", "tag")).to.deep.equal(["20"]);
		expect([(await link("va-h1"))?.mtu, (await link("eth1", "va1"))?.mtu]).to.deep.equal([1300, 1300]);
		expect((await link("eth1", "va1"))?.address).to.equal("02:00:00:00:61:02");
		await one.update(args({ ...changes[2], bridge: "va-br2" }));
		expect(await on("h1", "ovs-vsctl", "port-to-br", "va-h1")).to.equal("va-br2");
		expect(await row("Port", "va-h1", "tag", "vlan_mode")).to.deep.equal(["20", "access"]);
		await one.update(args({ mtu: 1300, bridge: "va-lin" }));
		expect((await link("va-h1"))?.master).to.equal("va-lin");
		await one.update(args({ mtu: 1300 }));
		expect(await on("h1", "ovs-vsctl", "port-to-br", "va-h1")).to.equal("va-br");
		expect(JSON.parse(await inside("va1", "ip", "-j", "link", "show", "dev", "eth1"))[0].ifindex).to.equal(index);
		expect(await startedAt("va1")).to.equal(started);
		expect(await one.read()).to.deep.equal([]);
	});

	it("creates once when it is created again after a crash", async () => {
		const one = await attachment("a").create(args());
		const before = await sh("ip -o link | wc -l; ovs-vsctl list-ports va-br");
		await attachment("a").create(args());
		expect(await sh("ip -o link | wc -l; ovs-vsctl list-ports va-br")).to.equal(before);
		await one.delete();
		await one.delete();
		expect(await link("va-h1")).to.equal(undefined);
	});

	it("follows a rename of its owner", async () => {
		const one = await attachment("a").create(args());
		await one.update(args({ owner: "lab/test/renamed" }));
		expect((await link("va-h1"))?.ifalias).to.match(/^netplumb:lab\/test\/renamed-/);
		expect((await link("eth1", "va1"))?.ifalias).to.match(/^netplumb:lab\/test\/renamed-/);
		expect((await row("Port", "va-h1", "external_ids:netplumb"))[0]).to.contain("lab/test/renamed");
		expect(await one.read()).to.deep.equal([]);
		await one.delete();
		expect(await link("va-h1")).to.equal(undefined);
	});

	it("replaces what cannot change in place", async () => {
		const one = await attachment("a").create(args());
		for (const change of [{ container: "va2" }, { interface: "eth2" }, { hostInterface: "va-other" }]) {
			expect((await one.diff(args(change))).replaces).to.deep.equal(Object.keys(change));
		}
	});
});
