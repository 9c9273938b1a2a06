import * as path from "node:path";
import { expect } from "chai";
import { hostExec, hostInfo, labDown, labProblem, labUp } from "../../lab";
import { Stack } from "./pulumi";
import { skipUnless } from "./skip";

const lab = { dir: "/var/tmp/netplumb-lab-toolchain" };

// Written against what the real plugin does: with it installed, the same tests run on it.
describe("docker plugin", function () {
	this.timeout(120_000);

	const stack = new Stack({ dir: path.join(__dirname, "fixtures", "containers") });
	const succeed = async (operation: "up" | "refresh" | "preview" | "destroy", args: string[] = []) => {
		const result = await stack.operate(operation, args);
		expect(result.exitCode, result.stdout + result.stderr).to.equal(0);
		return result;
	};
	const docker = async (...args: string[]) => (await hostExec("h1", ["docker", ...args], lab)).stdout.trim();

	before(async function () {
		skipUnless(this, labProblem());
		await labUp({ ...lab, hosts: 1 });
		const host = hostInfo("h1", lab);
		const knownHosts = ["-o", `UserKnownHostsFile=${host.knownHostsFile}`, "-o", "StrictHostKeyChecking=yes"];
		await stack.setConfig({
			host: `ssh://${host.user}@${host.address}:${host.port}`,
			sshOpts: ["-i", host.identityFile, ...knownHosts],
			image: "netplumb/busybox:1",
			count: "3",
		});
	});

	after(async () => {
		stack.remove();
		if (labProblem() === undefined) await labDown(lab);
	});

	it("makes containers, networks and volumes", async () => {
		await succeed("up");
		const outputs = (await stack.outputs()) as { ids: string[]; names: string[]; address: string; published: number };
		expect(outputs.ids).to.have.length(3);
		for (const id of outputs.ids) expect(id).to.match(/^[0-9a-f]{64}$/);
		expect(outputs.names[0]).to.match(/^plain0-[0-9a-f]{7}$/);
		expect(outputs.address).to.equal("172.31.250.10");
		expect(outputs.published).to.be.greaterThan(1023);
		expect(await docker("inspect", "-f", "{{.Name}} {{.State.Running}}", outputs.ids[0]!)).to.equal(`/${outputs.names[0]} true`);
	});

	it("finds nothing to do after that", async () => {
		await succeed("preview", ["--expect-no-changes"]);
	});

	it("changes a restart policy in place and a host name by replacement", async () => {
		await stack.setConfig({ restart: "always" });
		expect((await succeed("up")).summary).to.include({ update: 3, replace: 0 });
		await stack.setConfig({ hostname: "other" });
		expect((await succeed("up")).summary).to.include({ update: 0, replace: 3 });
	});

	it("sees a container that is gone and one that was changed", async () => {
		const { names } = (await stack.outputs()) as { names: string[] };
		await docker("rm", "-f", names[0]!);
		await docker("update", "--restart", "no", names[1]!);
		expect((await succeed("up", ["--refresh"])).summary).to.include({ create: 1, update: 1 });
		await succeed("preview", ["--expect-no-changes"]);
	});

	it("removes all it made, and nothing else", async () => {
		await succeed("destroy");
		expect(await docker("ps", "-aq")).to.equal("");
		expect(await docker("volume", "ls", "-q")).to.equal("");
		expect(await docker("images", "-q")).to.not.equal("");
	});
});
