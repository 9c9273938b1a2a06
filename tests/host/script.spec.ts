// Compiled scripts in real shells, with tools that only write down how they are called and fail at the line they are told to.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Change, Operation } from "../../provider/host/change";
import { inverse } from "../../provider/host/inverse";
import { type Rendered, render } from "../../provider/host/render";
import { compile, EXIT, type Step } from "../../provider/host/script";
import type { Snapshot } from "../../provider/host/snapshot";
import { bareHost } from "../model/hosts";
import { applyPlan, inOrder } from "../model/model-host";
import { skipUnless } from "../toolchain/skip";

// Every line of every call is a step; the one whose number is in $FAIL is refused, in the words of the real tool.
const STEP = `n=$(($(cat "$COUNT") + 1)); echo $n >"$COUNT"; [ "$n" = "$FAIL" ]`;
const TOOLS: Record<string, string> = {
	ip: `if [ "$1" = -batch ]; then
	at=0
	while IFS= read -r line; do
		at=$((at + 1))
		if ${STEP}; then echo "RTNETLINK answers: no" >&2; echo "Command failed -:$at" >&2; exit 1; fi
		echo "ip $line" >>"$LOG"
	done
	exit 0
fi
echo "undo ip $*" >>"$LOG"`,
	"ovs-vsctl": `case " $* " in *" --no-wait "*) echo "undo ovs-vsctl $*" >>"$LOG"; exit 0 ;; esac
if ${STEP}; then echo "ovs-vsctl: no" >&2; exit 1; fi
echo "ovs-vsctl $*" >>"$LOG"`,
	ethtool: `if ${STEP}; then echo "Cannot set: no" >&2; exit 1; fi
echo "ethtool $*" >>"$LOG"`,
};

function start(): Snapshot {
	const snapshot = bareHost();
	for (const [at, name] of ["nic0", "nic1"].entries())
		snapshot.host.links[name] = {
			...snapshot.host.links["eth0"]!,
			name,
			index: 3 + at,
			up: at === 0,
			addresses: ["10.1.0.1/24"],
		};
	return snapshot;
}

const op = (change: Change): Operation => ({ change, describe: change.verb });
const plan: Operation[] = [
	op({ verb: "address.delete", where: "host", dev: "nic1", cidr: "10.1.0.1/24" }),
	op({ verb: "bridge.add", name: "br0" }),
	op({ verb: "row.set", table: "Bridge", row: "br0", columns: { fail_mode: "secure" } }),
	op({ verb: "port.add", bridge: "br0", name: "nic1" }),
	op({ verb: "offload.disable", where: "host", name: "br0" }),
	op({
		verb: "link.add",
		where: "host",
		name: "va",
		mac: "02:00:00:00:00:01",
		mtu: 1500,
		alias: "netplumb:x",
		peer: { name: "vb", mtu: 1500 },
	}),
	op({ verb: "link.set", where: "host", name: "br0", up: true }),
	op({ verb: "link.set", where: "host", name: "nic1", mtu: 9000 }),
	op({ verb: "address.add", where: "host", dev: "br0", cidr: "10.20.0.1/24" }),
];

/** One entry a step: the lines it is made of, and the operation that it belongs to. */
function stepsOf(ordered: Operation[]): { operations: number[] }[] {
	const steps: { operations: number[] }[] = [];
	let last: Rendered["tool"] | undefined;
	ordered.forEach(({ change }, index) => {
		const rendered = render(change);
		if (rendered.tool === "ip") for (const _ of rendered.lines) steps.push({ operations: [index] });
		else if (rendered.tool === "ovs" && last === "ovs") steps.at(-1)!.operations.push(index);
		else steps.push({ operations: [index] });
		last = rendered.tool;
	});
	return steps;
}

function undoCalls(change: Change, before: Snapshot): string[] {
	return inverse(change, before)
		.map((undo) => render(undo))
		.flatMap((rendered) => {
			if (rendered.tool === "ip") return rendered.lines.map((line) => `undo ip ${line.replaceAll('""', "")}`);
			if (rendered.tool === "sh" || rendered.tool === "nft") return [];
			const words = rendered.commands.flatMap((command) => ["--", ...command]).join(" ");
			return [`undo ovs-vsctl --no-wait --timeout=20 ${words}`];
		});
}

for (const shell of ["dash", "bash", "busybox"]) {
	describe(`a compiled script in ${shell}`, () => {
		let folder: string;
		before(function () {
			skipUnless(this, existsSync(`/usr/bin/${shell}`) || existsSync(`/bin/${shell}`) ? undefined : `${shell} is not installed`);
			folder = mkdtempSync(join(tmpdir(), "netplumb-script-"));
			for (const [name, body] of Object.entries(TOOLS)) {
				writeFileSync(join(folder, name), `#!/bin/sh\n${body}\n`);
				chmodSync(join(folder, name), 0o755);
			}
		});
		after(() => folder && rmSync(folder, { recursive: true }));

		function run(fail: number, undo = true, operations = plan): { log: string[]; exitCode: number; stderr: string } {
			const before = start();
			const steps: Step[] = operations.map((operation) => ({ operation, undo, onlyInside: false }));
			const log = join(folder, "log");
			const count = join(folder, "count");
			writeFileSync(log, "");
			writeFileSync(count, "0");
			// Busybox may prefer its own small "ip" to the one on PATH; a function comes before both.
			const prelude = shell === "busybox" ? `ip() { ${join(folder, "ip")} "$@"; }\n` : "";
			const script = `${prelude}${compile(steps, before)}\napply && exit 0\nexit ${EXIT.failed}\n`;
			const env = { PATH: `${folder}:/usr/bin:/bin:/usr/sbin:/sbin`, LOG: log, COUNT: count, FAIL: String(fail) };
			const argv = shell === "busybox" ? ["sh", "-s"] : ["-s"];
			let exitCode = 0;
			let stderr = "";
			try {
				execFileSync(shell, argv, { input: script, env, stdio: "pipe" });
			} catch (error) {
				exitCode = (error as { status: number }).status;
				stderr = String((error as { stderr: Buffer }).stderr);
			}
			return { log: readFileSync(log, "utf8").split("\n").filter(Boolean), exitCode, stderr };
		}

		it("does everything in order when nothing fails", () => {
			const { log, exitCode, stderr } = run(0);
			expect(exitCode, stderr).to.equal(0);
			expect(log.filter((line) => line.startsWith("undo"))).to.deep.equal([]);
			expect(log[0]).to.equal("ip address delete 10.1.0.1/24 dev nic1");
			expect(log.at(-1)).to.equal("ip address replace 10.20.0.1/24 broadcast + dev br0");
			expect(
				log.filter((line) => line.startsWith("ovs-vsctl")),
				"one transaction",
			).to.have.length(1);
		});

		it("takes back exactly what was done, newest first, wherever it fails", () => {
			const before = start();
			const ordered = inOrder(plan);
			const steps = stepsOf(ordered);
			expect(steps.length).to.equal(8);
			steps.forEach((step, index) => {
				const { log, exitCode, stderr } = run(index + 1);
				expect(exitCode).to.equal(EXIT.failed);
				expect(stderr, "the tool's words").to.match(/\bno\b/);
				// An operation of which an earlier line was done is taken back as well.
				const done = new Set(steps.slice(0, index).flatMap(({ operations }) => operations));
				const expected = [...done].sort((a, b) => b - a).flatMap((at) => undoCalls(ordered[at]!.change, before));
				const undone = log.filter((line) => line.startsWith("undo")).map((line) => line.replaceAll("  ", " ").trim());
				expect(undone, `failing at ${JSON.stringify(step)}`).to.deep.equal(
					expected.map((line) => line.replaceAll("  ", " ").trim()),
				);
			});
		});

		it("deletes links of the host together, or none of them and leaves them as they were", () => {
			const gone = ["nic0", "nic1"].map((name) => op({ verb: "link.delete", where: "host", name }));
			const { log, exitCode } = run(0, false, gone);
			expect(exitCode).to.equal(0);
			const group = /group (\d+)$/.exec(log.at(-1)!)![1]!;
			expect(log).to.deep.equal([
				...["nic0", "nic1"].flatMap((name) => [`ip link set dev ${name} down`, `ip link set dev ${name} group ${group}`]),
				`ip link delete group ${group}`,
			]);
			for (let fail = 1; fail <= log.length; fail++) {
				const failed = run(fail, false, gone);
				expect([failed.exitCode, failed.stderr.includes("no")]).to.deep.equal([EXIT.failed, true]);
				expect(failed.log).to.not.include(log.at(-1));
				expect(failed.log.slice(fail - 1)).to.deep.equal([
					"undo ip link set dev nic0 group 0 up",
					"undo ip link set dev nic1 group 0 down",
				]);
			}
		});

		it("takes nothing back of a deletion", () => {
			for (let fail = 1; fail <= 5; fail++) {
				const { log, exitCode } = run(fail, false);
				expect(exitCode).to.equal(EXIT.failed);
				expect(log.filter((line) => line.startsWith("undo"))).to.deep.equal([]);
			}
		});
	});
}

describe("the plan of these tests", () => {
	it("is one that a host would take", () =>
		expect(
			applyPlan(
				start(),
				plan.filter(({ change }) => change.verb !== "link.add"),
			).done,
		).to.have.length(8));
});
