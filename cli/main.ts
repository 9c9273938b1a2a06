#!/usr/bin/env node
// netplumb status <host>: what the agent on a host looks after, and what it did.
import { STATUS_REQUEST } from "../provider/helper/request";
import { nameOf } from "../provider/lifecycle/sessions";
import { transportFor } from "../provider/transport/pool";
import type { ScriptResult } from "../provider/transport/transport";
import type { HostSettings } from "../provider/validate/host";
import { type Failure, hostSchema, read } from "../provider/validate/index";
import { parseTarget } from "../sdk/target";
import { helperUsage, installScript, nextSteps, printed, removeScript } from "./helper";
import { statusLines } from "./status";

const usage = `Usage: netplumb status <host> [--helper]
  <host> is written as in a program: ssh://root@192.0.2.11, or local
One line for each resource that the host heals by itself: its state, its kind, its owner, and what was done last.
With --helper the login has no root shell, but the helper:
${helperUsage}`;

const SCRIPT = "[ ! -f /var/lib/netplumb/agent ] || exec sh /var/lib/netplumb/agent status";

async function main(argv: readonly string[]): Promise<number> {
	const [verb, address, ...more] = argv;
	if (verb === "--help" || verb === "-h" || verb === "help") {
		console.log(usage);
		return 0;
	}
	if (verb === "helper") return helper(argv.slice(1));
	const viaHelper = more.length === 1 && more[0] === "--helper";
	if (verb !== "status" || address === undefined || (more.length > 0 && !viaHelper)) {
		console.error(usage);
		return 2;
	}
	const host = hostOf(address, viaHelper);
	const { stdout, stderr, exitCode } = await run(host, viaHelper ? STATUS_REQUEST : SCRIPT);
	if (viaHelper && exitCode !== 0) throw new Error(`${nameOf(host)}: the helper refuses it: ${stderr.trim()}`);
	const { lines, bad } = statusLines(stdout, nameOf(host), Date.now());
	console.log(lines.join("\n"));
	return bad ? 1 : 0;
}

async function helper([verb, what, ...more]: readonly string[]): Promise<number> {
	const text = verb === "print" ? printed(what ?? "") : undefined;
	if (text !== undefined && more.length === 0) {
		process.stdout.write(text);
		return 0;
	}
	if ((verb !== "install" && verb !== "remove") || what === undefined || more.length > 0) {
		console.error(helperUsage);
		return 2;
	}
	const host = hostOf(what, false);
	const { exitCode, stderr } = await run(host, verb === "install" ? installScript() : removeScript());
	if (exitCode !== 0) throw new Error(`${nameOf(host)}: the helper could not be changed: ${stderr.trim()}`);
	console.log(verb === "install" ? nextSteps(nameOf(host)) : `${nameOf(host)}: helper removed`);
	return 0;
}

function hostOf(address: string, viaHelper: boolean): HostSettings {
	const failures: Failure[] = [];
	const target = Object.fromEntries(Object.entries(parseTarget(address)).filter(([, value]) => value !== undefined));
	const host = read(hostSchema, { ...target, ...(viaHelper ? { helper: true } : {}) }, "host", failures);
	if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("\n"));
	return host;
}

function run(host: HostSettings, script: string): Promise<ScriptResult> {
	const { heal, onUnreachable, confirmSeconds, ...settings } = host;
	return transportFor(settings, {}).run(script);
}

main(process.argv.slice(2)).then(
	(code) => process.exit(code),
	(error: Error) => {
		console.error(error.message);
		process.exit(2);
	},
);
