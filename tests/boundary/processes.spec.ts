// Which code runs in which process: the sdk in the user's program, the provider beside it, and neither loads what it does not need.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { kinds } from "../../provider/kinds/registry";

const repository = path.resolve(__dirname, "..", "..");

/** The files that requiring `entry` loads, as paths inside the repository. */
function loadedBy(entry: string): string[] {
	const script = `require(${JSON.stringify(entry)}); console.log(JSON.stringify(Object.keys(require.cache)))`;
	const output = execFileSync(process.execPath, ["-e", script], { cwd: repository, encoding: "utf8" });
	return (JSON.parse(output) as string[]).map((file) => path.relative(repository, file));
}

describe("the border between the processes", () => {
	before(function () {
		this.timeout(120_000);
		execFileSync("npm", ["run", "--silent", "build"], { cwd: repository });
	});

	it("keeps the provider and ssh2 out of the user's program", () => {
		const files = loadedBy("netplumb");
		expect(files).to.include(path.join("dist", "sdk", "index.js"));
		expect(files.filter((file) => file.startsWith(path.join("dist", "provider")))).to.deep.equal([]);
		expect(files.filter((file) => file.includes("node_modules/ssh2/"))).to.deep.equal([]);
	});

	it("imports nothing in sdk/ but @pulumi, node's own pure modules and sdk/", () => {
		const folder = path.join(repository, "sdk");
		const imports = readdirSync(folder, { recursive: true, encoding: "utf8" })
			.filter((file) => file.endsWith(".ts"))
			.flatMap((file) =>
				[...readFileSync(path.join(folder, file), "utf8").matchAll(/\bfrom "([^"]+)"/g)].map((match) => match[1]!),
			);
		const allowed = /^(?:@pulumi\/pulumi|node:(?:crypto|module|path|os|util)|\.{1,2}\/(?!.*provider\/).*)$/;
		expect(imports.filter((name) => !allowed.test(name))).to.deep.equal([]);
	});

	it("starts the provider without ssh2, execa and @pulumi/pulumi", () => {
		const files = loadedBy("netplumb/provider/v1");
		expect(files.filter((file) => file.startsWith("node_modules"))).to.deep.equal([]);
	});
});

describe("a kind", () => {
	const kebab = (name: string) => name.replace(/(?!^)([A-Z])/g, "-$1").toLowerCase();

	const text = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");
	const examples = readdirSync(path.join(repository, "examples")).map((example) =>
		text(path.join(repository, "examples", example, "index.ts")),
	);
	const components = readdirSync(path.join(repository, "sdk"))
		.filter((file) => file.endsWith(".ts"))
		.map((file) => text(path.join(repository, "sdk", file)));
	/** Itself, or by way of a component. */
	const makes = (program: string, name: string): boolean =>
		program.includes(`new ${name}(`) ||
		components.some((component) => {
			const [, made] = /class (\w+) extends pulumi\.ComponentResource/.exec(component) ?? [];
			return made !== undefined && component.includes(`new ${name}(`) && program.includes(`new ${made}(`);
		});

	for (const name of Object.keys(kinds)) {
		it(`${name} has its class, planner, tests, page and a place in an example`, () => {
			const file = kebab(name);
			const places = [`sdk/${file}.ts`, `provider/kinds/${file}.ts`, `tests/${file}`, `docs/resources/${file}.md`];
			expect(places.filter((place) => !existsSync(path.join(repository, place)))).to.deep.equal([]);
			expect(
				examples.some((example) => makes(example, name)),
				name,
			).to.equal(true);
		});
	}
});
