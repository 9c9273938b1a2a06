// Every ordered pair of networks that a host has, over TCP and UDP, against what the program declares.
import { expect } from "chai";
import { useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { sh } from "../support/wiring";
import { PUBLIC, reaches, useNetworks } from "./fixture";

const ends = ["a", "a2", "b", "c1", "c2", "d", "u", "k", "n", "h1", "h2", "public"];

/** What is declared, from whom to whom; the networks that are nobody's business here (u, k, n to each other) are left out. */
const declared: Record<string, string[]> = {
	a: ["a2", "b"],
	a2: ["a", "b"],
	b: [],
	c1: [],
	c2: [],
	d: ["public"],
	// The host reaches its own networks; nobody else enters.
	h1: ["a", "a2", "b", "c1", "c2", "d"],
	h2: [],
	u: [],
	k: [],
	n: [],
};
const isolated = ["a", "a2", "b", "c1", "c2", "d"];

describe("isolated networks", function () {
	this.timeout(300_000);
	useLab(2);
	useResources();
	const { addresses, networks } = useNetworks();

	/** What is reached, with both protocols; a pair that differs between them stands as "to/protocol". */
	async function matrix(): Promise<Record<string, string[]>> {
		const rows = Object.keys(declared).map(async (from) => {
			const others = isolated.includes(from) ? ends.filter((to) => to !== from) : isolated;
			const found: string[] = [];
			for (const to of others) {
				const target = to === "public" ? PUBLIC : addresses[to]!;
				const [tcp, udp] = [await reaches(from, target, "tcp"), await reaches(from, target, "udp")];
				if (tcp && udp) found.push(to);
				else if (tcp || udp) found.push(`${to}/${tcp ? "tcp" : "udp"}`);
			}
			return [from, found] as const;
		});
		return Object.fromEntries(await Promise.all(rows));
	}

	it("reach what is declared and nothing else", async () => {
		expect(await matrix()).to.deep.equal(declared);
	});

	it("have nothing of the host but what is declared at the gateway", async () => {
		for (const protocol of ["tcp", "udp"] as const) {
			expect(await reaches("c1", "10.70.3.1", protocol), `declared ${protocol}`).to.equal(true);
			expect(await reaches("c1", addresses["h1"]!, protocol), `another address ${protocol}`).to.equal(false);
			expect(await reaches("c1", "10.70.1.1", protocol), `another gateway ${protocol}`).to.equal(false);
			expect(await reaches("a", "10.70.1.1", protocol), `not declared ${protocol}`).to.equal(false);
		}
		const pings = (from: string, to: string) =>
			sh(
				'nsenter -t "$(docker inspect -f "{{.State.Pid}}" "$1")" -n ping -c 1 -W 1 "$2" >/dev/null && echo yes || echo no',
				`iso-${from}`,
				to,
			);
		expect(await pings("a", "10.70.1.1")).to.equal("yes");
		expect(await pings("a", addresses["h1"]!)).to.equal("no");
	});

	it("stay so when a Docker network comes and FORWARD drops", async () => {
		await sh("docker network create --subnet 10.70.7.0/24 iso-more >/dev/null; iptables -P FORWARD DROP");
		try {
			await networks["netd"]!.update({ name: "netd", subnet: "10.70.4.0/24", egress: "internet", services: ["udp/9"] });
			const updated = await networks["netb"]!.read();
			expect(updated).to.be.an("array");
			await networks["netb"]!.update({ name: "netb", subnet: "10.70.2.0/24", allow: ["neta"], services: ["udp/9"] });
			expect(await matrix()).to.deep.equal(declared);
		} finally {
			await sh("iptables -P FORWARD ACCEPT; docker network rm iso-more >/dev/null");
		}
	});

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

	it("end what was allowed at once, and let members meet when they are told to", async () => {
		await networks["netb"]!.update({ name: "netb", subnet: "10.70.2.0/24", services: ["udp/9"] });
		expect(await reaches("a", addresses["b"]!, "tcp")).to.equal(false);
		await networks["netc"]!.update({ name: "netc", subnet: "10.70.3.0/24", clients: "open", services: ["udp/9"] });
		expect(await reaches("c1", addresses["c2"]!, "tcp")).to.equal(true);
	});
});
