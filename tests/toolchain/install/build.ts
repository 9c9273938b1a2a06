// The CLI built from its Go module, for machines that reach package registries and nothing else.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import * as path from "node:path";
import { findOnPath, isAtLeast } from "./official";
import { CLI_VERSION, TOOLCHAIN, toolchainCache } from "./paths";
import { withProgress } from "./progress";
import { run } from "./run";

const OLDEST_GO = "1.25.11";
const PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
const VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version";

export function builtInCache(): string | undefined {
	const cli = path.join(toolchainCache(), "bin", "pulumi");
	return existsSync(cli) ? cli : undefined;
}

export async function build(): Promise<string> {
	const go = findOnPath("go") ?? (existsSync("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : undefined);
	if (!go) throw new Error(noPulumi("there is no Go to build it with"));
	const version = (await run(go, ["env", "GOVERSION"], { timeoutMs: 10_000 })).stdout.trim();
	const env: NodeJS.ProcessEnv = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false" };
	// From 1.21 on, Go fetches the newer toolchain that go.mod names, as it does any other module.
	if (!isAtLeast(version, OLDEST_GO)) env["GOTOOLCHAIN"] = `go${OLDEST_GO}+auto`;

	const bin = path.join(toolchainCache(), "bin");
	mkdirSync(bin, { recursive: true });
	const unfinished = path.join(bin, `.pulumi-${process.pid}`);
	const built = await withProgress(`building Pulumi ${CLI_VERSION} with ${version} (some minutes, once)`, () =>
		run(
			go,
			[
				"build",
				"-mod=readonly",
				"-trimpath",
				"-ldflags",
				`-s -w -X ${VERSION_VARIABLE}=${CLI_VERSION}`,
				"-o",
				unfinished,
				PACKAGE,
			],
			{
				timeoutMs: 45 * 60_000,
				cwd: path.join(TOOLCHAIN, "cli"),
				env,
			},
		),
	);
	if (built.code !== 0) {
		rmSync(unfinished, { force: true });
		throw new Error(noPulumi(`building it failed:\n${built.stderr.trim().split("\n").slice(-15).join("\n")}`));
	}
	const cli = path.join(bin, "pulumi");
	renameSync(unfinished, cli);
	return cli;
}

function noPulumi(reason: string): string {
	return `Pulumi is not on PATH, its installer cannot be reached, and ${reason}.
Install Pulumi (https://www.pulumi.com/docs/install/) or Go ${OLDEST_GO} or later, and run this again.`;
}
