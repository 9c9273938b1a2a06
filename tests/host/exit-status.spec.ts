// Reading back is the last thing a script does: it must not change what the script answers.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { readFunctions } from "../../provider/host/read";
import { FACTS } from "../../provider/host/snapshot";

/** Tools that answer as on a host with Docker. */
const TOOLS = { iptables: "echo '-N DOCKER-USER'", ip6tables: "echo '-N DOCKER-USER'", nft: "exit 0", ss: "exit 0" };

describe("a script that failed", () => {
	it("says so after it has read all facts back", () => {
		const folder = mkdtempSync(join(tmpdir(), "netplumb-status-"));
		try {
			for (const [tool, body] of Object.entries(TOOLS))
				writeFileSync(join(folder, tool), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
			const script = [readFunctions(FACTS), "status=77", ...FACTS.map((fact) => `read_${fact}`), "exit $status"].join("\n");
			const { status, stdout } = spawnSync("sh", ["-c", script], {
				env: { PATH: `${folder}:${process.env["PATH"]}` },
				encoding: "utf8",
			});
			expect(stdout).to.contain("-N DOCKER-USER");
			expect(status).to.equal(77);
		} finally {
			rmSync(folder, { recursive: true });
		}
	});
});
