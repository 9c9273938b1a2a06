// npm run bench [-- --count 100 --runs 5]: what wiring costs, as ratios to the engine's floor measured in the same run.
import * as path from "node:path";
import { parseArgs } from "node:util";
import { hostExec, hostInfo, labDown, labImage, labProblem, labUp } from "../lab/index";
import { type Operation, Stack } from "../tests/toolchain/pulumi";

const LAB = { dir: "/var/tmp/netplumb-bench" };
const HOSTS = ["h1", "h2"];
const { values } = parseArgs({ options: { count: { type: "string", default: "100" }, runs: { type: "string", default: "5" } } });
const count = Number(values.count);
const runs = Number(values.runs);

async function on(host: string, script: string): Promise<string> {
	const result = await hostExec(host, ["sh", "-c", script], { ...LAB, timeout: 300_000 });
	if (result.exitCode !== 0) throw new Error(`${host}: ${result.stderr}`);
	return result.stdout;
}

/** A bridge and the containers, made by hand: they are not what is measured. */
async function prepare(): Promise<void> {
	await labUp({ ...LAB, hosts: HOSTS.length });
	await Promise.all(
		HOSTS.map(async (host, at) => {
			await on(
				host,
				"ovs-vsctl --may-exist add-br br-bench -- set bridge br-bench datapath_type=netdev; ip link set br-bench up",
			);
			const names = Array.from({ length: count }, (_, index) => index).filter((index) => index % HOSTS.length === at);
			const make = `docker inspect bench-{} >/dev/null 2>&1 || docker run -d --name bench-{} --network none ${labImage} >/dev/null`;
			await on(host, `printf '%s\\n' ${names.join(" ")} | xargs -P 4 -I{} sh -c '${make}'`);
		}),
	);
}

async function timed(stack: Stack, operation: Operation, args: string[] = []): Promise<number> {
	const start = process.hrtime.bigint();
	const result = await stack.operate(operation, args);
	if (result.exitCode !== 0) throw new Error(result.stdout + result.stderr);
	return Number(process.hrtime.bigint() - start) / 1e9;
}

function median(numbers: number[]): number {
	const sorted = [...numbers].sort((a, b) => a - b);
	return sorted[Math.floor(sorted.length / 2)]!;
}

async function main(): Promise<void> {
	const problem = labProblem();
	if (problem) throw new Error(problem);
	await prepare();
	const program = (name: string) => new Stack({ dir: path.join(__dirname, "programs", name), name });
	const [empty, wiring] = [program("empty"), program("wiring")];
	await empty.setConfig({ count });
	const hosts = HOSTS.map((name) => hostInfo(name, LAB)).map(({ address, identityFile, hostKey }) => ({
		address,
		identityFile,
		hostKey,
	}));
	await wiring.setConfig({ count, hosts });

	const steps: [string, Operation, string[]][] = [
		["up", "up", []],
		["up, no change", "up", []],
		["refresh", "refresh", []],
		["destroy", "destroy", []],
	];
	const ratios: Record<string, { floor: number[]; ours: number[] }> = {};
	for (let run = 0; run < runs; run++) {
		for (const [name, operation, args] of steps) {
			ratios[name] ??= { floor: [], ours: [] };
			ratios[name].floor.push(await timed(empty, operation, args));
			ratios[name].ours.push(await timed(wiring, operation, args));
		}
	}
	console.log(`\n${2 * count} resources on ${HOSTS.length} hosts, ${runs} runs: median seconds, ratio to the floor (min to max)`);
	for (const [name, { floor, ours }] of Object.entries(ratios)) {
		const each = ours.map((seconds, index) => seconds / floor[index]!);
		const spread = `${Math.min(...each).toFixed(2)} to ${Math.max(...each).toFixed(2)}`;
		console.log(
			`${name.padEnd(16)} floor ${median(floor).toFixed(2)}  ours ${median(ours).toFixed(2)}  ratio ${median(each).toFixed(2)} (${spread})`,
		);
	}
	empty.remove();
	wiring.remove();
	await labDown(LAB);
}

main().catch((error: Error) => {
	console.error(error.message);
	process.exitCode = 1;
});
