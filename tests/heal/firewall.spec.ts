// Boundaries and published ports that the host brings back by itself, and what holds while it does not.
import { expect } from "chai";
import { labReboot } from "../../lab";
import { address } from "../nat-publish/fixture";
import { useForeign } from "../support/foreign";
import { expectTrouble } from "../support/hygiene";
import { image, labDir, labHost, on, useLab } from "../support/lab";
import { Resource } from "../support/resource";
import { eventually, inside, removeContainers, sh } from "../support/wiring";
import { agentStatus, remains, restartDocker, restartSwitch } from "./fixture";

const members = {
	"heal-web": ["heal-iso", "10.78.1.10"],
	"heal-peer": ["heal-iso", "10.78.1.11"],
	"heal-out": ["heal-other", "10.78.2.10"],
};
const names = Object.keys(members);
const healed = (kind: ConstructorParameters<typeof Resource>[0], name: string) =>
	new Resource(kind, name, { host: labHost("h1") });

describe("healing of nftables", function () {
	this.timeout(300_000);
	useLab(2);
	expectTrouble(
		"it makes nft fail, and fights with the agent",
		/agent: \S+: failed: \w/,
		/agent: \S+: degraded: .*again and again: \w/,
	);
	useForeign();

	let untouched: unknown;
	let resources: Resource[];
	let h1: string;
	const publish = () => healed("NatPublish", "heal-web");
	const published = { hostPorts: 7880, target: "10.78.1.10", targetPort: 80 };
	const connect = [
		"perl",
		"-MIO::Socket::INET",
		"-e",
		'print "yes" if IO::Socket::INET->new(PeerAddr => $ARGV[0], Timeout => 1)',
	];
	const answers = () => on("h2", ...connect, `${h1}:7880`);
	/** What the boundary forbids: from another bridge of the same host into the isolated network. */
	const leaks = () => inside("heal-out", ...connect, "10.78.1.11:80");
	const whole = async () => {
		await eventually(answers, "yes");
		for (const resource of resources) await eventually(() => resource.read(), []);
		expect(await leaks()).to.equal("");
		expect(await agentStatus()).to.not.match(/^(failed|degraded|damaged)/m);
	};
	const ruleset = () => sh("nft list table inet netplumb | sed 's/counter.*//'");
	/** Milliseconds until the table is as it was, asked every 20 ms. */
	const timed = async (damage: string) => {
		const script = `before=$(nft list table inet netplumb | md5sum)
from=$(date +%s%N)
${damage}
until [ "$(nft list table inet netplumb 2>/dev/null | md5sum)" = "$before" ] || [ $(( $(date +%s%N) - from )) -gt 30000000000 ]; do sleep 0.02; done
echo $(( ($(date +%s%N) - from) / 1000000 ))`;
		return Number(await sh(script));
	};

	before(async () => {
		await removeContainers(...names);
		untouched = await remains();
		await sh("iptables -P FORWARD DROP; iptables -n -L DOCKER-USER >/dev/null");
		h1 = await address("h1");
		const run = `printf '%s\\n' "$@" | xargs -P 4 -I {} docker run -d --name {} --restart always --network none --stop-timeout 0 ${image} httpd -f -p 80`;
		await sh(run, ...names);
		resources = [
			await healed("IsolatedNetwork", "heal-iso").create({ name: "heal-iso", subnet: "10.78.1.0/24", egress: "internet" }),
			await healed("OvsBridge", "heal-other").create({ name: "heal-other", addresses: ["10.78.2.1/24"] }),
		];
		for (const [container, [bridge, ip]] of Object.entries(members)) {
			const gateway = ip!.replace(/\d+$/, "1");
			resources.push(await healed("VethAttachment", container).create({ container, bridge }));
			const args = { container, interface: "eth1", addresses: [`${ip}/24`], gateway };
			resources.push(await healed("StaticContainerIp", container).create(args));
		}
		resources.push(await publish().create(published));
	});

	it("keeps a desired state for boundary and port, and a refresh finds nothing", async () => {
		expect(await sh("ls /var/lib/netplumb/desired | wc -l")).to.equal("9");
		await whole();
	});

	it("mends a flushed ruleset in one transaction", async () => {
		const before = await ruleset();
		const times: number[] = [];
		for (let count = 0; count < 3; count++) times.push(await timed("nft flush ruleset"));
		console.log(`      nft flush ruleset: mended after ${times.join(", ")} ms`);
		expect(await ruleset()).to.equal(before);
		await whole();
	});

	/** More than three times a minute would be a fight. */
	const forgive = () => sh("rm -f /run/netplumb/agent.d/*.history");

	for (const [what, damage] of [
		[
			"a rule",
			'nft delete rule inet netplumb fence handle "$(nft -a list chain inet netplumb fence | sed -n "s/.*drop .*# handle //p" | tail -n 1)"',
		],
		["a chain's rules", "nft flush chain inet netplumb fence"],
		["an element of a boundary", "nft delete element inet netplumb net '{ \"heal-iso\" }'"],
		["an element of a published port", "nft flush map inet netplumb tcp4-port"],
		["the whole table", "nft delete table inet netplumb"],
	] as const)
		it(`brings back ${what}`, async () => {
			await forgive();
			console.log(`      after ${await timed(damage)} ms`);
			await whole();
		});

	it("lets Docker's chain accept again, after a flush of it and after a restart of dockerd", async () => {
		await forgive();
		const accepts = () => sh("iptables -S DOCKER-USER | grep -c -- '-m comment --comment netplumb -j ACCEPT' || true");
		await restartDocker();
		// The policy went with the flush before, and Docker drops by it alone.
		await sh("iptables -P FORWARD DROP");
		await eventually(accepts, "1");
		await sh("iptables -F DOCKER-USER");
		await eventually(accepts, "1");
		await whole();
	});

	it("is whole after all its containers restarted, and after a reboot", async () => {
		await forgive();
		await sh('docker restart -t 0 "$@" >/dev/null', ...names);
		await whole();
		await labReboot("h1", { dir: labDir });
		await whole();
	});

	it("keeps the boundary closed while the agent is dead, and a container that starts meanwhile outside", async () => {
		await forgive();
		await sh("sh /var/lib/netplumb/agent stop");
		expect(await agentStatus()).to.match(/^agent\t2\tstopped$/m);
		expect(await answers()).to.equal("yes");
		expect(await leaks()).to.equal("");
		await sh("docker restart -t 0 heal-peer >/dev/null");
		expect(await inside("heal-peer", "ip", "-br", "link")).to.not.contain("eth1");
		await sh("sh /var/lib/netplumb/agent start");
		await whole();
	});

	it("lets nobody into a network whose boundary cannot be made, and says which", async () => {
		await forgive();
		await sh("nft=$(readlink -f $(command -v nft)); mount --bind /bin/false $nft; docker restart -t 0 heal-peer >/dev/null");
		await eventually(async () => /^failed\tVethAttachment\t.*heal-peer.*said nothing/m.test(await agentStatus()), true);
		expect(await sh("ovs-vsctl list-ports heal-iso")).to.not.contain("heal-peer");
		await sh("umount $(readlink -f $(command -v nft)); echo check >/run/netplumb/events");
		await whole();
	});

	it("stops fighting over the table, says so, and goes on after the next up", async () => {
		await forgive();
		await sh("for i in 1 2 3 4 5; do nft delete table inet netplumb 2>/dev/null || :; sleep 1; done");
		await eventually(
			async () => (await agentStatus()).match(/^degraded\t(NatPublish|IsolatedNetwork)\t.*again and again: \w/gm)?.length,
			2,
		);
		for (const resource of [resources[0]!, resources.at(-1)!]) expect(await resource.read()).to.not.deep.equal([]);
		await resources[0]!.update({ name: "heal-iso", subnet: "10.78.1.0/24", egress: "internet" });
		await resources.at(-1)!.update(published);
		await sh("echo check >/run/netplumb/events");
		await whole();
	});

	it("brings back a tunnel and its guard: a deleted port, a restart of ovs-vswitchd, a flushed ruleset, a reboot", async () => {
		const end = async (name: string, key: number, more = {}) =>
			healed("OvsTunnel", name).create({ bridge: "heal-other", type: "vxlan", remote: await address("h2"), key, ...more });
		const tunnel = await end("heal-tun", 78);
		const second = await end("heal-two", 79, { remote: "192.0.2.9" });
		const ports = () => sh("ovs-vsctl list-ports heal-other | grep '^heal-tu' || true");
		const name = await ports();
		const expectBack = async () => {
			await eventually(ports, name);
			for (const one of [tunnel, second]) await eventually(async () => (await one.read())?.join(), "");
			expect(await sh("nft list set inet netplumb tunnel-from4")).to.contain("192.0.2.9");
		};
		expect(await tunnel.read(), "a second tunnel is nothing to the first").to.deep.equal([]);
		await sh("ovs-vsctl --timeout=20 del-port $1", name.split("\n")[0]!);
		await expectBack();
		await restartSwitch();
		await expectBack();
		await forgive();
		await sh("nft flush ruleset");
		await expectBack();
		await labReboot("h1", { dir: labDir });
		await expectBack();
		await second.delete();
		expect(await sh("nft list set inet netplumb tunnel-from4")).to.not.contain("192.0.2.9");
		await tunnel.delete();
	});

	it("takes away with heal: false what was there, and leaves no trace when all is deleted", async () => {
		await forgive();
		await whole();
		const before = await ruleset();
		for (const resource of resources) {
			const still = new Resource(resource.kind, resource.name, { host: labHost("h1", { heal: false }) });
			Object.assign(still, { id: resource.id, state: { ...resource.state, host: labHost("h1", { heal: false }) } });
			await still.read();
			expect(still.state["drift"], resource.name).to.deep.equal(["end the healing on the host"]);
			await still.repair();
		}
		expect(await sh("ls /var/lib/netplumb 2>/dev/null | wc -l")).to.equal("0");
		expect(await sh("ps ax -o args | grep -c '[n]etplumb/agent' || true")).to.equal("0");
		expect(await ruleset()).to.equal(before);
		for (const resource of [...resources].reverse()) await resource.delete();
		await removeContainers(...names);
		await sh("iptables -P FORWARD ACCEPT");
		expect(await remains()).to.deep.equal(untouched);
	});
});
