import * as os from "node:os";
import * as path from "node:path";

/** The CLI that is installed or built when the machine has none of its own. go.mod in ../cli pins the same one. */
export const CLI_VERSION = "3.259.0";

/** The oldest CLI on PATH that is used as it is: the oldest SDK that package.json allows. */
export const OLDEST_CLI = "3.216.0";

export const REPO = path.resolve(__dirname, "..", "..", "..");
export const TOOLCHAIN = path.join(REPO, "tests", "toolchain");

export function cacheRoot(): string {
	const base = process.env["XDG_CACHE_HOME"] || path.join(os.homedir(), ".cache");
	return path.join(base, "netplumb");
}

export function toolchainCache(): string {
	return path.join(cacheRoot(), "toolchain", CLI_VERSION);
}

/** The plugin version that the installed SDK asks the engine for. */
export function dockerPluginVersion(): string {
	return (require("@pulumi/docker/package.json") as { version: string }).version;
}
