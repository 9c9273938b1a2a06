import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const read = (file: string): string => {
	try {
		return readFileSync(file, "utf8");
	} catch {
		return "";
	}
};
const list = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

/** What a lab must leave as it was. Other labs may come and go on the same machine meanwhile: their links are left out. */
export function machine(ownLink?: string) {
	const links = JSON.parse(execFileSync("ip", ["-j", "link"], { encoding: "utf8" })) as { ifname: string }[];
	const sysctls = ["ipv4/ip_forward", "ipv6/conf/all/forwarding", "bridge/bridge-nf-call-iptables"];
	const accounts = ["passwd", "group", "shadow", "sudoers", "hosts", "hostname", "ssh/sshd_config"];
	const folders = ["/etc/sudoers.d", "/etc/docker", "/etc/openvswitch", "/var/lib", "/var/log/openvswitch", "/home"];
	const ssh = join(homedir(), ".ssh");
	return {
		links: links.map(({ ifname }) => ifname).filter((name) => name === ownLink || !/^nplab\d+$/.test(name)),
		mounts: read("/proc/self/mountinfo").trim().split("\n"),
		firewall: execFileSync("iptables", ["-S"], { encoding: "utf8" }),
		sysctls: sysctls.map((name) => read(`/proc/sys/net/${name}`)),
		files: accounts.map((name) => read(`/etc/${name}`)),
		folders: folders.map(list),
		ssh: list(ssh).map((name) => `${name}: ${read(join(ssh, name))}`),
	};
}

/** Start time of a process: with the pid it names one process for good. None for a zombie, which only waits for its parent. */
export function startOf(pid: string): string | undefined {
	const stat = read(`/proc/${pid}/stat`);
	const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
	return fields[0] === "Z" ? undefined : fields[19];
}

/** Every process in a cgroup of this lab or started for its folder, each as "pid start". */
export function labProcesses(link: string, dir: string): string[] {
	return list("/proc")
		.filter((pid) => /^\d+$/.test(pid))
		.filter((pid) => read(`/proc/${pid}/cgroup`).includes(`/${link}/`) || read(`/proc/${pid}/environ`).includes(`=${dir}`))
		.filter((pid) => startOf(pid) !== undefined)
		.map((pid) => `${pid} ${startOf(pid)}`);
}
