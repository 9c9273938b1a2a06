import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

/** Which lab is meant. Several may run side by side, each in its own folder. */
export interface LabOptions {
	/** The lab's folder. Default: NETPLUMB_LAB, else /var/tmp/netplumb-lab. */
	dir?: string;
}

export interface LabPaths {
	dir: string;
	state: string;
	lock: string;
	identityFile: string;
	knownHostsFile: string;
	image: string;
	switchRecord: string;
	switchReady: string;
	switchLog: string;
	hosts: string;
}

export interface HostPaths {
	dir: string;
	hostKey: string;
	authorizedKeys: string;
	image: string;
	/** Process 1 of the host, as seen from the machine. */
	initRecord: string;
	/** The `unshare` that started process 1. */
	outerRecord: string;
	cgroups: string;
	ready: string;
	bootLog: string;
	logs: string;
}

// The hosts cover these with their own: a lab folder below one of them would cover itself.
const covered = ["/etc", "/var/lib", "/var/log", "/proc", "/sys", "/dev"];

export function labPaths(options: LabOptions = {}): LabPaths {
	const dir = resolve(options.dir ?? process.env["NETPLUMB_LAB"] ?? "/var/tmp/netplumb-lab");
	const above = covered.find((path) => dir === path || dir.startsWith(`${path}/`));
	if (above !== undefined || dir === "/") {
		throw new Error(`The lab folder cannot be ${dir}: choose one outside ${above ?? "/"}, for example /var/tmp/netplumb-lab.`);
	}
	return {
		dir,
		state: join(dir, "lab.json"),
		lock: join(dir, "lock"),
		identityFile: join(dir, "id_ed25519"),
		knownHostsFile: join(dir, "known_hosts"),
		image: join(dir, "image.tar"),
		switchRecord: join(dir, "switch"),
		switchReady: join(dir, "switch-ready"),
		switchLog: join(dir, "switch.log"),
		hosts: join(dir, "hosts"),
	};
}

export function hostPaths(lab: LabPaths, name: string): HostPaths {
	const dir = join(lab.hosts, name);
	return {
		dir,
		hostKey: join(dir, "ssh_host_ed25519_key"),
		authorizedKeys: join(dir, "authorized_keys"),
		image: join(dir, "image.tar"),
		initRecord: join(dir, "init"),
		outerRecord: join(dir, "outer"),
		cgroups: join(dir, "cgroups"),
		ready: join(dir, "ready"),
		bootLog: join(dir, "boot.log"),
		logs: join(dir, "disk", "log"),
	};
}

/** The boot script, found from lab/ (tsx) and from dist/lab/ (compiled) alike. */
export function bootScript(): string {
	let root = __dirname;
	while (!existsSync(join(root, "package.json")) && root !== dirname(root)) root = dirname(root);
	return join(root, "lab", "boot.sh");
}
