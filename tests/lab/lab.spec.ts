import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
	freeze,
	hostExec,
	hostInfo,
	labDown,
	labPowerOff,
	labPowerOn,
	labProblem,
	labReboot,
	labStatus,
	labUp,
	sshBanner,
	thaw,
} from "../../lab/index";
import { killRecorded, readRecord } from "../../lab/process";
import { tryRun } from "../../lab/run";
import { labProcesses, machine, startOf } from "./machine";

/** The system's ssh with nothing but the lab's own files. */
function ssh(dir: string, name: string, command: string, options: { user?: string; knownHosts?: string } = {}) {
	const host = hostInfo(name, { dir });
	const knownHosts = options.knownHosts ?? host.knownHostsFile;
	const settings = ["BatchMode=yes", "IdentitiesOnly=yes", "StrictHostKeyChecking=yes", `UserKnownHostsFile=${knownHosts}`];
	const flags = ["-F", "/dev/null", "-n", "-i", host.identityFile, ...settings.flatMap((setting) => ["-o", setting])];
	return tryRun(["ssh", ...flags, `${options.user ?? host.user}@${host.address}`, command]);
}

describe("lab", function () {
	this.timeout(60_000);
	const untouched = labProblem() === undefined ? machine() : undefined;
	let dir: string;
	let link: string;
	const exec = async (name: string, ...argv: string[]) => {
		const { stdout, stderr, exitCode } = await hostExec(name, argv, { dir });
		expect(exitCode, stderr).to.equal(0);
		return stdout;
	};

	before(async function () {
		const problem = labProblem();
		if (problem !== undefined) {
			if (process.env["CI"]) throw new Error(problem);
			console.log(`      skipped: ${problem}`);
			return this.skip();
		}
		dir = mkdtempSync("/var/tmp/netplumb-lab-test-");
		link = (await labUp({ dir, hosts: 2 })).link!;
	});
	after(async () => {
		if (dir) await labDown({ dir });
	});

	it("answers SSH with the lab's key and a verified host key", async () => {
		for (const name of ["h1", "h2"]) {
			const { stdout, stderr } = await ssh(
				dir,
				name,
				"hostname; docker version --format ok; ovs-vsctl br-exists br-phy && echo br",
			);
			expect(stdout, stderr).to.equal(`${name}\nok\nbr`);
		}
	});

	it("gives every host a host key of its own", async () => {
		const wrong = join(dir, "hosts", "wrong-known-hosts");
		writeFileSync(wrong, `${hostInfo("h1", { dir }).address} ${hostInfo("h2", { dir }).hostKey}\n`);
		const { exitCode, stderr } = await ssh(dir, "h1", "true", { knownHosts: wrong });
		expect(exitCode).to.equal(255);
		expect(stderr).to.contain("Host key verification failed");
	});

	it("has a user with sudo and one without", async () => {
		expect((await ssh(dir, "h1", "id -u; sudo -n id -u", { user: "ops" })).stdout).to.equal("61001\n0");
		const without = await ssh(dir, "h1", "sudo -n id -u", { user: "nobody-ops" });
		expect(without.exitCode).to.not.equal(0);
		expect(without.stdout).to.equal("");
	});

	it("carries TCP between hosts and keeps them apart otherwise", async () => {
		const script = 'exec 3<>"/dev/tcp/$1/22"; head -c 8 <&3';
		expect(await exec("h1", "bash", "-c", script, "-", hostInfo("h2", { dir }).address)).to.equal("SSH-2.0-");
		expect(await exec("h1", "docker", "run", "--rm", "netplumb/busybox:1", "echo", "hello")).to.equal("hello");
		expect(await exec("h1", "docker", "run", "-d", "--name", "web", "--restart", "always", "netplumb/busybox:1")).to.match(
			/^\w{64}$/,
		);
		expect(await exec("h2", "docker", "ps", "-aq")).to.equal("");
	});

	it("leaves a running lab alone when it goes up again", async () => {
		const pids = labStatus({ dir }).hosts.map(({ pid }) => pid);
		const again = await labUp({ dir });
		expect(again.hosts.map(({ pid }) => pid)).to.deep.equal(pids);
	});

	it("reboots a host with its disk and a fresh /run", async () => {
		const made = ["/etc/kept", "/var/lib/netplumb/kept", "/run/lost", "/tmp/lost"];
		await exec("h1", "sh", "-c", `mkdir -p /var/lib/netplumb; touch ${made.join(" ")}; ovs-vsctl add-br kept`);
		await exec("h1", "ip", "link", "add", "lost", "type", "veth", "peer", "name", "lost2");
		await labReboot("h1", { dir });
		expect(await exec("h1", "sh", "-c", `ls ${made.join(" ")} 2>/dev/null; true`)).to.equal("/etc/kept\n/var/lib/netplumb/kept");
		expect(await exec("h1", "ovs-vsctl", "list-br")).to.equal("br-phy\nkept");
		expect(await exec("h1", "ip", "-o", "link")).to.not.contain("lost");
		expect(await exec("h1", "docker", "ps", "--format", "{{.Names}} {{.State}}")).to.equal("web running");
		expect(existsSync("/etc/kept")).to.equal(false);
	});

	it("is silent while frozen or off", async () => {
		const { address } = hostInfo("h2", { dir });
		freeze("h2", { dir });
		expect(await sshBanner(address, 22, 300)).to.equal(undefined);
		thaw("h2", { dir });
		expect(await sshBanner(address)).to.match(/^SSH-2\.0-/);
		await labPowerOff("h2", { dir });
		expect(labStatus({ dir }).hosts.map(({ running }) => running)).to.deep.equal([true, false]);
		expect(await sshBanner(address, 22, 300)).to.equal(undefined);
		await labPowerOn("h2", { dir });
		expect(await sshBanner(address)).to.match(/^SSH-2\.0-/);
	});

	it("recovers a half-dead lab and grows", async () => {
		await killRecorded(["switch", "hosts/h2/init"].map((record) => readRecord(join(dir, record))));
		await labUp({ dir, hosts: 3 });
		await exec("h3", "ping", "-c1", "-W2", hostInfo("h1", { dir }).address);
	});

	it("leaves nothing behind", async () => {
		const processes = labProcesses(link, dir);
		expect(processes.length).to.be.greaterThan(15);
		expect(machine(link).links).to.include(link);
		process.kill(Number(readFileSync(join(dir, "hosts/h3/outer"), "utf8").split(" ")[0]), "SIGKILL");
		expect(await labDown({ dir })).to.equal(true);
		expect(processes.filter((entry) => startOf(entry.split(" ")[0]!) === entry.split(" ")[1])).to.deep.equal([]);
		expect(labProcesses(link, dir)).to.deep.equal([]);
		expect(machine(link)).to.deep.equal(untouched);
		expect((await tryRun(["find", "/sys/fs/cgroup", "-name", link])).stdout).to.equal("");
		expect(existsSync(dir)).to.equal(false);
		expect(await labDown({ dir })).to.equal(false);
	});
});

describe("lab folder", () => {
	before(function () {
		if (labProblem() !== undefined) this.skip(); // the reason has been said above
	});

	for (const folder of ["/etc/lab", "/var/lib/lab", "/"]) {
		it(`cannot be ${folder}`, () => {
			expect(() => labStatus({ dir: folder })).to.throw("choose one outside");
		});
	}

	it("must be empty or a lab, because down removes it", async () => {
		const dir = mkdtempSync("/var/tmp/netplumb-lab-test-");
		writeFileSync(join(dir, "precious"), "");
		const error = await labUp({ dir }).then(
			() => undefined,
			(reason: Error) => reason.message,
		);
		expect(error).to.contain("is not empty and holds no lab");
		expect(await labDown({ dir })).to.equal(false);
		expect(existsSync(join(dir, "precious"))).to.equal(true);
		await tryRun(["rm", "-r", "--", dir]);
	});
});
