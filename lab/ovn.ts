import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { hostExec } from "./exec";
import { bootScript, type LabOptions } from "./options";
import { findCommand } from "./problem";

/** What of OVN runs on a host: ovn-controller, or ovn-northd with its two databases. */
export type OvnPart = "controller" | "central";

const packageOf: Record<string, string> = { "ovn-northd": "ovn-central", "ovn-controller": "ovn-host" };

/** Why no host can run OVN here, in one sentence that says what to do; undefined when they can. */
export function ovnProblem(): string | undefined {
	const missing = Object.keys(packageOf).filter((name) => findCommand(name) === undefined);
	if (missing.length === 0) return undefined;
	const packages = missing.map((name) => packageOf[name]).join(" ");
	return `OVN in the lab needs ${missing.join(", ")}: run \`apt-get install --no-install-recommends ${packages}\`.`;
}

async function boot(name: string, words: string[], options: LabOptions): Promise<void> {
	const script = readFileSync(join(dirname(bootScript()), "boot-ovn.sh"), "utf8");
	const { exitCode, stdout, stderr } = await hostExec(name, ["bash", "-c", script, "boot-ovn.sh", ...words], options);
	if (exitCode !== 0)
		throw new Error(`Host ${name} does not ${words.join(" ")} OVN: ${stderr || stdout || `exit code ${exitCode}`}`);
}

/** Starts parts of OVN on a host, now and at every boot, as installing their packages does. A lab without it pays nothing. */
export async function labOvnStart(name: string, parts: OvnPart[], options: LabOptions = {}): Promise<void> {
	const problem = ovnProblem();
	if (problem !== undefined) throw new Error(problem);
	await boot(name, ["start", ...parts], options);
}

/** Ends what was started, and removes its databases and ovn-controller's bridge. */
export async function labOvnStop(name: string, options: LabOptions = {}): Promise<void> {
	await boot(name, ["stop"], options);
}
