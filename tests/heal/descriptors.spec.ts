// What the agent and its children hold open: no lock of an apply, and no container's network.
import { expect } from "chai";
import { useLab } from "../support/lab";
import { eventually, sh } from "../support/wiring";
import { agentStatus, unwire, wire } from "./fixture";

describe("the agent's descriptors", function () {
	this.timeout(60_000);
	useLab(1);

	it("lead to no lock and no other network", async () => {
		const names = ["descriptors-1"];
		const wired = await wire(names);
		try {
			await eventually(async () => /^agent\t\d+\trunning/.test(await agentStatus()), true);
			const open = await sh(`read -r pid start </run/netplumb/agent.d/process
for p in $(ps -e -o pid= -o pgid= | awk -v g="$pid" '$2 == g { print $1 }'); do ls -l "/proc/$p/fd" | sed 's/.* -> //'; done 2>/dev/null | sort -u`);
			expect(open).to.contain("/run/netplumb/events");
			expect(open.split("\n").filter((file) => file === "/run" || file.startsWith("net:"))).to.deep.equal([]);
		} finally {
			await unwire(wired, names);
		}
	});
});
