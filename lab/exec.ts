import { hostInit } from "./host";
import { type LabOptions, type LabPaths, labPaths } from "./options";
import { cleanEnv, type Result, type RunOptions, tryRun } from "./run";
import { stateOf } from "./state";

/** Enters all of the host's namespaces from the machine; neither SSH nor the host's daemons are needed. */
export function enterHost(paths: LabPaths, name: string, argv: readonly string[]): string[] {
	stateOf(paths, name);
	const init = hostInit(paths, name);
	if (init === undefined) throw new Error(`Host ${name} is off: \`netplumb-lab reboot ${name}\` starts it.`);
	const namespaces = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"];
	return ["nsenter", "--target", String(init.pid), ...namespaces, "--wd=/root", "--", ...argv];
}

/** Runs a command on a host, for a test's assertions. The last newline of each output is cut. It does not throw on failure. */
export async function hostExec(name: string, argv: readonly string[], options: LabOptions & RunOptions = {}): Promise<Result> {
	return await tryRun(enterHost(labPaths(options), name, argv), options);
}

/** An interactive shell or command on a host, on this terminal. Returns its exit code. */
export async function hostShell(name: string, argv: readonly string[], options: LabOptions = {}): Promise<number> {
	const { execa } = await import("execa");
	const command = argv.length > 0 ? argv : ["bash", "--login"];
	const [file, ...args] = enterHost(labPaths(options), name, command) as [string, ...string[]];
	const env = { ...cleanEnv, TERM: process.env["TERM"] ?? "dumb" };
	const ignore = (): void => {}; // Ctrl-C is for the command, which shares this terminal
	process.on("SIGINT", ignore);
	const result = await execa(file, args, { stdio: "inherit", reject: false, extendEnv: false, env });
	process.off("SIGINT", ignore);
	return result.exitCode ?? 128;
}
