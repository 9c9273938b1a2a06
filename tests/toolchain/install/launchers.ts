// The stand-ins, put where the CLI looks for its own parts: the language host and the dynamic provider beside `pulumi`,
// the docker plugin in the plugin folder of a PULUMI_HOME of its own. The files say only where to look, through
// NETPLUMB_REPO, so that clones of the repository can share one cache.
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { dockerPluginVersion, toolchainCache } from "./paths";

const typescript = (file: string) => `#!/bin/sh
exec node --require "$NETPLUMB_REPO/node_modules/tsx/dist/cjs/index.cjs" "$NETPLUMB_REPO/tests/toolchain/stand-in/${file}" "$@"
`;

const DYNAMIC_PROVIDER = `#!/bin/sh
exec "$NETPLUMB_REPO/node_modules/@pulumi/pulumi/pulumi-resource-pulumi-nodejs" "$@"
`;

/** For a CLI that was built: what the official distribution has beside `pulumi`. */
export function placeBesideCli(cli: string): void {
	const folder = path.dirname(cli);
	writeLauncher(path.join(folder, "pulumi-language-nodejs"), typescript("language-host.ts"));
	writeLauncher(path.join(folder, "pulumi-resource-pulumi-nodejs"), DYNAMIC_PROVIDER);
}

/** For a machine that cannot download the docker plugin. Gives the PULUMI_HOME that has the stand-in. */
export function homeWithDockerStandIn(): string {
	const home = path.join(toolchainCache(), "home-stand-in");
	const plugin = path.join(home, "plugins", `resource-docker-v${dockerPluginVersion()}`, "pulumi-resource-docker");
	writeLauncher(plugin, typescript("docker/plugin.ts"));
	return home;
}

/** Writes an executable file, all or nothing, and only when it would change: another process may be running it. */
function writeLauncher(file: string, text: string): void {
	try {
		if (readFileSync(file, "utf8") === text) return;
	} catch {
		// Not there yet.
	}
	mkdirSync(path.dirname(file), { recursive: true });
	const unfinished = `${file}.${process.pid}`;
	writeFileSync(unfinished, text);
	chmodSync(unfinished, 0o755);
	renameSync(unfinished, file);
}
