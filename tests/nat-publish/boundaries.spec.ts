// What a published port must not do: touch other traffic, open the host's loopback, or leave anything behind.
import { expect } from "chai";
import { withFirewall } from "../support/firewall";
import { useForeign } from "../support/foreign";
import { on, useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { everything, leavesNoTrace, sh } from "../support/wiring";
import { address, ask, publish, serve, useServers } from "./fixture";

/**
 * Sends UDP packets of its own making, by frames to the MAC of a gateway, so that no routing table of the sender has a say; gives how
 * many arrive at eth1 of np-a at port 3306, and at a socket of h1 at 127.0.0.1:5555.
 */
async function forged(from: "h2" | "np-b", source: string, destination: string): Promise<{ server: number; loopback: number }> {
	const listen = `
		pid=$(docker inspect -f '{{.State.Pid}}' np-a)
		nsenter -t "$pid" -n timeout 3 tcpdump -l -nn -i eth1 udp dst port 3306 2>/dev/null </dev/null | grep -c '10.63.0.11.3306' >/tmp/np-seen &
		perl -MIO::Socket::IP -e '
			my $s = IO::Socket::IP->new(LocalHost => "127.0.0.1", LocalPort => 5555, Proto => "udp", Type => SOCK_DGRAM) or die;
			my $count = 0; $SIG{ALRM} = sub { print $count; exit }; alarm 3; while (1) { $count++ if defined recv($s, my $t, 99, 0) }' </dev/null >/tmp/np-local &
		wait
		echo "$(cat /tmp/np-seen) $(cat /tmp/np-local)"; rm /tmp/np-seen /tmp/np-local`;
	const send = `
		my ($dev, $mac, $source, $destination) = @ARGV;
		my ($index) = qx(ip -o link show dev $dev) =~ /^(\\d+):/;
		my ($own) = qx(ip -o link show dev $dev) =~ m{link/ether (\\S+)};
		my $bytes = sub { pack "C4", split /\\./, shift };
		my $ether = join("", map { pack "H*", s/://gr } $mac, $own) . pack("n", 0x800);
		socket(my $s, 17, 3, 0) or die;
		for my $port (3306, 5555) {
			my $udp = pack("nnnn", 40002, $port, 12, 0) . "test";
			my $head = sub { pack("CCnnnCCn", 0x45, 0, 32, 1, 0, 64, 17, shift) . $bytes->($source) . $bytes->($destination) };
			my $sum = unpack("%32n*", $head->(0)); $sum = ($sum & 0xffff) + ($sum >> 16) while $sum > 0xffff;
			send($s, $ether . $head->(~$sum & 0xffff) . $udp, 0, pack("SnlSCCa8", 17, 0x800, $index, 0, 0, 6, "")) or die $!;
		}`;
	const [device, gateway] = from === "h2" ? ["br-phy", "br-phy"] : ["eth1", "np-br"];
	const mac = await on("h1", "cat", `/sys/class/net/${gateway}/address`);
	const perl = ["perl", "-e", send, device, mac, source, destination];
	const sending = async () => {
		await new Promise((resolve) => setTimeout(resolve, 1000));
		const inside = 'pid=$(docker inspect -f "{{.State.Pid}}" np-b); exec nsenter -t "$pid" -n -- "$@"';
		await (from === "h2" ? on("h2", ...perl) : sh(inside, ...perl));
	};
	const [seen] = await Promise.all([sh(listen), sending()]);
	const [server, loopback] = seen.split(" ").map(Number);
	return { server: server!, loopback: loopback! };
}

describe("around a published port", () => {
	useLab(2);
	useServers();
	useForeign();
	useResources();
	let h1 = "";
	let h2 = "";
	before(async () => {
		[h1, h2] = await Promise.all([address("h1"), address("h2")]);
		await serve("np-a", 3306);
		await serve("np-c", 3306);
		await on("h2", "ip", "route", "replace", "10.63.0.0/24", "via", h1);
	});
	after(() => on("h2", "ip", "route", "delete", "10.63.0.0/24"));

	it("traffic through the host to the same port of a third machine is unchanged", async () => {
		for (const protocol of ["tcp", "udp"] as const) {
			await publish(protocol).create({ protocol, hostPorts: 3306, target: "10.63.0.11" });
			expect(await ask({ from: "h2", to: "10.63.0.13", port: 3306, protocol })).to.equal(`np-c ${h2} 3306`);
			expect(await ask({ from: "h2", to: h1, port: 3306, protocol })).to.equal(`np-a ${h2} 3306`);
		}
	});

	it("a neighbour that sends to the host's loopback addresses reaches nothing, with localhost and after a flush", async () => {
		await publish("p").create({ protocol: "udp", hostPorts: 3306, target: "10.63.0.11", localhost: true });
		expect(await forged("h2", h2, h1), "the frames are good ones").to.deep.equal({ server: 1, loopback: 0 });
		expect(await forged("h2", h2, "127.0.0.1")).to.deep.equal({ server: 0, loopback: 0 });
		expect(await forged("h2", "127.0.0.1", h1), "a forged source").to.deep.equal({ server: 0, loopback: 0 });
		expect(await forged("np-b", "10.63.0.12", "127.0.0.1"), "from behind the bridge").to.deep.equal({ server: 0, loopback: 0 });
		await withFirewall("nft flush chain inet netplumb guard-loopback", async () => {
			expect((await forged("np-b", "10.63.0.12", "127.0.0.1")).loopback, "what the guard is for").to.equal(1);
		});
		await withFirewall("nft flush ruleset", async () => {
			expect(await forged("h2", h2, "127.0.0.1")).to.deep.equal({ server: 0, loopback: 0 });
		});
	});

	it("where Docker drops what is forwarded, one rule in DOCKER-USER lets published ports pass, behind people's own, and nothing else", async () => {
		await withFirewall("iptables -P FORWARD DROP; iptables -I DOCKER-USER -s 203.0.113.5 -j DROP", async () => {
			const before = await sh("iptables -S; iptables -t nat -S");
			expect(await ask({ from: "h2", to: "10.63.0.13", port: 3306 }), "the policy").to.equal("");
			const [one, two] = [publish("p"), publish("q")];
			await one.create({ hostPorts: 3306, target: "10.63.0.11" });
			await two.create({ hostPorts: 3307, target: "10.63.0.13", targetPort: 3306, protocol: "udp" });
			expect(await ask({ from: "h2", to: h1, port: 3306 })).to.equal(`np-a ${h2} 3306`);
			expect(await ask({ from: "h2", to: h1, port: 3307, protocol: "udp" })).to.equal(`np-c ${h2} 3306`);
			expect(await ask({ from: "h2", to: "10.63.0.13", port: 3306 }), "narrow").to.equal("");
			expect((await sh("iptables -S DOCKER-USER | sed 's/ -m comment//'")).split("\n")).to.deep.equal([
				"-N DOCKER-USER",
				"-A DOCKER-USER -s 203.0.113.5/32 -j DROP",
				"-A DOCKER-USER -m mark --mark 0x20000000/0x20000000 --comment netplumb -j ACCEPT",
				"-A DOCKER-USER -j RETURN",
			]);
			expect(await one.read()).to.deep.equal([]);
			await sh("iptables -D DOCKER-USER -m mark --mark 0x20000000/0x20000000 -m comment --comment netplumb -j ACCEPT");
			expect(await one.read()).to.deep.equal(["let DOCKER-USER accept what netplumb forwards"]);
			await one.update({ hostPorts: 3306, target: "10.63.0.11" });
			expect(await ask({ from: "h2", to: h1, port: 3306 })).to.equal(`np-a ${h2} 3306`);
			await one.delete();
			expect(await ask({ from: "h2", to: h1, port: 3307, protocol: "udp" })).to.equal(`np-c ${h2} 3306`);
			await two.delete();
			expect(await sh("iptables -S; iptables -t nat -S")).to.equal(before);
		});
	});

	it("works where there is no DOCKER-USER", async () => {
		await withFirewall("iptables -D FORWARD -j DOCKER-USER; iptables -F DOCKER-USER; iptables -X DOCKER-USER", async () => {
			const one = await publish("p").create({ hostPorts: 3306, target: "10.63.0.11" });
			expect(await ask({ from: "h2", to: h1, port: 3306 })).to.equal(`np-a ${h2} 3306`);
			await one.delete();
		});
	});

	it("a ruleset that somebody flushed or changed shows in a refresh, and the next update mends it", async () => {
		const args = { hostPorts: 3306, target: "10.63.0.11", localhost: true };
		const one = await publish("p").create(args);
		for (const damage of [
			"nft delete table inet netplumb",
			"nft flush chain inet netplumb publish",
			"nft flush map inet netplumb tcp4",
			"echo 0 >/proc/sys/net/ipv4/conf/np-br/route_localnet",
		]) {
			await sh(damage);
			expect(await one.read(), damage).to.not.deep.equal([]);
			await one.update(args);
			expect(await one.read(), damage).to.deep.equal([]);
			expect(await ask({ from: "h2", to: h1, port: 3306 }), damage).to.equal(`np-a ${h2} 3306`);
			expect(await ask({ from: "h1", to: "127.0.0.1", port: 3306 }), damage).to.equal("np-a 10.63.0.1 3306");
		}
	});

	it("leaves no trace, also when the ruleset was flushed meanwhile", async () => {
		await sh("iptables -N ufw-before-input; iptables -A ufw-before-input -i lo -j ACCEPT; iptables -A INPUT -j ufw-before-input");
		for (const damage of ["true", "nft delete table inet netplumb"])
			await leavesNoTrace([], async () => {
				const all = await Promise.all([
					publish("a").create({ hostPorts: 3306, target: "10.63.0.11", localhost: true }),
					publish("b").create({ hostPorts: "4000-13999", target: "10.63.0.11", protocol: "udp", localhost: true }),
					publish("c").create({ hostPorts: 3306, target: "fd00:63::11" }),
					publish("d").create({ hostPorts: 3307, target: "172.17.0.9", allowFrom: ["10.0.0.0/8", "192.0.2.0/24"] }),
					publish("e").create({ hostPorts: "5000-5009", target: "10.63.0.11", targetPort: 6000, protocol: "sctp" }),
				]);
				const list = (await everything()).join("\n");
				expect(list).to.contain("table inet netplumb").and.to.contain("net.ipv4.conf.np-br.route_localnet = 1");
				expect(list).to.contain("table inet foreign").and.to.contain("ufw-before-input");
				await sh(damage);
				await Promise.all(all.map((one) => one.delete()));
			});
		await sh("iptables -D INPUT -j ufw-before-input; iptables -F ufw-before-input; iptables -X ufw-before-input");
	});
});
