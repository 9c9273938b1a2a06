// The demo behind `npm run demo`: a lab of two hosts, examples/quickstart deployed on it, and proof that it is wired.
import * as path from "node:path";
import { type HostInfo, hostInfo, labDown, labProblem, labStatus, labUp } from "../lab";
import { cacheRoot } from "../tests/toolchain/install/paths";
import { ensurePulumi, Stack } from "../tests/toolchain/pulumi";
import { prove } from "./demo-proof";

const REPO = path.resolve(__dirname, "..");
/** A lab of its own, so that tests and demo do not meet. */
const LAB = { dir: "/var/tmp/netplumb-demo" };
const HOSTS = ["h1", "h2"];
const BACKEND = path.join(cacheRoot(), "state");

const stack = new Stack({ dir: path.join(REPO, "examples", "quickstart"), name: "demo", backendDir: BACKEND });

async function up(): Promise<boolean> {
	console.log(`pulumi: ${(await ensurePulumi()).description}`);
	await startLab();
	await stack.setConfig({
		hosts: Object.fromEntries(HOSTS.map((name) => [name, target(hostInfo(name, LAB))])),
		image: "netplumb/busybox:1",
	});
	console.log("\npulumi up");
	await operate("up");

	const outputs = (await stack.outputs()) as { addresses?: Record<string, string> };
	const wired = await prove(HOSTS, outputs.addresses ?? {}, LAB);
	explain();
	return wired;
}

async function down(): Promise<boolean> {
	// The hosts must be there to be tidied; after a reboot of this machine they are off.
	if (labStatus(LAB).hosts.length > 0) {
		await startLab();
		await operate("destroy");
		await stack.command(["stack", "rm", stack.name, "--yes", "--preserve-config"]);
		await labDown(LAB);
	}
	console.log("The demo is gone: its stack is destroyed and its hosts are removed.");
	return true;
}

async function startLab(): Promise<void> {
	const { hosts, subnet } = await labUp({ ...LAB, hosts: HOSTS.length });
	console.log(`lab: ${hosts.map(({ name, address }) => `${name} ${address}`).join(", ")} on ${subnet}`);
}

function target({ address, port, user, identityFile, knownHostsFile }: HostInfo): Record<string, unknown> {
	return { address, port, user, identityFile, knownHostsFile };
}

async function operate(operation: "up" | "destroy"): Promise<void> {
	const running = await stack.start(operation);
	running.child.stdout?.pipe(process.stdout);
	running.child.stderr?.pipe(process.stderr);
	const { exitCode } = await running.done;
	if (exitCode !== 0) throw new Error(`pulumi ${operation} failed; \`npm run demo -- --down\` takes away what there is`);
}

function explain(): void {
	const lab = `node dist/lab/cli.js --dir ${LAB.dir}`;
	console.log(`
Look around
  ${lab} shell h1 ovs-vsctl show
  ${lab} shell h1 docker exec h1-client ip address
  ${lab} shell h1                # a root shell on a host
Change it
  edit examples/quickstart/index.ts, then
  scripts/pulumi.sh -C examples/quickstart preview --stack demo --config-file ${stack.settingsFile}
  npm run demo                   # applies it and checks again
Take it down
  npm run demo -- --down`);
}

async function main(): Promise<boolean> {
	const problem = labProblem();
	if (problem) throw new Error(problem);
	const [argument, ...rest] = process.argv.slice(2);
	if (rest.length > 0 || (argument !== undefined && argument !== "--down")) throw new Error("usage: npm run demo [-- --down]");
	return argument === "--down" ? await down() : await up();
}

main().then(
	(wired) => {
		process.exitCode = wired ? 0 : 1;
	},
	(error: Error) => {
		console.error(error.message);
		process.exitCode = 1;
	},
);
