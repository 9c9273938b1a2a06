// The system's ssh, for the ways that are not ours.
import type { HostInfo } from "../../lab/index";

export const SSH_OPTIONS = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"];

export async function ssh(host: HostInfo, script: string): Promise<void> {
	const { execa } = await import("execa");
	await execa("ssh", [...SSH_OPTIONS, "-i", host.identityFile, `root@${host.address}`, "sh"], { input: script });
}
