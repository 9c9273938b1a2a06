// Five hosts, every encapsulation, mesh and hub, IPv4 and IPv6 inside: traffic, and no frame twice.
import { expect } from "chai";
import { arrivals } from "../support/inject";
import { labHost, on, useLab } from "../support/lab";
import { itAsRoot } from "../support/login";
import { bulk, fits, within } from "../support/sites";
import { discard, exampleStack, fetchFrom, succeed } from "../support/stacks";

const names = ["h1", "h2", "h3", "h4", "h5"];
const site = (host: string) => ({ host, container: `mesh-${host}` });

/** One ARP request, as ping would send it, but with an address and a text that are found again. */
const ARP = `
socket(my $s, 17, 3, 0) or die $!;
my ($index) = qx(ip -o link show dev eth1) =~ /^(\\d+):/;
my $frame = pack("H*", "ffffffffffff" . "020000000077" . "0806" . "0001080006040001" . "020000000077" . "0a4600fd" . "000000000000" . "0a4600fe");
send($s, $frame . "<arp>" . "\\0" x 20, 0, pack("SnlSCCa8", 17, 3, $index, 0, 0, 6, "")) or die $!;`;

describe("an OverlayNetwork of five hosts", function () {
	this.timeout(180_000);
	useLab(5);

	const stack = exampleStack("overlay-mesh");
	let made = false;
	before(() =>
		stack.setConfig({ image: "netplumb/busybox:1", hosts: Object.fromEntries(names.map((name) => [name, labHost(name)])) }),
	);
	after(() => discard(stack));

	/** How often one ARP request of h1's container arrives at each of the others. */
	async function counted(): Promise<Record<string, number>> {
		const others = names.slice(1);
		const send = async () => {
			// When all listen.
			await new Promise((resolve) => setTimeout(resolve, 500));
			await within(site("h1"), "perl", "-e", ARP);
		};
		const sent = send();
		const heard = await Promise.all(others.map((host) => arrivals(site(host), () => sent)));
		return Object.fromEntries(others.map((host, index) => [host, heard[index]!.length]));
	}

	/** How many frames arrive at h3's container while h1's asks for nobody, once a second, and the network changes. */
	async function framesWhile(change: () => Promise<unknown>): Promise<number> {
		const received = async () => Number((await within(site("h3"), "cat", "/proc/net/dev")).match(/eth1: *\d+ +(\d+)/)![1]);
		const before = await received();
		// So that nobody asks another one whether it is still there, by the hub, in the very moment of the change (docs/overlay-network.md).
		for (const host of names) await within(site(host), "ip", "neighbour", "flush", "dev", "eth1");
		const asking = "/run/mesh-asks";
		await on("h1", "touch", asking);
		const asked = within(
			site("h1"),
			"sh",
			"-c",
			`while [ -e ${asking} ]; do ping -c 1 -W 1 10.70.0.250 >/dev/null 2>&1 || :; done`,
		);
		await change().finally(() => on("h1", "rm", asking));
		await asked;
		return (await received()) - before;
	}

	/** Whether h4's bridge takes the container of h5 to be behind its tunnel to h1. */
	async function seenByHub(): Promise<boolean> {
		const ask = async (script: string, ...words: string[]) => (await on("h4", "sh", "-ec", script, "-", ...words)).trim();
		const tunnel = await ask('ovs-vsctl --bare --columns=name find interface "options:remote_ip=$1"', labHost("h1").address);
		const [bridge, port] = (await ask('ovs-vsctl iface-to-br "$1"; ovs-vsctl get interface "$1" ofport', tunnel)).split("\n");
		const mac = /link\/ether (\S+)/.exec(await within(site("h5"), "ip", "-o", "link", "show", "dev", "eth1"))![1]!;
		const entries = (await ask('ovs-appctl fdb/show "$1"', bridge!)).split("\n");
		return entries.some((line) => line.includes(mac) && line.trim().split(/\s+/)[0] === port);
	}

	const costs = { vxlan: 50, geneve: 50, gre: 42 };
	// Each becomes the next one: another topology, another encapsulation.
	for (const [type, topology] of [
		["vxlan", "mesh"],
		["vxlan", "hub"],
		["geneve", "hub"],
		["geneve", "mesh"],
		["gre", "mesh"],
		["gre", "hub"],
	] as const) {
		itAsRoot(`carries TCP both ways and whole packets, and no frame twice: ${type}, ${topology}`, async () => {
			await stack.setConfig({ type, topology });
			const up = () => succeed(stack, "up");
			// While one topology becomes another, some hosts have the tunnels of both: no moment may be a loop.
			if (!made) await up();
			else expect(await framesWhile(up), "frames while the network changed").to.be.below(500);
			made = true;
			if (topology === "mesh") expect(await seenByHub(), "what h4 had learned by the hub").to.equal(false);
			const { addresses } = (await stack.outputs()) as { addresses: Record<string, string> };
			for (const to of names.slice(1)) expect(await fetchFrom("h1", "mesh-h1", addresses[to]!, "/name")).to.equal(to);
			for (const [from, to] of [
				["h4", "h5"],
				["h2", "h3"],
			] as const)
				expect(await fetchFrom(from, `mesh-${from}`, addresses[to]!, "/name")).to.equal(to);
			const mtu = 1500 - costs[type];
			for (const family of ["-4", "-6"]) {
				const shown = await within(site("h3"), "ip", "-j", family, "address", "show", "dev", "eth1", "scope", "global");
				const far = (JSON.parse(shown) as { addr_info: { local?: string }[] }[]).flatMap(({ addr_info }) => addr_info ?? [])[0]!
					.local!;
				expect(await fits(site("h2"), far, mtu), `${mtu} bytes to ${far}`).to.equal(true);
				expect(await bulk(site("h2"), site("h3"), far), `bytes to ${far}`).to.be.greaterThan(1_000_000);
				expect(await bulk(site("h2"), site("h3"), far, 1, "-R"), `bytes from ${far}`).to.be.greaterThan(1_000_000);
			}
			expect(await counted()).to.deep.equal({ h2: 1, h3: 1, h4: 1, h5: 1 });
			const ports = await on("h2", "sh", "-c", `ovs-vsctl --bare --columns=type find interface type=${type} | grep -c ${type}`);
			expect(ports, "tunnels on h2").to.equal(topology === "mesh" ? "4" : "1");
		});
	}
});
