// Every ordered pair of networks that a host has, over TCP and UDP, against what the program declares.
import { expect } from "chai";
import { restartDocker, useLiveRestore } from "../support/dockerd";
import { NEWER_CHAINS, NO_CHAINS, withFirewall } from "../support/firewall";
import { useLab } from "../support/lab";
import { Resource, useResources } from "../support/resource";
import { sh } from "../support/wiring";
import { NETWORKS, network, PUBLIC, reaches, useNetworks } from "./fixture";
import { advertise, sendAs } from "./forged";
import { type Matrix, survey } from "./survey";

/** Members of isolated networks, and everybody else on the host and outside of it. */
const isolated = ["a", "a2", "b", "c1", "c2", "d"];
const others = ["u", "k", "n", "h1", "h2", "public"];
const ends = [...isolated, ...others];

/** What is declared, from whom to whom. The host reaches its own networks; nobody else enters. */
const declared: Matrix = {
	a: ["a2", "b"],
	a2: ["a", "b"],
	b: [],
	c1: [],
	c2: [],
	d: ["public"],
	h1: isolated,
};

describe("isolated networks", function () {
	this.timeout(300_000);
	useLab(2);
	useResources();
	useLiveRestore();
	/** Who of the others reached whom of them before there was an isolated network, by the policy of FORWARD. */
	const unrelated: Record<"ACCEPT" | "DROP", Matrix> = { ACCEPT: {}, DROP: {} };
	const { addresses, networks } = useNetworks(async () => {
		for (const policy of ["DROP", "ACCEPT"] as const) {
			await sh(`iptables -P FORWARD ${policy}`);
			unrelated[policy] = await survey(others, addresses, { h1: ["u", "k", "n", "h2", "public"] });
		}
	});

	/** `before`: what the others reached of each other; without it, only pairs with an isolated network are looked at. */
	async function expectDeclared(when: string, before?: Matrix): Promise<void> {
		const row = (from: string) => [...(declared[from] ?? []), ...(before?.[from] ?? [])];
		const expected = Object.fromEntries(ends.filter((end) => end !== "public").map((from) => [from, row(from)]));
		const found = await survey(ends, addresses, expected);
		if (!before)
			for (const from of Object.keys(found))
				if (others.includes(from)) found[from] = found[from]!.filter((to) => isolated.includes(to.split("/")[0]!));
		expect(found, when).to.deep.equal(expected);
	}

	/** What `pulumi up --refresh` does. */
	async function refresh(): Promise<void> {
		for (const [name, network] of Object.entries(networks))
			if ((await network.read())!.length > 0) await network.update({ name, ...NETWORKS[name as keyof typeof NETWORKS] });
	}

	it("are compared with what the host's other networks reached before", () => {
		expect(unrelated.ACCEPT["h1"]).to.deep.equal(["u", "k", "n", "h2", "public"]);
		expect(unrelated.ACCEPT["k"]).to.include.members(["h1", "h2", "public"]);
		expect(unrelated.ACCEPT["u"]).to.include("h1");
	});

	it("reach what is declared and nothing else, each pair of all networks", () => expectDeclared("at first", unrelated.ACCEPT));

	it("have nothing of the host but what is declared at the gateway", async () => {
		const found = (from: string, to: string) =>
			Promise.all((["tcp", "udp"] as const).map((protocol) => reaches(from, to, protocol)));
		expect(await found("c1", "10.70.3.1"), "declared").to.deep.equal([true, true]);
		const others = { "another address": addresses["h1"]!, "another gateway": "10.70.1.1" };
		await Promise.all([
			...Object.entries(others).map(async ([what, to]) => expect(await found("c1", to), what).to.deep.equal([false, false])),
			found("a", "10.70.1.1").then((both) => expect(both, "not declared").to.deep.equal([false, false])),
		]);
		const pings = (from: string, to: string) =>
			sh(
				'nsenter -t "$(docker inspect -f "{{.State.Pid}}" "$1")" -n ping -c 1 -W 1 "$2" >/dev/null && echo yes || echo no',
				`iso-${from}`,
				to,
			);
		expect(await pings("a", "10.70.1.1")).to.equal("yes");
		expect(await pings("a", addresses["h1"]!)).to.equal("no");
	});

	it("stay so when a Docker network comes, FORWARD drops, and dockerd restarts", async () => {
		await sh("docker network create --subnet 10.70.7.0/24 iso-more >/dev/null; iptables -P FORWARD DROP");
		try {
			await refresh();
			await expectDeclared("with a new network of Docker's", unrelated.DROP);
			await restartDocker();
			await expectDeclared("after a restart of dockerd", unrelated.DROP);
		} finally {
			await sh("iptables -P FORWARD ACCEPT; docker network rm iso-more >/dev/null");
		}
		await restartDocker();
		await expectDeclared("after another restart", unrelated.ACCEPT);
	});

	for (const [chains, script] of Object.entries({
		"without Docker's chains": NO_CHAINS,
		"with the chains of Docker 28 and 29": NEWER_CHAINS,
	}))
		it(`are the same ${chains}`, () =>
			withFirewall(script, async () => {
				if (script === NO_CHAINS) await restartDocker("--iptables=false");
				await refresh();
				await expectDeclared(chains);
				expect(await sh("iptables -S DOCKER-USER 2>/dev/null || true"), chains).to.equal(
					script === NO_CHAINS
						? ""
						: "-N DOCKER-USER\n-A DOCKER-USER -m mark --mark 0x20000000/0x20000000 -m comment --comment netplumb -j ACCEPT",
				);
			}).finally(() => restartDocker()));

	it("let nothing out with an address that is not theirs", async () => {
		const capture = `pid=$(docker inspect -f '{{.State.Pid}}' iso-d)
			nsenter -t $pid -n ip address add 10.70.4.99/32 dev lo; nsenter -t $pid -n ip address add 198.51.100.9/32 dev lo
			out=$(mktemp); tcpdump -i br-phy -nn -l "udp port 9999" >"$out" 2>&1 & dump=$!
			i=0; until grep -q listening "$out" || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done
			for source in 198.51.100.9 10.70.4.10; do
				nsenter -t $pid -n perl -MIO::Socket::INET -e 'IO::Socket::INET->new(LocalHost => $ARGV[0], PeerHost => "${PUBLIC}", PeerPort => 9999, Proto => "udp")->send("x")' $source
			done
			i=0; until grep -q '9999: UDP' "$out" || [ $((i += 1)) -gt 60 ]; do sleep 0.05; done
			sleep 0.3; kill $dump; wait $dump 2>/dev/null || true
			grep -c '9999: UDP' "$out"; rm -f "$out"`;
		expect(await sh(capture)).to.equal("1");
	});

	it("let nothing in with an address that is not the sender's, whatever rp_filter says", async () => {
		const b = addresses["b"]!;
		const off =
			"for dev in all br-phy; do cat /proc/sys/net/ipv4/conf/$dev/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/$dev/rp_filter; done";
		const [all, phy] = (await sh(off)).split("\n");
		const capture = sh(
			`nsenter -t "$(docker inspect -f '{{.State.Pid}}' iso-b)" -n timeout 4 tcpdump -l -nn -i eth1 udp dst port 9999 2>/dev/null </dev/null || true`,
		);
		await new Promise((resolve) => setTimeout(resolve, 1500));
		for (const source of [addresses["a"]!, "10.70.2.11", "10.70.2.1", addresses["h1"]!, "127.0.0.1", PUBLIC])
			await sendAs(source, b);
		const honest = `nsenter -t "$(docker inspect -f '{{.State.Pid}}' iso-a)" -n perl -MIO::Socket::INET -e 'IO::Socket::INET->new(PeerHost => $ARGV[0], PeerPort => 9999, Proto => "udp")->send("x")' "$1"`;
		await sh(honest, b);
		const arrived = (await capture)
			.split("\n")
			.filter((line) => line.includes(" IP "))
			.map((line) => / IP ([\d.]+)\.\d+ > /.exec(line)?.[1]);
		await sh(`echo ${all} >/proc/sys/net/ipv4/conf/all/rp_filter; echo ${phy} >/proc/sys/net/ipv4/conf/br-phy/rp_filter`);
		expect(arrived).to.deep.equal([addresses["a"]]);
	});

	it("do not make a router of a container for the host, nor does a bridge of netplumb's", async () => {
		const plain = await new Resource("OvsBridge", "ra").create({ name: "iso-ra", addresses: ["fd00:71::1/64"] });
		const six = await network("six").create({ name: "iso-six", subnet: "fd00:72::/64", egress: "all" });
		const attach = (bridge: string, dev: string) =>
			new Resource("VethAttachment", dev).create({ container: "iso-d", bridge, interface: dev });
		const wires = [await attach("iso-ra", "eth2"), await attach("iso-six", "eth3")];
		const accept = (bridge: string) => sh(`echo 2 >/proc/sys/net/ipv6/conf/${bridge}/accept_ra`);
		expect(await advertise("d", "eth2", "iso-ra")).to.equal("");
		expect(await advertise("d", "eth3", "iso-six")).to.equal("");
		await accept("iso-ra");
		await accept("iso-six");
		expect(await advertise("d", "eth2", "iso-ra"), "what it would do").to.contain("default via fe80::99");
		expect(await advertise("d", "eth3", "iso-six"), "the fence alone").to.equal("");
		for (const one of [...wires, six, plain]) await one.delete();
	});

	it("end what was allowed at once, and let members meet when they are told to", async () => {
		await networks["netb"]!.update({ name: "netb", subnet: "10.70.2.0/24", services: ["udp/9"] });
		expect(await reaches("a", addresses["b"]!, "tcp")).to.equal(false);
		await networks["netc"]!.update({ name: "netc", subnet: "10.70.3.0/24", clients: "open", services: ["udp/9"] });
		expect(await reaches("c1", addresses["c2"]!, "tcp")).to.equal(true);
	});
});
