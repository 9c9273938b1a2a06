// One lab for all specs of a mocha run: brought up by the first that needs it, taken down after the last.
// NETPLUMB_TEST_LAB names its folder, so that several runs can go on side by side.
import * as os from "node:os";
import * as path from "node:path";
import { hostExec, hostInfo, type LabStatus, labDown, labImage, labProblem, labUp } from "../../lab/index";
import type { HostSettings } from "../../provider/validate/host";
import { skipUnless } from "../toolchain/skip";
import { watchHosts } from "./hygiene";
import { helperLogin, loginHost, prepareLogin } from "./login";

export const labDir = process.env.NETPLUMB_TEST_LAB ?? path.join(os.tmpdir(), "netplumb-test-lab");
export const image = labImage;

let up: Promise<LabStatus> | undefined;
let hostsUp = 0;
let plainUp = 0;

/**
 * In a describe block: brings the lab up with at least `hosts` hosts, or skips the block with the reason. `plain` hosts p1, p2 … have
 * their address on eth0 itself.
 */
export function useLab(hosts = 2, plain = 0): void {
	before(async function () {
		this.timeout(180_000);
		skipUnless(this, labProblem());
		if (hosts > hostsUp || plain > plainUp || !up) {
			await up;
			hostsUp = Math.max(hosts, hostsUp);
			plainUp = Math.max(plain, plainUp);
			up = labUp({ hosts: hostsUp, plain: plainUp, dir: labDir }).then(settled);
		}
		const clean = await watchHosts(await up);
		// After all hooks of the block that clear up: those are registered by now.
		this.test?.parent?.afterAll("leaves the hosts clean", clean);
	});
}

/** Waits until the hosts' own addresses are past duplicate address detection, after which a dump no longer changes by itself. */
async function settled(status: LabStatus): Promise<LabStatus> {
	const script = 'i=0; while ip -6 address show tentative | grep -q . && [ "$i" -lt 100 ]; do i=$((i + 1)); sleep 0.1; done';
	await Promise.all(status.hosts.map(({ name }) => on(name, "sh", "-c", script)));
	if (helperLogin) await Promise.all(status.hosts.map(({ name }) => prepareLogin(name)));
	return status;
}

after(async function () {
	this.timeout(60_000);
	if (up && !process.env.NETPLUMB_KEEP_LAB) await labDown({ dir: labDir });
});

/** The `host` input for a lab host. */
export function labHost(name = "h1", more: Partial<HostSettings> = {}): HostSettings {
	const { address, identityFile, hostKey } = hostInfo(name, { dir: labDir });
	if (!helperLogin || more.user !== undefined || more.transport !== undefined) return { address, identityFile, hostKey, ...more };
	const { heal, ...rest } = more;
	return { ...loginHost("netplumb", name), ...rest };
}

/** Runs a command on a lab host, not over SSH; fails when the command fails. */
export async function on(name: string, ...argv: string[]): Promise<string> {
	const result = await hostExec(name, argv, { dir: labDir });
	if (result.exitCode !== 0) throw new Error(`${name}: ${argv.join(" ")}: ${result.stderr || result.stdout}`);
	return result.stdout;
}

/** Runs a command in a container of a lab host. */
export function inContainer(host: string, container: string, ...argv: string[]): Promise<string> {
	return on(host, "docker", "exec", container, ...argv);
}

/** Makes a container that only sleeps; `--network none` unless told otherwise. Gives its id. */
export async function makeContainer(host: string, name: string, ...options: string[]): Promise<string> {
	const network = options.some((option) => option.startsWith("--network")) ? [] : ["--network", "none"];
	return on(host, "docker", "run", "-d", "--name", name, ...network, ...options, image);
}
