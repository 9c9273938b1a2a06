// How long the provider's code takes to be ready: from the start of a node process to the answer of its first check.
import { execFileSync } from "node:child_process";
import * as path from "node:path";
import { median } from "./measure";

const FIRST_CHECK = `
	require(process.argv[1]).lifecycle("VethAttachment").check({}, {
		host: { address: "192.0.2.1" }, owner: "bench/start/wire", container: "web", bridge: "br0",
	}).then(({ failures }) => process.exit(failures.length));`;

/** Milliseconds more than a node process takes that does nothing. */
export function timeToFirstAnswer(): number {
	const provider = path.resolve(__dirname, "..", "dist", "provider", "v1.js");
	const once = (script: string): number => {
		const start = process.hrtime.bigint();
		execFileSync(process.execPath, ["-e", script, provider]);
		return Number(process.hrtime.bigint() - start) / 1e6;
	};
	const more = Array.from({ length: 9 }, () => once(FIRST_CHECK) - once(""));
	return Math.round(median(more));
}
