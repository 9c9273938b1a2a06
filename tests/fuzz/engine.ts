// What Pulumi's engine does with a program, on the same lifecycle methods: checks, diffs, creates in the order of dependencies and side by
// side where there are none, replaces what cannot change in place together with what depends on it, and deletes last, backwards.
import { isNetplumbError } from "../../provider/errors";
import type { Kind } from "../../provider/kinds/kind";
import { type KindName, kinds } from "../../provider/kinds/registry";
import { lifecycle } from "../../provider/v1";
import type { HostSettings } from "../../provider/validate/host";

export type Args = Record<string, unknown>;

/** What a program declares: by the name of the resource. */
export type Declared = Record<string, { kind: KindName; args: Args }>;

interface Live {
	kind: KindName;
	id: string;
	state: Args;
}

export interface Run {
	/** By resource: the sentence with which it failed. */
	errors: Record<string, string>;
	changed: number;
}

type Properties = Parameters<ReturnType<typeof lifecycle>["create"]>[0];
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const PROVIDER = "constant";

/** The order in which kinds lean on each other. */
const RANKS: KindName[][] = [
	["OvsBridge", "IsolatedNetwork", "OvnCentral"],
	["VethAttachment", "OvsTunnel", "OvnChassis", "OvnSwitch"],
	["StaticContainerIp", "OvnPort", "OvnRouter"],
	["NatPublish", "StaticRoute"],
];
const rankOf = (kind: KindName) => RANKS.findIndex((rank) => rank.includes(kind));

export const kindOf = (name: KindName) => kinds[name] as unknown as Kind<Args>;

function leansOn(kind: KindName, args: Args, on: KindName, base: Args): boolean {
	if (on === "OvsBridge" || on === "IsolatedNetwork") return args["bridge"] === base["name"] && rankOf(kind) > 0;
	const same = (key: string) => args[key] === base[key];
	return on === "VethAttachment" && kind === "StaticContainerIp" && same("container") && same("interface");
}

export class Engine {
	readonly live = new Map<string, Live>();

	constructor(
		readonly host: HostSettings,
		private readonly log: string[] = [],
	) {}

	/** The inputs as `check` completes them; undefined when it refuses them. */
	async check(name: string, { kind, args }: Declared[string]): Promise<Args | undefined> {
		const news = { host: this.host, owner: `fuzz/test/${name}`, __provider: PROVIDER, ...args };
		const { inputs, failures } = await lifecycle(kind).check({}, news);
		return failures.length > 0 ? undefined : plain({ ...inputs, __provider: PROVIDER });
	}

	/** Brings the host to what is declared, as far as it goes. What fails has a sentence; anything else is thrown. */
	async up(declared: Declared): Promise<Run> {
		const run: Run = { errors: {}, changed: 0 };
		for (const rank of RANKS.keys()) {
			const names = Object.keys(declared).filter((name) => rankOf(declared[name]!.kind) === rank);
			const replaced = (await Promise.all(names.map((name) => this.isReplaced(name, declared[name]!)))).flat();
			const gone = this.withDependents(replaced);
			// What depends on a replaced thing goes before it, and comes back in its own rank.
			await this.remove(gone, run);
			await Promise.all(names.map((name) => this.bring(name, declared, run)));
		}
		await this.remove(
			[...this.live.keys()].filter((name) => !(name in declared)),
			run,
		);
		return run;
	}

	/** Drift of everything that is live, by name; undefined where it is gone. */
	async refresh(): Promise<Record<string, string[] | undefined>> {
		const drift: Record<string, string[] | undefined> = {};
		const look = async ([name, one]: [string, Live]) => {
			const { id, props } = await lifecycle(one.kind).read(one.id, plain(one.state));
			if (id === "") {
				drift[name] = undefined;
				this.live.delete(name);
				return;
			}
			one.state = { ...plain(props), __provider: PROVIDER };
			const found = (one.state["drift"] as string[] | undefined) ?? [];
			if (found.length > 0) drift[name] = found;
		};
		await Promise.all([...this.live].map(look));
		return drift;
	}

	private async isReplaced(name: string, wanted: Declared[string]): Promise<string[]> {
		const one = this.live.get(name);
		const inputs = await this.check(name, wanted);
		if (!one || !inputs) return [];
		const { replaces } = await lifecycle(one.kind).diff(one.id, plain(one.state), inputs as Properties);
		return replaces.length > 0 ? [name] : [];
	}

	/** With all that is live and leans on them, by the names of bridges and interfaces. */
	private withDependents(names: readonly string[]): string[] {
		const all = new Set(names);
		for (const name of all)
			for (const [other, { kind, state }] of this.live) {
				const { kind: on, state: base } = this.live.get(name)!;
				if (leansOn(kind, state, on, base)) all.add(other);
			}
		return [...all];
	}

	/** What it leans on, as a program says by handing one resource to another. */
	private basesOf({ kind, args }: Declared[string], declared: Declared): string[] {
		return Object.entries(declared).flatMap(([name, other]) => (leansOn(kind, args, other.kind, other.args) ? [name] : []));
	}

	private async bring(name: string, declared: Declared, run: Run): Promise<void> {
		const wanted = declared[name]!;
		if (name in run.errors) return; // Its replacement could not be deleted.
		const inputs = await this.check(name, wanted);
		if (!inputs) throw new Error(`check refuses ${name}`);
		const one = this.live.get(name);
		const provider = lifecycle(wanted.kind);
		const base = this.basesOf(wanted, declared).find((other) => other in run.errors);
		if (base) {
			run.errors[name] = `missing: host of ${base}, which failed`;
			return;
		}
		await this.attempt(name, wanted.kind, run, async () => {
			if (!one) {
				this.log.push(`create ${name} ${JSON.stringify(wanted.args)}`);
				run.changed++;
				const { id, outs } = await provider.create(plain(inputs) as Properties);
				this.live.set(name, { kind: wanted.kind, id, state: { ...plain(outs), __provider: PROVIDER } });
				return;
			}
			const { changes } = await provider.diff(one.id, plain(one.state), plain(inputs) as Properties);
			if (!changes) return;
			this.log.push(`update ${name} ${JSON.stringify(wanted.args)}`);
			run.changed++;
			const { outs } = await provider.update(one.id, plain(one.state), plain(inputs) as Properties);
			this.live.set(name, { ...one, state: { ...plain(outs), __provider: PROVIDER } });
		});
	}

	/** What something leans on that could not be removed stays too. */
	private async remove(names: readonly string[], run: Run): Promise<void> {
		for (const rank of [...RANKS.keys()].reverse()) {
			const now = names.filter((name) => this.live.has(name) && rankOf(this.live.get(name)!.kind) === rank);
			const free = now.filter((name) => {
				const { kind: on, state: base } = this.live.get(name)!;
				const held = [...this.live].find(([other, { kind, state }]) => other in run.errors && leansOn(kind, state, on, base));
				if (held) run.errors[name] = `missing: host of ${held[0]}, which failed and leans on it`;
				return !held;
			});
			await Promise.all(
				free.map((name) =>
					this.attempt(name, this.live.get(name)!.kind, run, async () => {
						const { kind, id, state } = this.live.get(name)!;
						this.log.push(`delete ${name}`);
						run.changed++;
						await lifecycle(kind).delete(id, plain(state));
						this.live.delete(name);
					}),
				),
			);
		}
	}

	private async attempt(name: string, kind: KindName, run: Run, work: () => Promise<void>): Promise<void> {
		try {
			await work();
		} catch (error) {
			if (!isNetplumbError(error)) throw error;
			this.log.push(`${name}: ${error.message}`);
			run.errors[name] = `${error.code}: ${error.message}`;
			// What is half made stands in the state, for the next up or destroy.
			const { id, properties } = error as unknown as { id?: string; properties?: Args };
			if (id !== undefined) this.live.set(name, { kind, id, state: plain(properties ?? {}) });
		}
	}
}
