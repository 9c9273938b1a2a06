// scripts/pulumi.sh: pulumi for people, with the environment that it needs and nothing said by this program.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import * as path from "node:path";
import { ensurePulumi } from "./install/ensure";
import { cacheRoot } from "./install/paths";

async function main(): Promise<void> {
	const cli = await ensurePulumi();
	const state = path.join(cacheRoot(), "state");
	mkdirSync(state, { recursive: true });
	const child = spawn(cli.command, process.argv.slice(2), {
		stdio: "inherit",
		env: {
			PULUMI_BACKEND_URL: `file://${state}`,
			...process.env,
			...cli.environment,
			PULUMI_CONFIG_PASSPHRASE: process.env["PULUMI_CONFIG_PASSPHRASE"] ?? "",
		},
	});
	// The terminal sends these to pulumi as well, which then ends in good order: wait for it.
	for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
		process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
	child.on("exit", (code, signal) => process.exit(code ?? (signal ? 1 : 0)));
}

main().catch((error: Error) => {
	console.error(error.message);
	process.exit(1);
});
