// What a person would type on a host to see its wiring, as short functions. All of them look at the lab host h1.
import { expect } from "chai";
import { hostDump } from "./dump";
import { on } from "./lab";

interface Link {
	address: string;
	mtu: number;
	flags: string[];
	master?: string;
	ifalias?: string;
	addr_info: { local: string; prefixlen: number; scope: string }[];
}

/** Runs a shell script on the host; its arguments are $1, $2 … */
export const sh = (script: string, ...args: string[]): Promise<string> => on("h1", "sh", "-ec", script, "-", ...args);

/** With the host's tools, in a container's network. */
export async function inside(container: string, ...argv: string[]): Promise<string> {
	return sh('pid=$(docker inspect -f "{{.State.Pid}}" "$1"); shift; exec nsenter -t "$pid" -n -- "$@"', container, ...argv);
}

const at = (container: string | undefined, ...argv: string[]) => (container ? inside(container, ...argv) : on("h1", ...argv));

/** A link of the host, or of a container; undefined where there is none. */
export async function link(name: string, container?: string): Promise<Link | undefined> {
	const links = JSON.parse(await at(container, "ip", "-j", "-d", "address", "show")) as (Link & { ifname: string })[];
	return links.find(({ ifname }) => ifname === name);
}

/** The addresses of a link in CIDR notation, in the kernel's order, without link-local ones. */
export async function addresses(name: string, container?: string): Promise<string[]> {
	const found = (await link(name, container))?.addr_info ?? [];
	return found.filter(({ scope }) => scope !== "link").map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

/** The routes of a container's main table, as `ip route` prints them. */
export async function routes(container: string, family: "-4" | "-6" = "-4"): Promise<string[]> {
	return (await inside(container, "ip", family, "route")).split("\n").map((line) => line.trim());
}

/** Columns of an OVSDB row, in ovs-vsctl's own notation. */
export async function row(table: string, name: string, ...columns: string[]): Promise<string[]> {
	return (await on("h1", "ovs-vsctl", "get", table, name, ...columns)).split("\n");
}

export const vsctl = (...argv: string[]): Promise<string> => on("h1", "ovs-vsctl", "--timeout=20", ...argv);

/** One ping, in a bounded number of tries: a bridge port may take a moment to forward. */
export async function pings(container: string, address: string, tries = 5): Promise<boolean> {
	const script =
		'i=0; while [ $i -lt "$3" ]; do nsenter -t "$(docker inspect -f "{{.State.Pid}}" "$1")" -n ping -c 1 -W 1 "$2" >/dev/null 2>&1 && echo yes && exit; i=$((i + 1)); done; echo no';
	return (await sh(script, container, address, String(tries))) === "yes";
}

/** When a container was started; another time means that somebody restarted it. */
export const startedAt = (container: string): Promise<string> =>
	on("h1", "docker", "inspect", "-f", "{{.State.StartedAt}}", container);

/** Everything on the host, and in the network of each container: one line a fact. */
export async function everything(...containers: string[]): Promise<string[]> {
	const within = async (container: string) => {
		const links = JSON.parse(await inside(container, "ip", "-j", "-d", "address", "show")) as Record<string, unknown>[];
		const script = "ip -4 route show table all; ip -6 route show table all; sysctl -a -r 'net.ipv[46].conf' 2>/dev/null";
		const rest = (await inside(container, "sh", "-c", script)).split("\n");
		return [...links.map(stable), ...rest].map((line) => `${container} ${line}`);
	};
	const host = Object.entries(await hostDump("h1")).flatMap(([what, facts]) =>
		(typeof facts === "string" ? facts.split("\n").flatMap(rows) : (facts as unknown[])).map((fact) => `${what} ${fact}`),
	);
	// Docker's own links get their link-local addresses a moment after the container has started.
	return [...host.filter((line) => !/"fe80::.*"dev":"veth/.test(line)), ...(await Promise.all(containers.map(within))).flat()];
}

/** A table of OVSDB, row by row: their order means nothing. */
function rows(line: string): string[] {
	const { headings, data } = JSON.parse(line) as { headings: string[]; data: unknown[] };
	return [...data].map((one) => `${headings.join()} ${JSON.stringify(one)}`);
}

/** Indices, and the queueing that a link gets when it is up for the first time. */
function stable({ ifindex, link_index, stats64, qdisc, ...rest }: Record<string, unknown>): string {
	return JSON.stringify(rest);
}

/** The dump before and after `work` must be equal. */
export async function leavesNoTrace(containers: string[], work: () => Promise<unknown>): Promise<void> {
	const before = await everything(...containers);
	await work();
	const after = await everything(...containers);
	const gone = before.filter((line) => !after.includes(line));
	const left = after.filter((line) => !before.includes(line));
	expect({ gone, left }).to.deep.equal({ gone: [], left: [] });
	expect(after.length).to.equal(before.length);
}

/** Asks again, at most 40 times, until the answer is the expected one; then compares, so that a failure shows both. */
export async function eventually<T>(ask: () => Promise<T>, expected: T): Promise<void> {
	let found = await ask();
	for (let tries = 0; tries < 40 && JSON.stringify(found) !== JSON.stringify(expected); tries++) {
		await new Promise((resolve) => setTimeout(resolve, 100));
		found = await ask();
	}
	expect(found).to.deep.equal(expected);
}

/** Removes containers, if they are there. */
export const removeContainers = (...names: string[]): Promise<string> =>
	sh('docker rm -f -v "$@" >/dev/null 2>&1 </dev/null || true', ...names);
