import { expect } from "chai";
import { labHost, on, useLab } from "../support/lab";
import { address, central, leavesNoTrace, nbctl, useOvn } from "../support/ovn";
import { failure, Resource, useResources } from "../support/resource";

const words = async (...argv: string[]) =>
	(await nbctl(...argv))
		.split("\n")
		.map((line) => line.trim().replace(/\s+/g, " "))
		.filter(Boolean);
const uuids = async (...tables: string[]) =>
	(await Promise.all(tables.map((table) => nbctl("--bare", "--columns=_uuid", "list", table)))).join("\n").split("\n").sort();

describe("OvnRouter", function () {
	this.timeout(60_000);
	useLab(2);
	useOvn("h1");
	useResources();

	const inSwitch = (name: string, args: Record<string, unknown> = {}) =>
		new Resource("OvnSwitch", name).create({ name, ...args });
	const router = (name = "edge", more = {}) => new Resource("OvnRouter", name, more);
	const apps = { switch: "apps", addresses: ["10.72.0.1/24"] };
	const outside = { switch: "outside", addresses: ["192.0.2.50/24", "2001:db8::50/64"], chassis: ["h1", "h2"], mtu: 1442 };
	const full = {
		name: "edge",
		ports: [apps, outside],
		routes: [{ to: "0.0.0.0/0", via: "192.0.2.1" }],
		snat: [{ from: "10.72.0.0/24" }],
		publish: [
			{ port: 80, target: "10.72.0.5", targetPort: 8080 },
			{ port: 443, address: "2001:db8::51", target: "fd00:72::5" },
			{ protocol: "udp", port: 53, target: "10.72.0.5" },
			{ address: "192.0.2.51", target: "10.72.0.6" },
		],
	};
	const networks = async () => [
		await inSwitch("apps"),
		await inSwitch("outside", { localnet: { network: "outside", vlan: 12 } }),
	];

	it("leaves no trace, and what others have in the database is not touched", async () => {
		const theirs = [
			["ls-add", "theirs"],
			["lr-add", "their-router"],
			["lrp-add", "their-router", "their-leg", "02:00:00:00:00:99", "10.99.99.1/24"],
			["lr-nat-add", "their-router", "snat", "192.0.2.99", "10.99.99.0/24"],
			["lb-add", "their-lb", "192.0.2.98:80", "10.99.99.5:80"],
			["lr-lb-add", "their-router", "their-lb"],
		];
		await nbctl(...theirs.flatMap((command) => ["--", ...command]));
		try {
			await leavesNoTrace(["h1"], async () => {
				const switches = await networks();
				const one = await router().create(full);
				const two = await router("second").create({ ports: [{ switch: "theirs", addresses: ["10.98.0.1/24"] }] });
				expect(two.state["name"]).to.match(/^second-.{7}$/);
				for (const each of [one, two]) expect(await each.read(), each.name).to.deep.equal([]);
				await one.update({ name: "edge", ports: [apps] });
				for (const each of [one, two, one, ...switches]) await each.delete();
			});
		} finally {
			await nbctl(...["lr-del their-router", "lb-del their-lb", "ls-del theirs"].flatMap((line) => ["--", ...line.split(" ")]));
		}
	});

	it("shows its rows on the host, and changes them in place", async () => {
		await networks();
		const one = await router().create(full);
		expect(await words("lr-nat-list", "edge")).to.deep.equal([
			"TYPE GATEWAY_PORT EXTERNAL_IP EXTERNAL_PORT LOGICAL_IP EXTERNAL_MAC LOGICAL_PORT",
			"dnat_and_snat 192.0.2.51 10.72.0.6",
			"snat 192.0.2.50 10.72.0.0/24",
		]);
		expect((await words("lr-lb-list", "edge")).slice(1).map((line) => line.replace(/^\S{36} /, ""))).to.have.members([
			"edge-tcp tcp 192.0.2.50:80 10.72.0.5:8080",
			"tcp [2001:db8::51]:443 [fd00:72::5]:443",
			"edge-udp udp 192.0.2.50:53 10.72.0.5:53",
		]);
		expect(await words("lrp-get-gateway-chassis", "edge-outside")).to.deep.equal(["edge-outside-h1 100", "edge-outside-h2 99"]);
		expect((await words("lr-route-list", "edge")).join()).to.contain("0.0.0.0/0 192.0.2.1");
		const macs = (one.state["ports"] as { switch: string; mac: string }[]).map((port) => [port.switch, port.mac]);
		for (const [inSwitch, mac] of macs)
			expect(await nbctl("get", "Logical_Router_Port", `edge-${inSwitch}`, "mac")).to.equal(JSON.stringify(mac));
		const tables = ["Logical_Router", "Logical_Router_Port", "Logical_Switch_Port", "NAT", "Load_Balancer"];
		const mtu = () => nbctl("get", "Logical_Router_Port", "edge-outside", "options");
		expect(await mtu()).to.equal('{gateway_mtu="1442"}');
		const before = await uuids(...tables);
		const moved = {
			...full,
			ports: [
				{ ...apps, addresses: ["10.72.0.254/24", "fd00:72::1/64"] },
				{ ...outside, chassis: ["h2", "h1"], mtu: undefined },
			],
			routes: [{ to: "0.0.0.0/0", via: "192.0.2.2" }],
			snat: [{ from: "10.72.0.0/24", to: "192.0.2.60" }],
			publish: [
				{ port: 80, target: "10.72.0.7" },
				{ protocol: "udp", port: 53, target: "10.72.0.5" },
				{ address: "192.0.2.51", target: "10.72.0.9" },
			],
		};
		await one.update(moved);
		expect(await uuids(...tables), "the rows are the same").to.deep.equal(before);
		expect(await one.read()).to.deep.equal([]);
		expect(await mtu()).to.equal("{}");
		expect(await words("lrp-get-gateway-chassis", "edge-outside")).to.deep.equal(["edge-outside-h2 100", "edge-outside-h1 99"]);
		expect((await words("lr-lb-list", "edge")).join()).to.not.contain("443");
		for (const changed of [{ name: "other" }, { northbound: "tcp:192.0.2.1:6641" }])
			expect((await one.diff({ ...moved, ...changed })).replaces).to.deep.equal(Object.keys(changed));
	});

	it("takes over a state in which its MAC addresses do not stand, and changes none of them", async () => {
		await networks();
		const one = await router().create(full);
		const { ports } = one.state as { ports: { mac?: string }[] };
		const before = await nbctl("--columns=_uuid,mac", "list", "Logical_Router_Port");
		const forget = () => {
			one.state["ports"] = ports.map(({ mac: _, ...rest }) => rest);
		};
		forget();
		expect(await one.diff(full)).to.include({ changes: false });
		expect(await one.read()).to.deep.equal([]);
		expect(one.state["ports"], "after a refresh").to.deep.equal(ports);
		forget();
		await one.update({ ...full, routes: [] });
		expect(one.state["ports"], "after an update").to.deep.equal(ports);
		expect(await nbctl("--columns=_uuid,mac", "list", "Logical_Router_Port")).to.equal(before);
	});

	it("is not deleted with what others have on it", async () => {
		await networks();
		const one = await router().create(full);
		const theirs: [add: string, remove: string, found: string][] = [
			[
				"lrp-add edge their-leg 02:00:00:00:00:98 10.99.98.1/24",
				"lrp-del their-leg",
				"ports that are not this resource's: found their-leg",
			],
			[
				"lr-route-add edge 10.99.0.0/16 10.72.0.9",
				"lr-route-del edge 10.99.0.0/16",
				"routes that are not this resource's: found 10.99.0.0/16",
			],
			[
				"lr-nat-add edge snat 192.0.2.97 10.99.98.0/24",
				"lr-nat-del edge snat 10.99.98.0/24",
				"translations that are not this resource's: found 192.0.2.97",
			],
		];
		for (const [add, remove, found] of theirs) {
			await nbctl(...add.split(" "));
			expect(await one.read()).to.deep.equal([]);
			expect(await failure(one.delete())).to.contain(`logical router "edge" still has ${found}, expected none`);
			await nbctl(...remove.split(" "));
		}
	});

	it("and the ports of switches have no name in common", async () => {
		await networks();
		await router().create(full);
		const port = (name: string) => new Resource("OvnPort", `p-${name}`).create({ switch: "apps", name });
		for (const name of ["edge-apps", "cr-edge-outside"])
			expect(await failure(port(name))).to.match(
				/name: found a logical port "(edge-apps|edge-outside)" of another netplumb resource/,
			);
		await port("other-apps");
		expect(
			await failure(router("other").create({ name: "other", ports: [{ switch: "apps", addresses: ["10.72.0.2/24"] }] })),
		).to.contain('found a logical port "other-apps" of another netplumb resource');
	});

	it("lets the others know of all its addresses where it has its place", async () => {
		await networks();
		await router().create(full);
		expect(await nbctl("get", "Logical_Switch_Port", "outside-to-edge", "options:nat-addresses")).to.equal("router");
	});

	it("leaves no reference to what is gone", async () => {
		await networks();
		const one = await router().create(full);
		await one.update({ ...full, routes: [], snat: [], publish: full.publish.slice(1, 2) });
		expect((await nbctl("--bare", "--columns=load_balancer", "list", "Logical_Router", "edge")).split(" ")).to.have.length(1);
		const port = await new Resource("OvnPort", "named").create({
			switch: "apps",
			addresses: ["10.72.0.7"],
			hostnames: ["seven"],
		});
		await port.delete();
		expect(await nbctl("--bare", "--columns=dns_records", "list", "Logical_Switch", "apps")).to.equal("");
	});

	it("shows what was changed by hand, and mends it", async () => {
		await networks();
		const one = await router().create(full);
		const listed = ["lr-nat-list edge", "lr-route-list edge", "lrp-get-gateway-chassis edge-outside", "show edge"];
		// `show` names the chassis in the order of their numbers, which a row that was made again has anew.
		const dump = async () =>
			(await Promise.all(listed.map((line) => words(...line.split(" ")))))
				.flat()
				.map((line) => line.replace(/[0-9a-f-]{36}|\[h\d h\d\]/, ""))
				.sort();
		const whole = await dump();
		const hand: [argv: string[], drift: string[]][] = [
			[["lr-nat-del", "edge", "snat", "10.72.0.0/24"], ["make snat of 10.72.0.0/24 and 192.0.2.50"]],
			[["lr-route-del", "edge", "0.0.0.0/0"], ["make the route to 0.0.0.0/0 via 192.0.2.1"]],
			[["set", "Load_Balancer", "edge-tcp", 'vips:"192.0.2.50:80"="10.72.0.99:80"'], ["set vips:192.0.2.50:80"]],
			[["set", "Load_Balancer", "edge-tcp", 'vips:"192.0.2.50:81"="10.72.0.99:80"'], ["set no vips:192.0.2.50:81"]],
			[["lb-del", "edge-udp"], ["make the published udp ports"]],
			[
				["lr-lb-del", "edge", "edge-tcp"],
				["make the published tcp ports", "remove the published ports of edge-tcp"],
			],
			[["lsp-del", "apps-to-edge"], ["make logical port apps-to-edge"]],
			[["lrp-del-gateway-chassis", "edge-outside", "h2"], ["make chassis h2 for router port edge-outside"]],
			[
				["lrp-del", "edge-outside"],
				["make router port edge-outside", "make chassis h1", "make chassis h2"],
			],
			[
				["set", "Logical_Router_Port", "edge-outside", "options:gateway_mtu=9000"],
				["set options:gateway_mtu 1442 of router port"],
			],
			[["set", "Logical_Router_Port", "edge-apps", "networks=10.72.0.9/24"], ["set networks 10.72.0.1/24 of router port"]],
		];
		for (const [argv, drift] of hand) {
			await nbctl(...argv);
			const found = (await one.read()) ?? [];
			expect(found, argv.join(" ")).to.have.lengthOf(drift.length);
			for (const [index, line] of drift.entries()) expect(found[index], argv.join(" ")).to.contain(line);
			await one.repair();
			expect(await one.read(), argv.join(" ")).to.deep.equal([]);
			expect(await dump(), argv.join(" ")).to.deep.equal(whole);
		}
		// Its ends in the switches stay.
		await nbctl("lr-del", "edge");
		expect((await one.read())?.join()).to.contain("make logical router edge");
		await one.repair();
		expect(await dump()).to.deep.equal(whole);
	});

	it("is neither drift of its switches nor deleted with one of them, and refuses names that are taken", async () => {
		const [one, other] = (await networks()) as [Resource, Resource];
		expect(await failure(router().create({ ...full, ports: [{ ...apps, switch: "nobody" }, outside] }))).to.contain(
			'ports[0].switch: found no logical switch "nobody", expected one; make it first',
		);
		await nbctl("lsp-add", "apps", "apps-to-edge");
		expect(await failure(router().create(full))).to.contain('found a logical port "apps-to-edge" that netplumb did not make');
		await nbctl("lsp-del", "apps-to-edge", "--", "lsp-add", "apps", "edge-apps");
		expect(await failure(router().create(full))).to.contain('found a logical port "edge-apps" that netplumb did not make');
		await nbctl("lsp-del", "edge-apps");
		const edge = await router().create(full);
		expect(await failure(router("second").create(full))).to.contain(
			'name: found a logical router "edge" of another netplumb resource (lab/test/edge-',
		);
		for (const each of [one, other]) expect(await each.read(), each.name).to.deep.equal([]);
		expect(await failure(one.delete())).to.contain(
			'logical switch "apps" still has ports that are not this resource\'s: found apps-to-edge, expected none',
		);
		// A switch that somebody deletes takes the router's end along.
		await nbctl("ls-del", "apps");
		expect(await failure(edge.repair())).to.contain('ports[0].switch: found no logical switch "apps"');
		await one.repair();
		await edge.repair();
		expect(await edge.read()).to.deep.equal([]);
		await edge.delete();
		expect(await nbctl("--bare", "--columns=name", "list", "Logical_Switch_Port")).to.equal("outside-localnet");
	});

	it("is made from another host over the network", async () => {
		await central().create({ address: address("h1"), northboundPort: 6641, tls: false });
		await networks();
		const from = { northbound: `tcp:${address("h1")}:6641`, host: labHost("h2", { heal: false }) };
		const one = await router("far", from).create(full);
		expect(await one.read()).to.deep.equal([]);
		expect(await nbctl("--bare", "--columns=name", "list", "Logical_Router")).to.equal("edge");
		await one.delete();
		expect(await on("h1", "ovn-nbctl", "--bare", "--columns=name", "list", "Logical_Router")).to.equal("");
	});
});
