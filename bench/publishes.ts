// npm run bench:publishes [-- --count 1000]: what one more published port costs when many are there, as a ratio to what it costs when few
// are, measured in the same run. Drives the provider as the engine does, without the engine.
import { parseArgs } from "node:util";
import { hostExec, hostInfo, labDown, labProblem, labUp } from "../lab/index";
import { lifecycle } from "../provider/v1";

const LAB = { dir: "/var/tmp/netplumb-bench" };
const { values } = parseArgs({ options: { count: { type: "string", default: "1000" }, runs: { type: "string", default: "9" } } });
const count = Number(values.count);
const runs = Number(values.runs);
const provider = lifecycle("NatPublish");

interface Made {
	id: string;
	outs: Record<string, unknown>;
}

async function publish(index: number): Promise<Made> {
	const { address, identityFile, hostKey } = hostInfo("h1", LAB);
	const args = { hostPorts: 10_000 + index, target: "10.64.0.2", targetPort: 80, allowFrom: ["10.0.0.0/8"] };
	const news = { host: { address, identityFile, hostKey }, owner: `bench/ports/p${index}`, ...args };
	const { inputs, failures } = await provider.check({}, news);
	if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("; "));
	return provider.create(inputs);
}

async function timed<T>(work: () => Promise<T>): Promise<[seconds: number, result: T]> {
	const start = process.hrtime.bigint();
	const result = await work();
	return [Number(process.hrtime.bigint() - start) / 1e9, result];
}

function median(numbers: number[]): number {
	return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

async function facts(): Promise<{ rules: number; sets: number; elements: number }> {
	const { stdout } = await hostExec("h1", ["nft", "-j", "list", "table", "inet", "netplumb"], LAB);
	const items = (JSON.parse(stdout) as { nftables: Record<string, { elem?: unknown[] } | undefined>[] }).nftables;
	const sets = items.flatMap((item) => item["set"] ?? item["map"] ?? []);
	const elements = sets.reduce((sum, { elem }) => sum + (elem?.length ?? 0), 0);
	return { rules: items.filter((item) => item["rule"]).length, sets: sets.length, elements };
}

async function main(): Promise<void> {
	const problem = labProblem();
	if (problem) throw new Error(problem);
	await labUp({ ...LAB, hosts: 1 });
	const made: Made[] = [];
	const remove = ({ id, outs }: Made) => provider.delete(id, outs);
	let first: number | undefined;
	let next = 0;
	for (const there of [1, count / 10, count / 2, count].map(Math.round)) {
		const wave = Array.from({ length: there - made.length }, () => next++);
		const [seconds, more] = await timed(() => Promise.all(wave.map(publish)));
		made.push(...more);
		const one: number[] = [];
		for (let run = 0; run < runs; run++) {
			const [added, extra] = await timed(() => publish(50_000 + run));
			one.push(added);
			await remove(extra);
		}
		first ??= median(one);
		const { rules, sets, elements } = await facts();
		const wall = `${wave.length} at once ${seconds.toFixed(2)} s (${((1000 * seconds) / wave.length).toFixed(1)} ms each)`;
		const single = `one more ${(1000 * median(one)).toFixed(0)} ms, ratio ${(median(one) / first).toFixed(2)}`;
		console.log(
			`${String(there).padStart(5)} ports: ${rules} rules, ${sets} sets and maps, ${elements} elements; ${wall}; ${single}`,
		);
	}
	const [seconds] = await timed(() => Promise.all(made.map(remove)));
	console.log(`${made.length} deleted at once in ${seconds.toFixed(2)} s`);
	await labDown(LAB);
}

main().then(
	() => process.exit(),
	(error: Error) => {
		console.error(error.message);
		process.exit(1);
	},
);
