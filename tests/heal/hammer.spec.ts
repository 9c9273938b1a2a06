// Two programs and the agent at work on one host at the same time: the end is what both have declared, and nothing else.
import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { expectTrouble } from "../support/hygiene";
import { labHost, useLab } from "../support/lab";
import { Resource } from "../support/resource";
import { eventually, sh } from "../support/wiring";
import { agentStatus, remains } from "./fixture";

/** 300 in the full run (`npm run test:heal`). */
const SECONDS = Number(process.env["NETPLUMB_HAMMER_SECONDS"] ?? 10);
const CONTAINERS = 3;

/** A program of its own: another time limit is another connection, with its own session, lock and plans. */
class Program {
	private readonly living = new Map<string, Resource>();
	private readonly host;
	rounds = 0;

	constructor(
		private readonly number: number,
		private readonly random: () => number,
	) {
		this.host = labHost("h1", { timeoutSeconds: 40 + number });
	}

	private resource(kind: ConstructorParameters<typeof Resource>[0], name: string): Resource {
		return new Resource(kind, `${name}-${this.number}`, { host: this.host, owner: `hammer/${this.number}/${name}` });
	}

	/** Makes it or changes it to these inputs. */
	private async set(kind: ConstructorParameters<typeof Resource>[0], name: string, args: Record<string, unknown>): Promise<void> {
		const there = this.living.get(name);
		if (there) {
			if ((await there.diff(args)).changes) await there.update(args);
			return;
		}
		const made = this.resource(kind, name);
		// What was made in part is remembered, as the engine does.
		await made.create(args).finally(() => made.id !== "" && this.living.set(name, made));
	}

	private async drop(name: string): Promise<void> {
		await this.living.get(name)?.delete();
		this.living.delete(name);
	}

	/** Everything, with inputs that the dice choose; parallel, as the engine does it. */
	async up(): Promise<void> {
		this.rounds++;
		const { number } = this;
		const pick = (count: number) => Math.floor(this.random() * count);
		const net = `10.79.${number}`;
		await this.set("IsolatedNetwork", "net", {
			name: `ham-${number}`,
			subnet: `${net}.0/24`,
			egress: ["none", "internet"][pick(2)],
		});
		await Promise.all(
			Array.from({ length: CONTAINERS }, async (_, index) => {
				const container = `hammer-${index}`;
				const inner = `eth${number + 1}`;
				await this.set("VethAttachment", `at-${index}`, { container, bridge: `ham-${number}`, interface: inner });
				const extra = pick(2) === 0 ? [] : [`${net}.${100 + index}/24`];
				const addresses = [`${net}.${10 + index}/24`, ...extra];
				await this.set("StaticContainerIp", `ip-${index}`, { container, interface: inner, addresses });
				if (pick(3) === 0) await this.drop(`pub-${index}`);
				else
					await this.set("NatPublish", `pub-${index}`, {
						hostPorts: 7000 + number * 100 + index,
						target: `${net}.${10 + index}`,
						targetPort: 80 + pick(3),
					});
			}),
		);
	}

	/** What a refresh finds, of all that this program has declared. */
	async drift(): Promise<Record<string, unknown>> {
		const found = await Promise.all([...this.living].map(async ([name, one]) => [name, await one.read()] as const));
		return Object.fromEntries(found.filter(([, drift]) => drift === undefined || drift.length > 0));
	}

	get marks(): string[] {
		return [...this.living.values()].map(({ kind, name }) => `${kind} ${name.replace(/-\d$/, "")}`);
	}

	async destroy(): Promise<void> {
		for (const name of [...this.living.keys()].sort().reverse()) if (name !== "net") await this.drop(name);
		await this.drop("net");
	}
}

describe(`two programs and the agent on one host, for ${SECONDS} s`, function () {
	this.timeout((SECONDS + 120) * 1000);
	useLab(1);
	expectTrouble("what the agent mends is damaged again meanwhile, and tried again", /agent: \S+: (?:failed|degraded: .*): \w/);
	useForeign();

	it("end in the union of what they declared, with no update lost", async () => {
		const seed = Number(process.env["NETPLUMB_SEED"] ?? Date.now() % 1_000_000);
		let state = seed;
		const random = () => {
			state = (state * 1103515245 + 12345) % 2147483648;
			return state / 2147483648;
		};
		const names = Array.from({ length: CONTAINERS }, (_, index) => `hammer-${index}`);
		await sh('docker rm -f "$@" >/dev/null 2>&1 || :', ...names);
		const untouched = await remains();
		const run = 'for name; do docker run -d --name "$name" --network none --stop-timeout 0 netplumb/busybox:1 sleep 86400; done';
		await sh(run, ...names);
		const programs = [new Program(1, random), new Program(2, random)];
		const until = Date.now() + SECONDS * 1000;
		let faults = 0;
		let retries = 0;
		/** An up; what stopped it, in one sentence: a container that is being restarted, a port that is not back yet, a host that kept changing. */
		const attempt = async (program: Program): Promise<string> => {
			try {
				await program.up();
				return "";
			} catch (error) {
				const { message } = error as Error;
				expect(message).to.match(/^host \S+: /);
				retries++;
				return message;
			}
		};
		const hammer = async (program: Program) => {
			while (Date.now() < until) await attempt(program);
		};
		const damage = async () => {
			while (Date.now() < until) {
				const what = [
					`docker restart -t 0 hammer-${Math.floor(random() * CONTAINERS)} >/dev/null`,
					"ovs-vsctl --timeout=20 --if-exists del-br ham-1",
					"nft delete table inet netplumb 2>/dev/null || :",
					"rm -f /run/netplumb/agent.d/*.history",
				][faults++ % 4]!;
				await sh(what);
				await new Promise((resolve) => setTimeout(resolve, 1000 + random() * 1500));
			}
		};
		try {
			await Promise.all([...programs.map(hammer), damage()]);
			// What was deleted last may not be back yet: the next up goes on.
			for (const program of programs) await eventually(async () => ({ seed, said: await attempt(program) }), { seed, said: "" });
			await sh("echo check >/run/netplumb/events");
			await eventually(async () => (await agentStatus()).match(/^(failed|damaged|unseen)\t.*/gm), null);
			// A port that the agent is about to make again is drift until it is there.
			for (const program of programs) await eventually(async () => ({ seed, drift: await program.drift() }), { seed, drift: {} });
			const declared = programs.reduce((sum, { marks }) => sum + marks.length, 0);
			expect((await sh("ls /var/lib/netplumb/desired")).split("\n"), `seed ${seed}`).to.have.length(declared);
			const rounds = programs.map((program) => program.rounds).join(" and ");
			console.log(
				`      ${rounds} ups, ${retries} of them stopped by a fault, ${faults} faults, ${declared} resources, seed ${seed}`,
			);
		} finally {
			for (const program of programs) await program.destroy();
			await sh('docker rm -f "$@" >/dev/null', ...names);
		}
		expect(await remains()).to.deep.equal(untouched);
	});
});
