// npm run bench:scaling [-- --sizes 10,100,400 --write]: how the cost grows with the number of attachments, each with an address. The
// table and the plot in docs/performance.md are written by it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { startRelay } from "../lab/index";
import type { HostArgs } from "../sdk/index";
import { type Operation, Stack } from "../tests/toolchain/pulumi";
import { type BenchLab, benchLab } from "./lab";
import { table } from "./measure";
import { planning } from "./planning";
import { plot } from "./plot";

const BRIDGE = "br-bench";
const PAGE = path.resolve(__dirname, "..", "docs", "performance.md");
const PLOT = path.resolve(__dirname, "..", "docs", "performance.svg");

const { values } = parseArgs({
	options: {
		sizes: { type: "string", default: "10,100,400" },
		planned: { type: "string", default: "10,100,400,1000" },
		write: { type: "boolean", default: false },
	},
});

interface Cost {
	size: number;
	floor: number;
	up: number;
	destroy: number;
	megabytes: number;
	roundTrips: number;
	kilobytes: number;
	stateBytes: number;
}

/** Seconds of an operation, and the most memory that the provider's process had resident. */
async function watched(stack: Stack, operation: Operation): Promise<{ seconds: number; megabytes: number }> {
	const start = Date.now();
	const running = await stack.start(operation);
	let megabytes = 0;
	const timer = setInterval(() => {
		const pid = running.provider()?.pid;
		if (pid) megabytes = Math.max(megabytes, peakOf(pid));
	}, 250);
	const result = await running.done;
	clearInterval(timer);
	if (result.exitCode !== 0) throw new Error(result.stdout + result.stderr);
	return { seconds: (Date.now() - start) / 1000, megabytes };
}

function peakOf(pid: number): number {
	try {
		return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
	} catch {
		return 0; // it has just ended
	}
}

async function measure(lab: BenchLab, size: number): Promise<Cost> {
	const folder = mkdtempSync(path.join(os.tmpdir(), "netplumb-scaling-"));
	const stats = path.join(folder, "stats");
	const program = (name: string) =>
		new Stack({ dir: path.join(__dirname, "programs", name), name, env: { NETPLUMB_STATS: stats } });
	const [empty, wiring] = [program("empty"), program("wiring")];
	const relays = await Promise.all(lab.hosts.map((host) => startRelay({ target: lab.info(host).address, delayMs: 0 })));
	try {
		const hosts = lab.hosts.map((host, at): HostArgs => ({ ...lab.target(host), address: "127.0.0.1", port: relays[at]!.port }));
		await empty.setConfig({ count: size });
		await wiring.setConfig({ count: size, hosts });
		const floor = await watched(empty, "up");
		const up = await watched(wiring, "up");
		const lines = readFileSync(stats, "utf8").trim().split("\n");
		const bytes = relays.reduce((sum, relay) => sum + relay.bytes, 0);
		const { resources = [] } = (await wiring.exportState()).deployment;
		const ours = resources.filter(({ type }) => type.includes("netplumb:"));
		const destroy = await watched(wiring, "destroy");
		await watched(empty, "destroy");
		return {
			size,
			floor: floor.seconds,
			up: up.seconds,
			destroy: destroy.seconds,
			megabytes: up.megabytes,
			roundTrips: lines.length,
			kilobytes: bytes / 1024,
			stateBytes: JSON.stringify(ours).length / ours.length,
		};
	} finally {
		await Promise.all(relays.map((relay) => relay.close()));
		empty.remove();
		wiring.remove();
		rmSync(folder, { recursive: true });
	}
}

function rowsOf(costs: readonly Cost[]): string[][] {
	const head = [
		"attachments",
		"empty up, s",
		"up, s",
		"destroy, s",
		"provider, MB",
		"round trips",
		"kB carried",
		"bytes of state a resource",
	];
	return [
		head,
		...costs.map((one) => [
			...[String(one.size), one.floor.toFixed(1), one.up.toFixed(1), one.destroy.toFixed(1), one.megabytes.toFixed(0)],
			...[String(one.roundTrips), one.kilobytes.toFixed(0), one.stateBytes.toFixed(0)],
		]),
	];
}

function markdown(rows: readonly string[][]): string {
	const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
	return [line(rows[0]!), line(rows[0]!.map(() => "---:")), ...rows.slice(1).map(line)].join("\n");
}

/** Puts `text` between the two marks of the page. */
function replaced(page: string, mark: string, text: string): string {
	const [begin, end] = [`<!-- ${mark} -->`, `<!-- end of ${mark} -->`];
	const [before, rest] = page.split(begin);
	const after = rest?.split(end)[1];
	if (after === undefined) throw new Error(`${PAGE}: no ${begin} … ${end}`);
	return `${before}${begin}\n${text}\n${end}${after}`;
}

async function main(): Promise<void> {
	const sizes = values.sizes.split(",").map(Number);
	const planned = values.planned.split(",").map(Number).map(planning);
	const lab = await benchLab("scaling", 2);
	const costs: Cost[] = [];
	try {
		await lab.bridge(BRIDGE);
		for (const size of sizes) {
			await lab.containers("bench", size);
			costs.push(await measure(lab, size));
			console.log(table(rowsOf(costs).filter((_, index) => index === 0 || index === costs.length)));
		}
	} finally {
		await lab.down();
	}
	const plans = [
		["attachments on one host", "to plan them, ms", "to plan again, ms", "to plan their deletion, ms", "script, kB"],
		...planned.map((one) => [
			...[String(one.size), one.create.toFixed(0), one.again.toFixed(0), one.remove.toFixed(0), one.kilobytes.toFixed(0)],
		]),
	];
	console.log(`\n${table(rowsOf(costs))}\n\n${table(plans)}`);
	if (!values.write) return;
	const page = replaced(readFileSync(PAGE, "utf8"), "lab", markdown(rowsOf(costs)));
	writeFileSync(PAGE, replaced(page, "planners", markdown(plans)));
	writeFileSync(
		PLOT,
		plot("seconds", "attachments, each with an address", [
			{ name: "netplumb: up", points: costs.map(({ size, up }) => [size, up]) },
			{ name: "netplumb: destroy", points: costs.map(({ size, destroy }) => [size, destroy]) },
			{ name: "empty resources: up", points: costs.map(({ size, floor }) => [size, floor]) },
		]),
	);
}

main().catch((error: Error) => {
	console.error(error.message.slice(0, 4000));
	process.exitCode = 1;
});
