// Every way in which moving its address can lock people out of a host, on a real one. What does the harm is outside of netplumb: a
// firewall, another manager of the network, a switch. The host has to answer again by itself.
import { spawn } from "node:child_process";
import * as path from "node:path";
import { expect } from "chai";
import { labPowerOff, labPowerOn } from "../../lab";
import { lifecycle } from "../../provider/v1";
import { labDir, on, useLab } from "../support/lab";
import { failure } from "../support/resource";
import {
	answersAfter,
	args,
	armed,
	BRIDGE,
	clean,
	expectAsBefore,
	facts,
	HOST,
	LIMIT,
	lieInWait,
	noHarm,
	onPlain,
	uplink,
} from "./fixture";

const filter = (rule: string) => () =>
	onPlain(`nft "table inet harm { chain input { type filter hook input priority 0; $1; }; }"`, rule);
const NO_LOGIN = /afterwards a new login (failed \(root@[^)]+\)|got no answer in time), so/;

const cases: [what: string, harm: () => Promise<unknown>, reason: RegExp][] = [
	["the address is lost", () => lieInWait(`ip address flush dev ${BRIDGE}`), NO_LOGIN],
	["the routes are lost", () => lieInWait(`ip route flush dev ${BRIDGE}`), NO_LOGIN],
	[
		"only the default route is lost",
		() => lieInWait(`ip route delete default`),
		/afterwards the gateway 10\.99\.\d+\.1 did not answer/,
	],
	["a firewall knows the port on the card only", filter(`iifname ${BRIDGE} tcp dport 22 drop`), NO_LOGIN],
	[
		"new connections are blocked while the old one lives",
		filter(`iifname ${BRIDGE} tcp dport 22 tcp flags & (syn | ack) == syn drop`),
		NO_LOGIN,
	],
	[
		"sshd ends with the address of its card",
		() =>
			onPlain(
				`setsid sh -c 'until [ -e /run/netplumb/guard-*/armed ]; do sleep 0.01; done; kill $(cat /run/sshd.pid)
					while ip -4 address show dev eth0 | grep -q inet; do sleep 0.01; done
					until ip -4 address show dev eth0 | grep -q inet; do sleep 0.05; done; /usr/sbin/sshd -E /var/log/sshd.log' </dev/null >/dev/null 2>&1 &`,
			),
		NO_LOGIN,
	],
	["the card is in the wrong VLAN", () => lieInWait("ovs-vsctl --timeout=5 --no-wait set port eth0 tag=99"), NO_LOGIN],
	["Docker does not answer any more", () => lieInWait("kill -STOP $(pidof dockerd)"), /afterwards Docker did not answer/],
];

describe("a move that locks people out", function () {
	this.timeout(60_000);
	useLab(1, 1);
	before(clean);
	afterEach(clean);

	async function expectAnswer(deadline: number): Promise<void> {
		const late = await answersAfter(deadline);
		console.log(`      a new login ${Math.max(0, late).toFixed(1)} s after the limit of ${LIMIT} s`);
		expect(late).to.be.lessThan(2);
	}

	for (const [what, harm, reason] of cases) {
		it(`because ${what} is taken back by the host`, async () => {
			const before = await facts();
			await harm();
			const failed = failure(uplink().create(args()));
			await expectAnswer(await armed());
			const message = await failed;
			expect(message).to.match(reason);
			expect(message).to.match(/^host 10\.99\.\d+\.211: could not move 10\.99\.\d+\.211\/24 from eth0 to bridge br-up/);
			expect(message).to.match(/, so the host has taken it back$/);
			await noHarm();
			await expectAsBefore(before);
		});
	}

	it("is not begun where the disk does not take what the host shall remember", async () => {
		const before = await facts();
		const one = await uplink().create(args());
		const moved = await facts();
		await onPlain('mount --bind /bin/false "$(command -v sync)"');
		try {
			// Back to its card: then the bridge is one that the host can make again by itself.
			const message = await failure(one.update(args({ uplinks: [] })));
			expect(message).to.match(
				/^host 10\.99\.\d+\.211: \/var\/lib\/netplumb cannot be flushed to the disk, so nothing was changed$/,
			);
		} finally {
			await onPlain('umount "$(command -v sync)"');
		}
		await expectAsBefore(moved);
		await one.delete();
		await expectAsBefore(before);
	});

	/** Another process makes the move; it can be killed as a provider is. */
	function inAnotherProcess(): { kill(): Promise<void> } {
		const child = spawn(process.execPath, ["--import", "tsx", path.join(__dirname, "mover.ts"), JSON.stringify(args())], {
			stdio: ["ignore", "inherit", "inherit"],
		});
		const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
		return {
			kill: () => {
				child.kill("SIGKILL");
				return ended;
			},
		};
	}

	it("is taken back by the host when the provider is killed, and the next run says so", async () => {
		const before = await facts();
		await filter(`iifname ${BRIDGE} tcp dport 22 tcp flags & (syn | ack) == syn drop`)();
		const mover = inAnotherProcess();
		const deadline = await armed();
		await mover.kill();
		await expectAnswer(deadline);
		await noHarm();
		const said: string[] = [];
		const { log } = console;
		console.log = (text: string) => void said.push(text);
		const one = await uplink()
			.create(args())
			.finally(() => {
				console.log = log;
			});
		expect(said.join()).to.match(
			/netplumb: host 10\.99\.\d+\.211: an earlier run was not confirmed and was taken back \(lab\/test\/a: move 10\.99\./,
		);
		await one.delete();
		await expectAsBefore(before);
	});

	it("is waited for by another run, and finished by it when nobody else is left", async () => {
		const before = await facts();
		await filter(`iifname ${BRIDGE} tcp dport 22 tcp flags & (syn | ack) == syn drop`)();
		const mover = inAnotherProcess();
		const deadline = await armed();
		await mover.kill();
		await onPlain("until [ -e /run/netplumb/guard-*/applied ]; do sleep 0.05; done");
		// The watcher is killed as well: a session of its own, whose command line names the guard.
		await onPlain(
			"for p in $(grep -lz '^/run/netplumb/guard-' /proc/[0-9]*/cmdline 2>/dev/null); do p=$(echo $p | tr -dc 0-9); [ $p = $$ ] || kill -KILL $p; done",
		);
		await noHarm();
		expect(await onPlain("ip route show default")).to.contain(BRIDGE);
		// Looks only, as a refresh does: the bridge is gone again.
		const made = uplink();
		const { id } = await lifecycle("OvsBridge").read("x", await made.inputs(args()));
		expect(id).to.equal("");
		expect(await answersAfter(deadline)).to.be.lessThan(10);
		await expectAsBefore(before);
	});

	it("leaves a host that is restarted before its confirmation with its own wiring", async () => {
		await filter(`iifname ${BRIDGE} tcp dport 22 tcp flags & (syn | ack) == syn drop`)();
		const one = uplink();
		const failed = failure(one.create(args()));
		const deadline = await armed();
		await onPlain("until [ -e /run/netplumb/guard-*/applied ]; do sleep 0.05; done");
		const answer = expectAnswer(deadline);
		await labPowerOff(HOST, { dir: labDir });
		await labPowerOn(HOST, { dir: labDir });
		await answer;
		expect(await failed).to.contain("the host was restarted before it was confirmed");
		expect(await onPlain("ip -4 -o address show dev eth0; ip route show default")).to.match(
			/inet 10\.99.*default via \S+ dev eth0/s,
		);
		expect(await on(HOST, "ovs-vsctl", "list-ports", BRIDGE)).to.equal("");
		await one.delete();
		expect((await on(HOST, "ovs-vsctl", "list-br")).split("\n")).to.not.include(BRIDGE);
	});

	it("is not begun when no second connection can be opened", async () => {
		const before = await facts();
		const one = uplink();
		expect(await one.create(args({ uplinks: [] })).then(() => one.read())).to.deep.equal([]);
		// The provider's own connection is open; only new ones are dropped.
		await filter("tcp dport 22 tcp flags & (syn | ack) == syn drop")();
		expect(await failure(one.update(args()))).to.match(
			/could not move .*: a second connection is needed to confirm it, and failed before anything was done \(root@/,
		);
		await noHarm();
		await one.delete();
		await expectAsBefore(before);
	});
});
