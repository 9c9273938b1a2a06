// What Pulumi stores for a resource: the inputs, what was found out, and the version of this form.
import { NetplumbError } from "../errors";
import type { Kind, Observed } from "../kinds/kind";
import type { HostSettings } from "../validate/host";
import { type Failure, fail, hostSchema, read, type Schema } from "../validate/index";

/** Raised when the stored form changes; `migrate` then brings older states up to it. */
export const STATE_VERSION = 1;

/** What every kind has besides its own inputs. */
export interface Inputs {
	host: HostSettings;
	/** "project/stack/name": set by the base class of the sdk. */
	owner: string;
	[input: string]: unknown;
}

export interface State extends Inputs {
	stateVersion: number;
	/** The owner before, where it is not known whose mark is on the host: an update that gave the resource another name did not come to its end. */
	formerly?: string;
	/** What is wrong on the host, as the operations that would mend it. Only after a refresh that found something. */
	drift?: string[];
	/** Inputs that the program left out and that stand here with the value found on the host. */
	defaulted?: string[];
}

const COMMON = ["host", "owner", "formerly", "stateVersion", "drift", "defaulted", "__provider"];

/** The kind's own inputs in a state, with the values that the host gave where the program gave none. */
export function knownArgs<A extends object>(kind: Kind<A>, values: Record<string, unknown>): A {
	return Object.fromEntries(Object.entries(values).filter(([key]) => !COMMON.includes(key) && !kind.outputs.includes(key))) as A;
}

/** The kind's own inputs in a state, as the program gave them. */
export function declaredArgs<A extends object>(kind: Kind<A>, state: State): A {
	return Object.fromEntries(Object.entries(knownArgs(kind, state)).filter(([key]) => !state.defaulted?.includes(key))) as A;
}

export function stateOf<A extends object>(kind: Kind<A>, inputs: Inputs, observed: Observed<A>): State {
	const args = observed.args as Record<string, unknown>;
	const defaulted = (kind.defaulted ?? []).filter((key) => args[key] === undefined && observed.outputs[key] !== undefined);
	return {
		host: inputs.host,
		owner: inputs.owner,
		...args,
		...observed.outputs,
		...(defaulted.length ? { defaulted } : {}),
		stateVersion: STATE_VERSION,
	};
}

/** What was found out beside the inputs. */
export function outputsOf<A extends object>(kind: Kind<A>, state: State): Record<string, unknown> {
	const known = kind.outputs.filter((key) => state[key] !== undefined);
	return Object.fromEntries(known.map((key) => [key, state[key]]));
}

/** What the host once gave stands in `found` as in `state`, and is still no input of the program. */
export function keepDefaults<A extends object>(kind: Kind<A>, found: State, state: State): void {
	const kept = state.defaulted ?? [];
	for (const key of kept) found[key] = state[key];
	const all = (kind.defaulted ?? []).filter((key) => kept.includes(key) || found.defaulted?.includes(key));
	if (all.length > 0) found.defaulted = all;
}

/** What the base class of the sdk sets. */
export const ownerSchema: Schema<string> = {
	kinds: ["string"],
	expected: "the owner that the sdk sets",
	accept: (value, path, failures) => {
		if (typeof value !== "string" || value === "")
			fail(failures, path, value, "the owner that the sdk sets", "make the resource with a class of netplumb");
		return value as string;
	},
};

/** Refuses what was edited by hand so that the host, or whose the resource is, cannot be told any more. */
export function usable(state: State): State {
	const failures: Failure[] = [];
	read(hostSchema, state.host, "host", failures);
	read(ownerSchema, state.owner, "owner", failures);
	const [first] = failures;
	if (!first) return state;
	throw new NetplumbError(
		"input",
		`the state of this resource cannot be used: ${first.reason}; restore it from a backup, or take the resource out of the state (pulumi state delete) and declare it again`,
	);
}

/** The inputs with all that is derived from them and from the owner. */
export function completed<A extends object>(kind: Kind<A>, args: A, owner: string): A {
	// With the kind before it, because a bridge and an attachment of one name must not be given one interface name.
	return kind.complete(args, `${kind.name}:${owner}`);
}

/** Brings a state of any released version to the present form. What that version did not derive yet is no change of the inputs. */
export function migrate<A extends object>(kind: Kind<A>, state: State): State {
	if (state.stateVersion > STATE_VERSION) {
		throw new Error(
			`this resource was last written by a newer netplumb (state version ${state.stateVersion}, this one knows ${STATE_VERSION}): update the package`,
		);
	}
	return { ...usable(state), ...completed(kind, knownArgs(kind, state), state.owner) };
}
