// This side of the guard, on connections that answer as a test says. The host's side is tested on real ones (tests/uplinks).
import { expect } from "chai";
import { NetplumbError } from "../../provider/errors";
import type { Operation } from "../../provider/host/change";
import type { Outcome } from "../../provider/host/exchange";
import { guardedApply } from "../../provider/host/guard";
import { GUARD_EXIT, type GuardText } from "../../provider/host/guard-script";
import { HostSession, type Request } from "../../provider/host/session";
import type { ScriptResult, Transport } from "../../provider/transport/transport";
import { bareHost } from "../model/hosts";
import { applyPlan } from "../model/model-host";

type Answer = Partial<ScriptResult> | Error;
const BASELINE = { stdout: "boot b1\ngateway 192.0.2.1\ndocker\n" };
const unreachable = new NetplumbError("host-unreachable", "root@h1:22: no answer to the TCP connection; check the address.");

/** Runs a guarded change: what each new connection answers, in order, the last one for ever; what the old connection answers. */
async function guarded(answers: Answer[], applied: Outcome | Error | "silence" = { kind: "done", after: bareHost() }) {
	const opened: { scripts: string[]; closed: boolean }[] = [];
	const armed: GuardText[] = [];
	const another = (): Transport => {
		const connection = { scripts: [] as string[], closed: false };
		const answer = answers[Math.min(opened.push(connection), answers.length) - 1]!;
		return {
			counters: { handshakes: 0, roundTrips: 0, bytesSent: 0, bytesReceived: 0 },
			close: () => {
				connection.closed = true;
			},
			run: async (script) => {
				connection.scripts.push(script);
				if (answer instanceof Error) throw answer;
				return { stdout: "", stderr: "", exitCode: 0, ...answer };
			},
		};
	};
	const outcome = await guardedApply({
		seconds: 1,
		what: "shop/prod/lan: move it",
		steps: [],
		before: bareHost(),
		facts: [],
		readCall: () => "",
		another,
		apply: async (guard) => {
			armed.push(guard);
			if (applied === "silence") return new Promise<Outcome>(() => {});
			if (applied instanceof Error) throw applied;
			return applied;
		},
		read: async () => bareHost(),
		understand: () => bareHost(),
		reconnect: () => {},
	});
	expect(opened.every(({ closed }) => closed)).to.equal(true);
	return { outcome, opened, armed };
}

const reasonOf = ({ outcome }: { outcome: Outcome }) => (outcome.kind === "failed" ? outcome.reason : outcome.kind);

describe("a change that can cut the way to the host", () => {
	it("is done when a new connection confirms it with the probes that passed before", async () => {
		const { outcome, opened } = await guarded([BASELINE, {}]);
		expect(outcome.kind).to.equal("done");
		expect(opened.map(({ scripts }) => scripts.length)).to.deep.equal([1, 1]);
		expect(opened[1]!.scripts[0]).to.contain("probe gateway 192.0.2.1 ||").and.to.contain("probe docker ||");
		expect(opened[1]!.scripts[0]).to.not.contain("probe ovs ||");
	});

	it("is not begun when no second connection can be opened", async () => {
		const result = await guarded([unreachable]);
		expect(result.armed).to.deep.equal([]);
		expect(reasonOf(result)).to.equal(
			"a second connection is needed to confirm it, and failed before anything was done (root@h1:22: no answer to the TCP connection)",
		);
	});

	it("is confirmed although the old connection says nothing any more", async () => {
		expect((await guarded([BASELINE, {}], "silence")).outcome.kind).to.equal("done");
		expect((await guarded([BASELINE, {}], new NetplumbError("outcome-unknown", "gone"))).outcome.kind).to.equal("done");
	});

	it("fails with the probe that did not pass, after as many tries as the time allows", async () => {
		const result = await guarded([BASELINE, { exitCode: GUARD_EXIT.probe, stdout: "gateway 192.0.2.1" }]);
		expect(reasonOf(result)).to.equal("afterwards the gateway 192.0.2.1 did not answer, so the host has taken it back");
		expect(result.opened.length).to.be.greaterThan(3);
	});

	it("fails with the login that did not succeed", async () => {
		expect(reasonOf(await guarded([BASELINE, unreachable]))).to.equal(
			"afterwards a new login failed (root@h1:22: no answer to the TCP connection), so the host has taken it back",
		);
	});

	it("fails when the host was restarted, without another try", async () => {
		const result = await guarded([BASELINE, { exitCode: GUARD_EXIT.restarted }]);
		expect(reasonOf(result)).to.equal("the host was restarted before it was confirmed, so the host has taken it back");
		expect(result.opened).to.have.length(3);
	});

	it("is planned again, or fails as any other, when its script has not begun or has taken back its own work", async () => {
		expect((await guarded([BASELINE], { kind: "again" })).outcome).to.deep.equal({ kind: "again" });
		const failed = { kind: "failed", reason: "no such device", after: undefined } as const;
		expect((await guarded([BASELINE], failed)).outcome).to.deep.equal(failed);
		const refused = await guarded([BASELINE], new NetplumbError("conflict", "not root's")).catch((error) => error);
		expect(refused.message).to.equal("not root's");
	});
});

describe("a request with such a change", () => {
	it("is alone in its script, and its neighbours are made as ever", async () => {
		const session = new HostSession({} as Transport, "h1");
		let snapshot = bareHost();
		const scripts: [guarded: boolean, ...what: string[]][] = [];
		const done = (steps: readonly { operation: Operation; undo: boolean }[], guarded: boolean): Outcome => {
			expect(steps.every(({ undo }) => undo)).to.equal(true);
			scripts.push([guarded, ...steps.map(({ operation }) => operation.describe)]);
			snapshot = applyPlan(
				snapshot,
				steps.map(({ operation }) => operation),
			).after;
			return { kind: "done", after: snapshot };
		};
		Object.assign(session, {
			exchange: {
				hostName: "h1",
				read: async () => snapshot,
				apply: async (steps: []) => done(steps, false),
				applyGuarded: async (steps: []) => done(steps, true),
			},
		});
		const add = (name: string, risk?: "ssh-path"): Request<string> => ({
			containers: [],
			keepOnFailure: risk !== undefined,
			plan: (now) =>
				now.host.links[name] ? [] : [{ change: { verb: "bridge.add", name }, describe: name, ...(risk ? { risk } : {}) }],
			done: () => name,
		});
		const wanted = [add("a"), add("r1", "ssh-path"), add("b"), add("r2", "ssh-path"), add("c")];
		expect(await Promise.all(wanted.map((one) => session.submit(one)))).to.deep.equal(["a", "r1", "b", "r2", "c"]);
		expect(scripts).to.deep.equal([
			[false, "a", "b", "c"],
			[true, "r1"],
			[true, "r2"],
		]);
	});
});
