// The nftables table in front of the ends of tunnels. A userspace datapath takes tunnel frames off the card before the kernel's firewall
// sees them, and looks at remote and key itself (injection.spec.ts); so here the port of the tunnel is taken away by hand, and a
// plain socket hears what the kernel lets in, as its own tunnels would.
import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { inject } from "../support/inject";
import { labHost, makeContainer, on, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { leavesNoTrace, sh, vsctl } from "../support/wiring";
import { address, BRIDGE, TUNNEL, tunnel, useBridges } from "./fixture";

const KEY = 7;
const types = ["vxlan", "geneve", "gre"] as const;
const basic = (more: Record<string, unknown> = {}) => ({ type: "vxlan", key: KEY, remote: address("h2"), ...more });
const table = () => sh("nft list table inet netplumb 2>/dev/null || true");

const LISTEN = `
use Socket;
my $port = shift;
$port ? socket(S, AF_INET, SOCK_DGRAM, 17) && bind(S, pack_sockaddr_in($port, INADDR_ANY)) : socket(S, AF_INET, SOCK_RAW, 47) or die $!;
$| = 1; print "ready\\n";
while (1) { recv(S, my $packet, 9000, 0); print "$1\\n" if $packet =~ /(<[a-z0-9-]+>)/ }`;

/** What arrives at a socket of h1 where the tunnels of a type do, while `work` runs. */
async function heard(type: (typeof types)[number], work: () => Promise<unknown>): Promise<string[]> {
	const port = { vxlan: "4789", geneve: "6081", gre: "0" }[type];
	await sh(
		`perl -e "$1" "$2" >/run/tg-heard 2>&1 </dev/null & echo $! >/run/tg-pid
		i=0; until grep -q ready /run/tg-heard || [ $((i += 1)) -gt 100 ]; do sleep 0.05; done`,
		LISTEN,
		port,
	);
	try {
		await work();
		await new Promise((resolve) => setTimeout(resolve, 300));
	} finally {
		await sh('kill "$(cat /run/tg-pid)"');
	}
	const text = await sh("cat /run/tg-heard; rm -f /run/tg-heard /run/tg-pid");
	return text.split("\n").filter((line) => line.startsWith("<"));
}

describe("the guard of tunnel ends", function () {
	this.timeout(60_000);
	useLab(3);
	useBridges("h1");
	useForeign();
	useResources();

	const send = (host: string, type: string, text: string, more = {}) =>
		inject({ host, type, key: KEY, to: address("h1"), text: `<${text}>`, ...more });

	for (const type of types)
		it(`lets in frames of the declared far end only: ${type}`, async () => {
			await tunnel().create(basic({ type }));
			await vsctl("del-port", TUNNEL);
			const texts = await heard(type, async () => {
				await send("h2", type, "declared");
				await send("h3", type, "third");
				await send("h2", type, "declared-again");
			});
			expect(texts).to.deep.equal(["<declared>", "<declared-again>"]);
			// The same socket hears the third host where there is no guard.
			await tunnel()
				.create(basic({ type }))
				.then((one) => one.delete());
			expect(await table()).to.equal("");
			expect(await heard(type, () => send("h3", type, "third"))).to.deep.equal(["<third>"]);
		});

	it("drops a far end's address that comes in where no route leads to it: from a container", async () => {
		await sh("docker rm -f tg-forger >/dev/null 2>&1 || true");
		await makeContainer("h1", "tg-forger", "--network=bridge");
		try {
			const forge = `nsenter -t "$(docker inspect -f '{{.State.Pid}}' tg-forger)" -n perl -e '
				use Socket;
				my ($from, $to) = @ARGV;
				my $packet = pack("NN", 0x08000000, ${KEY} << 8) . "<forged>";
				$packet = pack("nnnn", 54321, 4789, 8 + length $packet, 0) . $packet;
				socket(my $s, AF_INET, SOCK_RAW, 255) or die $!;
				send($s, pack("CCnnnCCna4a4", 0x45, 0, 20 + length $packet, 1, 0, 64, 17, 0, inet_aton($from), inet_aton($to)) . $packet, 0, pack_sockaddr_in(0, inet_aton($to))) or die $!;
			' "$1" "$2"`;
			const forged = () => heard("vxlan", () => sh(forge, address("h2"), address("h1")));
			expect(await forged(), "without a guard").to.deep.equal(["<forged>"]);
			await tunnel().create(basic());
			await vsctl("del-port", TUNNEL);
			expect(await forged()).to.deep.equal([]);
		} finally {
			await sh("docker rm -f tg-forger >/dev/null");
		}
	});

	it("lets a kernel's own tunnel of somebody else work on the same port, and refuses one that takes anybody", async () => {
		const link = (host: string, remote: string) =>
			on(
				host,
				"sh",
				"-ec",
				`ip link add tg-vx type vxlan id 9 ${remote} dstport 8472 local ${address(host)}
				ip address add 10.72.0.${host.slice(1)}/24 dev tg-vx; ip link set tg-vx up`,
			);
		const pings = () => sh("ping -c 1 -W 2 10.72.0.3 >/dev/null 2>&1 && echo yes || echo no");
		await on("h3", "ip", "link", "delete", "tg-vx").catch(() => undefined);
		await link("h3", `remote ${address("h1")}`);
		try {
			await link("h1", `remote ${address("h3")}`);
			expect(await pings()).to.equal("yes");
			await tunnel().create(basic({ port: 8472 }));
			await vsctl("del-port", TUNNEL);
			expect(await pings()).to.equal("yes");
			await sh("ip link delete tg-vx");
			await link("h1", "");
			expect(await failure(tunnel("h1", "open").create(basic({ port: 8472, name: "tg-open" })))).to.contain(
				'port: found interface "tg-vx", which takes tunnel frames at udp port 8472 from anybody, expected',
			);
			expect(await vsctl("list-ports", BRIDGE)).to.equal("");
		} finally {
			await sh("ip link delete tg-vx 2>/dev/null || true");
			await on("h3", "ip", "link", "delete", "tg-vx");
		}
	});

	it("is shown by refresh and mended by up when somebody flushes it", async () => {
		const one = await tunnel().create(basic());
		const whole = await table();
		await sh("nft delete element inet netplumb tunnel '{ udp . 4789 }'");
		expect(await one.read()).to.deep.equal(["close udp port 4789 to hosts without a tunnel"]);
		await sh("nft delete table inet netplumb");
		expect((await one.read())?.join("; ")).to.contain("write the rules");
		await one.update(basic());
		expect(await table()).to.equal(whole);
		expect(await one.read()).to.deep.equal([]);
	});

	it("is made at once for many tunnels, beside a published port and its rule, and leaves no trace", async () => {
		await leavesNoTrace([], async () => {
			const args = (index: number) => basic({ name: `tg-${index}`, key: index, remote: address(index % 2 ? "h2" : "h3") });
			const many = [1, 2, 3, 4, 5, 6].map((index) => tunnel("h1", `many-${index}`));
			const published = new Resource("NatPublish", "tg-web", { host: labHost("h1", { heal: false }) });
			await Promise.all([
				...many.map((one, index) => one.create(args(index + 1))),
				published.create({ hostPorts: "8099", target: "172.17.0.9" }),
			]);
			for (const one of many) expect(await one.read()).to.deep.equal([]);
			await published.delete();
			await Promise.all(many.slice(1).map((one) => one.delete()));
			expect(await many[0]!.read()).to.deep.equal([]);
			expect(await table())
				.to.contain(`${address("h2")} . udp . 4789`)
				.and.not.contain(address("h3"));
			await many[0]!.delete();
		});
	});
});
