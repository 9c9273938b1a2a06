import { expect } from "chai";
import { statusLines } from "../../cli/status";

describe("netplumb status", () => {
	const at = 1_700_000_000;
	const lines = (...rows: string[][]) => statusLines(`${rows.map((row) => row.join("\t")).join("\n")}\n`, "h1", (at + 90) * 1000);

	it("says when a host heals nothing", () => {
		expect(statusLines("", "h1", 0)).to.deep.equal({ lines: ["h1: nothing is healed here"], bad: false });
	});
	it("has a line for each resource, with what was done last", () => {
		expect(
			lines(
				["agent", "1", "running"],
				["ok", "VethAttachment", "shop/prod/web-0123456789", "", String(at), "bring eth1 up"],
				["ok", "OvsBridge", "shop/prod/lan-0123456789", "", "", ""],
			),
		).to.deep.equal({
			lines: [
				"h1: agent 1 running, 2 resources",
				"ok        VethAttachment  shop/prod/web  2 min ago: bring eth1 up",
				"ok        OvsBridge  shop/prod/lan",
			],
			bad: false,
		});
	});
	it("is bad when an agent stands still or a resource is not as declared", () => {
		expect(lines(["agent", "1", "stopped"]).bad).to.equal(true);
		for (const word of ["failed", "degraded", "damaged"])
			expect(lines(["agent", "1", "running"], [word, "OvsBridge", "a/b/c", "why", "", ""])).to.deep.include({ bad: true });
	});
	it("shows no text that steers a terminal", () => {
		const { lines: shown } = lines(["agent", "1", "running"], ["failed", "K", "m", "a\u001b[2Jb\r\u202ec", "", ""]);
		expect(shown[1]).to.equal("failed    K  m  a?[2Jb??c");
	});
});
