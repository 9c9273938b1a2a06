// What a kind is: a schema, and pure functions from (wanted, snapshot) to operations. The lifecycle does the rest for all kinds.
import type { Operation } from "../host/change";
import type { Database, Fact, Snapshot } from "../host/snapshot";
import type { Schema } from "../validate/index";

/** What a resource asks of its host. */
export interface Wish<A> {
	/** The owner mark to leave. */
	mark: string;
	/** The marks that count as this resource's own: `mark`, and the one from before a rename. */
	marks: string[];
	/** The inputs; undefined asks for removal. */
	wanted?: A;
	/** The inputs and outputs of the last success, where there was one. */
	previous?: A;
	/** True for what a host keeps of this resource: of what several need together, only what this one needs. */
	alone?: boolean;
}

/** What is true now, in the words of the inputs and outputs. */
export interface Observed<A> {
	/** The inputs as found on the host. What was not declared is not reported. */
	args: A;
	outputs: Record<string, unknown>;
}

export interface Kind<A extends object> {
	readonly name: string;
	/** The inputs without `host` and `owner`. */
	readonly schema: Schema<A>;
	/** Fills in what depends on the owner ("Kind:project/stack/name"): derived names and addresses. Any input may still be unknown. */
	complete(args: A, owner: string): A;
	/** What is found out on the host and is not an input. */
	readonly outputs: readonly string[];
	/** True for what a reboot or somebody's `nft flush ruleset` takes away: its loss is drift, not the end of the resource. */
	readonly volatile?: boolean;
	/** Inputs that, when left out, get their value from the host; it then stands in the state under the same name. */
	readonly defaulted?: readonly (keyof A & string)[];
	/** False where a change of the inputs ends what the host once gave (`defaulted`), and it gives anew. Default: it holds. */
	holds?(previous: A, wanted: A): boolean;
	/** Inputs that cannot change in place. The old one is deleted first, because the names on the host are the same. */
	readonly replace: readonly (keyof A & string)[];
	/** Inputs that change in place when their new value is known, but stand for another thing when they come from one that is not made yet. */
	readonly replaceWhenUnknown?: readonly (keyof A & string)[];
	/** The physical name, unique among the things of this kind on one host. */
	physicalName(args: A): string;
	containers(args: A): string[];
	/**
	 * True where a new one needs nothing of its container but a free name, which the kernel looks after, and its end is decided by the
	 * host's side.
	 */
	readonly presumes?: boolean;
	/** What has to be read beside links, Open vSwitch and containers. Kinds that leave it out do not pay for it. */
	readonly facts?: readonly Fact[];
	/** The addresses whose way from the host it needs to know, and the networks whose routes. */
	destinations?(args: A): string[];
	/** The databases of OVN that the plan has to know. */
	databases?(args: A): Database[];
	/** The links of the host whose routes and switches the plan has to know. */
	devices?(args: A): string[];
	/** False for wiring that a host must never bring back by itself. Default: true. */
	heals?(args: A): boolean;
	/** What people should know before an update, from inputs and state alone. Any input may be unknown. */
	notes?(args: A, state: Record<string, unknown>): string[];
	/** Throws NetplumbError when something stands in the way or is missing. */
	plan(wish: Wish<A>, snapshot: Snapshot): Operation[];
	observe(args: A, mark: string, snapshot: Snapshot): Observed<A>;
	/** Whether anything of this resource is on the host; a sentence when the host cannot tell, which is never "no". */
	exists(marks: string[], snapshot: Snapshot): boolean | string;
}

/** One operation; the description completes "could not …". */
export function operation(change: Operation["change"], describe: string): Operation {
	return { change, describe };
}

/** One that can cut the way to the host. */
export function risky(change: Operation["change"], describe: string): Operation {
	return { change, describe, risk: "ssh-path" };
}
