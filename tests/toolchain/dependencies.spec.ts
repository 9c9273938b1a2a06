// What users install: few packages, each pinned by its content, and nothing that has to be compiled.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";

const root = resolve(__dirname, "../..");

interface Package {
	version: string;
	resolved?: string;
	integrity?: string;
	dev?: boolean;
	peer?: boolean;
	optional?: boolean;
	hasInstallScript?: boolean;
}

const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, Package> };
const runtime = Object.entries(lock.packages).filter(([path, one]) => path !== "" && !one.dev && !one.peer);
const nameOf = (path: string) => path.replace(/^.*node_modules\//, "");

describe("what is installed with netplumb", () => {
	it("are two packages and what they need, each with the hash of its content", () => {
		const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
		expect(Object.keys(dependencies)).to.deep.equal(["execa", "ssh2"]);
		expect(runtime.length).to.be.lessThan(35);
		for (const [path, one] of runtime) expect(one.integrity, path).to.match(/^sha512-/);
	});

	it("has install scripts in ssh2 and its optional cpu-features alone, which only make it faster", () => {
		const scripted = runtime.filter(([, one]) => one.hasInstallScript).map(([path]) => nameOf(path));
		expect(scripted.sort()).to.deep.equal(["cpu-features", "ssh2"]);
		const argv = ["--no-config", "--require", "tests/toolchain/no-native.cjs", "--node-option", "import=tsx", "--exit"];
		const spec = ["tests/transport/ssh2.spec.ts", "-g", "shares one connection|checks the key again"];
		const out = execFileSync("node_modules/.bin/mocha", [...argv, "--timeout", "60000", ...spec], {
			cwd: root,
			encoding: "utf8",
			env: { ...process.env, MOCHA_OPTIONS: "" },
		});
		expect(out).to.match(/2 passing/);
	});

	it("is the same package from one tree twice, with the helper's and the agent's texts in it", function () {
		this.timeout(60_000);
		const folder = mkdtempSync(join(tmpdir(), "npt-pack-"));
		try {
			const pack = () => {
				const argv = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
				const [made] = JSON.parse(
					execFileSync("npm", argv, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
				);
				const hash = createHash("sha256")
					.update(readFileSync(join(folder, made.filename)))
					.digest("hex");
				return { hash, files: (made.files as { path: string }[]).map(({ path }) => path) };
			};
			const first = pack();
			expect(pack().hash).to.equal(first.hash);
			for (const file of ["heal/agent.sh", "helper/check.awk", "helper/helper.sh", "helper/sudoers"])
				expect(first.files).to.include(`provider/${file}`);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});
