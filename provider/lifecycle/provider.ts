// The methods that Pulumi calls on a dynamic provider, once for all kinds.
import { isNetplumbError, NetplumbError } from "../errors";
import { desiredEndings, keptNames, memoryOf } from "../heal/desired";
import type { Operation } from "../host/change";
import { markOf } from "../host/marks";
import { databaseId } from "../host/records";
import { ApplyError } from "../host/session";
import type { Database, Snapshot } from "../host/snapshot";
import type { Kind, Wish } from "../kinds/kind";
import { notice } from "../notice";
import { heals } from "../validate/host";
import { check } from "./check";
import { diff, differsOnHost } from "./diff";
import { either } from "./either";
import { nameOf, sessionFor, useSecrets } from "./sessions";
import { declaredArgs, type Inputs, keepDefaults, knownArgs, migrate, outputsOf, type State, stateOf, usable } from "./state";

type Props = Record<string, unknown>;

const named = (databases: Database[] = []) => databases.map((database) => [databaseId(database), database] as const);

export function providerOf<A extends object>(kind: Kind<A>) {
	const idOf = (inputs: Inputs) => `${nameOf(inputs.host)}/${kind.physicalName(knownArgs(kind, inputs))}`;

	/** What the plan has to know, and who asks. */
	const needs = (inputs: Inputs, marks: string[], args: A, previous?: A) => ({
		containers: kind.containers(args),
		facts: kind.facts ?? [],
		destinations: kind.destinations?.(args) ?? [],
		devices: [...new Set([args, ...(previous ? [previous] : [])].flatMap((one) => kind.devices?.(one) ?? []))],
		databases: [...new Map([args, ...(previous ? [previous] : [])].flatMap((one) => named(kind.databases?.(one)))).values()],
		desired: desiredEndings(kind, marks),
		owner: inputs.owner,
		confirmSeconds: inputs.host.confirmSeconds,
	});

	/** Brings the host to what `inputs` say and answers with the new state. */
	async function apply(inputs: Inputs, previous: State | undefined): Promise<State> {
		const wanted = knownArgs(kind, inputs);
		const wish: Wish<A> = { ...marksOf(inputs, previous), wanted };
		if (previous) wish.previous = knownArgs(kind, previous);
		return sessionFor(inputs.host).submit({
			...needs(inputs, wish.marks, wanted, wish.previous),
			presumes: previous === undefined && kind.presumes === true,
			plan: (snapshot) => planOf(wish, inputs, snapshot),
			done: (snapshot) => stateOf(kind, inputs, { ...kind.observe(wanted, wish.mark, snapshot), args: wanted }),
		});
	}

	return {
		configure(request: { config: { get(key: string): unknown } }): Promise<void> {
			const text = (key: string) => {
				const value = request.config.get(`netplumb:${key}`);
				return typeof value === "string" && value !== "" ? value : undefined;
			};
			// Stored at once: a second resource may be asked for before this promise is awaited.
			useSecrets({ privateKey: text("privateKey"), passphrase: text("passphrase") });
			return Promise.resolve();
		},

		async check(olds: Props, news: Props) {
			const { inputs, failures } = check(kind, news);
			// Of a resource that exists, diff knows more.
			if (failures.length === 0 && Object.keys(olds ?? {}).length === 0) say(inputs, {});
			// Each reason begins with the path. Where `property` is set, the engine prints the value too, which may be a pasted key.
			return { inputs, failures: failures.map(({ reason }) => ({ property: "", reason })) };
		},

		async diff(_id: string, olds: Props, news: Props) {
			const state = migrate(kind, olds as State);
			say(news as Inputs, state);
			return diff(kind, state, news as Inputs);
		},

		async create(props: Props) {
			const inputs = props as Inputs;
			try {
				return { id: idOf(inputs), outs: await apply(inputs, undefined) };
			} catch (error) {
				throw halfMade(error, inputs) ?? error;
			}
		},

		async update(id: string, olds: Props, news: Props) {
			const [state, inputs] = [migrate(kind, olds as State), news as Inputs];
			// Another way to the same host changes nothing there, and must be possible when the host is lost (onUnreachable).
			if (!differsOnHost(kind, state, inputs)) return { outs: { ...state, host: inputs.host } };
			try {
				return { outs: await apply(inputs, state) };
			} catch (error) {
				throw halfChanged(error, id, state, inputs) ?? error;
			}
		},

		async read(id: string, props: Props) {
			// `static get` reads with the program's inputs, which have no version and may lack derived names.
			const stored = "stateVersion" in props;
			const state = stored ? migrate(kind, props as State) : usable({ ...check(kind, props).inputs, stateVersion: 0 });
			const wanted = declaredArgs(kind, state);
			const wish: Wish<A> = { ...marksOf(state), wanted, previous: knownArgs(kind, state) };
			return sessionFor(state.host).submit({
				...needs(state, wish.marks, wanted, wish.previous),
				looks: true,
				plan: () => [],
				done: (snapshot) => {
					const seen = kind.exists(wish.marks, snapshot);
					const exists = seen || (stored && isKept(wish.marks, snapshot));
					// "Gone" only on proof.
					if (typeof exists === "string") {
						throw new NetplumbError("missing", `host ${snapshot.hostName}: ${exists}; nothing is known about ${id}`);
					}
					if (!exists && !(kind.volatile && stored)) return { id: "", props: {} };
					// Where nothing is to be seen, it stays known what to make again, and what to take away should it come back.
					const observed = seen ? kind.observe(wanted, wish.mark, snapshot) : { args: wanted, outputs: outputsOf(kind, state) };
					const found = stateOf(kind, state, observed);
					// What the host once gave is what it shall be: a new value is drift, not the new default.
					if (kind.holds?.(wanted, observed.args) !== false) keepDefaults(kind, found, state);
					if (state.formerly !== undefined) found.formerly = state.formerly;
					const drift = driftOf(wish, state, snapshot);
					if (drift.length > 0) found.drift = drift;
					return { id, props: found, inputs: { host: state.host, owner: state.owner, ...observed.args } };
				},
			});
		},

		async delete(_id: string, props: Props) {
			const state = migrate(kind, props as State);
			const previous = knownArgs(kind, state);
			const wish: Wish<A> = { ...marksOf(state), previous };
			try {
				await sessionFor(state.host).submit({
					...needs(state, wish.marks, previous),
					// What is forgotten is known by its name.
					desired: [],
					presumes: kind.presumes === true,
					plan: (snapshot) => planOf(wish, state, snapshot),
					done: () => undefined,
					keepOnFailure: true,
				});
			} catch (error) {
				if (state.host.onUnreachable === "forget" && isNetplumbError(error, "host-unreachable")) return;
				throw error;
			}
		},
	};

	function marksOf(inputs: Inputs | State, previous?: State): { mark: string; marks: string[] } {
		const owners = [inputs.owner, inputs["formerly"], previous?.owner, previous?.formerly];
		const marks = owners.flatMap((owner) => (typeof owner === "string" ? [markOf(owner, kind.name)] : []));
		return { mark: marks[0]!, marks: [...new Set(marks)] };
	}

	/** Whether the host keeps it, to make it again. */
	function isKept(marks: string[], snapshot: Snapshot): boolean {
		return keptNames(kind, marks, snapshot).length > 0;
	}

	function say(inputs: Inputs, state: Record<string, unknown>): void {
		for (const text of kind.notes?.(knownArgs(kind, inputs), state) ?? []) notice(`${inputs.owner.split("/").at(-1)}: ${text}`);
	}

	function planOf(wish: Wish<A>, { host }: Inputs, snapshot: Snapshot): Operation[] {
		return [...kind.plan(wish, snapshot), ...memoryOf(kind, wish, heals(host), snapshot)];
	}

	/** What would mend the host, in words; a sentence when it cannot be mended as things stand. */
	function driftOf(wish: Wish<A>, state: State, snapshot: Snapshot): string[] {
		try {
			return planOf(wish, state, snapshot).map(({ describe }) => describe);
		} catch (error) {
			if (isNetplumbError(error)) return [error.message];
			throw error;
		}
	}

	/** An error that makes Pulumi remember a resource of which something is on the host, so that the next up or destroy finishes it. */
	function halfMade(error: unknown, inputs: Inputs): Error | undefined {
		if (!(error instanceof ApplyError)) return undefined;
		const args = knownArgs(kind, inputs);
		const marks = [markOf(inputs.owner, kind.name)];
		// A desired state that was there before is no proof that these inputs ever were on the host.
		const remains = error.after && (kind.exists(marks, error.after) || (error.begun && isKept(marks, error.after)));
		// What cannot be seen may be there only where something was sent.
		if (remains === false || (remains !== true && !error.begun)) return undefined;
		return remembered(error, idOf(inputs), stateOf(kind, inputs, { args, outputs: {} }), inputs);
	}

	/** The same for an update: what was and what was wanted may both be on the host now, so both are remembered. */
	function halfChanged(error: unknown, id: string, state: State, inputs: Inputs): Error | undefined {
		if (!(error instanceof ApplyError) || !error.begun) return undefined;
		const [was, wanted] = [knownArgs(kind, state), knownArgs(kind, inputs)];
		const both = either(was, wanted);
		const back = { ...marksOf(inputs, state), wanted: was, previous: both };
		if (error.after && driftOf(back, state, error.after).length === 0) return undefined;
		const renamed = state.owner === inputs.owner ? {} : { owner: inputs.owner, formerly: state.owner };
		const known = { ...state, ...both, host: inputs.host, ...renamed };
		// What the host gave for what was does not hold for what was wanted.
		if (kind.holds?.(was, wanted) === false)
			for (const key of ["defaulted", ...(state.defaulted ?? [])]) delete (known as Record<string, unknown>)[key];
		return remembered(error, id, known, inputs);
	}

	function remembered(error: ApplyError, id: string, state: State, inputs: Inputs): Error {
		const properties = { ...state, __provider: inputs["__provider"], drift: [error.message] };
		return Object.assign(error, { id, properties, reasons: [error.message] });
	}
}
