// The line that Pulumi keeps in the state of every resource, for ever: its text, and that it loads from where users run it.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { kinds } from "../../provider/kinds/registry";
import { providerLine } from "../../sdk/resource";

const repository = path.resolve(__dirname, "..", "..");

/** Runs the line as Pulumi's provider process does: as a module without a file, in the program's folder. */
function methodsFrom(folder: string, kind: string): string[] {
	const script = `const m = new (require("module"))(""); m._compile(process.argv[1], ""); console.log(Object.keys(m.exports.handler()).join(" "))`;
	return execFileSync(process.execPath, ["-e", script, "--", providerLine(kind)], { cwd: folder, encoding: "utf8" })
		.trim()
		.split(" ");
}

describe("the line in the state", () => {
	before(function () {
		this.timeout(120_000);
		execFileSync("npm", ["run", "--silent", "build"], { cwd: repository });
	});

	it("is this text, and was since the first version", () => {
		expect(providerLine("OvsBridge")).to.equal(
			"exports.handler=()=>require('module').createRequire(process.cwd()+'/_')('netplumb/provider/v1').lifecycle('OvsBridge')",
		);
	});

	it("stays under 130 bytes for every kind, without a character that JSON would escape", () => {
		for (const kind of Object.keys(kinds)) expect(JSON.stringify(providerLine(kind)).length).to.be.below(132);
		for (const kind of Object.keys(kinds)) expect(JSON.stringify(providerLine(kind))).to.equal(`"${providerLine(kind)}"`);
	});

	const methods = ["configure", "check", "diff", "create", "update", "read", "delete"];

	it("loads from the repository's own root", () => {
		for (const kind of Object.keys(kinds)) expect(methodsFrom(repository, kind)).to.have.members(methods);
	});

	it("loads from an example's folder", () => {
		expect(methodsFrom(path.join(repository, "examples", "quickstart"), "OvsBridge")).to.have.members(methods);
	});

	it("loads from a project that has the packed package installed", function () {
		this.timeout(60_000);
		const project = mkdtempSync(path.join(os.tmpdir(), "netplumb-installed-"));
		try {
			const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", project], {
				cwd: repository,
				encoding: "utf8",
			});
			const modules = path.join(project, "node_modules");
			mkdirSync(path.join(modules, "netplumb"), { recursive: true });
			const tarball = path.join(project, packed.trim().split("\n").at(-1)!);
			execFileSync("tar", ["-xzf", tarball, "-C", path.join(modules, "netplumb"), "--strip-components=1"]);
			for (const name of ["ssh2", "execa", "@pulumi"])
				symlinkSync(path.join(repository, "node_modules", name), path.join(modules, name));
			writeFileSync(path.join(project, "package.json"), "{}");
			expect(methodsFrom(project, "VethAttachment")).to.have.members(methods);
			const names = execFileSync(process.execPath, ["-p", 'Object.keys(require("netplumb")).sort().join(" ")'], {
				cwd: project,
				encoding: "utf8",
			});
			expect(names.trim()).to.equal(
				"Host IsolatedNetwork NatPublish OverlayNetwork OvnCentral OvnChassis OvnPort OvnRouter OvnSwitch OvsBridge OvsTunnel RoutedNetwork StaticContainerIp StaticRoute Subnet VethAttachment",
			);
		} finally {
			rmSync(project, { recursive: true, force: true });
		}
	});

	it("says which kind is unknown", () => {
		expect(() => methodsFrom(repository, "Nonsense")).to.throw(/netplumb has no kind "Nonsense"; update the package/);
	});
});
