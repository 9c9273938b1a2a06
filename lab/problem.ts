import { accessSync, constants, existsSync } from "node:fs";
import { join } from "node:path";
import { cleanEnv } from "./run";

const packageOf: Record<string, string> = {
	"ovs-vswitchd": "openvswitch-switch",
	dockerd: "docker.io",
	docker: "docker.io",
	iptables: "iptables",
	nft: "nftables",
	sshd: "openssh-server",
	"ssh-keygen": "openssh-client",
	busybox: "busybox-static",
	ethtool: "ethtool",
	ping: "iputils-ping",
	tcpdump: "tcpdump",
	conntrack: "conntrack",
	iperf3: "iperf3",
	sudo: "sudo",
	ip: "iproute2",
	sysctl: "procps",
	unshare: "util-linux",
	nsenter: "util-linux",
};

/** The full path of a command on the lab's own PATH. */
export function findCommand(name: string): string | undefined {
	return cleanEnv["PATH"]!.split(":")
		.map((folder) => join(folder, name))
		.find((path) => {
			try {
				accessSync(path, constants.X_OK);
				return true;
			} catch {
				return false;
			}
		});
}

/** Why no lab can run here, in one sentence that says what to do; undefined when one can. */
export function labProblem(): string | undefined {
	if (process.platform !== "linux") {
		return `The lab needs Linux (this is ${process.platform}): run it in a Linux virtual machine.`;
	}
	if (process.getuid?.() !== 0) {
		return "The lab needs root, because it makes network and mount namespaces: run it with sudo.";
	}
	const missing = Object.keys(packageOf).filter((name) => findCommand(name) === undefined);
	if (missing.length > 0) {
		const packages = [...new Set(missing.map((name) => packageOf[name]))];
		return `The lab needs ${missing.join(", ")}: run \`apt-get install --no-install-recommends ${packages.join(" ")}\`.`;
	}
	if (!existsSync("/dev/net/tun")) {
		return "The lab needs /dev/net/tun, for Open vSwitch in userspace: load the tun module (`modprobe tun`).";
	}
	return undefined;
}
