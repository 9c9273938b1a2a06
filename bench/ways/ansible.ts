// One Ansible play with a loop over the containers, as people write it. ansible-core comes from PyPI into a folder of its own.
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { BenchLab } from "../lab";
import { SSH_OPTIONS } from "./ssh";
import type { Way, Wire } from "./way";

const VERSION = "2.17.7";
const HOME = path.join(os.homedir(), ".cache", "netplumb", `ansible-${VERSION}`);

export async function ansible(lab: BenchLab, bridge: string, wires: readonly Wire[]): Promise<Way> {
	const { execa } = await import("execa");
	const playbook = path.join(HOME, "bin", "ansible-playbook");
	if (!existsSync(playbook)) {
		rmSync(HOME, { recursive: true, force: true });
		await execa("python3", ["-m", "venv", HOME]);
		await execa(path.join(HOME, "bin", "pip"), ["install", "--quiet", `ansible-core==${VERSION}`]);
	}
	const folder = path.join(HOME, "plays");
	mkdirSync(folder, { recursive: true });
	const inventory = path.join(folder, "hosts.json");
	const hosts = lab.hosts.map((host) => {
		const { address, identityFile } = lab.info(host);
		const own = wires.filter((wire) => wire.host === host);
		return [host, { ansible_host: address, ansible_user: "root", ansible_ssh_private_key_file: identityFile, wires: own }];
	});
	writeFileSync(inventory, JSON.stringify({ all: { hosts: Object.fromEntries(hosts) } }));
	const play = async (name: string, script: string): Promise<void> => {
		const file = path.join(folder, `${name}.json`);
		const task = { "ansible.builtin.shell": script, loop: "{{ wires }}" };
		writeFileSync(file, JSON.stringify([{ hosts: "all", gather_facts: false, tasks: [task] }]));
		await execa(playbook, ["-i", inventory, file], {
			env: {
				ANSIBLE_HOME: HOME,
				ANSIBLE_SSH_ARGS: [...SSH_OPTIONS, "-C", "-o", "ControlMaster=auto", "-o", "ControlPersist=60s"].join(" "),
			},
		});
	};
	return {
		name: "an Ansible play",
		up: () =>
			play(
				"up",
				`set -e
pid=$(docker inspect -f '{{ "{{" }}.State.Pid{{ "}}" }}' {{ item.container }})
ip link add name {{ item.link }} type veth peer name eth1 netns $pid
ethtool -K {{ item.link }} tx off
ip link set dev {{ item.link }} up
ovs-vsctl add-port ${bridge} {{ item.link }}
nsenter --net=/proc/$pid/ns/net ethtool -K eth1 tx off
nsenter --net=/proc/$pid/ns/net ip address add {{ item.address }} dev eth1
nsenter --net=/proc/$pid/ns/net ip link set dev eth1 up`,
			),
		down: () => play("down", `ovs-vsctl del-port ${bridge} {{ item.link }} && ip link delete dev {{ item.link }}`),
	};
}
