// What happens to a host in the middle of up and of destroy that is not the fault of an operation: daemons that end or hang, containers that
// change under the hand, another tool at work, a full /run. `up` fails with sentences or comes to its end; when it is over, the next one
// reaches the goal, and destroy leaves no trace.
import { expect } from "chai";
import { image, inContainer } from "../support/lab";
import { sh } from "../support/wiring";
import { goOn, hangText, killText, start } from "./daemons";
import { armScript, disarm, plantShim, removeShim } from "./fault";
import { Program, remains, startContainer, useProgram, WEB, wiring } from "./program";

interface Happening {
	what: string;
	/** Shell text, run on the host before an operation. */
	harm: string;
	/** What ends it. */
	over?(): Promise<unknown>;
	/** What at least one sentence says while it lasts; undefined where everything may come to its end. */
	says?: RegExp;
	/** True where each operation waits for an answer that does not come. */
	slow?: true;
}

const again = (daemon: "dockerd" | "ovsdb-server" | "ovs-vswitchd" | "sshd") => () => start(daemon);
const goesOn = (daemon: "dockerd" | "ovsdb-server" | "ovs-vswitchd") => () => goOn(daemon);
const HAPPENINGS: Happening[] = [
	{ what: "dockerd is killed", harm: killText("dockerd"), over: () => start("dockerd").then(startContainer) },
	{ what: "ovsdb-server is killed", harm: killText("ovsdb-server"), over: again("ovsdb-server"), slow: true },
	{ what: "ovs-vswitchd is killed", harm: killText("ovs-vswitchd"), over: again("ovs-vswitchd"), slow: true },
	{ what: "ovs-vswitchd hangs", harm: hangText("ovs-vswitchd"), over: goesOn("ovs-vswitchd"), slow: true },
	{ what: "ovsdb-server hangs", harm: hangText("ovsdb-server"), over: goesOn("ovsdb-server"), slow: true },
	{ what: "dockerd hangs", harm: hangText("dockerd"), over: goesOn("dockerd"), slow: true },
	{
		what: "the Docker client hangs",
		harm: "printf '#!/bin/sh\\nexec sleep 600\\n' >/usr/local/sbin/docker; chmod 755 /usr/local/sbin/docker",
		over: () => sh("rm /usr/local/sbin/docker"),
		slow: true,
	},
	{ what: "sshd is killed", harm: killText("sshd"), over: again("sshd") },
	{ what: "the container is stopped", harm: `docker kill ${WEB}`, over: startContainer },
	{ what: "the container gets another name", harm: `docker rename ${WEB} else`, over: () => sh(`docker rename else ${WEB}`) },
	{
		what: "the container is replaced by hand",
		harm: `docker rm -f ${WEB}; docker run -d --name ${WEB} --network none ${image}`,
	},
	{ what: "another tool deletes the bridge", harm: "/usr/bin/ovs-vsctl --timeout=10 --if-exists del-br br-fault" },
	{ what: "another tool deletes our table", harm: "/usr/sbin/nft delete table inet netplumb" },
];
/** `npm run test:faults` asks for all. Which operation is struck is one in the middle; more of them there. */
const asked = process.env["NETPLUMB_FAULTS"] ?? "";
const POINTS = asked === "all" ? [3, 9, 15] : [9];

describe("in the middle of up and destroy", function () {
	this.timeout(0);
	useProgram();
	before(plantShim);
	after(removeShim);

	async function meets({ harm, over, says }: Happening, at: number, work: () => Promise<string[]>): Promise<void> {
		await armScript(harm, at);
		const sentences = await work().finally(async () => {
			const { struck } = await disarm();
			expect(struck, `something happened before operation ${at}`).to.equal(true);
			await over?.();
		});
		console.log(`      ${sentences.length === 0 ? "nothing failed" : sentences.join("\n      ")}`);
		if (says) expect(sentences.join("\n")).to.match(says);
	}

	for (const happening of HAPPENINGS.filter(({ slow }) => !slow || asked !== ""))
		for (const at of POINTS) {
			it(`${happening.what}, before operation ${at} of up: the next up reaches the goal`, async () => {
				const program = await Program.begin();
				await meets(happening, at, async () => Object.values((await program.tries()).errors));
				await program.reaches();
				await program.ends();
			});
			it(`${happening.what}, before operation ${Math.ceil(at / 3)} of destroy: the next one leaves no trace`, async () => {
				const program = await Program.begin();
				await program.reaches(wiring());
				await meets(happening, Math.ceil(at / 3), async () => Object.values((await program.tries({})).errors));
				await program.engine.refresh();
				await program.ends();
			});
		}

	it("the container ends and its pid is another one's: nothing is done to that one", async () => {
		const program = await Program.begin();
		await armScript(
			`pid=$(docker inspect -f '{{.State.Pid}}' ${WEB}); docker kill ${WEB}
			while [ -e /proc/$pid ]; do sleep 0.05; done
			for try in 1 2 3 4 5; do
				echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid; unshare -n sleep 1000 & [ $! -ne $pid ] || break; kill $!
			done
			echo "$pid $!" >/run/fault/reused`,
			1,
		);
		const { errors } = await program.tries({ ...wiring(), port: wiring()["port"]!, net: wiring()["net"]! });
		await disarm();
		const [pid, other] = (await sh("cat /run/fault/reused")).split(" ");
		expect(other, "the pid is used again").to.equal(pid);
		expect(errors["wire"] ?? errors["ip"], JSON.stringify(errors)).to.match(
			/stopped or restarted meanwhile|is not running|exited/,
		);
		const links = await sh(`nsenter -t ${pid} -n ip -o link | wc -l; kill ${pid}`);
		expect(links, "what the other one has").to.equal("1");
		await startContainer();
		await program.reaches();
		await program.ends();
	});

	it("a full /run is refused before any change", async () => {
		const program = await Program.begin();
		const before = await remains();
		await sh('mount -o remount,nr_blocks="$(df --output=used -B4096 /run | tail -n 1 | tr -d " ")" /run');
		const { errors } = await program.tries().finally(() => sh("mount -o remount,size=50% /run"));
		expect(errors["lan"]).to.match(/\/run\/netplumb cannot be (made|written to)/);
		expect(await remains()).to.deep.equal(before);
		await program.reaches();
		await program.ends();
	});

	it("leaves the container as it was", async () => {
		expect(await inContainer("h1", WEB, "ls", "/sys/class/net")).to.equal("lo");
	});
});
