// Wiring that the host heals by itself, and how long it takes.
import { expect } from "chai";
import { labReboot } from "../../lab";
import { hostDump } from "../support/dump";
import { allow } from "../support/hygiene";
import { image, labDir, labHost, on } from "../support/lab";
import { Resource } from "../support/resource";
import { eventually, sh } from "../support/wiring";

export const BRIDGE = "br-heal";

export interface Wired {
	bridge: Resource;
	attachments: Resource[];
	addresses: Resource[];
}

const more = () => ({ host: labHost("h1") });

/** Containers that Docker starts again after a reboot, on one bridge with the address 10.77.0.254, each with 10.77.0.N. */
export async function wire(names: readonly string[]): Promise<Wired> {
	const run = `printf '%s\\n' "$@" | xargs -P 4 -I {} docker run -d --name {} --restart always --network none --stop-timeout 0 ${image} sleep 86400`;
	await on("h1", "sh", "-c", run, "-", ...names);
	const bridge = await new Resource("OvsBridge", "heal", more()).create({ name: BRIDGE, addresses: ["10.77.0.254/24"] });
	const attachments = await Promise.all(
		names.map((container) => new Resource("VethAttachment", container, more()).create({ container, bridge: BRIDGE })),
	);
	const addresses = await Promise.all(
		names.map((container, index) =>
			new Resource("StaticContainerIp", container, more()).create({
				container,
				interface: "eth1",
				addresses: [`10.77.0.${index + 1}/24`],
				gateway: "10.77.0.254",
			}),
		),
	);
	return { bridge, attachments, addresses };
}

/** Every resource as it was declared, by its own refresh. */
export async function expectWhole({ bridge, attachments, addresses }: Wired): Promise<void> {
	for (const resource of [bridge, ...attachments, ...addresses]) expect(await resource.read(), resource.name).to.deep.equal([]);
}

export async function unwire({ bridge, attachments, addresses }: Wired, names: readonly string[]): Promise<void> {
	for (const resource of [...addresses, ...attachments, bridge]) await resource.delete();
	await sh('docker rm -f "$@" >/dev/null', ...names);
}

/**
 * Restarts the containers, all at the same time, and gives for each the milliseconds from its start, as Docker has it, to the first
 * answered ping.
 */
export async function restart(...names: string[]): Promise<number[]> {
	const [first = "", ...said] = (await sh(RESTART, ...names)).trim().split("\n");
	if (first === "failed") {
		const text = `docker restart fails, or does not end in 40 s: ${said.join("; ")}`;
		throw (await isDeadlocked()) ? new DockerDeadlock(text) : new Error(text);
	}
	const times = [first, ...said].map(Number);
	expect(times).to.have.length(names.length);
	return times;
}

class DockerDeadlock extends Error {}

/** A test that restarts containers. Where dockerd locks itself up over it, the host is rebooted and the whole test begins again, once. */
export function despiteDocker(names: readonly string[], test: () => Promise<void>): () => Promise<void> {
	return async () => {
		try {
			await test();
		} catch (error) {
			if (!(error instanceof DockerDeadlock)) throw error;
			console.log("      dockerd has locked itself up (moby/libnetwork#2649): the host is rebooted, and the test begins again");
			allow(
				"the power goes while dockerd hangs in the middle of restarts, and what it had begun is not in its store",
				/dockerd: level=error msg="Container not cleaned up from containerd from previous run"/,
				/dockerd: level=\w+ msg="(?:getEndpointFromStore for eid|Failed deleting endpoint) .*could not find endpoint/,
			);
			await labReboot("h1", { dir: labDir });
			await answered(names);
			await test();
		}
	};
}

/**
 * Docker 20.10 takes the locks of its network code in two orders, when one container ends while another one is taken out of its
 * network: then it answers nobody any more. The stacks that dockerd writes show both sides.
 */
async function isDeadlocked(): Promise<boolean> {
	const stacks = await sh(`
rm -f /run/docker/goroutine-stacks-*
kill -s USR1 "$(cat /run/docker.pid)" || exit 0
sleep 3
cat /run/docker/goroutine-stacks-* 2>/dev/null || true`);
	const waiting = stacks.split("\n\n").filter((stack) => stack.includes("[semacquire"));
	return ["processEndpointDelete", "getSvcRecords"].every((side) => waiting.some((stack) => stack.includes(`.${side}(`)));
}

/** Waits until all of the containers get an answer from the host; otherwise says what is known of the first that does not. */
export async function answered(names: readonly string[]): Promise<void> {
	await eventually(() => sh(SILENT, ...names), "").catch(async (error: Error) => {
		const first = (await sh(SILENT, ...names)).split("\n")[0] || names[0]!;
		throw new Error(`${error.message}\n${await sh(WHAT_OF, first)}`);
	});
}

// By the host's own ping, as a dockerd that hangs runs nothing in a container.
const SILENT = `
exec 3>&1
for name; do
	(
		pid=$(timeout 5 docker inspect -f '{{.State.Pid}}' "$name") && nsenter -n -t "$pid" ping -n -c 1 -W 2 10.77.0.254 || echo "$name" >&3
	) >/dev/null 2>&1 &
done
wait`;

const WHAT_OF = `
set +e
exec 2>&1
name=$1
timeout 5 docker inspect -f '{{.Id}} {{json .State}}' "$name"
timeout 5 docker exec "$name" true
echo "docker exec: $?"
pid=$(timeout 5 docker inspect -f '{{.State.Pid}}' "$name")
grep -e ^State "/proc/$pid/status"
cat "/proc/$pid/wchan"; echo
nsenter -n -t "$pid" ip -o -d address
ip -o link show | grep -e "$name-"
ovs-vsctl --timeout=5 list-ports ${BRIDGE} | grep -e "$name-"
sh /var/lib/netplumb/agent status | grep -e "$name"
tail -n 5 /var/lib/netplumb/log
true`;

// The host asks every 20 ms, one process a container, and knows the MAC: another one would never answer.
const RESTART = `
dir=$(mktemp -d)
clear() {
	for name; do ip neighbour delete "10.77.0.$((\${name##*-} + 1))" dev ${BRIDGE} || :; done
	while read -r pid; do kill "$pid" || :; done <"$dir/pids"
	rm -rf "$dir"
}
trap 'clear "$@"' EXIT
for name; do
	ip=10.77.0.$((\${name##*-} + 1))
	mac=$(nsenter -n -t "$(docker inspect -f '{{.State.Pid}}' "$name")" ip -o link show dev eth1 | sed 's/.*ether \\([^ ]*\\) .*/\\1/')
	ip neighbour replace "$ip" lladdr "$mac" dev ${BRIDGE} nud permanent
	timeout 60 ping -n -D -i 0.02 -W 1 "$ip" >"$dir/$name" 2>/dev/null &
	echo $! >>"$dir/pids"
done
printf '%s\\n' "$@" | xargs -P 20 -n 1 timeout 40 docker restart -t 0 >/dev/null 2>"$dir/said" || { echo failed; cat "$dir/said"; exit 0; }
for name; do
	started=$(date -d "$(docker inspect -f '{{.State.StartedAt}}' "$name")" +%s%N)
	first= tries=0
	until [ -n "$first" ] || [ $((tries += 1)) -gt 300 ]; do
		first=$(sed -n 's/^\\[\\([0-9]*\\)\\.\\([0-9]*\\)\\] .* icmp_seq=.* time=.*/\\1\\2000/p' "$dir/$name" | awk -v t="$started" '$1 > t { print; exit }')
		[ -n "$first" ] || sleep 0.1
	done
	if [ -n "$first" ]; then echo $(((first - started) / 1000000)); else echo 30000; fi
done`;

/** Milliseconds of processor time that the agent and what it started have used. */
export async function agentTime(): Promise<number> {
	const script = 'read -r pid _ </run/netplumb/agent.d/process; cut -d " " -f 14-17 "/proc/$pid/stat"';
	const ticks = (await sh(script)).split(" ").map(Number);
	return ticks.reduce((sum, count) => sum + count, 0) * 10;
}

export function figures(times: readonly number[]): string {
	const sorted = [...times].sort((a, b) => a - b);
	const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)];
	return `${sorted.length} starts: median ${at(0.5)} ms, 99th percentile ${at(0.99)} ms, longest ${sorted.at(-1)} ms`;
}

export const agentStatus = (): Promise<string> => sh("[ ! -e /var/lib/netplumb/agent ] || sh /var/lib/netplumb/agent status");

/** Docker and Open vSwitch give their own links new MAC addresses at a boot. */
export async function remains(): Promise<unknown> {
	const { ovs, files, containers } = await hostDump("h1");
	return { ovs, files, containers };
}

/** Ends dockerd and starts it again, as a restart of its service does. */
export const restartDocker = (...options: string[]): Promise<string> =>
	sh(
		`
pid=$(cat /run/docker.pid)
kill "$pid"
while [ -e "/proc/$pid" ]; do sleep 0.1; done
setsid dockerd "$@" >>/var/log/dockerd.log 2>&1 </dev/null &
until docker ps -q >/dev/null 2>&1; do sleep 0.1; done`,
		...options,
	);

/** Ends ovs-vswitchd and starts it again; the lab host's own address has to be put back. */
export const restartSwitch = (): Promise<string> =>
	sh(`
address=$(ip -4 -o address show dev br-phy | awk '{ print $4 }')
gateway=$(ip route show default | awk '{ print $3 }')
pid=$(cat /run/openvswitch/ovs-vswitchd.pid)
kill "$pid"
while [ -e "/proc/$pid" ]; do sleep 0.1; done
ovs-vswitchd --pidfile --log-file -vconsole:warn --detach 2>/dev/null
ovs-vsctl --timeout=20 list-br >/dev/null
ethtool -K br-phy tx off >/dev/null
ip address replace "$address" dev br-phy
ip link set br-phy up
ip route replace default via "$gateway"`);
