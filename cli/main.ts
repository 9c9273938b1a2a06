#!/usr/bin/env node
// netplumb status <host>: what the agent on a host looks after, and what it did.
import { nameOf } from "../provider/lifecycle/sessions";
import { transportFor } from "../provider/transport/pool";
import { type Failure, hostSchema, read } from "../provider/validate/index";
import { parseTarget } from "../sdk/target";
import { statusLines } from "./status";

const usage = `Usage: netplumb status <host>
  <host> is written as in a program: ssh://root@192.0.2.11, or local
One line for each resource that the host heals by itself: its state, its kind, its owner, and what was done last.`;

const SCRIPT = "[ ! -f /var/lib/netplumb/agent ] || exec sh /var/lib/netplumb/agent status";

async function main(argv: readonly string[]): Promise<number> {
	const [verb, address, ...more] = argv;
	if (verb === "--help" || verb === "-h" || verb === "help") {
		console.log(usage);
		return 0;
	}
	if (verb !== "status" || address === undefined || more.length > 0) {
		console.error(usage);
		return 2;
	}
	const failures: Failure[] = [];
	const target = Object.fromEntries(Object.entries(parseTarget(address)).filter(([, value]) => value !== undefined));
	const host = read(hostSchema, target, "host", failures);
	if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("\n"));
	const { heal, onUnreachable, ...settings } = host;
	const { stdout } = await transportFor(settings, {}).run(SCRIPT);
	const { lines, bad } = statusLines(stdout, nameOf(host), Date.now());
	console.log(lines.join("\n"));
	return bad ? 1 : 0;
}

main(process.argv.slice(2)).then(
	(code) => process.exit(code),
	(error: Error) => {
		console.error(error.message);
		process.exit(2);
	},
);
