import { expect } from "chai";
import { on, useLab } from "../support/lab";
import { address, central, chassis, cloud, leavesNoTrace, sbctl, useOvn } from "../support/ovn";
import { failure, useResources } from "../support/resource";
import { eventually } from "../support/wiring";

const chassisNames = async () => (await sbctl("--bare", "--columns=name", "list", "Chassis")).split("\n").filter(Boolean).sort();
const vsctl = (host: string, ...argv: string[]) => on(host, "ovs-vsctl", "--timeout=10", ...argv);
const ids = (host: string) => vsctl(host, "get", "Open_vSwitch", ".", "external_ids");
const controller = (verb: string) => on("h2", "/usr/share/ovn/scripts/ovn-ctl", `${verb}_controller`, "--no-monitor");

describe("OvnChassis", function () {
	this.timeout(60_000);
	useLab(2);
	useOvn("h1", "h2");
	useResources();

	const basic = () => ({ southbound: `tcp:${address("h1")}:6642`, encapIp: address("h2") });
	const listening = () => central().create({ address: address("h1"), tls: false });

	it("makes hosts known to each other, and leaves no trace on any of them", () =>
		leavesNoTrace(["h1", "h2"], async () => {
			const { h1, h2, central } = await cloud("h1", "h2");
			await eventually(chassisNames, ["h1", "h2"]);
			await eventually(async () => (await vsctl("h1", "list-ports", "br-int")).includes("ovn-h2-"), true);
			expect(h2!.state).to.include({ bridge: "br-int", chassis: "h2" });
			expect(await h2!.read()).to.deep.equal([]);
			expect((await h2!.diff(basic())).changes).to.equal(false);
			await h2!.delete();
			await eventually(chassisNames, ["h1"]);
			await h1!.delete();
			await central!.delete();
		}));

	it("changes its encapsulation in place", async () => {
		await listening();
		const one = await chassis("h2").create(basic());
		await one.update({ ...basic(), encapType: "vxlan" });
		expect(await ids("h2")).to.contain("ovn-encap-type=vxlan");
		expect(await one.read()).to.deep.equal([]);
		await one.update(basic());
		expect(await ids("h2")).to.contain("ovn-encap-type=geneve");
		expect(await one.read()).to.deep.equal([]);
	});

	it("is replaced by one of another name, and gives the host's own name back", () =>
		leavesNoTrace(["h1", "h2"], async () => {
			const databases = await listening();
			const one = await chassis("h2").create(basic());
			await eventually(chassisNames, ["h2"]);
			expect((await one.diff({ ...basic(), systemId: "rack-7" })).replaces).to.deep.equal(["systemId"]);
			await one.delete();
			const two = await chassis("h2", "two").create({ ...basic(), systemId: "rack-7" });
			await eventually(chassisNames, ["rack-7"]);
			expect(await ids("h2")).to.contain("system-id=rack-7");
			await two.delete();
			expect(await ids("h2")).to.contain("system-id=h2");
			await eventually(chassisNames, []);
			await databases.delete();
		}));

	it("shows what was changed by hand, and mends it", async () => {
		await listening();
		const one = await chassis("h2").create(basic());
		await vsctl("h2", "set", "Open_vSwitch", ".", "external_ids:ovn-encap-ip=192.0.2.9");
		expect((await one.read())?.join()).to.contain(`set ovn-encap-ip ${address("h2")} for ovn-controller`);
		expect(one.state["encapIp"]).to.equal("192.0.2.9");
		await one.update(basic());
		expect(await one.read()).to.deep.equal([]);
	});

	it("maps networks to bridges beside those that are mapped, and gives the others back", async () => {
		await listening();
		const mapped = async () => (await vsctl("h2", "get", "Open_vSwitch", ".", "external_ids:ovn-bridge-mappings")).trim();
		const by = (bridgeMappings: Record<string, string>) => ({ ...basic(), bridgeMappings });
		await vsctl("h2", "set", "Open_vSwitch", ".", "external_ids:ovn-bridge-mappings=theirs:br-int");
		try {
			const before = await ids("h2");
			expect(await failure(chassis("h2").create(by({ outside: "br-no" })))).to.contain(
				'bridgeMappings.outside: found no bridge "br-no" in Open vSwitch beside br-int, expected one; make it first',
			);
			expect(await failure(chassis("h2").create({ ...by({ outside: "br-phy" }), datapath: "system" }))).to.contain(
				'bridgeMappings.outside: found bridge "br-phy" with datapath netdev, expected system, as br-int has',
			);
			expect(await ids("h2")).to.equal(before);
			const one = await chassis("h2").create(by({ outside: "br-phy" }));
			expect(await mapped()).to.equal('"outside:br-phy,theirs:br-int"');
			expect(await one.read()).to.deep.equal([]);
			await vsctl("h2", "set", "Open_vSwitch", ".", `external_ids:ovn-bridge-mappings="outside:br-int,theirs:br-int"`);
			expect((await one.read())?.join()).to.contain("set ovn-bridge-mappings outside:br-phy,theirs:br-int for ovn-controller");
			expect(one.state["bridgeMappings"]).to.deep.equal({ outside: "br-int" });
			await one.update(by({ outside: "br-phy", store: "br-phy" }));
			expect(await mapped()).to.equal('"outside:br-phy,store:br-phy,theirs:br-int"');
			await one.update(basic());
			expect(await mapped()).to.equal('"theirs:br-int"');
			const add = (text: string) => vsctl("h2", "set", "Open_vSwitch", ".", `external_ids:ovn-bridge-mappings="${text}"`);
			// What others add later is theirs, whether ours are declared or not any more.
			await add("theirs:br-int,late:br-phy");
			expect((await one.diff(basic())).changes).to.equal(false);
			expect(await one.read()).to.deep.equal([]);
			await one.update(by({ outside: "br-phy" }));
			expect(await mapped()).to.equal('"late:br-phy,outside:br-phy,theirs:br-int"');
			await add("later:br-phy,outside:br-phy,theirs:br-int");
			expect(await one.read()).to.deep.equal([]);
			await one.update(basic());
			expect(await mapped()).to.equal('"later:br-phy,theirs:br-int"');
			await add("theirs:br-int");
			await one.update(by({ theirs: "br-phy" }));
			await one.delete();
			expect(await ids("h2")).to.equal(before);
		} finally {
			await vsctl("h2", "remove", "Open_vSwitch", ".", "external_ids", "ovn-bridge-mappings");
		}
	});

	it("takes over settings that are there, and gives them back", async () => {
		await listening();
		await vsctl(
			"h2",
			"set",
			"Open_vSwitch",
			".",
			`external_ids:ovn-remote="tcp:${address("h1")}:6642"`,
			"external_ids:ovn-encap-ip=192.0.2.9",
		);
		try {
			const before = await ids("h2");
			expect(await failure(chassis("h2").create(basic()))).to.match(
				/southbound: found tcp:.* which netplumb did not set, expected none; set adopt/,
			);
			const one = await chassis("h2").create({ ...basic(), adopt: true });
			await one.delete();
			expect(await ids("h2")).to.equal(before);
		} finally {
			await vsctl("h2", "remove", "Open_vSwitch", ".", "external_ids", "ovn-remote", "ovn-encap-ip");
		}
	});

	it("refuses a second one, an address of another host, and a database that does not answer, with nothing left", async () => {
		await listening();
		const before = await ids("h2");
		expect(await failure(chassis("h2").create({ ...basic(), encapIp: address("h1") }))).to.contain(
			"encapIp: found no interface with",
		);
		expect(await failure(chassis("h2").create({ ...basic(), southbound: `tcp:${address("h1")}:6699` }))).to.contain(
			"ovn-controller is not connected after 10 s",
		);
		expect(await ids("h2")).to.equal(before);
		await chassis("h2").create(basic());
		expect(await failure(chassis("h2", "second").create(basic()))).to.contain("found another OvnChassis (lab/test/chassis-h2-");
	});

	it("says how to start an ovn-controller that does not run", async () => {
		await controller("stop");
		try {
			const said = await failure(chassis("h2").create(basic()));
			expect(said).to.contain("found no running ovn-controller (").and.to.contain("systemctl start ovn-controller");
		} finally {
			await controller("start");
		}
	});
});
