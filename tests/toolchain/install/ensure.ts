import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { build, builtInCache } from "./build";
import { homeWithDockerStandIn, placeBesideCli } from "./launchers";
import { withLock } from "./lock";
import { downloadsReachable, installOfficial, officialInCache, officialOnPath } from "./official";
import { dockerPluginVersion, REPO, toolchainCache } from "./paths";
import { withProgress } from "./progress";
import { run } from "./run";

export interface PulumiCli {
	/** The absolute path of `pulumi`. */
	command: string;
	source: "path" | "installer" | "built";
	dockerPlugin: "official" | "stand-in";
	/** One line for people: where the CLI and the plugin came from. */
	description: string;
	/** What a process needs in its environment to run this CLI. */
	environment: NodeJS.ProcessEnv;
}

let found: Promise<PulumiCli> | undefined;

/** A working `pulumi`, from wherever this machine can get one. Quick when it is there already; safe to call at any time. */
export function ensurePulumi(): Promise<PulumiCli> {
	found ??= find();
	return found;
}

async function find(): Promise<PulumiCli> {
	const onPath = await officialOnPath();
	if (onPath) return withPlugins(onPath, "path");
	const cached = officialInCache();
	if (cached) return withPlugins(cached, "installer");
	const built = builtInCache();
	if (built) return withPlugins(built, "built");
	return withLock(toolchainCache(), async () => {
		const installed = officialInCache() ?? (await installOfficial());
		if (installed) return withPlugins(installed, "installer");
		return withPlugins(builtInCache() ?? (await build()), "built");
	});
}

async function withPlugins(command: string, source: PulumiCli["source"]): Promise<PulumiCli> {
	if (source === "built") placeBesideCli(command);
	const home = source === "built" ? undefined : await homeWithDockerPlugin(command);
	const origin = {
		path: `${command} (on PATH)`,
		installer: `${command} (official installer)`,
		built: `${command} (built from its Go module, with a stand-in for its language host)`,
	}[source];
	return {
		command,
		source,
		dockerPlugin: home ? "official" : "stand-in",
		description: `${origin}, docker plugin: ${home ? "official" : "stand-in"}`,
		environment: {
			NETPLUMB_REPO: REPO,
			PATH: [path.dirname(command), process.env["PATH"]].join(path.delimiter),
			PULUMI_HOME: home ?? homeWithDockerStandIn(),
			PULUMI_CONFIG_PASSPHRASE: "",
			PULUMI_SKIP_UPDATE_CHECK: "1",
			// The linter checks the types of every program, so the language host need not do it again at each run.
			PULUMI_NODEJS_TRANSPILE_ONLY: process.env["PULUMI_NODEJS_TRANSPILE_ONLY"] ?? "true",
			PULUMI_IGNORE_AMBIENT_PLUGINS: undefined,
		},
	};
}

/** A PULUMI_HOME with the official docker plugin in it, if the plugin is at hand or can be downloaded. */
async function homeWithDockerPlugin(cli: string): Promise<string | undefined> {
	const home = path.join(toolchainCache(), "home");
	const version = dockerPluginVersion();
	const folder = path.join("plugins", `resource-docker-v${version}`);
	const complete = () => existsSync(path.join(home, folder, "pulumi-resource-docker"));
	if (complete()) return home;
	mkdirSync(path.join(home, "plugins"), { recursive: true });
	const users = path.join(process.env["PULUMI_HOME"] || path.join(os.homedir(), ".pulumi"), folder);
	if (existsSync(path.join(users, "pulumi-resource-docker"))) {
		symlinkSync(users, path.join(home, folder));
		return home;
	}
	if (!(await downloadsReachable())) return undefined;
	await withProgress(`installing the docker plugin ${version}`, () =>
		run(cli, ["plugin", "install", "resource", "docker", `v${version}`], {
			timeoutMs: 300_000,
			env: { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "1" },
		}),
	);
	return complete() ? home : undefined;
}
