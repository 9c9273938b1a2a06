// The pages say what the code says: links, headings, inputs, snippets and messages are compared with it.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import * as ts from "typescript";
import { type KindName, kinds } from "../../provider/kinds/registry";
import { commandsOf } from "./commands";
import { compileErrors } from "./compile";

const ROOT = path.resolve(__dirname, "..", "..");
const HEADINGS = [
	"Example Usage",
	"Inputs",
	"Outputs",
	"What it changes on the host",
	"Ownership marks",
	"Drift and refresh",
	"Import and adoption",
	"Deletion",
	"Errors",
];

const kebab = (name: string): string => name.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase();
const read = (file: string): string => readFileSync(path.join(ROOT, file), "utf8");

function filesBelow(folder: string, ending: string): string[] {
	return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
		const file = path.posix.join(folder, entry.name);
		if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesBelow(file, ending);
		return file.endsWith(ending) ? [file] : [];
	});
}

const pages = [
	...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
	...filesBelow("docs", ".md"),
	...filesBelow("examples", ".md"),
];
const kindNames = Object.keys(kinds) as KindName[];
const pageOf = (kind: string): string => `docs/resources/${kebab(kind)}.md`;

/** What stands below a heading of level two, up to the next one. */
function section(text: string, heading: string): string {
	const lines = text.split("\n");
	const start = lines.indexOf(`## ${heading}`);
	if (start < 0) return "";
	const end = lines.findIndex((line, index) => index > start && line.startsWith("## "));
	return lines.slice(start + 1, end < 0 ? undefined : end).join("\n");
}

function codeBlocks(text: string, language: string): string[] {
	return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)].filter((block) => block[1] === language).map((block) => block[2]!);
}

const withoutCode = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, "");

/** The first cells of all tables in a text: names in backticks, some rows with several. */
function tableNames(text: string): string[] {
	const cells = text.split("\n").flatMap((line) => /^\| ([^|]*) \|/.exec(line)?.[1] ?? []);
	return cells.flatMap((cell) => [...cell.matchAll(/`([A-Za-z0-9]+)`/g)].map((match) => match[1]!));
}

/** As GitHub makes the anchor of a heading. */
function anchors(text: string): string[] {
	return [...withoutCode(text).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
		heading!
			.toLowerCase()
			.replace(/[^\p{L}\p{N} _-]/gu, "")
			.replaceAll(" ", "-"),
	);
}

/** The properties of an interface or type in sdk/, those of the types it is made of included. */
function propertiesOf(file: string, name: string): string[] {
	const source = ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2022, true);
	const ofType = (type: ts.TypeNode): string[] => {
		if (ts.isTypeLiteralNode(type)) return ofMembers(type.members);
		if (ts.isUnionTypeNode(type) || ts.isIntersectionTypeNode(type)) return type.types.flatMap(ofType);
		return ts.isTypeReferenceNode(type) ? ofName(type.typeName.getText()) : [];
	};
	const ofMembers = (members: ts.NodeArray<ts.TypeElement>): string[] =>
		members.flatMap((member) => member.name?.getText() ?? []);
	const ofName = (wanted: string): string[] => {
		for (const statement of source.statements) {
			if (ts.isInterfaceDeclaration(statement) && statement.name.text === wanted) return ofMembers(statement.members);
			if (ts.isTypeAliasDeclaration(statement) && statement.name.text === wanted) return ofType(statement.type);
		}
		return [];
	};
	return [...new Set(ofName(name))];
}

describe("documentation", () => {
	describe("every page", () => {
		for (const page of pages) {
			it(`${page}: relative links lead somewhere`, () => {
				const text = read(page);
				const targets = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
				const broken = targets.filter((target) => {
					if (/^[a-z]+:/.test(target)) return false;
					const [file = "", anchor] = target.split("#");
					const found = file === "" ? path.join(ROOT, page) : path.resolve(ROOT, path.dirname(page), file);
					if (!existsSync(found)) return true;
					return anchor !== undefined && !anchors(readFileSync(found, "utf8")).includes(anchor);
				});
				expect(broken).to.deep.equal([]);
			});

			it(`${page}: names no machine, registry or workplace`, () => {
				const text = read(page);
				const paths = text.match(/(?:^|[\s"'`(=])\/(?:work|home|Users|root|mnt|srv)\/[^\s"'`)]*/gm) ?? [];
				const registries =
					text.match(/\b(?:artifactory|nexus|verdaccio|devpi|registry\.(?!ts\b)[a-z.]+|[a-z]*proxy\.[a-z.]+)\b/gi) ?? [];
				expect([...paths, ...registries]).to.deep.equal([]);
				const hosts = [...text.matchAll(/https?:\/\/([^\s/)`"]+)/g)].map((match) => match[1]!);
				const known = ["semver.org", "nodejs.org", "www.pulumi.com", "10.20.1.10"];
				expect(hosts.filter((host) => !known.includes(host))).to.deep.equal([]);
			});
		}

		it("has programs that compile against the sdk", function () {
			this.timeout(120_000);
			const programs = pages.flatMap((page) => {
				// Examples are compiled as such; only what stands nowhere else is checked here.
				const text = read(page).replace(section(read(page), "Example Usage"), "");
				return codeBlocks(text, "ts").map((code, index) => ({ name: `${page}.${index}`, code }));
			});
			expect(programs.length).to.be.greaterThan(5);
			expect(compileErrors(ROOT, programs)).to.deep.equal([]);
		});
	});

	for (const kind of kindNames) {
		describe(`the page of ${kind}`, () => {
			const text = (): string => read(pageOf(kind));

			it("has a summary and the fixed headings in order", () => {
				const headings = [...withoutCode(text()).matchAll(/^## (.*)$/gm)].map((match) => match[1]!);
				expect(headings).to.deep.equal(HEADINGS);
				expect(text()).to.match(new RegExp(`^# ${kind}\\n\\n[A-Z]`));
				for (const heading of HEADINGS) expect(section(text(), heading).trim(), heading).to.not.equal("");
			});

			it("lists every input and no other", () => {
				const file = `sdk/${kebab(kind)}.ts`;
				const inputs = propertiesOf(file, `${kind}Args`);
				expect(inputs).to.include("host");
				const listed = tableNames(section(text(), "Inputs"));
				expect(inputs.filter((input) => !listed.includes(input))).to.deep.equal([]);
				const parts = ["VlanArgs", "RouteArgs"].flatMap((name) => propertiesOf(file, name));
				expect(listed.filter((name) => ![...inputs, ...parts].includes(name))).to.deep.equal([]);
				expect(parts.filter((part) => !listed.includes(part))).to.deep.equal([]);
			});

			it("lists every output", () => {
				const declared = [...read(`sdk/${kebab(kind)}.ts`).matchAll(/declare readonly (\w+):/g)].map((match) => match[1]!);
				expect(tableNames(section(text(), "Outputs"))).to.have.members([...declared, "host", "drift"]);
			});

			it("shows the commands that the provider sends for examples/static-ip", () => {
				// One line, whatever the page's line breaks are.
				const shown = section(text(), "What it changes on the host").replace(/\s+/g, " ");
				const commands = commandsOf(kind);
				expect(commands.filter((command) => !shown.includes(command))).to.deep.equal([]);
			});

			it("takes its examples from examples/", () => {
				const unindented = (code: string): string => code.replace(/^\t+/gm, "").trim();
				const sources = filesBelow("examples", "index.ts").map((file) => unindented(read(file)));
				const snippets = codeBlocks(section(text(), "Example Usage"), "ts").map(unindented);
				expect(snippets).to.not.have.lengthOf(0);
				for (const snippet of snippets) {
					expect(
						sources.some((source) => `\n${source}\n`.includes(`\n${snippet}\n`)),
						snippet,
					).to.equal(true);
				}
			});
		});
	}

	it("lists every field of Host and every option of Subnet", () => {
		const fields = propertiesOf("sdk/host.ts", "HostArgs");
		expect(tableNames(section(read("docs/host.md"), "Fields"))).to.include.members(fields);
		const options = propertiesOf("sdk/subnet.ts", "SubnetOptions");
		expect(tableNames(section(read("docs/subnet.md"), "Options"))).to.have.members(options);
	});

	it("names every kind in the README and in the list of pages", () => {
		for (const page of ["README.md", "docs/_index.md"])
			for (const kind of kindNames) expect(read(page)).to.include(pageName(kind));
	});

	it("names tests that there are", () => {
		for (const page of ["docs/security.md", "docs/reliability.md"])
			for (const [, file = ""] of read(page).matchAll(/`(tests\/[^`]+)`/g))
				expect(existsSync(path.join(ROOT, file)), file).to.equal(true);
	});

	it("quotes messages that the code has", () => {
		const code = ["provider", "sdk"].flatMap((folder) => filesBelow(folder, ".ts").map(read)).join("\n");
		const texts = kindNames.map((kind) => section(read(pageOf(kind)), "Errors"));
		const quoted = [...texts, read("docs/troubleshooting.md")].flatMap((text) =>
			text
				.split("\n")
				.flatMap((line) => [...(/^\| ([^|]*) \|/.exec(line)?.[1] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1]!)),
		);
		// Node's own sentence.
		const messages = quoted.filter((message) => message.split(" ").length > 2 && !message.startsWith("Cannot find module"));
		expect(messages.length).to.be.greaterThan(40);
		// What is left out, quoted, or holds a digit is a value of the example; the rest is where sentences are put together.
		const values = /…|"[^"]*"|\S*\d\S*|\(it has [^)]*\)|\b(?:ops|root|exited|web|db)\b/;
		const seams =
			/^\w+: |; | and accept | before the SSH | the SSH agent's |(?<=which is )|: (?=ovs-vswitchd)|(?<=a network card)/;
		const splitter = new RegExp(`${values.source}|${seams.source}`, "m");
		const unknown = messages.flatMap((message) =>
			message
				.replace(/^… /, "")
				.split(splitter)
				.map((part) => part.trim())
				.filter((part) => part.length >= 12 && !code.includes(part))
				.map((part) => `${part}  (in: ${message})`),
		);
		expect(unknown).to.deep.equal([]);
	});
});

function pageName(kind: string): string {
	return `resources/${kebab(kind)}.md`;
}
