// A stand-in for pulumi-language-nodejs, for tests where the official one cannot be downloaded. Never published.
// It runs a program as the official one does: node with the run script of the program's own @pulumi/pulumi.
import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import * as path from "node:path";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb.js";
import * as language from "@pulumi/pulumi/proto/language_pb.js";
import * as plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import { serve, unary } from "./grpc";

/** The program said what is wrong by itself; there is nothing to add. */
const ALREADY_EXPLAINED = 32;

const engine = process.argv[process.argv.length - 1] ?? "";
const programs = new Set<ChildProcess>();

serve(LanguageRuntimeService as unknown as ServiceDefinition, {
	getRequiredPlugins: unary(() => new language.GetRequiredPluginsResponse()),
	getRequiredPackages: unary(() => new language.GetRequiredPackagesResponse()),
	getProgramDependencies: unary(() => new language.GetProgramDependenciesResponse()),
	runtimeOptionsPrompts: unary(() => new language.RuntimeOptionsResponse()),
	getPluginInfo: unary(() => {
		const info = new plugin.PluginInfo();
		info.setVersion("0.0.0");
		return info;
	}),
	cancel: unary(() => {
		for (const program of programs) program.kill("SIGTERM");
		return new Empty();
	}),
	run: unary<language.RunRequest, language.RunResponse>(async (request, call) => {
		const program = start(request);
		programs.add(program);
		call.on("cancelled", () => program.kill("SIGTERM"));
		const code = await ended(program);
		programs.delete(program);
		const response = new language.RunResponse();
		if (code === ALREADY_EXPLAINED) response.setBail(true);
		else if (code !== 0) response.setError(`Program exited with non-zero exit code: ${code}`);
		return response;
	}),
});

function start(request: language.RunRequest): ChildProcess {
	const info = request.getInfo();
	if (!info) throw new Error("the engine named no program");
	const folder = info.getProgramDirectory();
	const options = readOptions(info.getOptions()?.toJavaScript() ?? {});
	const parallel = request.getParallel();
	const args = [
		...options.nodeArgs,
		createRequire(path.join(folder, "program.js")).resolve("@pulumi/pulumi/cmd/run"),
		...["--monitor", request.getMonitorAddress()],
		...["--engine", engine],
		...["--organization", request.getOrganization()],
		...["--project", request.getProject()],
		...["--root-directory", info.getRootDirectory()],
		...["--stack", request.getStack()],
		...["--pwd", request.getPwd() || folder],
		...(request.getDryrun() ? ["--dry-run"] : []),
		...(parallel > 0 ? ["--parallel", String(parallel)] : []),
		info.getEntryPoint() || ".",
		...request.getArgsList(),
	];
	return spawn(process.execPath, args, {
		cwd: request.getPwd() || folder,
		stdio: ["ignore", "inherit", "inherit"],
		env: {
			...process.env,
			...options.environment,
			PULUMI_CONFIG: JSON.stringify(Object.fromEntries(request.getConfigMap().entries())),
			PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(request.getConfigsecretkeysList()),
		},
	});
}

/** The `runtime.options` of Pulumi.yaml. */
function readOptions(options: Record<string, unknown>): { nodeArgs: string[]; environment: NodeJS.ProcessEnv } {
	const { typescript = true, nodeargs = "", tsconfig, packagemanager: _, ...others } = options;
	const unknown = Object.keys(others);
	if (unknown.length > 0) throw new Error(`the stand-in language host does not know runtime option ${unknown.join(", ")}`);
	return {
		nodeArgs: String(nodeargs).split(/\s+/).filter(Boolean),
		environment: {
			PULUMI_NODEJS_TYPESCRIPT: String(typescript),
			...(tsconfig ? { PULUMI_NODEJS_TSCONFIG_PATH: String(tsconfig) } : {}),
		},
	};
}

function ended(program: ChildProcess): Promise<number> {
	return new Promise((resolve, reject) => {
		program.on("error", reject);
		program.on("exit", (code, signal) => resolve(code ?? (signal ? 128 : 1)));
	});
}
