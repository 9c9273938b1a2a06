// The official Pulumi distribution: the CLI with its own language host. Always preferred when it can be had.
import { accessSync, constants, existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { CLI_VERSION, OLDEST_CLI, REPO, toolchainCache } from "./paths";
import { say, withProgress } from "./progress";
import { run } from "./run";

const LANGUAGE_HOST = "pulumi-language-nodejs";

/** `pulumi` on PATH, if it has its language host and is recent enough. */
export async function officialOnPath(): Promise<string | undefined> {
	const cli = findOnPath("pulumi");
	// Within our own environment PATH leads to the CLI that was built: that is not an official one.
	if (!cli || realpathSync(cli).startsWith(`${toolchainCache()}${path.sep}`)) return undefined;
	const beside = path.join(path.dirname(realpathSync(cli)), LANGUAGE_HOST);
	if (!existsSync(beside) && !findOnPath(LANGUAGE_HOST)) {
		say(`${cli} has no ${LANGUAGE_HOST} beside it, so it is not used`);
		return undefined;
	}
	const version = await run(cli, ["version"], { timeoutMs: 10_000, env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "1" } });
	if (version.code !== 0 || !isAtLeast(version.stdout.trim(), OLDEST_CLI)) {
		say(`${cli} reports version "${version.stdout.trim()}"; ${OLDEST_CLI} or later is needed, so it is not used`);
		return undefined;
	}
	return cli;
}

export function officialInCache(): string | undefined {
	const cli = path.join(toolchainCache(), "official", "bin", "pulumi");
	return existsSync(cli) && existsSync(path.join(path.dirname(cli), LANGUAGE_HOST)) ? cli : undefined;
}

/** The official installer, through the Automation API. Gives up at once where its server cannot be reached. */
export async function installOfficial(): Promise<string | undefined> {
	if (!(await downloadsReachable())) return undefined;
	const root = path.join(toolchainCache(), "official");
	const script = `
		const { PulumiCommand } = require("@pulumi/pulumi/automation");
		const { SemVer } = require("semver");
		PulumiCommand.install({ root: process.argv[1], version: new SemVer(process.argv[2]) })
			.then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });`;
	const installed = await withProgress(`installing Pulumi ${CLI_VERSION} with the official installer`, () =>
		run(process.execPath, ["-e", script, root, CLI_VERSION], { timeoutMs: 300_000, cwd: REPO }),
	);
	if (installed.code !== 0) say(`the official installer failed: ${installed.stderr.trim().split("\n").pop()}`);
	return officialInCache();
}

/** Whether Pulumi's downloads answer. Remembered for an hour, so that an offline machine does not ask at every run. */
export async function downloadsReachable(): Promise<boolean> {
	const stamp = path.join(toolchainCache(), "downloads-unreachable");
	try {
		if (Date.now() - Number(readFileSync(stamp, "utf8")) < 3_600_000) return false;
	} catch {
		// Not asked yet.
	}
	try {
		const answer = await fetch("https://get.pulumi.com/latest-version", { signal: AbortSignal.timeout(10_000) });
		if (answer.ok) return true;
	} catch {
		// Unreachable: the same as an answer that is not one.
	}
	writeFileSync(stamp, String(Date.now()));
	return false;
}

export function findOnPath(name: string): string | undefined {
	for (const folder of (process.env["PATH"] ?? "").split(path.delimiter)) {
		const candidate = path.join(folder || ".", name);
		try {
			accessSync(candidate, constants.X_OK);
			return path.resolve(candidate);
		} catch {
			// Not here.
		}
	}
	return undefined;
}

export function isAtLeast(version: string, least: string): boolean {
	const parts = (text: string) => (/(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)?.slice(1) ?? ["0", "0", "0"]).map((n) => Number(n ?? 0));
	const [a, b] = [parts(version), parts(least)];
	for (const i of [0, 1, 2]) if (a[i] !== b[i]) return (a[i] ?? 0) > (b[i] ?? 0);
	return true;
}
