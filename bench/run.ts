// npm run bench [-- --count 100 --runs 5 --parallel 100 --no-ansible]: what wiring costs, each figure as a ratio to something measured
// in the same run: the engine with as many empty resources, two scripts written by hand, an Ansible play.
import * as path from "node:path";
import { parseArgs } from "node:util";
import { startRelay } from "../lab/index";
import type { HostArgs } from "../sdk/index";
import { type Operation, Stack } from "../tests/toolchain/pulumi";
import { type BenchLab, benchLab } from "./lab";
import { median, ratio, type Sample, sample, table } from "./measure";
import { timeToFirstAnswer } from "./start";
import { ansible } from "./ways/ansible";
import { handWrittenScripts } from "./ways/scripts";
import type { Way, Wire } from "./ways/way";

const BRIDGE = "br-bench";
const DELAY_MS = 100;
const STEPS: [name: string, operation: Operation, args: string[]][] = [
	["up", "up", []],
	["up, no change", "up", []],
	["preview --refresh", "preview", ["--refresh"]],
	["refresh", "refresh", []],
	["destroy", "destroy", []],
];

const { values } = parseArgs({
	allowNegative: true,
	options: {
		count: { type: "string", default: "100" },
		runs: { type: "string", default: "5" },
		parallel: { type: "string" },
		ansible: { type: "boolean", default: true },
		delay: { type: "boolean", default: true },
	},
});
const count = Number(values.count);
const runs = Number(values.runs);
/** How many resources the engine keeps under way; its default is four for each processor. */
const parallel = values.parallel === undefined ? [] : ["--parallel", values.parallel];

function wiresOf(lab: BenchLab): Wire[] {
	return Array.from({ length: count }, (_, index) => ({
		host: lab.hosts[index % lab.hosts.length]!,
		container: `bench-${index}`,
		link: `hand-${index}`,
		address: `10.60.${Math.floor(index / 200)}.${(index % 200) + 10}/16`,
	}));
}

async function run(stack: Stack, operation: Operation, args: string[] = []): Promise<void> {
	const result = await stack.operate(operation, [...args, ...parallel]);
	if (result.exitCode !== 0) throw new Error(result.stdout + result.stderr);
}

/** The engine's floor, ours and the other ways take turns, so that each ratio compares neighbours. */
async function compare(lab: BenchLab, empty: Stack, wiring: Stack, ways: Way[]): Promise<void> {
	const floor = new Map<string, Sample[]>();
	const ours = new Map<string, Sample[]>();
	const theirs = new Map<string, Sample[]>();
	const take = async (samples: Map<string, Sample[]>, name: string, work: () => Promise<void>) => {
		samples.set(name, [...(samples.get(name) ?? []), await sample(work, lab.hostSeconds)]);
	};
	for (let turn = 0; turn < runs; turn++) {
		for (const [name, operation, args] of STEPS) {
			await take(floor, name, () => run(empty, operation, args));
			await take(ours, name, () => run(wiring, operation, args));
		}
		for (const way of ways) {
			await take(theirs, `${way.name} up`, way.up);
			await take(theirs, `${way.name} down`, way.down);
		}
	}
	const seconds = (samples: Sample[]) => samples.map((one) => one.seconds);
	const host = (samples: Sample[]) => samples.map((one) => one.host);
	console.log(
		`\n${2 * count} resources on ${lab.hosts.length} hosts, parallelism ${values.parallel ?? "by default"}, ${runs} runs; median seconds; ratios: median (least to most)`,
	);
	const rows = STEPS.map(([name]) => [
		name,
		median(seconds(floor.get(name)!)).toFixed(2),
		median(seconds(ours.get(name)!)).toFixed(2),
		ratio(seconds(ours.get(name)!), seconds(floor.get(name)!)),
		median(host(ours.get(name)!)).toFixed(2),
	]);
	console.log(table([["", "empty", "netplumb", "ratio", "processor seconds on the hosts"], ...rows]));
	for (const { name } of ways) {
		const [up, down] = [theirs.get(`${name} up`)!, theirs.get(`${name} down`)!];
		console.log(`\nagainst ${name} (up ${median(seconds(up)).toFixed(2)} s, down ${median(seconds(down)).toFixed(2)} s)`);
		const line = (step: string, samples: Sample[]) => [
			step,
			ratio(seconds(ours.get(step)!), seconds(samples)),
			ratio(host(ours.get(step)!), host(samples)),
		];
		console.log(table([["", "ratio of time", "ratio of processor time on the hosts"], line("up", up), line("destroy", down)]));
	}
}

/** The same `up` with and without a longer way to the hosts. */
async function delayed(lab: BenchLab, wiring: Stack): Promise<void> {
	const relays = await Promise.all(lab.hosts.map((host) => startRelay({ target: lab.info(host).address, delayMs: DELAY_MS })));
	const far = lab.hosts.map((host, at): HostArgs => ({ ...lab.target(host), address: "127.0.0.1", port: relays[at]!.port }));
	const near = lab.hosts.map((host) => lab.target(host));
	const up = async (hosts: HostArgs[]) => {
		await wiring.setConfig({ hosts });
		const { seconds } = await sample(() => run(wiring, "up"), lab.hostSeconds);
		await run(wiring, "destroy");
		return seconds;
	};
	try {
		const more: number[] = [];
		for (let turn = 0; turn < Math.min(runs, 3); turn++) {
			const fast = await up(near);
			more.push((await up(far)) - fast);
		}
		const handshakes = Math.max(...relays.map(({ connections }) => connections)) / (2 * more.length);
		const spread = `${Math.min(...more).toFixed(1)} to ${Math.max(...more).toFixed(1)}`;
		console.log(
			`\n${DELAY_MS} ms more of round trip: up takes ${median(more).toFixed(1)} s longer (${spread}), ${handshakes} handshake a host`,
		);
	} finally {
		await Promise.all(relays.map((relay) => relay.close()));
	}
}

async function main(): Promise<void> {
	const lab = await benchLab("main", 2);
	try {
		await lab.bridge(BRIDGE);
		await lab.containers("bench", count);
		const program = (name: string) => new Stack({ dir: path.join(__dirname, "programs", name), name });
		const [empty, wiring] = [program("empty"), program("wiring")];
		await empty.setConfig({ count });
		await wiring.setConfig({ count, hosts: lab.hosts.map((host) => lab.target(host)) });
		const wires = wiresOf(lab);
		const ways = [handWrittenScripts(lab, BRIDGE, wires)];
		if (values.ansible) ways.push(await ansible(lab, BRIDGE, wires));
		await compare(lab, empty, wiring, ways);
		if (values.delay) await delayed(lab, wiring);
		console.log(`\nthe provider's process answers ${timeToFirstAnswer()} ms after its start (median of 9)`);
		empty.remove();
		wiring.remove();
	} finally {
		await lab.down();
	}
}

main().catch((error: Error) => {
	console.error(error.message.slice(0, 4000));
	process.exitCode = 1;
});
