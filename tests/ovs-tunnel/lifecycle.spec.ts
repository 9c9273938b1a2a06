import { expect } from "chai";
import { markOf } from "../../provider/host/marks";
import { useForeign } from "../support/foreign";
import { expectTrouble } from "../support/hygiene";
import { image, labHost, on, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { leavesNoTrace, row, sh, vsctl } from "../support/wiring";
import { address, BRIDGE, TUNNEL, tunnel, useBridges } from "./fixture";

const basic = (more: Record<string, unknown> = {}) => ({ type: "vxlan", key: 7, remote: address("h2"), ...more });
const full = (more: Record<string, unknown> = {}) =>
	basic({
		...{ localIp: address("h1"), port: 8472, mtu: 1400, tos: 32, ttl: "inherit", df: false, csum: true },
		protected: true,
		trunks: [10, 20],
		...more,
	});

/** Everything that Open vSwitch has about the tunnel, in its own words. */
const shown = async () => ({
	interface: await row("Interface", TUNNEL, "type", "options", "error"),
	port: await row("Port", TUNNEL, "vlan_mode", "tag", "trunks", "protected"),
});

const plain = {
	interface: ["vxlan", '{key="7", remote_ip="REMOTE"}', "[]"],
	port: ["[]", "[]", "[]", "false"],
};

describe("OvsTunnel", () => {
	useLab(3);
	expectTrouble(
		"somebody makes a tunnel with the same far end by hand",
		/tt-tun: attempting to add tunnel port with same config/,
	);
	useBridges("h1");
	useForeign();
	useResources();

	const made = () => JSON.parse(JSON.stringify(plain).replace("REMOTE", address("h2"))) as typeof plain;

	it("leaves no trace, and nothing of others is touched", async () => {
		await leavesNoTrace([], async () => {
			const one = await tunnel().create(full());
			const two = await tunnel("h1", "second").create(basic({ name: undefined, remote: address("h3") }));
			expect(two.state["name"]).to.match(/^second-.{7}$/);
			await one.update(basic());
			await one.delete();
			await two.delete();
		});
	});

	it("shows every input on the host", async () => {
		const one = await tunnel().create(full());
		expect(await shown()).to.deep.equal({
			interface: [
				"vxlan",
				`{csum="true", df_default="false", dst_port="8472", key="7", local_ip="${address("h1")}", remote_ip="${address("h2")}", tos="32", ttl=inherit}`,
				"[]",
			],
			port: ["trunk", "[]", "[10, 20]", "true"],
		});
		expect(await row("Port", TUNNEL, "external_ids:netplumb")).to.match(/./);
		expect(await one.read()).to.deep.equal([]);
		expect(one.state).to.deep.include(full());
		expect((await one.diff(full())).changes).to.equal(false);
	});

	it("makes the bridge learn anew where MAC addresses are, when it is added and not when it changes", async () => {
		const mac = "02:00:00:00:00:77";
		const see = () =>
			sh(
				`ovs-ofctl packet-out ${BRIDGE} "in_port=LOCAL packet=ffffffffffff${mac.replaceAll(":", "")}0806${"00".repeat(46)} actions=NORMAL"`,
			);
		const seen = async () => (await sh(`ovs-appctl fdb/show ${BRIDGE}`)).includes(mac);
		await see();
		expect(await seen()).to.equal(true);
		const one = await tunnel().create(basic());
		expect(await seen()).to.equal(false);
		await see();
		await one.update(full());
		expect(await seen()).to.equal(true);
	});

	it("changes everything in place, and an input that is left out goes back to Open vSwitch's default", async () => {
		const one = await tunnel().create(basic());
		expect(one.state["mtu"]).to.equal(1450);
		const uuid = await row("Port", TUNNEL, "_uuid");
		expect(await shown()).to.deep.equal(made());
		await one.update(full({ remote: address("h3") }));
		expect(await one.read()).to.deep.equal([]);
		await one.update(basic());
		expect(await shown()).to.deep.equal(made());
		expect(await row("Port", TUNNEL, "_uuid")).to.deep.equal(uuid);
		expect(await one.read()).to.deep.equal([]);
		for (const [key, value] of Object.entries({ type: "geneve", name: "tt-other", bridge: "br-other" }))
			expect((await one.diff(basic({ [key]: value }))).replaces).to.deep.equal([key]);
	});

	it("creates once when it is created again after a crash, deletes twice, and follows a rename of its owner", async () => {
		const one = await tunnel().create(basic());
		await tunnel().create(basic());
		expect((await vsctl("list-ports", BRIDGE)).split("\n")).to.deep.equal([TUNNEL]);
		await one.update(basic({ owner: "lab/test/renamed" }));
		expect((await row("Port", TUNNEL, "external_ids:netplumb"))[0]).to.contain("lab/test/renamed-");
		await one.delete();
		await one.delete();
		expect(await vsctl("list-ports", BRIDGE)).to.equal("");
	});

	it("stands beside an attachment of the same resource name", async () => {
		await sh("docker rm -f tt-same >/dev/null 2>&1 || true");
		await sh('docker run -d --name tt-same --network none "$1" >/dev/null', image);
		try {
			const wire = await new Resource("VethAttachment", "same").create({ container: "tt-same", bridge: BRIDGE });
			const one = await tunnel("h1", "same").create(basic());
			expect(await wire.read()).to.deep.equal([]);
			await one.delete();
			expect(await wire.read()).to.deep.equal([]);
			await tunnel("h1", "same").create(basic());
			await wire.delete();
			expect(await vsctl("list-ports", BRIDGE)).to.equal(TUNNEL);
		} finally {
			await sh("docker rm -f tt-same >/dev/null");
		}
	});

	describe("refuses", () => {
		it("a second tunnel of one type, far end and key, also when both are made at once", async () => {
			const two = [tunnel("h1", "first"), tunnel("h1", "second")];
			const results = await Promise.allSettled(two.map((one, index) => one.create(basic({ name: `tt-${index}` }))));
			const failed = results.flatMap((result) => (result.status === "rejected" ? [String(result.reason)] : []));
			expect(failed.join()).to.match(
				/key: found vxlan tunnel "tt-\d" in bridge "tt-br" with the same far end .* and key 7, expected/,
			);
			expect(failed).to.have.length(1);
			expect((await vsctl("list-ports", BRIDGE)).split("\n")).to.have.length(1);
		});

		it("a second tunnel on another bridge, or made by hand, and takes another key", async () => {
			await vsctl(
				"add-port",
				"foreign-br",
				"tt-theirs",
				"--",
				"set",
				"interface",
				"tt-theirs",
				"type=gre",
				`options:remote_ip=${address("h2")}`,
			);
			expect(await failure(tunnel().create(basic({ type: "gre", key: 0 })))).to.contain(
				'found gre tunnel "tt-theirs" in bridge "foreign-br"',
			);
			expect(await vsctl("list-ports", BRIDGE)).to.equal("");
			await tunnel().create(basic({ type: "gre", key: 1 }));
			await vsctl("del-port", "tt-theirs");
		});

		it("a name that is taken, a missing bridge, and ways that lead nowhere", async () => {
			const refusal = (more: Record<string, unknown>) => failure(tunnel().create(basic(more)));
			expect(await refusal({ name: "foreign1" })).to.contain('name: found another port or interface called "foreign1"');
			expect(await refusal({ bridge: "tt-none" })).to.contain('bridge: found no Open vSwitch bridge "tt-none"');
			expect(await refusal({ remote: address("h1") })).to.contain("which is an address of this host itself");
			expect(await refusal({ remote: "fd00:77::1" })).to.contain("remote: found no route to fd00:77::1");
			expect(await refusal({ localIp: "192.0.2.240" })).to.contain("localIp: found no interface with 192.0.2.240");
			expect(await refusal({ mtu: 1460 })).to.contain(
				'mtu: found 1460, expected at most 1450, which is 1500 of interface "br-phy" less 50',
			);
			expect(await refusal({ remote: "192.0.2.78" })).to.contain('the way to the other host through "foreign0"');
			expect(await vsctl("list-ports", BRIDGE)).to.equal("");
		});
	});

	describe("drift", () => {
		const mark = `external_ids:netplumb=${markOf("lab/test/to-h1", "OvsTunnel")}`;
		const set =
			(...words: string[]) =>
			() =>
				vsctl("set", ...words);
		const cases: [what: string, harm: () => Promise<unknown>, drift: RegExp, seen?: Record<string, unknown>][] = [
			["a wrong key", set("interface", TUNNEL, "options:key=8"), /set key 7 of tunnel port tt-tun/, { key: 8 }],
			["no key", () => vsctl("remove", "interface", TUNNEL, "options", "key"), /set key 7/, { key: undefined }],
			[
				"a changed remote",
				set("interface", TUNNEL, "options:remote_ip=192.0.2.66"),
				/set remote_ip \d/,
				{ remote: "192.0.2.66" },
			],
			["a remote that takes anybody", set("interface", TUNNEL, "options:remote_ip=flow"), /set remote_ip \d/, { remote: "flow" }],
			["an option that was added", set("interface", TUNNEL, "options:in_key=9"), /no in_key/],
			["another type", set("interface", TUNNEL, "type=geneve"), /set type vxlan/],
			["the split horizon", set("port", TUNNEL, "protected=false"), /protected true/, { protected: false }],
			[
				"another bridge",
				async () => {
					await vsctl("del-port", TUNNEL);
					await vsctl("add-port", "foreign-br", TUNNEL, "--", "set", "port", TUNNEL, mark);
				},
				/take tunnel port tt-tun out of bridge foreign-br/,
			],
			["a tag", set("port", TUNNEL, "tag=5"), /no tag/],
			["the VLANs", () => vsctl("clear", "port", TUNNEL, "trunks"), /trunks 10,20/, { trunks: [] }],
		];
		for (const [what, harm, drift, seen] of cases) {
			it(`is shown and mended: ${what}`, async () => {
				const one = await tunnel().create(full());
				const before = await shown();
				await harm();
				const found = await one.read();
				expect(found?.join("; ")).to.match(drift);
				for (const [input, value] of Object.entries(seen ?? {})) expect(one.state[input]).to.deep.equal(value);
				await one.update(full());
				expect(await one.read()).to.deep.equal([]);
				expect(await shown()).to.deep.equal(before);
			});
		}

		it("is a port that was deleted by hand, as long as its guard is there", async () => {
			const one = await tunnel().create(basic());
			await vsctl("del-port", TUNNEL);
			expect((await one.read())?.join("; ")).to.match(/^add \w+ tunnel port/);
			await one.update(basic());
			expect(await one.read()).to.deep.equal([]);
		});

		it("is a missing resource when nothing of it is left", async () => {
			const one = await tunnel().create(basic());
			await vsctl("del-port", TUNNEL);
			await sh("nft delete table inet netplumb");
			expect(await one.read()).to.equal(undefined);
			await one.create(basic());
			expect(await one.read()).to.deep.equal([]);
		});

		it("is an error of Open vSwitch, which goes with a new port", async () => {
			await vsctl(
				"add-port",
				"foreign-br",
				"tt-theirs",
				"--",
				"set",
				"interface",
				"tt-theirs",
				"type=vxlan",
				`options:remote_ip=${address("h3")}`,
				"options:key=7",
			);
			const one = await tunnel().create(basic());
			// The port takes the other one's place: Open vSwitch refuses it.
			await sh(`ovs-vsctl --timeout=10 set interface ${TUNNEL} options:remote_ip=$1 || true`, address("h3"));
			const drift = await one.read();
			expect(drift?.join("; ")).to.match(/set remote_ip|take tunnel port/);
			await one.update(basic());
			expect(await one.read()).to.deep.equal([]);
			await vsctl("del-port", "tt-theirs");
			expect(await one.read()).to.deep.equal([`stop to accept tunnel frames from ${address("h3")} at udp port 4789`]);
			await one.update(basic());
			expect(await row("Interface", TUNNEL, "error")).to.deep.equal(["[]"]);
		});

		it("is an underlay that carries less than before", async () => {
			const one = await tunnel().create(basic());
			await on("h1", "ip", "route", "add", `${address("h2")}/32`, "dev", "br-phy", "mtu", "1400");
			try {
				expect((await one.read())?.join()).to.contain(
					'mtu: found 1450, expected at most 1350, which is 1400 of interface "br-phy" less 50',
				);
			} finally {
				await on("h1", "ip", "route", "delete", `${address("h2")}/32`);
			}
			expect(await one.read()).to.deep.equal([]);
		});
	});

	it("whose new VLANs reached the host, while the answer did not, takes the MTU that follows from them", async () => {
		const one = await tunnel().create(basic());
		const unheard = structuredClone(one.state);
		await one.update({ ...basic(), trunks: [10, 20] });
		const after = one.state;
		expect([unheard["mtu"], after["mtu"]]).to.deep.equal([1450, 1446]);
		one.state = unheard;
		expect((await one.read())?.join()).to.contain("no trunks");
		await one.update({ ...basic(), trunks: [10, 20] });
		expect(one.state).to.deep.equal(after);
		expect(await one.read()).to.deep.equal([]);
	});

	it("is an error, and not gone, when the host cannot be reached", async () => {
		const one = await tunnel().create(basic());
		const there = new Resource("OvsTunnel", "to-h1", { host: { ...labHost("h1"), port: 9 } });
		there.state = { ...one.state, host: { ...labHost("h1"), port: 9, timeoutSeconds: 5 } };
		expect(await failure(there.read())).to.match(/refused|reach/);
	});
});
