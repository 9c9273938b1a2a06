// A published port and Docker beside it: restarts of dockerd, changes of its networks, its own chains.
import { expect } from "chai";
import { restartDocker, settleDocker } from "../support/dockerd";
import { NEWER_CHAINS, NO_CHAINS, withFirewall } from "../support/firewall";
import { image, on, useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { removeContainers, sh } from "../support/wiring";
import { address, ask, publish } from "./fixture";

const RULES = "nft list table inet netplumb; iptables -S DOCKER-USER";

/** A web server on the other host is the target: no restart of Docker on h1 ends it. */
const SERVE = `perl -MIO::Socket::IP -e '
	my $s = IO::Socket::IP->new(LocalHost => "::", V6Only => 0, LocalPort => 3399, Listen => 9, ReuseAddr => 1) or die;
	print "ready\\n"; close STDOUT;
	while (1) { my $c = $s->accept or next; print $c "away ", ($c->peerhost =~ s/^::ffff://r), "\\n"; close $c }' 2>/dev/null </dev/null`;

describe("a published port beside Docker", () => {
	useLab(2);
	useResources();
	let h1 = "";
	let h2 = "";
	before(async () => {
		[h1, h2] = await Promise.all([address("h1"), address("h2")]);
		await on(
			"h2",
			"bash",
			"-ec",
			`exec 3< <(${SERVE.replace("perl", "exec setsid perl")} & echo $! >/tmp/np-away); read -r ready <&3`,
		);
	});
	after(async () => {
		await on("h2", "sh", "-c", 'kill "$(cat /tmp/np-away)"; rm /tmp/np-away');
		await sh("iptables -P FORWARD ACCEPT");
		await settleDocker();
		await removeContainers("np-other");
	});

	it("outlives restarts of dockerd and changes of its networks", async () => {
		await sh("iptables -P FORWARD DROP");
		const one = await publish("p").create({ hostPorts: 3399, target: h2 });
		const before = await sh(RULES);
		expect(before).to.contain("--comment netplumb");
		for (const disturbance of [
			"docker network create np-net >/dev/null",
			"docker network rm np-net >/dev/null",
			"restart",
			"docker network create np-net >/dev/null; docker network rm np-net >/dev/null",
			"restart",
		]) {
			await (disturbance === "restart" ? restartDocker() : sh(disturbance));
			expect(await sh(RULES)).to.equal(before);
			expect(await ask({ from: "h1", to: h1, port: 3399 }), disturbance).to.equal(`away ${h1}`);
			expect(await one.read()).to.deep.equal([]);
		}
	});

	describe("to a container of Docker's own", () => {
		before(() =>
			sh(`docker network create np-net >/dev/null
				docker run -d --name np-web ${image} sh -c 'mkdir /www && echo hello >/www/index.html && httpd -f -p 80 -h /www' >/dev/null
				docker run -d --name np-near ${image} sleep 600 >/dev/null
				docker run -d --name np-far --network np-net ${image} sleep 600 >/dev/null`),
		);
		after(async () => {
			await removeContainers("np-web", "np-near", "np-far");
			await sh("docker network rm np-net >/dev/null");
		});

		for (const [chains, script] of Object.entries({
			"its own chains": "true",
			"its own chains and a policy that drops": "iptables -P FORWARD DROP",
			"no chains of its own": NO_CHAINS,
			"the chains of Docker 28 and 29": NEWER_CHAINS,
		}))
			it(`leads from its network, from another one and from outside, with ${chains}`, () =>
				withFirewall(script, async () => {
					const target = await sh("docker inspect -f '{{.NetworkSettings.IPAddress}}' np-web");
					const one = await publish("p").create({ hostPorts: 8085, target, targetPort: 80 });
					const get = `perl -MIO::Socket::IP -e 'my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 8085, Timeout => 2) or exit; print $s "GET / HTTP/1.0\\r\\n\\r\\n"; my @l = <$s>; print $l[-1]' ${h1}`;
					const inside = (name: string) => sh(`nsenter -t "$(docker inspect -f '{{.State.Pid}}' ${name})" -n ${get}`);
					expect(await inside("np-near"), "its own network").to.equal("hello");
					expect(await inside("np-far"), "another network of Docker's").to.equal("hello");
					expect(await on("h2", "sh", "-c", get), "outside").to.equal("hello");
					await one.delete();
				}));
	});
});
