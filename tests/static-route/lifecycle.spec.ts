import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { labHost, on, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { eventually, leavesNoTrace, sh } from "../support/wiring";

const basic = (more: Record<string, unknown> = {}) => ({
	...{ from: "10.80.1.0/24", to: "10.80.2.0/24", via: labHost("h2").address },
	...more,
});
const route = (name = "to-h2", more: Record<string, unknown> = {}) => new Resource("StaticRoute", name, more);
const shown = (family = "-4") => sh(`ip ${family} route show proto 78 | sed 's/ *$//'`);
const elements = (set = "routed4") => sh(`nft list set inet netplumb ${set} 2>/dev/null | grep -c netplumb: || true`);

describe("StaticRoute", function () {
	this.timeout(60_000);
	useLab(3);
	useForeign();
	useResources();

	it("leaves no trace, and nothing of others is touched", async () => {
		await leavesNoTrace([], async () => {
			const one = await route().create(basic());
			const two = await route("again").create(basic({ from: "10.80.7.0/24" }));
			expect(await shown()).to.equal(`10.80.2.0/24 via ${labHost("h2").address} dev br-phy`);
			expect(await one.read()).to.deep.equal([]);
			await two.delete();
			expect(await one.read()).to.deep.equal([]);
			await one.update(basic({ via: labHost("h3").address }));
			expect(await shown()).to.equal(`10.80.2.0/24 via ${labHost("h3").address} dev br-phy`);
			expect((await one.diff(basic({ to: "10.80.9.0/24", via: labHost("h3").address }))).replaces).to.deep.equal(["to"]);
			await one.delete();
			await one.delete();
		});
	});

	it("is made once when it is created again after a crash, and follows a rename of its owner", async () => {
		const one = await route().create(basic());
		await route().create(basic());
		expect(await elements()).to.equal("2");
		await one.update(basic({ owner: "lab/test/renamed" }));
		expect(await sh("nft list set inet netplumb routed4"))
			.to.contain("netplumb:lab/test/renamed-")
			.and.not.contain("to-h2");
	});

	it("is drift when it is gone, leads elsewhere, or its table was flushed; up mends it", async () => {
		const one = await route().create(basic());
		const harm: [string, RegExp][] = [
			["ip route delete 10.80.2.0/24", /^route 10\.80\.2\.0\/24 via /],
			[`ip route replace 10.80.2.0/24 via ${labHost("h3").address} proto 78`, /^route 10\.80\.2\.0\/24 via /],
			["nft delete table inet netplumb", /write the rules .*; forward between 10\.80\.1\.0\/24 and 10\.80\.2\.0\/24/],
		];
		for (const [command, drift] of harm) {
			await sh(command);
			expect((await one.read())?.join("; "), command).to.match(drift);
			await one.update(basic());
			expect(await one.read()).to.deep.equal([]);
			expect(await shown()).to.equal(`10.80.2.0/24 via ${labHost("h2").address} dev br-phy`);
		}
	});

	it("refuses a host behind a router, a network that the host is in, and a route of somebody else", async () => {
		const refusal = (more: Record<string, unknown>) => failure(route().create(basic(more)));
		const { address } = labHost("h3");
		await sh(`ip route add ${address}/32 via ${labHost("h2").address}`);
		try {
			expect(await refusal({ via: address })).to.contain(
				`via: found ${address} behind the router ${labHost("h2").address}, expected a host on the same segment`,
			);
		} finally {
			await sh(`ip route delete ${address}/32`);
		}
		expect(await refusal({ to: "192.0.2.0/25" })).to.contain('found 192.0.2.77/24 on interface "foreign0"');
		expect(await refusal({ via: labHost("h1").address })).to.contain("an address of this host itself");
		const routes = [`via ${address}`, "dev foreign0 metric 77", `nexthop via ${address} nexthop via ${labHost("h2").address}`];
		for (const theirs of routes) {
			await sh(`ip route add 10.80.2.0/24 ${theirs}`);
			try {
				expect(await refusal({}), theirs).to.contain("found a route to 10.80.2.0/24 via");
			} finally {
				await sh(`ip route delete 10.80.2.0/24 ${theirs}`);
			}
		}
		expect(await shown()).to.equal("");
	});

	it("is IPv6 too, where the host forwards it", async () => {
		const six = { from: "fd00:81::/64", to: "fd00:82::/64", via: "fd00:99::2" };
		await sh("ip address add fd00:99::1/64 dev br-phy nodad");
		const was = await sh("cat /proc/sys/net/ipv6/conf/all/forwarding");
		try {
			await sh("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding");
			expect(await failure(route().create(six))).to.contain("found net.ipv6.conf.all.forwarding off, expected it on");
			await sh("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
			const one = await route().create(six);
			expect(await shown("-6")).to.match(/^fd00:82::\/64 via fd00:99::2 dev br-phy metric 1024/);
			expect(await one.read()).to.deep.equal([]);
			await one.delete();
			expect(await shown("-6")).to.equal("");
		} finally {
			await sh(`echo ${was} >/proc/sys/net/ipv6/conf/all/forwarding; ip address delete fd00:99::1/64 dev br-phy`);
		}
	});

	it("is brought back by the host's agent", async () => {
		const one = await route("healed", { host: labHost("h1") }).create(basic());
		await sh("ip route delete 10.80.2.0/24; echo check >/run/netplumb/events");
		await eventually(() => shown(), `10.80.2.0/24 via ${labHost("h2").address} dev br-phy`);
		expect(await one.read()).to.deep.equal([]);
		await one.delete();
		expect(await on("h1", "sh", "-c", "ls /var/lib/netplumb 2>/dev/null || true")).to.equal("");
	});
});
