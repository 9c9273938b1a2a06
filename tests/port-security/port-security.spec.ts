// Port security on real hosts: frames that are forged byte by byte, and a capture at the victim.
import { expect } from "chai";
import { flowOwner } from "../../provider/host/flows";
import { markOf } from "../../provider/host/marks";
import { labHost, on, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { eventually, leavesNoTrace, link, pings, row, sh } from "../support/wiring";
import {
	addresses,
	attachment,
	attacker,
	forged,
	GATEWAY,
	IP,
	IP6,
	legitimate,
	NET,
	session,
	tagged,
	useContainers,
	victim,
	wire,
} from "./fixture";
import { arriving, ethernet, ipv4, udp } from "./packets";

const all = { ...legitimate, ...forged, ...tagged };
const RESTART = `pid=$(cat /run/openvswitch/ovs-vswitchd.pid)
	kill "$pid"; while [ -d "/proc/$pid" ]; do sleep 0.05; done
	ovs-vswitchd --pidfile --log-file -vconsole:warn --detach`;
const names = (...frames: Record<string, string>[]) => frames.flatMap(Object.keys).sort();

describe("port security", function () {
	this.timeout(120_000);
	useLab(1);
	useContainers();
	useResources();

	it("lets out what is declared and nothing else, and is switched off and on in place beside a TCP session", async () => {
		const made = await wire();
		expect(await arriving(attacker, victim, all)).to.deep.equal(names(legitimate));
		for (const target of [GATEWAY, IP.v, IP6.v]) expect(await pings(attacker, target), target).to.equal(true);
		const tcp = await session();
		await made.wire.update({ ...attachment, portSecurity: false });
		const between = await tcp.lines();
		await made.wire.update({ ...attachment, portSecurity: true });
		const after = await tcp.lines();
		expect(between).to.be.greaterThan(0);
		expect(await tcp.finish()).to.be.greaterThan(after);
		expect(after).to.be.greaterThan(between);
		expect(await arriving(attacker, victim, all)).to.deep.equal(names(legitimate));
		for (const resource of [made.network, made.wire, made.ip]) expect(await resource.read()).to.deep.equal([]);
		// That the capture sees what is let through.
		await made.wire.update({ ...attachment, portSecurity: false });
		expect(await arriving(attacker, victim, all)).to.deep.equal(names(legitimate, forged));
	});

	it("follows the addresses that are declared", async () => {
		const { ip, wire: made } = await wire();
		const second = { from: ethernet(attachment.mac, "ff:ff:ff:ff:ff:ff", 0x800, ipv4("10.71.1.12", IP.v, 17, udp(1, 2))) };
		expect(await arriving(attacker, victim, second)).to.deep.equal([]);
		await ip.update({ ...addresses, addresses: [...addresses.addresses, "10.71.1.12/24"] });
		expect(await arriving(attacker, victim, second)).to.deep.equal(["from"]);
		expect(
			await sh(
				'nsenter -t "$(docker inspect -f "{{.State.Pid}}" ps-a)" -n ping -c 1 -W 2 -I 10.71.1.12 10.71.1.11 >/dev/null && echo yes',
			),
		).to.equal("yes");
		await ip.update(addresses);
		expect(await arriving(attacker, victim, second)).to.deep.equal([]);
		await made.update({ ...attachment, mac: "02:00:00:00:71:0c" });
		expect(await pings(attacker, IP.v)).to.equal(true);
		expect(await arriving(attacker, victim, { "its old MAC": legitimate["IPv4 from its address"]! })).to.deep.equal([]);
		await ip.delete();
		expect(await arriving(attacker, victim, all)).to.deep.equal([]);
	});

	it("is closed when Open vSwitch has lost its flows, and mended by the next up", async () => {
		const made = await wire();
		await sh(RESTART);
		expect(await arriving(attacker, victim, all)).to.deep.equal([]);
		for (const resource of [made.network, made.wire, made.ip]) expect(await resource.read()).to.not.deep.equal([]);
		await made.network.update(NET);
		// Of a guard that is lost, too, nothing is left open: here the network forwards, and the guard is not back yet.
		await made.wire.update(attachment);
		await made.ip.update(addresses);
		expect(await arriving(attacker, victim, all)).to.deep.equal(names(legitimate));
	});

	it("works on any bridge, leaves the flows of others alone, and goes without a trace", async () => {
		await sh(
			"ovs-vsctl add-br ps-br -- set bridge ps-br datapath_type=netdev; echo 1 >/proc/sys/net/ipv6/conf/ps-br/disable_ipv6; ip link set ps-br up",
		);
		try {
			const foreign = "priority=70,udp,tp_dst=2001 actions=drop";
			await sh(`ovs-ofctl add-flow ps-br "cookie=0x77,priority=70,udp,tp_dst=2001,actions=drop"`);
			const flows = () => on("h1", "ovs-ofctl", "--no-stats", "dump-flows", "ps-br");
			const before = await flows();
			expect(before).to.contain(foreign);
			await leavesNoTrace([attacker, victim], async () => {
				const there = await new Resource("VethAttachment", "ps-v").create({ container: victim, bridge: "ps-br" });
				const plain = { ...attachment, bridge: "ps-br" };
				const made = await new Resource("VethAttachment", "ps-a").create(plain);
				const ip = await new Resource("StaticContainerIp", "ps-a-ip").create(addresses);
				const to = await new Resource("StaticContainerIp", "ps-v-ip").create({
					...addresses,
					container: victim,
					addresses: ["10.71.1.11/24"],
				});
				expect(await arriving(attacker, victim, all)).to.deep.equal(names(legitimate, forged));
				await made.update({ ...plain, portSecurity: true });
				// As in a program, where the input follows the attachment's.
				await ip.update({ ...addresses, portSecurity: true });
				const blocked = {
					"what another flow drops": ethernet(attachment.mac, "ff:ff:ff:ff:ff:ff", 0x800, ipv4(IP.a, IP.v, 17, udp(1, 2001))),
				};
				expect(await arriving(attacker, victim, { ...all, ...blocked })).to.deep.equal(names(legitimate));
				for (const resource of [made, ip]) expect(await resource.read()).to.deep.equal([]);
				for (const resource of [to, ip, made, there]) await resource.delete();
			});
			expect(await flows()).to.equal(before);
		} finally {
			await sh("ovs-vsctl del-br ps-br");
		}
	});

	it("is refused where it cannot be", async () => {
		await sh("ip link add ps-lb type bridge; ip link set ps-lb up");
		await sh("ovs-vsctl add-br ps-br -- set bridge ps-br datapath_type=netdev protocols=OpenFlow10,OpenFlow13");
		try {
			const make = (more: object) => failure(new Resource("VethAttachment", "ps-a").create({ ...attachment, ...more }));
			expect(await make({ bridge: "ps-lb", portSecurity: true })).to.match(
				/portSecurity: found the Linux bridge "ps-lb", expected an Open vSwitch bridge; port security needs an OvsBridge or an IsolatedNetwork$/,
			);
			expect(await make({ bridge: "ps-br", portSecurity: true })).to.match(
				/portSecurity: found the protocols OpenFlow10, OpenFlow13 of bridge "ps-br", expected OpenFlow14 among them, whose bundles change flows all at once; add it$/,
			);
			await new Resource("IsolatedNetwork", "ps-net").create(NET);
			expect(await make({ vlan: { trunks: [1, 2] } })).to.match(
				/portSecurity: found a trunk in the isolated network "psnet", expected an access port/,
			);
		} finally {
			await sh("ip link delete ps-lb; ovs-vsctl del-br ps-br");
		}
	});

	it("comes back with a container that starts again, by the host itself", async () => {
		const host = { host: labHost("h1", { heal: true }) };
		const made = await wire({}, host);
		const flows = () => sh(`ovs-ofctl --names --no-stats dump-flows ${NET.name} | grep reg13 | sort`);
		const before = await flows();
		await on("h1", "docker", "restart", "-t", "0", attacker);
		await eventually(async () => [await made.wire.read(), await made.ip.read()], [[], []]);
		expect(await arriving(attacker, victim, all)).to.deep.equal(names(legitimate));
		expect(await pings(attacker, IP.v)).to.equal(true);
		// The victim's resources are of a host that does not heal: what comes back is the attacker's.
		const own = async () => (await flows()).split("\n").filter((flow) => wanted.some((cookie) => flow.includes(cookie)));
		const wanted = [made.wire, made.ip].map(({ kind, name }) => `cookie=0x6e70${flowOwner(markOf(`lab/test/${name}`, kind))}`);
		const healed = before.split("\n").filter((flow) => wanted.some((cookie) => flow.includes(cookie)));
		expect(healed.length).to.be.greaterThan(20);
		await sh(RESTART);
		await eventually(own, healed);
	});
});

describe("the VLAN of an isolated network", function () {
	this.timeout(120_000);
	useLab(1);
	useContainers();
	useResources();

	it("is that of its gateway and members, and changes in place under all of them", async () => {
		const made = await wire({ vlan: 10 });
		const tags = async () =>
			Promise.all([NET.name, String(made.wire.state["hostInterface"])].map((name) => row("Port", name, "tag")));
		expect(await tags()).to.deep.equal([["10"], ["10"]]);
		const reached = async () => [await pings(attacker, GATEWAY), await pings(attacker, IP.v)];
		expect(await reached()).to.deep.equal([true, true]);
		await made.network.update({ ...NET, vlan: 20 });
		expect(await tags()).to.deep.equal([["20"], ["20"]]);
		expect(await reached()).to.deep.equal([true, true]);
		expect(await made.wire.read()).to.deep.equal([]);
		// A member with a VLAN of its own is not the network's business, and out of its reach.
		await made.wire.update({ ...attachment, vlan: 30 });
		await made.network.update(NET);
		expect(await tags()).to.deep.equal([["[]"], ["30"]]);
		expect(await pings(attacker, GATEWAY, 1)).to.equal(false);
		await made.wire.update(attachment);
		expect(await reached()).to.deep.equal([true, true]);
	});
});

describe("the fence around an isolated network", function () {
	this.timeout(120_000);
	useLab(1);
	useContainers();
	useResources();

	/** What UDP servers of the host, at all of its addresses, hear of frames from the attacker. */
	async function heard(frames: Record<string, string>): Promise<string> {
		await sh(`perl -MIO::Socket::INET -e '
			my $s = IO::Socket::INET->new(LocalPort => 7101, Proto => "udp", ReuseAddr => 1) or die;
			open(my $f, ">", "/tmp/ps-ready"); close $f; $SIG{ALRM} = sub { exit }; alarm 60;
			while (defined $s->recv(my $t, 2000)) { open(my $f, ">>", "/tmp/ps-heard"); print $f "heard\n"; close $f }' >/dev/null 2>&1 </dev/null & echo $! >/tmp/ps-pid
			i=0; until [ -e /tmp/ps-ready ] || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done`);
		await arriving(attacker, victim, frames);
		return sh(
			'kill "$(cat /tmp/ps-pid)"; touch /tmp/ps-heard; grep -c heard /tmp/ps-heard || true; rm -f /tmp/ps-ready /tmp/ps-heard /tmp/ps-pid',
		);
	}

	it("stops broadcasts and multicasts too, which a userspace datapath copies to the kernel", async () => {
		const { wire: made } = await wire();
		await made.update({ ...attachment, portSecurity: false });
		const port = String(made.state["hostInterface"]);
		const { address } = (await link(port))!;
		const all = "ff:ff:ff:ff:ff:ff";
		const to = (mac: string, ip: string, from = IP.a) => ethernet(attachment.mac, mac, 0x800, ipv4(from, ip, 17, udp(1, 7101)));
		const frames = {
			"a broadcast": to(all, "255.255.255.255"),
			"a broadcast from nobody": to(all, "255.255.255.255", "0.0.0.0"),
			"the subnet's broadcast": to(all, "10.71.1.255"),
			"a multicast": to("01:00:5e:00:00:01", "224.0.0.1"),
			"the gateway in a broadcast frame": to(all, GATEWAY),
			"the port's own MAC": to(address, GATEWAY),
		};
		expect(await heard(frames)).to.equal("0");
		// On a bridge without a fence they are heard, so the silence above is the fence's.
		await sh("nft delete table inet netplumb");
		expect(Number(await heard(frames))).to.be.greaterThan(0);
	});

	it("keeps isolated clients from each other's broadcasts and multicasts", async () => {
		const { network, wire: made } = await wire({ clients: "isolated" });
		expect(await arriving(attacker, victim, all)).to.deep.equal([]);
		await made.update({ ...attachment, portSecurity: false });
		const groups = {
			multicast: ethernet(attachment.mac, "01:00:5e:00:00:fb", 0x800, ipv4(IP.a, "224.0.0.251", 17, udp(5353, 5353))),
		};
		expect(await arriving(attacker, victim, { ...all, ...groups })).to.deep.equal([]);
		await network.update({ ...NET, clients: "open" });
		expect(await arriving(attacker, victim, groups)).to.deep.equal(["multicast"]);
	});
});
