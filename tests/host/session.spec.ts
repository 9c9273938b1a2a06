// The merger of requests, on a transport that keeps a model host instead of running scripts.
import { expect } from "chai";
import { isNetplumbError, NetplumbError } from "../../provider/errors";
import type { Operation } from "../../provider/host/change";
import { Exchange, type Outcome } from "../../provider/host/exchange";
import type { Step } from "../../provider/host/script";
import { ApplyError, HostSession, type Request } from "../../provider/host/session";
import type { Known, RunningContainer, Snapshot } from "../../provider/host/snapshot";
import type { ScriptResult, Transport } from "../../provider/transport/transport";
import { bareHost, emptyContainer } from "../model/hosts";
import { applyPlan, Refused } from "../model/model-host";

const nothing = { containers: [], facts: [], destinations: [] };

/** An exchange on a model host. `next` may answer in place of it, once for each entry. */
class ModelExchange {
	readonly hostName = "h1";
	snapshot: Snapshot = bareHost();
	reads = 0;
	applies: Step[][] = [];
	answers: (Outcome | Error | undefined)[] = [];
	read = async (_needs?: unknown, _options?: { crowd?: boolean; known?: Known | undefined }): Promise<Snapshot> => {
		this.reads++;
		this.snapshot = { ...this.snapshot, readAt: performance.now() };
		return this.snapshot;
	};
	apply = async (steps: readonly Step[]): Promise<Outcome> => {
		this.applies.push([...steps]);
		const answer = this.answers.shift();
		if (answer instanceof Error) throw answer;
		if (answer) return answer;
		try {
			const { after } = applyPlan(
				this.snapshot,
				steps.map(({ operation }) => operation),
			);
			this.snapshot = { ...after, readAt: performance.now() };
			return { kind: "done", after: this.snapshot };
		} catch (error) {
			if (!(error instanceof Refused)) throw error;
			return { kind: "failed", reason: error.message, after: this.snapshot };
		}
	};
	get trips(): number {
		return this.reads + this.applies.length;
	}
}

function sessionOn(exchange: ModelExchange): HostSession {
	const session = new HostSession({} as Transport, "h1");
	(session as unknown as { exchange: ModelExchange }).exchange = exchange;
	return session;
}

function bridge(name: string, more: Operation[] = []): Request<string> {
	return {
		containers: [],
		plan: (snapshot) =>
			snapshot.host.links[name] ? [] : [{ change: { verb: "bridge.add", name }, describe: `add bridge ${name}` }, ...more],
		done: () => name,
	};
}

const bad = (name: string) =>
	bridge(name, [{ change: { verb: "link.set", where: "host", name: "nosuch", up: true }, describe: "bring nosuch up" }]);

describe("requests for one host", () => {
	it("that come together cost one read and one apply", async () => {
		const exchange = new ModelExchange();
		const session = sessionOn(exchange);
		const names = Array.from({ length: 100 }, (_, at) => `br${at}`);
		expect(await Promise.all(names.map((name) => session.submit(bridge(name))))).to.deep.equal(names);
		expect([exchange.reads, exchange.applies.length]).to.deep.equal([1, 1]);
	});

	it("do not fail for one of them", async () => {
		const exchange = new ModelExchange();
		const session = sessionOn(exchange);
		const names = Array.from({ length: 100 }, (_, at) => `br${at}`);
		const ends = await Promise.allSettled(names.map((name) => session.submit(name === "br37" ? bad(name) : bridge(name))));
		const failed = ends.flatMap((end, at) => (end.status === "rejected" ? [{ at, error: end.reason }] : []));
		expect(failed.map(({ at }) => at)).to.deep.equal([37]);
		expect(failed[0]!.error).to.be.instanceOf(ApplyError);
		expect(failed[0]!.error.message).to.equal(
			'host h1: could not add bridge br37, bring nosuch up: could not bring nosuch up: Cannot find device "nosuch"',
		);
		for (const name of names) expect(name in exchange.snapshot.host.links, name).to.equal(name !== "br37");
		console.log(`      one bad request among 100 cost ${exchange.trips} round trips`);
		expect(exchange.trips).to.be.lessThan(30);
	});

	it("that touch the same object are not put into one script", async () => {
		const exchange = new ModelExchange();
		const session = sessionOn(exchange);
		await Promise.all([session.submit(bridge("br0")), session.submit(bridge("br0")), session.submit(bridge("br1"))]);
		expect(exchange.applies.map((steps) => steps.map(({ operation }) => operation.describe))).to.deep.equal([
			["add bridge br0", "add bridge br1"],
		]);
	});

	it("that come while a script runs go into the next one", async () => {
		const exchange = new ModelExchange();
		const session = sessionOn(exchange);
		const { apply } = exchange;
		const late: Promise<string>[] = [];
		exchange.apply = (steps) => {
			if (late.length === 0) late.push(session.submit(bridge("br1")), session.submit(bridge("br2")));
			return apply(steps);
		};
		await session.submit(bridge("br0"));
		expect(await Promise.all(late)).to.deep.equal(["br1", "br2"]);
		expect(exchange.applies.map((steps) => steps.length)).to.deep.equal([1, 2]);
		expect(exchange.reads, "the apply read back for those who waited").to.equal(1);
	});

	it("that come while a script runs look again where they need the checksum of what the host remembers", async () => {
		const exchange = new ModelExchange();
		exchange.snapshot.desired = { "1-aa": "", "1-bb": "" };
		const session = sessionOn(exchange);
		const { apply, read } = exchange;
		exchange.read = async () => {
			const seen = await read();
			return exchange.reads === 1 ? seen : { ...seen, desired: { "1-aa": "", "1-bb": "sum" } };
		};
		const late: Promise<unknown>[] = [];
		const sums = (ending: string) => ({
			...{ containers: [], desired: [ending], plan: () => [] },
			done: (seen: Snapshot) => seen.desired,
		});
		exchange.apply = (steps) => {
			if (late.length === 0) late.push(session.submit(sums("cc")), session.submit(sums("bb")));
			return apply(steps);
		};
		await session.submit(bridge("br0"));
		expect(await Promise.all(late)).to.deep.equal([
			{ "1-aa": "", "1-bb": "" },
			{ "1-aa": "", "1-bb": "sum" },
		]);
		expect(exchange.reads, "one for the one that is there, none for the one that is not").to.equal(2);
	});

	it("that come in the same wave and need other containers alone have those looked at alone", async () => {
		const exchange = new ModelExchange();
		const session = sessionOn(exchange);
		const { apply, read } = exchange;
		const seen: [container: string[], known: boolean][] = [];
		exchange.read = async (needs, options = {}) => {
			seen.push([(needs as { containers: string[] }).containers, options.known?.outside === true]);
			const found = await read();
			const containers = Object.fromEntries(seen.flatMap(([names]) => names.map((name) => [name, "missing" as const])));
			exchange.snapshot = { ...found, containers };
			return exchange.snapshot;
		};
		const asks = (name: string, more: Partial<Request<string>> = {}): Request<string> => ({
			...{ containers: [name], plan: () => [], done: () => name },
			...more,
		});
		const late: Promise<string>[] = [];
		exchange.apply = async (steps) => {
			if (late.length === 0) late.push(session.submit(asks("a")));
			return apply(steps);
		};
		await session.submit(bridge("br0"));
		await Promise.all(late);
		await session.submit(asks("b", { facts: ["ports"] }));
		expect(seen).to.deep.equal([
			[[], false],
			[["a"], true],
			[["b"], false],
		]);
	});

	it("that would be refused on facts of two moments have everything looked at first", async () => {
		for (const fails of ["plan", "script"] as const) {
			const exchange = new ModelExchange();
			const session = sessionOn(exchange);
			const { apply, read } = exchange;
			const looks: boolean[] = [];
			exchange.read = async (_needs, { known } = {}) => {
				looks.push(known?.outside === true);
				const found = await read();
				const { mixed: _, ...whole } = found;
				exchange.snapshot = known?.outside ? { ...whole, containers: { a: "missing" }, mixed: true } : whole;
				return exchange.snapshot;
			};
			const asks: Request<string> = {
				containers: ["a"],
				plan: (snapshot) => {
					if (!snapshot.mixed) return [];
					if (fails === "plan") throw new NetplumbError("missing", "its bridge is not there yet");
					return bad("br1").plan(snapshot);
				},
				done: () => "made",
			};
			const late: Promise<string>[] = [];
			exchange.apply = async (steps) => {
				if (late.length === 0) late.push(session.submit(asks));
				return apply(steps);
			};
			await session.submit(bridge("br0"));
			expect(await late[0], fails).to.equal("made");
			expect(looks, fails).to.deep.equal([false, true, false]);
		}
	});

	it("that wait through a second script find nothing done on what their container told before it", async () => {
		const exchange = new ModelExchange();
		const session = sessionOn(exchange);
		const { apply } = exchange;
		const web: RunningContainer = { ...emptyContainer("a".repeat(64), "web"), toldAt: 0 };
		exchange.apply = async (steps) => {
			// Told once, with the first script that it waits through.
			web.toldAt ||= performance.now();
			exchange.snapshot = { ...exchange.snapshot, containers: { web } };
			return apply(steps);
		};
		const many = Array.from({ length: 400 }, (_, at) => session.submit(bridge(`br${at}`)));
		const last = session.submit({ containers: ["web"], plan: () => [], done: () => exchange.reads });
		await Promise.all(many);
		expect(await last, "after a look of its own").to.equal(2);
	});

	it("are planned again when the host changed meanwhile, and give up after five tries with a clear sentence", async () => {
		const once = new ModelExchange();
		once.answers = [{ kind: "again" }];
		expect(await sessionOn(once).submit(bridge("br0"))).to.equal("br0");
		expect(once.applies).to.have.length(2);
		const always = new ModelExchange();
		always.answers = Array(9).fill({ kind: "again" });
		const error = await sessionOn(always)
			.submit(bridge("br0"))
			.catch((reason) => reason);
		expect(error.message).to.equal("host h1: it kept changing, or the connection kept ending, in 5 tries; run it again");
		expect(always.applies).to.have.length(5);
	});

	it("that other runs overtake take their turn, however often, and are no trace on the host until then", async () => {
		const exchange = new ModelExchange();
		exchange.answers = Array(7).fill({ kind: "stale" });
		expect(await sessionOn(exchange).submit(bridge("br0"))).to.equal("br0");
		expect(exchange.applies).to.have.length(8);
		const never = new ModelExchange();
		never.answers = Array(99).fill({ kind: "stale" });
		const { now } = performance;
		performance.now = () => now.call(performance) + never.applies.length * 21_000;
		const error = await sessionOn(never)
			.submit(bridge("br0"))
			.catch((reason) => reason)
			.finally(() => {
				performance.now = now;
			});
		expect(error.message).to.equal("host h1: other runs of netplumb were faster for 60 s; try again when they have ended");
		expect([isNetplumbError(error, "conflict"), error instanceof ApplyError]).to.deep.equal([true, false]);
	});

	it("say so when what was done does not last", async () => {
		const exchange = new ModelExchange();
		const before = exchange.snapshot;
		exchange.answers = Array(9).fill({ kind: "done", after: before });
		const error = await sessionOn(exchange)
			.submit(bridge("br0"))
			.catch((reason) => reason);
		expect(error.message).to.equal("host h1: what was done did not last, still to add bridge br0");
	});

	it("are done where a script fails but somebody else brought it about", async () => {
		const exchange = new ModelExchange();
		const { after } = applyPlan(exchange.snapshot, [{ change: { verb: "bridge.add", name: "br0" }, describe: "add bridge br0" }]);
		exchange.answers = [{ kind: "failed", reason: "it exists", after }];
		expect(await sessionOn(exchange).submit(bridge("br0"))).to.equal("br0");
	});

	it("that are refused when they are planned again say what is on the host, as part of them may be", async () => {
		for (const kind of ["again", "failed"] as const) {
			const exchange = new ModelExchange();
			const { after } = applyPlan(exchange.snapshot, [
				{ change: { verb: "bridge.add", name: "br0" }, describe: "add bridge br0" },
			]);
			exchange.apply = async () => {
				exchange.snapshot = after;
				return kind === "again" ? { kind } : { kind, reason: "no", after };
			};
			const refused = (name: string): Request<string> => ({
				...bridge(name),
				plan: (snapshot) => {
					if (snapshot.host === after.host) throw new NetplumbError("missing", "its container does not run");
					return bridge(name).plan(snapshot);
				},
			});
			const session = sessionOn(exchange);
			const ends = await Promise.allSettled([session.submit(refused("br0")), session.submit(refused("br1"))]);
			for (const end of ends) {
				const error = end.status === "rejected" ? end.reason : undefined;
				expect(error, kind).to.be.instanceOf(ApplyError);
				expect([error.code, error.message]).to.deep.equal(["missing", "its container does not run"]);
				expect(error.after.host).to.equal(after.host);
			}
		}
	});

	it("that cannot be planned cost no apply", async () => {
		const exchange = new ModelExchange();
		const refuse = () => {
			throw new NetplumbError("conflict", "no");
		};
		const error = await sessionOn(exchange)
			.submit({ containers: [], plan: refuse, done: () => 0 })
			.catch((reason) => reason);
		expect([isNetplumbError(error, "conflict"), exchange.applies.length]).to.deep.equal([true, 0]);
		expect([error.after, error.begun], "what a killed run has left can be seen").to.deep.equal([exchange.snapshot, false]);
	});
});

describe("requests that only look", () => {
	const exchangeOf = () => {
		const exchange = new ModelExchange();
		const crowds: boolean[] = [];
		exchange.read = async (_needs?: unknown, { crowd = false } = {}) => {
			crowds.push(crowd);
			const containers = crowd ? ["a", "b", "c", "d"] : ["a"];
			const readAt = performance.now();
			return {
				...exchange.snapshot,
				readAt,
				containers: Object.fromEntries(containers.map((name) => [name, "missing" as const])),
			};
		};
		return { exchange, crowds };
	};
	const look = (name: string): Request<string> => ({
		...{ containers: [name], looks: true, plan: () => [] },
		done: (snapshot) => String(snapshot.containers[name]),
	});

	it("and are many are answered by one look, also those that come later", async () => {
		const { exchange, crowds } = exchangeOf();
		const session = sessionOn(exchange);
		await Promise.all([session.submit(look("a")), session.submit(look("b"))]);
		expect(await Promise.all([session.submit(look("c")), session.submit(look("d"))])).to.deep.equal(["missing", "missing"]);
		expect(await session.submit(look("a"))).to.equal("missing");
		expect(crowds).to.deep.equal([true]);
	});

	it("look for themselves when they are alone, or when the last look is three seconds ago", async () => {
		const { exchange, crowds } = exchangeOf();
		const session = sessionOn(exchange);
		await session.submit(look("a"));
		await session.submit(look("a"));
		await Promise.all([session.submit(look("a")), session.submit(look("b"))]);
		const { now } = performance;
		performance.now = () => now.call(performance) + 3001;
		try {
			await session.submit(look("a"));
		} finally {
			performance.now = now;
		}
		expect(crowds).to.deep.equal([false, false, true, false]);
	});

	it("leave nothing that a later change is planned on", async () => {
		const { exchange, crowds } = exchangeOf();
		const session = sessionOn(exchange);
		await Promise.all([session.submit(look("a")), session.submit(look("b"))]);
		exchange.snapshot = applyPlan(exchange.snapshot, [
			{ change: { verb: "bridge.add", name: "br0" }, describe: "add bridge br0" },
		]).after;
		await new Promise((resolve) => setTimeout(resolve, 50)); // The wave is over.
		await session.submit(bridge("br0"));
		expect([crowds.length, exchange.applies.length], "what is there by now is not made again").to.deep.equal([2, 0]);
	});
});

describe("one exchange", () => {
	const before = bareHost();
	const steps: Step[] = [
		{ operation: { change: { verb: "bridge.add", name: "br0" }, describe: "add" }, undo: true, onlyInside: false },
	];
	const answering = (...results: (Partial<ScriptResult> | Error)[]) => {
		let runs = 0;
		const run = async () => {
			const result = results[Math.min(runs++, results.length - 1)]!;
			if (result instanceof Error) throw result;
			return { stdout: "", stderr: "", exitCode: 0, ...result };
		};
		const exchange = new Exchange({ run } as unknown as Transport, "h1");
		return { exchange, runs: () => runs };
	};
	const failing = async (work: Promise<unknown>) =>
		work.then(
			() => undefined,
			(error) => error as NetplumbError,
		);

	it("on an older look at the host is planned again", async () => {
		expect(await answering({ exitCode: 74 }).exchange.apply(steps, before, nothing)).to.deep.equal({ kind: "stale" });
		const unknown = new NetplumbError("outcome-unknown", "the connection ended");
		expect(await answering(unknown).exchange.apply(steps, before, nothing)).to.deep.equal({ kind: "again" });
	});
	it("that does not get the lock says who has it", async () => {
		for (const work of [
			answering({ exitCode: 75 }).exchange.apply(steps, before, nothing),
			answering({ exitCode: 75 }).exchange.read(nothing),
		])
			expect((await failing(work))?.message).to.equal(
				"host h1: another netplumb run has held the lock for 60 s; try again when it has ended",
			);
	});
	it("whose answer is empty, cut off or garbled is an error, never an empty host", async () => {
		for (const stdout of ["", "\n@x end\n", "garbage", "\u0000\u0001"]) {
			for (const work of [
				answering({ stdout }).exchange.apply(steps, before, nothing),
				answering({ stdout }).exchange.read(nothing),
			])
				expect(isNetplumbError(await failing(work), "unreadable"), JSON.stringify(stdout)).to.equal(true);
		}
		const said = await failing(answering({ stderr: "sh: ip: not found\n" }).exchange.read(nothing));
		expect(said?.message).to.match(/the facts end early.*; the host said: sh: ip: not found$/);
	});
});
