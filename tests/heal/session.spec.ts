// A connection between two attached containers outlives everything that netplumb and Docker do on the host.
import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { useLab } from "../support/lab";
import { eventually, sh } from "../support/wiring";
import { agentStatus, expectWhole, remains, restartDocker, unwire, type Wired, wire } from "./fixture";

const names = ["heal-0", "heal-1"];
const LAST = "ends with its containers, and nothing is left";

/** One TCP connection; the client sends a number every 20 ms, reads it back, and writes it down. It ends at the first miss. */
const START = `rm -rf /tmp/heal-session; mkdir -p /tmp/heal-session
within() { pid=$(docker inspect -f '{{.State.Pid}}' "$1"); shift; setsid nsenter -n -t "$pid" -- perl -MIO::Socket::INET -e "$@" >/dev/null 2>&1 </dev/null & echo $! >>/tmp/heal-session/pids; }
within heal-0 'my $s = IO::Socket::INET->new(LocalPort => 7000, Listen => 1, ReuseAddr => 1) or die; my $c = $s->accept; while (<$c>) { print $c $_ }'
within heal-1 'my $c; until ($c = IO::Socket::INET->new(PeerAddr => "10.77.0.1:7000")) { select undef, undef, undef, 0.1 }
	for (my $i = 1; ; $i++) {
		print $c "$i\\n"; my $line = <$c>; exit unless defined $line && $line == $i;
		open my $f, ">", "/tmp/heal-session/new"; print $f "$i"; close $f; rename "/tmp/heal-session/new", "/tmp/heal-session/count";
		select undef, undef, undef, 0.02;
	}'
until [ -s /tmp/heal-session/count ]; do sleep 0.1; done`;
const STOP = 'while read -r pid; do kill "$pid" 2>/dev/null || :; done </tmp/heal-session/pids; rm -rf /tmp/heal-session';

describe("a TCP session between two containers", function () {
	this.timeout(120_000);
	useLab(1);
	useForeign();

	let untouched: unknown;
	let wired: Wired;
	const count = async () => Number(await sh("cat /tmp/heal-session/count"));
	const expectAlive = async () => {
		const before = await count();
		await eventually(async () => (await count()) > before, true);
	};

	before(async () => {
		await restartDocker("--live-restore");
		untouched = await remains();
		wired = await wire(names);
		await sh(START);
	});
	after(async () => {
		await restartDocker();
	});
	afterEach(async function () {
		if (this.currentTest?.title !== LAST) await expectAlive();
	});

	it("survives a restart of dockerd with live-restore", async () => {
		await restartDocker("--live-restore");
		await sh("echo check >/run/netplumb/events; sleep 2");
		expect(await agentStatus()).to.not.match(/^(failed|degraded)/m);
	});

	it("survives a restart of the agent", async () => {
		await sh("sh /var/lib/netplumb/agent stop; sh /var/lib/netplumb/agent start");
		await eventually(async () => (await agentStatus()).match(/^ok\t/gm)?.length, 5);
	});

	it("survives an upgrade of the agent, which takes over in its place", async () => {
		const pid = () => sh("cut -d ' ' -f 1 /run/netplumb/agent.d/process");
		await sh(`sh /var/lib/netplumb/agent stop
sed -i -e 's/^# netplumb agent [0-9]*$/# netplumb agent 1/' -e 's/^version=[0-9]*$/version=1/' /var/lib/netplumb/agent
sh /var/lib/netplumb/agent start`);
		await eventually(async () => (await agentStatus()).split("\n")[0], "agent\t1\trunning");
		const old = await pid();
		const [address] = wired.addresses;
		const args = { container: "heal-0", interface: "eth1", gateway: "10.77.0.254" };
		await address!.update({ ...args, addresses: ["10.77.0.1/24", "10.77.0.101/24"] });
		await eventually(async () => (await agentStatus()).split("\n")[0], "agent\t2\trunning");
		await eventually(() => sh("tail -n 1 /var/lib/netplumb/log | cut -d ' ' -f 2-"), "agent 2 started");
		expect(await pid()).to.equal(old);
		await address!.update({ ...args, addresses: ["10.77.0.1/24"] });
	});

	it("leaves a newer agent where it is", async () => {
		await sh(
			"sed -i -e 's/^# netplumb agent [0-9]*$/# netplumb agent 99/' -e 's/^version=[0-9]*$/version=99/' /var/lib/netplumb/agent",
		);
		await wired.addresses[1]!.update({
			container: "heal-1",
			interface: "eth1",
			gateway: "10.77.0.254",
			addresses: ["10.77.0.2/24", "10.77.0.102/24"],
		});
		expect((await agentStatus()).split("\n")[0]).to.equal("agent\t99\trunning");
	});

	it("survives a second up, which does nothing", async () => {
		await expectWhole(wired);
		const before = await remains();
		for (const resource of [wired.bridge, ...wired.attachments, ...wired.addresses]) await resource.repair();
		expect(await remains()).to.deep.equal(before);
	});

	it(LAST, async () => {
		await expectAlive();
		await sh(STOP);
		await unwire(wired, names);
		expect(await remains()).to.deep.equal(untouched);
	});
});
