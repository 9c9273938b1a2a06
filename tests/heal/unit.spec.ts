// The unit for systemd, as systemd itself reads it. The lab has no systemd: that it starts is not tested.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { skipUnless } from "../toolchain/skip";

const agent = resolve(__dirname, "..", "..", "provider", "heal", "agent.sh");

describe("the agent's unit for systemd", () => {
	let folder: string;
	before(function () {
		const found = spawnSync("systemd-analyze", ["--version"]).status === 0;
		skipUnless(this, found ? undefined : "systemd-analyze is not installed");
		folder = mkdtempSync(join(tmpdir(), "netplumb-unit-"));
	});
	after(() => {
		if (folder) rmSync(folder, { recursive: true });
	});
	const verify = (text: string) => {
		const file = join(folder, "netplumb-agent.service");
		writeFileSync(file, text);
		const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", "--recursive-errors=no", file], {
			encoding: "utf8",
		});
		return { status, said: stdout + stderr };
	};

	it("is one that systemd-analyze has nothing to say about", () => {
		const text = execFileSync("sh", [agent, "unit"], { encoding: "utf8" });
		expect(text).to.contain("ExecStart=/bin/sh /var/lib/netplumb/agent run\n");
		expect(verify(text)).to.deep.equal({ status: 0, said: "" });
		expect(verify(text.replace("ExecStart=/bin/sh", "ExecStart=bin/sh")).said).to.not.equal("");
	});
});
