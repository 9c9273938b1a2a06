import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { addresses, inside, leavesNoTrace, link, pings, routes, sh, startedAt } from "../support/wiring";
import { args, ip, useContainers } from "./fixture";

describe("StaticContainerIp", () => {
	useLab(1);
	useForeign();
	useContainers();
	useResources();

	const rich = {
		addresses: ["10.62.0.11/24", "10.62.0.12/24", "10.99.62.5/32", "2001:db8:62::11/64"],
		gateway: "10.62.0.1",
		gateway6: "2001:db8:62::1",
		routes: [
			{ to: "198.51.100.0/24", via: "10.62.0.9" },
			{ to: "203.0.113.0/24" },
			{ to: "2001:db8:63::/64", via: "2001:db8:62::9" },
		],
	};

	it("leaves no trace, and nothing of others is touched", async () => {
		await leavesNoTrace(["ip0", "ip1"], async () => {
			const below = [
				await new Resource("VethAttachment", "at-a").create({ container: "ip1", interface: "eth5", bridge: "ip-br" }),
				await new Resource("VethAttachment", "at-b").create({ container: "ip0", interface: "eth5", bridge: "ip-br" }),
			];
			const one = await ip("a").create({ ...args(rich), interface: "eth5" });
			const two = await ip("b").create({
				...args(rich),
				container: "ip0",
				interface: "eth5",
				addresses: ["10.62.0.21/24", "2001:db8:62::21/64"],
			});
			const three = await ip("c").create({ container: "ip0", interface: "eth0", addresses: ["172.17.99.1/16"] });
			await three.delete();
			await two.delete();
			await one.update({ ...args(), interface: "eth5" });
			await one.delete();
			for (const attachment of below) await attachment.delete();
		});
	});

	it("sets every address, default route and route, and reports the first address", async () => {
		const started = await startedAt("ip1");
		const one = await ip("a").create(args(rich));
		expect(await addresses("eth1", "ip1")).to.have.members(rich.addresses);
		expect(await routes("ip1")).to.include.members([
			"default via 10.62.0.1 dev eth1 proto 78",
			"198.51.100.0/24 via 10.62.0.9 dev eth1 proto 78",
			"203.0.113.0/24 dev eth1 proto 78 scope link",
		]);
		const six = (await routes("ip1", "-6")).join("\n");
		expect(six).to.contain("default via 2001:db8:62::1 dev eth1 proto 78 metric 1024");
		expect(six).to.contain("2001:db8:63::/64 via 2001:db8:62::9 dev eth1 proto 78 metric 1024");
		expect(one.state["ip"]).to.equal("10.62.0.11");
		expect(await one.read()).to.deep.equal([]);
		expect((await one.diff(args(rich))).changes).to.equal(false);
		expect(await startedAt("ip1")).to.equal(started);
		expect(await pings("ip1", "10.62.0.1")).to.equal(true);
	});

	it("reaches a gateway outside a host address's subnet directly on the link", async () => {
		const one = await ip("a").create(args({ addresses: ["10.99.62.5/32"], gateway: "10.62.0.1" }));
		expect(await routes("ip1")).to.deep.equal(["default via 10.62.0.1 dev eth1 proto 78 onlink"]);
		expect(await one.read()).to.deep.equal([]);
	});

	it("parks Docker's default route and restores it, in an update and in a delete", async () => {
		const before = await routes("ip0");
		const mine = { container: "ip0", interface: "eth1", addresses: ["10.62.0.10/24"] };
		const one = await ip("a").create({ ...mine, gateway: "10.62.0.1" });
		expect((await inside("ip0", "ip", "route", "get", "192.0.2.1")).split("\n")[0]).to.contain("via 10.62.0.1 dev eth1");
		expect(await one.read()).to.deep.equal([]);
		await one.update({ ...mine, gateway: "10.62.0.1", defaultRoute: false });
		expect((await routes("ip0")).filter((line) => !line.startsWith("10.62."))).to.deep.equal(before);
		await one.update({ ...mine, gateway: "10.62.0.1" });
		await one.update({ ...mine, gateway: "10.62.0.2" });
		expect((await routes("ip0"))[0]).to.equal("default via 10.62.0.2 dev eth1 proto 78");
		await one.delete();
		expect(await routes("ip0")).to.deep.equal(before);
	});

	it("changes addresses in place, also when the primary one of a subnet goes", async () => {
		const one = await ip("a").create(args(rich));
		const kept = { ...rich, addresses: ["10.62.0.12/24", "10.62.0.13/24", "2001:db8:62::11/64"] };
		await one.update(args(kept));
		expect(await addresses("eth1", "ip1")).to.have.members(kept.addresses);
		expect((await routes("ip1")).filter((line) => line.includes("proto 78"))).to.have.length(3);
		expect(await one.read()).to.deep.equal([]);
		await one.update(args({ ...kept, routes: [{ to: "198.51.100.0/24", via: "10.62.0.8" }] }));
		expect((await routes("ip1")).filter((line) => line.startsWith("198."))).to.deep.equal([
			"198.51.100.0/24 via 10.62.0.8 dev eth1 proto 78",
		]);
		expect((await routes("ip1")).join()).to.not.contain("203.0.113");
		await one.update(args({ addresses: ["10.62.0.12/25"] }));
		expect(await addresses("eth1", "ip1")).to.deep.equal(["10.62.0.12/25"]);
		expect(await one.read()).to.deep.equal([]);
	});

	it("switches IPv6 on where Docker has it off, and off again", async () => {
		const off = () => inside("ip0", "sysctl", "-n", "net.ipv6.conf.eth0.disable_ipv6");
		expect(await off()).to.equal("1");
		const one = await ip("a").create({ container: "ip0", interface: "eth0", addresses: ["2001:db8:62::77/64"] });
		expect([await off(), await addresses("eth0", "ip0")]).to.deep.include("0");
		expect(await addresses("eth0", "ip0")).to.include("2001:db8:62::77/64");
		expect(await one.read()).to.deep.equal([]);
		await one.delete();
		expect(await off()).to.equal("1");
	});

	it("creates once when it is created again after a crash, and deletes twice", async () => {
		const one = await ip("a").create(args(rich));
		await ip("a").create(args(rich));
		expect(await addresses("eth1", "ip1")).to.have.length(4);
		await one.delete();
		await one.delete();
		expect(await addresses("eth1", "ip1")).to.deep.equal([]);
	});

	it("follows a rename of its owner", async () => {
		const one = await ip("a").create(args(rich));
		await one.update(args({ ...rich, owner: "lab/test/renamed" }));
		expect((await link("eth1", "ip1"))?.ifalias).to.contain("netplumb-ip:lab/test/renamed-");
		expect((await link("eth1", "ip1"))?.ifalias).to.not.contain("netplumb-ip:lab/test/a-");
		expect(await one.read()).to.deep.equal([]);
	});

	it("ends without an error when the container is gone or stopped", async () => {
		await sh("docker run -d --name ip9 netplumb/busybox:1 >/dev/null");
		const one = await ip("a").create({ container: "ip9", interface: "eth0", addresses: ["172.17.99.9/16"] });
		await sh("docker rm -f ip9 >/dev/null");
		expect(await one.read()).to.equal(undefined);
		await one.delete();
	});

	it("carries ten megabytes over TCP unharmed", async () => {
		await ip("a").create(args());
		await ip("b").create(args({ container: "ip2", addresses: ["10.62.0.22/24"] }));
		await sh(`docker exec ip1 sh -c 'mkdir -p /www && head -c 10485760 /dev/urandom >/www/bulk && httpd -p 80 -h /www'`);
		const sent = await sh("docker exec ip1 md5sum /www/bulk");
		const fetch = "printf 'GET /bulk HTTP/1.0\\r\\n\\r\\n' | timeout 20 nc 10.62.0.11 80 | tail -c 10485760 | md5sum";
		expect((await sh('docker exec ip2 sh -c "$1"', fetch)).split(" ")[0]).to.equal(sent.split(" ")[0]);
	});

	it("refuses an address that is somebody else's in the same container", async () => {
		const eth0 = (await addresses("eth0", "ip0"))[0]!;
		const message = await failure(ip("a").create({ container: "ip0", interface: "eth1", addresses: [eth0] }));
		expect(message).to.contain(`addresses: found ${eth0} already on eth0 of container "ip0", expected it to be free`);
		expect(await failure(ip("a").create({ container: "ip0", interface: "eth0", addresses: [eth0] }))).to.contain(
			"set adopt: true",
		);
	});
});
