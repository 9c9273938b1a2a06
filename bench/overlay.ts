// node --import tsx bench/overlay.ts [--hosts 8 --count 400]: what a mesh of many hosts and containers costs, on one machine.
import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { hostExec, hostInfo, labDown, labImage, labProblem, labUp } from "../lab/index";
import { type Operation, Stack } from "../tests/toolchain/pulumi";

const LAB = { dir: "/var/tmp/netplumb-bench-overlay" };
const { values } = parseArgs({ options: { hosts: { type: "string", default: "8" }, count: { type: "string", default: "400" } } });
const names = Array.from({ length: Number(values.hosts) }, (_, index) => `h${index + 1}`);
const count = Number(values.count);

async function on(host: string, script: string): Promise<string> {
	const result = await hostExec(host, ["sh", "-c", script], { ...LAB, timeout: 550_000 });
	if (result.exitCode !== 0) throw new Error(`${host}: ${result.stderr}`);
	return result.stdout;
}

async function prepare(): Promise<void> {
	await labUp({ ...LAB, hosts: names.length });
	await Promise.all(
		names.map((host, at) => {
			const own = Array.from({ length: count }, (_, index) => index).filter((index) => index % names.length === at);
			const make = `docker inspect box-{} >/dev/null 2>&1 || docker run -d --name box-{} --network none ${labImage} >/dev/null`;
			return on(host, `printf '%s\\n' ${own.join(" ")} | xargs -r -I{} sh -c '${make}'`);
		}),
	);
}

/** Megabytes of a process and all that it started. */
function megabytes(root: number): number {
	const rows = execFileSync("ps", ["-e", "-o", "pid=,ppid=,rss="], { encoding: "utf8" }).trim().split("\n");
	const processes = rows.map((row) => row.trim().split(/\s+/).map(Number) as [number, number, number]);
	const family = new Set([root]);
	for (let size = 0; size !== family.size; ) {
		size = family.size;
		for (const [pid, parent] of processes) if (family.has(parent)) family.add(pid);
	}
	return processes.reduce((sum, [pid, , rss]) => (family.has(pid) ? sum + rss : sum), 0) / 1024;
}

/** The wiring scripts that h1 ran: each leaves another word in this file. Looked at every few milliseconds. */
const COUNT = `n=0; last=; i=0; while [ ! -e /tmp/bench-stop ]; do g=; read -r g 2>/dev/null </run/netplumb/generation; [ "$g" = "$last" ] || { n=$((n + 1)); last=$g; }; sleep 0.01; done; rm /tmp/bench-stop; echo $n`;

async function measure(stack: Stack, label: string, operation: Operation, args: string[] = []): Promise<void> {
	const counted = on("h1", COUNT);
	const start = Date.now();
	const { child, done } = await stack.start(operation, args);
	let peak = 0;
	const sampler = setInterval(() => {
		peak = Math.max(peak, megabytes(child.pid!));
	}, 500);
	const result = await done;
	clearInterval(sampler);
	const seconds = (Date.now() - start) / 1000;
	await on("h1", "touch /tmp/bench-stop");
	const applies = await counted;
	if (result.exitCode !== 0) throw new Error(result.stdout + result.stderr);
	const { create, update, same } = result.summary;
	const resources = `${create} made, ${update} changed, ${result.summary.delete} deleted, ${same} same`;
	console.log(
		`${label.padEnd(20)} ${seconds.toFixed(1)} s, ${peak.toFixed(0)} MB, ${applies} changes of h1's generation (${resources})`,
	);
}

async function main(): Promise<void> {
	const problem = labProblem();
	if (problem) throw new Error(problem);
	try {
		await prepare();
		const stack = new Stack({ dir: path.join(__dirname, "programs", "overlay"), name: "overlay" });
		const target = (name: string) => {
			const { address, identityFile, hostKey } = hostInfo(name, LAB);
			return [name, { address, identityFile, hostKey }] as const;
		};
		const hosts = (some: string[]) => Object.fromEntries(some.map(target));
		await stack.setConfig({ count, hosts: hosts(names) });
		console.log(`${names.length} hosts, ${names.length * (names.length - 1)} tunnel ends, ${count} containers`);
		await measure(stack, "up", "up");
		await measure(stack, "up, no change", "up");
		await measure(stack, "refresh", "refresh");
		await measure(stack, "destroy", "destroy");
		stack.remove();
	} finally {
		await labDown(LAB);
	}
}

main().catch((error: Error) => {
	console.error(error.message.slice(0, 4000));
	process.exitCode = 1;
});
