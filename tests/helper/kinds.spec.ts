// Every kind through the helper, as a login that is not root: made, used, damaged, mended, failed and taken away. The specs of the
// kinds themselves run so with NETPLUMB_TEST_LOGIN=helper.
import { expect } from "chai";
import { labHost, makeContainer, on, useLab } from "../support/lab";
import { loginHost, prepareLogin } from "../support/login";
import { failure, Resource, useResources } from "../support/resource";
import { eventually, inside, leavesNoTrace, pings, removeContainers, sh } from "../support/wiring";

const CONTAINERS = ["hk-1", "hk-2"];

describe("every kind through the helper", function () {
	this.timeout(120_000);
	useLab(2);
	useResources();
	before(async () => {
		await prepareLogin("h1");
		await removeContainers(...CONTAINERS);
		for (const name of CONTAINERS) await makeContainer("h1", name, "--network", "none");
	});
	after(() => removeContainers(...CONTAINERS));

	const one = (kind: ConstructorParameters<typeof Resource>[0], name: string) =>
		new Resource(kind, name, { host: loginHost("netplumb") });
	const attach = (container: string, bridge = "hk-br") => one("VethAttachment", container).create({ container, bridge, vlan: 7 });
	const address = (container: string, last: number) =>
		one("StaticContainerIp", `${container}-ip`).create({
			container,
			interface: "eth1",
			addresses: [`10.66.0.${last}/24`],
			gateway: "10.66.0.1",
		});

	it("is made at once with others, carries packets, shows and mends drift, and leaves no trace", () =>
		leavesNoTrace(CONTAINERS, async () => {
			const bridge = await one("OvsBridge", "br").create({ name: "hk-br", addresses: ["10.66.0.1/24"] });
			const wires = await Promise.all(CONTAINERS.map((name) => attach(name)));
			const addresses = await Promise.all(CONTAINERS.map((name, index) => address(name, 11 + index)));
			expect(await pings("hk-1", "10.66.0.12")).to.equal(true);

			await Promise.all(wires.map((wire, index) => wire.update({ container: CONTAINERS[index], bridge: "hk-br" })));
			await eventually(() => pings("hk-1", "10.66.0.1"), true);
			const server = sh(
				'nsenter -t "$(docker inspect -f "{{.State.Pid}}" hk-1)" -n timeout 20 sh -c "echo hello | busybox nc -l -p 8080"',
			);
			await eventually(() => inside("hk-1", "ss", "-Hltn", "sport = :8080").then((text) => text !== ""), true);
			const publish = await one("NatPublish", "web").create({ hostPorts: 8081, target: "10.66.0.11", targetPort: 8080 });
			expect(await on("h2", "sh", "-c", `busybox nc -w 5 ${labHost("h1").address} 8081 </dev/null`)).to.equal("hello");
			await server;

			const network = await one("IsolatedNetwork", "net").create({ name: "hk-net", subnet: "10.67.0.0/24", egress: "internet" });
			const far = { bridge: "hk-br", name: "hk-tun", type: "vxlan", remote: labHost("h2").address };
			const tunnel = await one("OvsTunnel", "tun").create(far);
			await sh("ip link set hk-br down; nft delete table inet netplumb; ovs-vsctl --timeout=20 set bridge hk-br stp_enable=true");
			expect(await bridge.read()).to.have.lengthOf.above(0);
			expect(await publish.read()).to.have.lengthOf.above(0);
			expect(await network.read()).to.have.lengthOf.above(0);
			expect(await tunnel.read()).to.have.lengthOf.above(0);
			await bridge.update({ name: "hk-br", addresses: ["10.66.0.1/24"] });
			await publish.update({ hostPorts: 8081, target: "10.66.0.11", targetPort: 8080 });
			await network.update({ name: "hk-net", subnet: "10.67.0.0/24", egress: "internet" });
			await tunnel.update(far);
			for (const made of [bridge, publish, network, tunnel, ...wires, ...addresses])
				expect(await made.read(), made.kind).to.deep.equal([]);

			for (const made of [tunnel, network, publish, ...addresses, ...wires, bridge]) await made.delete();
		}));

	it("fails alone, is taken back, and its neighbours are made", () =>
		leavesNoTrace(CONTAINERS, async () => {
			const bridge = await one("OvsBridge", "br").create({ name: "hk-br" });
			// The kernel refuses this host end: its name is taken in a way that the plan does not see.
			const shadow = `d=$(mktemp); chmod 755 $d; echo '#!/bin/sh
case "$*" in *hk-bad*) echo "no such luck" >&2; exit 1;; esac' >$d; mount --bind $d $(command -v ethtool); rm -f $d`;
			await sh(shadow);
			try {
				const bad = one("VethAttachment", "bad");
				const [good, message] = await Promise.all([
					attach("hk-1"),
					failure(bad.create({ container: "hk-2", bridge: "hk-br", hostInterface: "hk-bad" })),
				]);
				expect(message).to.match(/^host netplumb@[^:]+: could not .*: no such luck$/);
				expect(bad.id).to.equal("");
				expect(await sh("ip link show hk-bad 2>&1 || :")).to.contain("does not exist");
				expect(await good.read()).to.deep.equal([]);
				await good.delete();
			} finally {
				await sh("umount $(command -v ethtool)");
			}
			await bridge.delete();
		}));

	it("is refused where it would change what is somebody else's, in one sentence", () =>
		leavesNoTrace(CONTAINERS, async () => {
			await sh("ovs-vsctl --timeout=20 add-br hk-old -- set bridge hk-old datapath_type=netdev");
			const message = await failure(one("OvsBridge", "old").create({ name: "hk-old", adopt: true }));
			expect(message).to.match(
				/^host netplumb@[^:]+: could not .*: the helper on the host refuses it: line \d+: hk-old is not netplumb's$/,
			);
			await sh("ovs-vsctl --timeout=20 del-br hk-old");
		}));
});
