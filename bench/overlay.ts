// node --import tsx bench/overlay.ts [--hosts 8 --count 400]: what a mesh of many hosts and containers costs, on one machine, and
// whether anything of it is left on a host afterwards.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { dumpOf } from "../tests/support/dump-of";
import { type Operation, Stack } from "../tests/toolchain/pulumi";
import { type BenchLab, benchLab } from "./lab";
import { table } from "./measure";

const { values } = parseArgs({ options: { hosts: { type: "string", default: "8" }, count: { type: "string", default: "400" } } });
const count = Number(values.count);

/** The most memory that a process has had resident, in megabytes. */
function peakOf(pid: number): number {
	try {
		return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
	} catch {
		return 0; // it has just ended
	}
}

/** Each script that a host ran is one line with the host's address (provider/transport/pool.ts). */
function roundTrips(lab: BenchLab, stats: string): number[] {
	const addresses = readFileSync(stats, "utf8")
		.split("\n")
		.flatMap((line) => (line === "" ? [] : [(JSON.parse(line) as { address: string }).address]));
	return lab.hosts.map((host) => addresses.filter((address) => address === lab.info(host).address).length);
}

async function measure(lab: BenchLab, stack: Stack, stats: string, label: string, operation: Operation): Promise<string[]> {
	writeFileSync(stats, "");
	const start = Date.now();
	const running = await stack.start(operation);
	let megabytes = 0;
	const sampler = setInterval(() => {
		const pid = running.provider()?.pid;
		if (pid) megabytes = Math.max(megabytes, peakOf(pid));
	}, 250);
	const result = await running.done;
	clearInterval(sampler);
	const errors = result.diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
	if (result.exitCode !== 0) throw new Error(errors.join("\n") || result.stdout + result.stderr);
	const seconds = (Date.now() - start) / 1000;
	const { create, update, same } = result.summary;
	const resources = `${create} made, ${update} changed, ${result.summary.delete} deleted, ${same} same`;
	const row = [label, seconds.toFixed(1), megabytes.toFixed(0), roundTrips(lab, stats).join(" "), resources];
	console.log(row.join(", "));
	return row;
}

async function main(): Promise<void> {
	const lab = await benchLab("overlay", Number(values.hosts));
	const folder = mkdtempSync(path.join(os.tmpdir(), "netplumb-overlay-"));
	const stats = path.join(folder, "stats");
	try {
		await lab.containers("box", count);
		const dumps = () => Promise.all(lab.hosts.map((host) => dumpOf((...argv) => lab.run(host, argv))));
		const untouched = await dumps();
		const stack = new Stack({
			dir: path.join(__dirname, "programs", "overlay"),
			name: "overlay",
			env: { NETPLUMB_STATS: stats },
		});
		await stack.setConfig({ count, hosts: Object.fromEntries(lab.hosts.map((host) => [host, lab.target(host)])) });
		console.log(`${lab.hosts.length} hosts, ${lab.hosts.length * (lab.hosts.length - 1)} tunnel ends, ${count} containers`);
		const rows = [["step", "s", "provider, MB", "round trips of each host", "resources"]];
		rows.push(await measure(lab, stack, stats, "up", "up"));
		rows.push(await measure(lab, stack, stats, "up, no change", "up"));
		rows.push(await measure(lab, stack, stats, "refresh", "refresh"));
		rows.push(await measure(lab, stack, stats, "destroy", "destroy"));
		stack.remove();
		console.log(`\n${table(rows)}\n`);
		const after = await dumps();
		const traces = lab.hosts.filter((_, at) => !isDeepStrictEqual(untouched[at], after[at]));
		if (traces.length > 0) throw new Error(`found traces on ${traces.join(", ")}, expected every host as it was before`);
		console.log(`the dumps of all ${lab.hosts.length} hosts are the same as before`);
	} finally {
		rmSync(folder, { recursive: true });
		await lab.down();
	}
}

main().catch((error: Error) => {
	console.error(error.message.slice(0, 4000));
	process.exitCode = 1;
});
