// The lab that a benchmark runs in: hosts, containers, and what they cost.
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { type HostInfo, hostExec, hostInfo, labDown, labImage, labProblem, labUp } from "../lab/index";
import type { HostArgs } from "../sdk/index";

export interface BenchLab {
	hosts: string[];
	on(host: string, script: string): Promise<string>;
	run(host: string, argv: string[]): Promise<string>;
	info(host: string): HostInfo;
	target(host: string): HostArgs;
	/** Containers PREFIX-0 … without a network, dealt out over the hosts, made by hand: they are not what is measured. */
	containers(prefix: string, count: number): Promise<void>;
	/** A userspace bridge on each host, made by hand. */
	bridge(name: string): Promise<void>;
	/** Seconds of processor time that all processes of all hosts have used so far. */
	hostSeconds(): number;
	/** Processes that were started on all hosts so far. */
	hostProcesses(): Promise<number>;
	down(): Promise<void>;
}

export async function benchLab(name: string, size: number): Promise<BenchLab> {
	const problem = labProblem();
	if (problem) throw new Error(problem);
	const options = { dir: `/var/tmp/netplumb-bench-${name}` };
	await labUp({ ...options, hosts: size });
	const hosts = Array.from({ length: size }, (_, index) => `h${index + 1}`);
	const run = async (host: string, argv: string[]): Promise<string> => {
		const result = await hostExec(host, argv, { ...options, timeout: 550_000 });
		if (result.exitCode !== 0) throw new Error(`${host}: ${result.stderr}`);
		return result.stdout;
	};
	const on = (host: string, script: string) => run(host, ["sh", "-c", script]);
	const everywhere = <T>(work: (host: string, at: number) => Promise<T>) => Promise.all(hosts.map(work));
	const info = (host: string) => hostInfo(host, options);
	return {
		hosts,
		on,
		run,
		info,
		target(host) {
			const { address, identityFile, hostKey } = info(host);
			return { address, identityFile, hostKey };
		},
		async containers(prefix, count) {
			await everywhere(async (host, at) => {
				const own = Array.from({ length: count }, (_, index) => index).filter((index) => index % size === at);
				const make = `docker inspect ${prefix}-{} >/dev/null 2>&1 || docker run -d --name ${prefix}-{} --network none ${labImage} >/dev/null`;
				await on(host, `printf '%s\\n' ${own.join(" ")} | xargs -r -P 4 -I{} sh -c '${make}'`);
			});
		},
		async bridge(name) {
			const set = `-- set bridge ${name} datapath_type=netdev`;
			await everywhere((host) => on(host, `ovs-vsctl --may-exist add-br ${name} ${set}; ip link set ${name} up`));
		},
		hostSeconds: () => hosts.reduce((sum, host) => sum + secondsOf(options.dir, host), 0),
		async hostProcesses() {
			const last = await everywhere((host) => on(host, "cat /proc/sys/kernel/ns_last_pid"));
			return last.reduce((sum, text) => sum + Number(text), 0);
		},
		down: async () => {
			await labDown(options);
		},
	};
}

/** A lab host's processes live in control groups of its own, of version 1 or 2. */
function secondsOf(dir: string, host: string): number {
	for (const group of readFileSync(path.join(dir, "hosts", host, "cgroups"), "utf8")
		.trim()
		.split("\n")) {
		const read = (file: string) => {
			try {
				return readFileSync(path.join(group, file), "utf8");
			} catch {
				return "";
			}
		};
		const micro = /^usage_usec (\d+)/.exec(read("cpu.stat"))?.[1];
		if (micro) return Number(micro) / 1e6;
		const nano = /^(\d+)/.exec(read("cpuacct.usage"))?.[1];
		if (nano) return Number(nano) / 1e9;
	}
	throw new Error(`${host}: no control group tells its processor time`);
}
