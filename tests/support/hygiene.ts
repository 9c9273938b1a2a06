// What every spec on lab hosts is held to besides what it asserts: nothing of netplumb's stays behind, what others have on the hosts is as it
// was, and no daemon, agent or kernel says anything that known-warnings.ts does not explain. A look costs one command on each host.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { hostExec, type LabStatus } from "../../lab/index";
import { hostLogs, kernelLog, type LogReader, watchAgents } from "./hygiene-logs";
import { isKnown } from "./known-warnings";

interface Allowance {
	/** Of what the file says that it happens: a line of a log, or a line of what is left. */
	pattern: RegExp;
	why: string;
}

let allowed: Allowance[] = [];

/** In a describe block that does damage: lines of logs, or of what is left or missing, that come of it. */
export function expectTrouble(why: string, ...patterns: RegExp[]): void {
	before(() => allow(why, ...patterns));
}

/** The same from within a test, for what only now and then happens. */
export function allow(why: string, ...patterns: RegExp[]): void {
	allowed.push(...patterns.map((pattern) => ({ pattern, why })));
}

// Somebody else's: a pair of links with an alias, a bridge with a port, a table of nftables and a rule of iptables.
const PLANT = `
set -e
ip link show others0 >/dev/null 2>&1 || {
	ip link add others0 type veth peer name others1
	ip link set others0 alias "of somebody"
	ip link set others0 addrgenmode none; ip link set others1 addrgenmode none; ip link set others0 up
}
ovs-vsctl --timeout=20 --no-wait br-exists others-br ||
	ovs-vsctl --timeout=20 add-br others-br -- set bridge others-br datapath_type=netdev external_ids:owner=somebody \\
		-- add-port others-br others1 -- set port others1 tag=9 external_ids:owner=somebody
nft list table inet others >/dev/null 2>&1 || {
	nft add table inet others
	nft add chain inet others input '{ type filter hook input priority 20; }'
	nft add rule inet others input ip saddr 192.0.2.210 drop
}
iptables -C INPUT -s 192.0.2.211 -j DROP 2>/dev/null || iptables -A INPUT -s 192.0.2.211 -j DROP
set +e
`;

// One line for each thing: what carries netplumb's mark, and what was planted.
const LOOK = `
ip -o link show | sed -n 's/^[0-9]*: \\(others[^:]*\\).*mtu \\([0-9]*\\).*alias \\(.*\\)/others: link \\1 mtu \\2 \\3/p; s/^[0-9]*: \\([^:@]*\\).*alias \\(.*netplumb:.*\\)/link \\1 \\2/p'
for family in -4 -6; do ip $family route show table all proto 78 | sed 's/^/route /'; done
ovs-vsctl --timeout=20 --no-wait --bare --columns=name find Bridge 'external_ids:netplumb!=""' \\
	-- --bare --columns=name find Port 'external_ids:netplumb!=""' \\
	-- --bare --columns=name,tag,external_ids find Port external_ids:owner=somebody | sed -n 's/^..*/row &/p'
nft -s 'list tables; list table inet others' 2>&1 | sed -n '/^table inet netplumb$/p; /^table inet others {/,$ s/^/others: /p'
iptables -S | grep -e netplumb -e 192.0.2.211
ls -Ad /run/netplumb /var/lib/netplumb 2>/dev/null
grep -ls '^sh./var/lib/netplumb/agent' /proc/[0-9]*/cmdline | sed 's/.*/process of the agent/'
true`;

/** Containers by their folders on the host's disk: asking Docker takes longer than all else together. */
function containersOf(dir: string, name: string): string[] {
	const folder = path.join(dir, "hosts", name, "disk", "docker", "containers");
	return existsSync(folder) ? readdirSync(folder).map((id) => `container ${id}`) : [];
}

interface Host {
	name: string;
	/** Another one after a power loss: what was not on its disk is gone then. */
	boot: string;
	lines: string[];
	logs: LogReader;
}

const bootOf = (dir: string, name: string) => {
	const file = path.join(dir, "hosts", name, "init");
	return existsSync(file) ? readFileSync(file, "utf8") : "off";
};

async function look(dir: string, name: string, script: string): Promise<string[]> {
	const { exitCode, stdout, stderr } = await hostExec(name, ["sh", "-c", script], { dir });
	if (exitCode !== 0) throw new Error(`hygiene: ${name}: ${stderr || stdout}`);
	return [...stdout.split("\n").filter((line) => line !== ""), ...containersOf(dir, name)];
}

/** Begins to watch the hosts; what it gives is to be called when the spec has cleared up, and throws where something is wrong. */
export async function watchHosts({ dir, hosts }: LabStatus): Promise<() => Promise<void>> {
	allowed = [];
	const names = hosts.map(({ name }) => name);
	const before = await Promise.all(
		names.map(async (name): Promise<Host> => {
			const lines = await look(dir, name, `${PLANT}\n${LOOK}`);
			return { name, boot: bootOf(dir, name), lines, logs: hostLogs(dir, name) };
		}),
	);
	const kernel = kernelLog();
	const agents = watchAgents(dir, names);
	return async () => {
		const found = (await Promise.all(before.map((host) => compare(dir, host)))).flat();
		found.push(...agents(), ...(await kernel()));
		const unknown = [...new Set(found)].filter((line) => !isKnown(line) && !allowed.some(({ pattern }) => pattern.test(line)));
		if (unknown.length > 0)
			throw new Error(
				`hygiene: ${unknown.length} lines that nobody expects; a line that is right belongs into tests/support/known-warnings.ts, or into expectTrouble() of this file, with its reason:\n${unknown.slice(0, 20).join("\n")}`,
			);
	};
}

async function compare(dir: string, { name, boot, lines, logs }: Host): Promise<string[]> {
	const warnings = logs().map((line) => `${name}: ${line}`);
	const now = bootOf(dir, name);
	if (now === "off") return [...warnings, `${name}: is off`];
	const after = await look(dir, name, LOOK);
	const left = after.filter((line) => !lines.includes(line)).map((line) => `${name}: left: ${line}`);
	const gone = now === boot ? lines.filter((line) => !after.includes(line)).map((line) => `${name}: gone: ${line}`) : [];
	return [...warnings, ...left, ...gone];
}
