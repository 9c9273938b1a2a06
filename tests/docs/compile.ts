// Type-checks programs that stand in pages, against the sdk's sources.
import * as path from "node:path";
import * as ts from "typescript";

/** For pieces that leave out what every program begins with. */
const PRELUDE = `import { Host, OvsBridge, StaticContainerIp, Subnet, VethAttachment } from "netplumb";
declare const host: Host;
`;

/** The mistakes that the compiler finds, each with the name of the program. */
export function compileErrors(root: string, programs: { name: string; code: string }[]): string[] {
	const sources = new Map<string, string>();
	const names = new Map<string, string>();
	programs.forEach(({ name, code }, index) => {
		// In the folder of the examples, so that packages are found from there.
		const file = path.join(root, "examples", `page-${index}.ts`);
		sources.set(file, code.includes("import ") ? code : PRELUDE + code);
		names.set(file, name);
	});
	const options: ts.CompilerOptions = {
		target: ts.ScriptTarget.ES2022,
		module: ts.ModuleKind.NodeNext,
		moduleResolution: ts.ModuleResolutionKind.NodeNext,
		strict: true,
		noEmit: true,
		skipLibCheck: true,
		esModuleInterop: true,
		types: ["node"],
		typeRoots: [path.join(root, "node_modules/@types")],
		paths: { netplumb: [path.join(root, "sdk/index.ts")] },
	};
	const host = ts.createCompilerHost(options);
	const { getSourceFile, fileExists, readFile } = host;
	host.fileExists = (file) => sources.has(file) || fileExists.call(host, file);
	host.readFile = (file) => sources.get(file) ?? readFile.call(host, file);
	host.getSourceFile = (file, version, ...rest) => {
		const text = sources.get(file);
		return text === undefined
			? getSourceFile.call(host, file, version, ...rest)
			: ts.createSourceFile(file, text, { languageVersion: ts.ScriptTarget.ES2022, impliedNodeFormat: ts.ModuleKind.CommonJS });
	};
	const program = ts.createProgram([...sources.keys()], options, host);
	return ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
		const name = (file && names.get(file.fileName)) ?? file?.fileName ?? "compiler";
		return `${name}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
	});
}
