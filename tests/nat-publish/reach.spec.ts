// Who reaches a published port, and whom the server sees.
import { expect } from "chai";
import { image, on, useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { removeContainers, sh } from "../support/wiring";
import { address, ask, type Client, publish, serve, useServers } from "./fixture";

describe("a published port", () => {
	useLab(2);
	useServers();
	useResources();
	let h1 = "";
	let h2 = "";
	before(async () => {
		[h1, h2] = await Promise.all([address("h1"), address("h2")]);
		await serve("np-a", 3306, 8000, 8007, 9007);
		await serve("np-b", 3306, 8000);
	});

	for (const protocol of ["tcp", "udp"] as const) {
		it(`answers over ${protocol}, and the server sees the client's address`, async () => {
			const one = await publish("p").create({ protocol, hostPorts: 3306, target: "10.63.0.11" });
			expect(await ask({ from: "h2", to: h1, port: 3306, protocol })).to.equal(`np-a ${h2} 3306`);
			expect(await ask({ from: "h1", to: h1, port: 3306, protocol })).to.match(/^np-a /);
			const other = protocol === "tcp" ? "udp" : "tcp";
			expect(await ask({ from: "h2", to: h1, port: 3306, protocol: other }), other).to.equal("");
			expect(await one.read()).to.deep.equal([]);
			await one.delete();
			expect(await ask({ from: "h2", to: h1, port: 3306, protocol })).to.equal("");
		});

		it(`answers over ${protocol} and IPv6`, async () => {
			await publish("p").create({ protocol, hostPorts: 3307, target: "fd00:63::11", targetPort: 3306 });
			expect(await ask({ from: "h2", to: "fd00:99::11", port: 3307, protocol })).to.equal("np-a fd00:99::12 3306");
			expect(await ask({ from: "container np-b", to: "fd00:63::1", port: 3307, protocol }), "hairpin").to.match(/^np-a /);
			expect(await ask({ from: "h2", to: h1, port: 3307, protocol }), "IPv4").to.equal("");
		});
	}

	it("carries SCTP", async () => {
		await publish("p").create({ protocol: "sctp", hostPorts: 2905, target: "10.63.0.11", targetPort: 2906 });
		// The kernel of a lab need not have SCTP sockets, so the INIT chunk (RFC 9260, 3.3.2) is written by hand.
		const dump = `nsenter -t "$(docker inspect -f '{{.State.Pid}}' np-a)" -n timeout 10 tcpdump -l -nn -i eth1 -c 1 sctp 2>&1 </dev/null & sleep 1; wait`;
		const [seen] = await Promise.all([sh(dump), sendInit(h1)]);
		expect(seen).to.contain(`${h2}.40000 > 10.63.0.11.2906: sctp`);
	});

	it("answers over udp for allowFrom and at 127.0.0.1 too, and is silent for others", async () => {
		const args = { protocol: "udp" as const, hostPorts: 3306, target: "10.63.0.11" };
		const from = (client: Client, to = h1) => ask({ from: client, to, port: 3306, protocol: "udp" });
		const one = await publish("p").create({ ...args, allowFrom: ["10.63.0.0/24"], localhost: true });
		expect(await Promise.all([from("h2"), from("container np-b"), from("h1", "127.0.0.1")])).to.deep.equal([
			"",
			"np-a 10.63.0.1 3306",
			"np-a 10.63.0.1 3306",
		]);
		await one.update({ ...args, allowFrom: [`${h2}/32`] });
		expect(await Promise.all([from("h2"), from("container np-b"), from("h1", "127.0.0.1")])).to.deep.equal([
			`np-a ${h2} 3306`,
			"",
			"",
		]);
	});

	it("looks closed from outside allowFrom, and is open again when that changes in place", async () => {
		const args = { hostPorts: 3306, target: "10.63.0.11" };
		const one = await publish("p").create({ ...args, allowFrom: ["192.0.2.0/24", "10.63.0.0/24"] });
		expect(await ask({ from: "h2", to: h1, port: 3306 })).to.equal("");
		expect(await ask({ from: "container np-b", to: h1, port: 3306 })).to.match(/^np-a /);
		expect(await ask({ from: "h1", to: h1, port: 3306 }), "the host itself").to.match(/^np-a /);
		await one.update({ ...args, allowFrom: [`${h2}/32`] });
		expect(await ask({ from: "h2", to: h1, port: 3306 })).to.equal(`np-a ${h2} 3306`);
		expect(await ask({ from: "container np-b", to: h1, port: 3306 })).to.equal("");
	});

	for (const protocol of ["tcp", "udp"] as const)
		it(`takes a client in the target's own network around the corner over ${protocol}, and nobody else`, async () => {
			const args = { protocol, hostPorts: 3306, target: "10.63.0.11" };
			const one = await publish("p").create(args);
			const from = (client: Client, to = h1) => ask({ from: client, to, port: 3306, protocol });
			for (const to of [h1, "10.63.0.1"]) expect(await from("container np-b", to), to).to.equal("np-a 10.63.0.1 3306");
			expect(await from("container np-a"), "the target itself").to.equal("np-a 10.63.0.1 3306");
			expect(await from("h2")).to.equal(`np-a ${h2} 3306`);
			await one.update({ ...args, hairpin: false });
			expect(await from("container np-b")).to.equal("");
			expect(await from("h2")).to.equal(`np-a ${h2} 3306`);
		});

	it("answers at 127.0.0.1 where localhost is set, and not before", async () => {
		const args = { hostPorts: 3306, target: "10.63.0.11" };
		const one = await publish("p").create(args);
		const local = () => ask({ from: "h1", to: "127.0.0.1", port: 3306 });
		const routed = () => on("h1", "sysctl", "-n", "net.ipv4.conf.np-br.route_localnet");
		expect([await local(), await routed()]).to.deep.equal(["", "0"]);
		await one.update({ ...args, localhost: true });
		expect([await local(), await routed()]).to.deep.equal(["np-a 10.63.0.1 3306", "1"]);
		expect(await on("h1", "sysctl", "-n", "net.ipv4.conf.all.route_localnet")).to.equal("0");
		expect(await one.read()).to.deep.equal([]);
		await one.update({ ...args, hostIp: h1, localhost: true });
		expect([await local(), await ask({ from: "h2", to: h1, port: 3306 })]).to.deep.equal([
			"np-a 10.63.0.1 3306",
			`np-a ${h2} 3306`,
		]);
		await one.update({ ...args, hostIp: "127.0.0.1", localhost: true });
		expect([await local(), await ask({ from: "h2", to: h1, port: 3306 })]).to.deep.equal(["np-a 10.63.0.1 3306", ""]);
		await one.update(args);
		expect([await local(), await routed()]).to.deep.equal(["", "0"]);
	});

	it("takes a range as one element, keeps its ports, and shifts them where targetPort says so", async () => {
		const args = { hostPorts: "8000-17999", target: "10.63.0.11" };
		const one = await publish("p").create(args);
		const map = await sh("nft list map inet netplumb tcp4");
		expect(map).to.contain("8000-17999 comment").and.to.not.match(/, *$/m);
		expect(await ask({ from: "h2", to: h1, port: 8007 })).to.equal(`np-a ${h2} 8007`);
		await one.update({ ...args, hostPorts: "8000-8009", targetPort: 9000 });
		expect(await ask({ from: "h2", to: h1, port: 8007 })).to.equal(`np-a ${h2} 9007`);
		expect(await one.read()).to.deep.equal([]);
	});

	it("changes every input in place", async () => {
		const one = await publish("p").create({ hostPorts: 3306, target: "10.63.0.11" });
		await one.update({ hostPorts: 3306, target: "10.63.0.12" });
		expect(await ask({ from: "h2", to: h1, port: 3306 })).to.equal(`np-b ${h2} 3306`);
		await one.update({ hostPorts: 3310, target: "10.63.0.12", targetPort: 8000 });
		expect(await ask({ from: "h2", to: h1, port: 3310 })).to.equal(`np-b ${h2} 8000`);
		expect(await ask({ from: "h2", to: h1, port: 3306 })).to.equal("");
		await one.update({ hostPorts: 3310, target: "10.63.0.12", targetPort: 8000, hostIp: "192.0.2.1" });
		expect(await ask({ from: "h2", to: h1, port: 3310 })).to.equal("");
		await one.update({ hostPorts: 3310, target: "10.63.0.12", targetPort: 8000, hostIp: h1, protocol: "udp" });
		expect(await ask({ from: "h2", to: h1, port: 3310, protocol: "udp" })).to.equal(`np-b ${h2} 8000`);
		await one.update({ hostPorts: 3310, target: "fd00:63::12", targetPort: 8000, protocol: "udp" });
		expect(await ask({ from: "h2", to: "fd00:99::11", port: 3310, protocol: "udp" })).to.equal("np-b fd00:99::12 8000");
		expect(await one.read()).to.deep.equal([]);
	});

	it("moves a UDP sender that never pauses to the new target at once", async () => {
		const args = { protocol: "udp", hostPorts: 3306 };
		const send = `perl -MIO::Socket::IP -MIO::Select -e '
			my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 3306, Proto => "udp", LocalPort => 40001, Type => SOCK_DGRAM);
			my $end = time + 12; my $last = "";
			while (time < $end) {
				send $s, "?", 0;
				while (IO::Select->new($s)->can_read(0.02)) { defined sysread($s, my $text, 2000) or last; my ($name) = split " ", $text; print "$name\\n" if $name ne $last; $last = $name }
			}' "$1"`;
		const sender = on("h2", "sh", "-c", send, "-", h1);
		const wait = () => new Promise((resolve) => setTimeout(resolve, 1500));
		await wait();
		const one = await publish("p").create({ ...args, target: "10.63.0.11" });
		await wait();
		await one.update({ ...args, target: "10.63.0.12" });
		await wait();
		await one.update({ ...args, target: "10.63.0.11" });
		await wait();
		await one.delete();
		const tracked = await sh("conntrack -L -p udp --orig-port-dst 3306 2>/dev/null | grep -c 'src=10.63' || true");
		expect(tracked, "nothing leads to the target any more").to.equal("0");
		expect((await sender).split("\n")).to.deep.equal(["np-a", "np-b", "np-a"]);
	});

	it("is refused where the port is taken, with the name of its holder", async () => {
		const refusal = (hostPorts: string | number) =>
			publish("q")
				.create({ hostPorts, target: "10.63.0.12" })
				.then(
					() => "",
					(error: Error) => error.message,
				);
		await publish("p").create({ hostPorts: "8000-8010", target: "10.63.0.11" });
		expect(await refusal(8003)).to.contain("found tcp port 8000-8010 taken by NatPublish lab/test/p-");
		expect(await refusal("20-25")).to.contain('found tcp port 22 taken by the listener "sshd", expected 20-25 to be free');
		await sh(`docker run -d --name np-docker -p 8099:80 ${image} >/dev/null`);
		try {
			expect(await refusal(8099)).to.contain(`taken by Docker's container "np-docker"`);
		} finally {
			await removeContainers("np-docker");
		}
		expect(await ask({ from: "h2", to: h1, port: 8000 })).to.equal(`np-a ${h2} 8000`);
	});

	it("is either one or the other when two want it at once, also in ranges that overlap", async () => {
		const two = await Promise.allSettled([
			publish("p").create({ hostPorts: "8000-8010", target: "10.63.0.11" }),
			publish("q").create({ hostPorts: "8005-8020", target: "10.63.0.12" }),
		]);
		expect(two.map(({ status }) => status).sort()).to.deep.equal(["fulfilled", "rejected"]);
	});
});

async function sendInit(to: string): Promise<void> {
	const script = `
		my $init = pack("nnNN", 40000, 2905, 0, 0) . pack("CCn NNnnN", 1, 0, 20, 1, 65535, 1, 1, 1);
		my $crc = 0xffffffff;
		for my $byte (unpack "C*", $init) { $crc ^= $byte; $crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8 }
		substr($init, 8, 4) = pack("V", $crc ^ 0xffffffff);
		socket(my $s, 2, 3, 132) or die $!;
		for (1 .. 15) { send($s, $init, 0, pack("Sna4x8", 2, 0, pack("C4", split /\\./, $ARGV[0]))) or die $!; select(undef, undef, undef, 0.2) }`;
	await on("h2", "perl", "-e", script, to);
}
