// What somebody would write by hand for speed: one script a host, sent over SSH to all hosts at once, everything in batches, no
// check, no lock, no undo. It is the floor of the work on the hosts.
import type { BenchLab } from "../lab";
import { ssh } from "./ssh";
import type { Way, Wire } from "./way";

export function handWrittenScripts(lab: BenchLab, bridge: string, wires: readonly Wire[]): Way {
	const everywhere = async (script: (own: Wire[]) => string) => {
		await Promise.all(lab.hosts.map((host) => ssh(lab.info(host), script(wires.filter((wire) => wire.host === host)))));
	};
	return {
		name: "hand-written scripts",
		up: () => everywhere((own) => upScript(bridge, own)),
		down: () => everywhere((own) => downScript(bridge, own)),
	};
}

function upScript(bridge: string, wires: readonly Wire[]): string {
	const each = (line: (wire: Wire, at: number) => string) => wires.map(line).join("\n");
	return `set -e
set -- $(docker inspect -f '{{.State.Pid}}' ${wires.map(({ container }) => container).join(" ")})
ip -batch - <<BATCH
${each(({ link }, at) => `link add name ${link} type veth peer name eth1 netns \${${at + 1}}`)}
BATCH
ovs-vsctl ${wires.map(({ link }) => `-- add-port ${bridge} ${link}`).join(" ")}
for link in ${wires.map(({ link }) => link).join(" ")}; do
	ethtool -K $link tx off >/dev/null
	echo 1 >/proc/sys/net/ipv6/conf/$link/disable_ipv6
done
ip -batch - <<BATCH
${each(({ link }) => `link set dev ${link} up`)}
BATCH
inside() {
	nsenter --net=/proc/$1/ns/net sh -c "ethtool -K eth1 tx off >/dev/null; ip -batch -" <<BATCH
address add $2 dev eth1
link set dev eth1 up
BATCH
}
${each(({ address }, at) => `inside \${${at + 1}} ${address}`)}
`;
}

function downScript(bridge: string, wires: readonly Wire[]): string {
	return `set -e
ovs-vsctl ${wires.map(({ link }) => `-- del-port ${bridge} ${link}`).join(" ")}
ip -batch - <<BATCH
${wires.map(({ link }) => `link delete dev ${link}`).join("\n")}
BATCH
`;
}
