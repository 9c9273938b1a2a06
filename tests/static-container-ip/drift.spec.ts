import { expect } from "chai";
import { on, useLab } from "../support/lab";
import { failure, useResources } from "../support/resource";
import { addresses, inside, leavesNoTrace, routes } from "../support/wiring";
import { args, ip, useContainers } from "./fixture";

describe("drift and conflicts of a StaticContainerIp", () => {
	useLab(1);
	useContainers();
	useResources();

	const wanted = args({
		addresses: ["10.62.0.11/24", "2001:db8:62::11/64"],
		gateway: "10.62.0.1",
		gateway6: "2001:db8:62::1",
		routes: [{ to: "198.51.100.0/24", via: "10.62.0.9" }],
	});
	const run = (...argv: string[]) => inside("ip1", ...argv);

	const cases: [what: string, harm: () => Promise<unknown>, drift: RegExp, seen?: Record<string, unknown>][] = [
		[
			"an address is gone",
			() => run("ip", "address", "delete", "10.62.0.11/24", "dev", "eth1"),
			/add address 10\.62\.0\.11\/24/,
			{ addresses: ["2001:db8:62::11/64"] },
		],
		[
			"an IPv6 address is gone",
			() => run("ip", "address", "delete", "2001:db8:62::11/64", "dev", "eth1"),
			/add address 2001:db8:62::11\/64/,
			{ addresses: ["10.62.0.11/24"] },
		],
		[
			"the prefix length was changed",
			() => run("sh", "-c", "ip address delete 10.62.0.11/24 dev eth1; ip address add 10.62.0.11/16 dev eth1"),
			/10\.62\.0\.11\/24/,
		],
		[
			"the default route is gone",
			() => run("ip", "route", "delete", "default"),
			/route 0\.0\.0\.0\/0 of container ip1 via 10\.62\.0\.1/,
		],
		["the IPv6 default route is gone", () => run("ip", "-6", "route", "delete", "default"), /route ::\/0 of container ip1/],
		[
			"the default route goes elsewhere",
			() => run("ip", "route", "replace", "default", "via", "10.62.0.99"),
			/0\.0\.0\.0\/0|default route/,
		],
		["a route is gone", () => run("ip", "route", "delete", "198.51.100.0/24"), /route 198\.51\.100\.0\/24/, { routes: [] }],
		[
			"a route goes elsewhere",
			() => run("ip", "route", "replace", "198.51.100.0/24", "via", "10.62.0.8", "proto", "78"),
			/route 198\.51\.100\.0\/24/,
			{ routes: [] },
		],
		[
			"everything is gone",
			() => run("ip", "address", "flush", "dev", "eth1", "scope", "global"),
			/add address/,
			{ addresses: [] },
		],
		["the mark is gone", () => run("ip", "link", "set", "eth1", "alias", "netplumb:x"), /mark eth1/],
		["IPv6 was switched off", () => run("sysctl", "-qw", "net.ipv6.conf.eth1.disable_ipv6=1"), /switch IPv6 on/],
	];
	for (const [what, harm, drift, seen] of cases) {
		it(`is shown and mended when ${what}`, async () => {
			const before = await run("ip", "-j", "-d", "link", "show", "dev", "eth1");
			const one = await ip("a").create(wanted);
			const made = [await routes("ip1"), await routes("ip1", "-6"), await addresses("eth1", "ip1")];
			await harm();
			// Without its mark nothing tells that the addresses are this resource's: then it counts as gone, and is created again.
			const found = await one.read();
			if (what === "the mark is gone") {
				expect(found).to.equal(undefined);
				await one.create(wanted);
			} else {
				expect(found?.join("; ")).to.match(drift);
				if (seen) expect(one.state).to.deep.include(seen);
				await one.update(wanted);
			}
			expect(await one.read()).to.deep.equal([]);
			expect([await routes("ip1"), await routes("ip1", "-6"), await addresses("eth1", "ip1")]).to.deep.equal(made);
			await one.delete();
			const alias = (JSON.parse(before) as { ifalias: string }[])[0]!.ifalias;
			await run("ip", "link", "set", "eth1", "alias", alias);
		});
	}

	it("shows that the interface is missing", async () => {
		const message = await failure(ip("a").create(args({ interface: "eth9" })));
		expect(message).to.contain('interface: found no interface "eth9" in container "ip1" (it has ');
	});

	it("refuses an interface with somebody else's alias", async () => {
		await inside("ip0", "ip", "link", "set", "eth0", "alias", "hands off");
		try {
			const message = await failure(ip("a").create({ container: "ip0", interface: "eth0", addresses: ["172.17.99.1/16"] }));
			expect(message).to.contain('interface: found the alias "hands off" on eth0');
		} finally {
			await inside("ip0", "ip", "link", "set", "eth0", "alias", "");
		}
	});

	it("refuses two resources for one address, and for one default route", async () => {
		await ip("a").create(args({ gateway: "10.62.0.1" }));
		expect(await failure(ip("b").create(args({ addresses: ["10.62.0.11/25"] })))).to.contain(
			"found 10.62.0.11/25 already on eth1",
		);
		expect(await failure(ip("c").create(args({ addresses: ["10.62.0.15/24"], gateway: "10.62.0.2" })))).to.contain(
			"found a route to 0.0.0.0/0",
		);
		expect(await addresses("eth1", "ip1")).to.deep.equal(["10.62.0.11/24"]);
	});

	it("keeps an adopted address when the resource ends", async () => {
		const eth0 = (await addresses("eth0", "ip0"))[0]!;
		await leavesNoTrace(["ip0"], async () => {
			const one = await ip("a").create({ container: "ip0", interface: "eth0", addresses: [eth0, "172.17.99.1/16"], adopt: true });
			expect(await addresses("eth0", "ip0")).to.deep.equal([eth0, "172.17.99.1/16"]);
			expect(await one.read()).to.deep.equal([]);
			await one.delete();
		});
	});

	it("tells the neighbours when an address moves to another container", async () => {
		const shared = { addresses: ["10.62.0.50/24", "2001:db8:62::50/64"] };
		await ip("n").create(args({ container: "ip3", addresses: ["10.62.0.33/24", "2001:db8:62::33/64"] }));
		const first = await ip("a").create(args(shared));
		for (const address of ["10.62.0.50", "2001:db8:62::50"]) await inside("ip3", "ping", "-c1", "-W2", address);
		const known = async () => {
			const neighbours = JSON.parse(await inside("ip3", "ip", "-j", "neighbour", "show")) as { dst: string; lladdr: string }[];
			return ["10.62.0.50", "2001:db8:62::50"].map((address) => neighbours.find(({ dst }) => dst === address)?.lladdr);
		};
		const mac = async (container: string) =>
			(JSON.parse(await inside(container, "ip", "-j", "link", "show", "dev", "eth1")) as { address: string }[])[0]!.address;
		expect(await known()).to.deep.equal([await mac("ip1"), await mac("ip1")]);
		await first.delete();
		await ip("b").create(args({ container: "ip2", ...shared }));
		const expected = await mac("ip2");
		for (let tries = 0; tries < 20 && (await known()).some((one) => one !== expected); tries++) await on("h1", "sleep", "0.1");
		expect(await known()).to.deep.equal([expected, expected]);
		expect(await inside("ip2", "sysctl", "-n", "net.ipv4.conf.eth1.arp_notify", "net.ipv6.conf.eth1.ndisc_notify")).to.equal(
			"0\n0",
		);
	});
});
