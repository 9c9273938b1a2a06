import { expect } from "chai";
import { labReboot } from "../../lab";
import { useForeign } from "../support/foreign";
import { expectTrouble } from "../support/hygiene";
import { labDir, useLab } from "../support/lab";
import { eventually, inside, link, sh } from "../support/wiring";
import {
	agentStatus,
	agentTime,
	answered,
	BRIDGE,
	despiteDocker,
	expectWhole,
	figures,
	remains,
	restart,
	restartDocker,
	restartSwitch,
	unwire,
	type Wired,
	wire,
} from "./fixture";

/** 50 in `npm run test:heal`. */
const RESTARTS = Number(process.env["NETPLUMB_RESTARTS"] ?? 10);
const names = Array.from({ length: 20 }, (_, index) => `heal-${index}`);

describe("healing on the host", function () {
	this.timeout(300_000);
	useLab(1);
	expectTrouble("it fights with the agent, and damages files", /agent: \S+: (?:degraded: .*again and again: \w|damaged)/);
	expectTrouble("containers end and start while the agent is at work in them, and it tries again", /agent: \S+: failed: \w/);
	useForeign();

	let untouched: unknown;
	let wired: Wired;
	const whole = async (...containers: string[]) => {
		await answered(containers);
		await expectWhole(wired);
	};

	before(async () => {
		untouched = await remains();
		wired = await wire(names);
	});

	it("keeps one private file for each resource, and says that all is well", async () => {
		expect(await sh("stat -c '%a %U' /var/lib/netplumb /var/lib/netplumb/desired /run/netplumb")).to.equal(
			"700 root\n700 root\n700 root",
		);
		expect(await sh("stat -c '%a %U %F' /var/lib/netplumb/desired/* | sort | uniq -c")).to.match(/^\s*41 600 root regular file$/);
		await sh("echo check >/run/netplumb/events");
		for (let tries = 0; tries < 100 && (await agentStatus()).match(/^ok\t/gm)?.length !== 41; tries++) await sh("sleep 0.2");
		expect((await agentStatus()).match(/^ok\t/gm)).to.have.length(41);
	});

	const itDespiteDocker = (title: string, test: () => Promise<void>) => it(title, despiteDocker(names, test));

	itDespiteDocker(`brings back ${RESTARTS} restarts of one container, with the same MAC`, async () => {
		const mac = (await link("eth1", names[0]))!.address;
		const used = await agentTime();
		const times: number[] = [];
		for (let count = 0; count < RESTARTS; count++) times.push(...(await restart(names[0]!)));
		console.log(
			`      one container, ${figures(times)}; processor time of the agent: ${((await agentTime()) - used) / RESTARTS} ms each`,
		);
		await whole(names[0]!);
		expect((await link("eth1", names[0]))!.address).to.equal(mac);
		expect(await agentStatus()).to.not.contain("degraded");
	});

	itDespiteDocker("brings back twenty containers that restart at once", async () => {
		console.log(`      twenty at once, ${figures(await restart(...names))}`);
		await whole(...names);
	});

	it("makes again what another tool deletes from the host", async () => {
		await sh(`ovs-vsctl --timeout=20 del-br ${BRIDGE}`);
		await whole(...names);
	});

	it("brings all back after a restart of ovs-vswitchd", async () => {
		await restartSwitch();
		await whole(...names);
	});

	it("brings all back after a restart of dockerd", async () => {
		await restartDocker();
		await whole(...names);
	});

	it("brings all back after a reboot", async () => {
		await labReboot("h1", { dir: labDir });
		await whole(...names);
	});

	itDespiteDocker("goes on when the agent is killed", async () => {
		const agent = () => sh("cut -d ' ' -f 1 /run/netplumb/agent.d/process 2>/dev/null || true");
		const pid = await agent();
		expect(pid).to.match(/^\d+$/);
		await sh(`kill -9 ${pid}`);
		await eventually(async () => !["", pid].includes(await agent()), true);
		await restart(names[1]!);
		await whole(names[1]!);
	});

	itDespiteDocker("stops fighting, says so, and begins again when the container does", async () => {
		await sh(`for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	nsenter -n -t "$(docker inspect -f '{{.State.Pid}}' ${names[2]})" ip address flush dev eth1
	echo check >/run/netplumb/events
	sleep 1
done`);
		await eventually(async () => /^degraded\tStaticContainerIp\t.*heal-2.*10\.77\.0\.3\/24/m.test(await agentStatus()), true);
		expect(await inside(names[2]!, "ip", "-br", "address", "show", "eth1")).to.not.contain("10.77.0.3");
		await restart(names[2]!);
		await whole(names[2]!);
		expect(await agentStatus()).to.not.contain("degraded");
	});

	it("uses no file that does not match its checksum, nor one of somebody else", async () => {
		await sh(`cd /var/lib/netplumb/desired
file=$(grep -l heal-3- 3-*)
echo 'touch /run/netplumb/tripwire' >>"$file"
ln -s /etc/passwd 3-ffff
mkfifo 3-eeee
echo check >/run/netplumb/events`);
		await eventually(async () => (await agentStatus()).match(/^damaged\t/gm)?.length, 2);
		expect(await sh("ls /run/netplumb")).to.not.contain("tripwire");
		await sh("rm /var/lib/netplumb/desired/3-ffff /var/lib/netplumb/desired/3-eeee");
		const address = wired.addresses[3]!;
		expect(await address.read()).to.deep.equal(["keep the desired state on the host"]);
		await address.update({ container: names[3], interface: "eth1", addresses: ["10.77.0.4/24"], gateway: "10.77.0.254" });
		await whole(names[3]!);
	});

	it("leaves no trace, and what is not ours was never touched", async () => {
		await unwire(wired, names);
		expect(await remains()).to.deep.equal(untouched);
		expect(await sh("ps ax -o args | grep -c '[n]etplumb/agent' || true")).to.equal("0");
	});
});
