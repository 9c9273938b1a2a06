// A resource driven as Pulumi drives it: inputs are checked first, and the state passes through JSON as it does in the engine.
import { expect } from "chai";
import type { KindName } from "../../provider/kinds/registry";
import { lifecycle } from "../../provider/v1";
import { labHost } from "./lab";

type Args = Record<string, unknown>;
type Properties = Parameters<ReturnType<typeof lifecycle>["create"]>[0];

const alive = new Set<Resource>();
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

export class Resource {
	id = "";
	state: Args = {};
	private readonly provider;

	constructor(
		readonly kind: KindName,
		readonly name: string,
		private readonly more: Args = {},
	) {
		this.provider = lifecycle(kind);
	}

	/** The inputs as the engine hands them on after `check`, which must find no mistake. */
	async inputs(args: Args): Promise<Properties> {
		// What is taken away by hand here shall stay away: healing has its own tests.
		const news = {
			host: labHost("h1", { heal: false }),
			owner: `lab/test/${this.name}`,
			__provider: "constant",
			...this.more,
			...args,
		};
		const { inputs, failures } = await this.provider.check({}, news);
		expect(failures, `check of ${this.kind}`).to.deep.equal([]);
		return plain({ ...inputs, __provider: "constant" });
	}

	/** Also answers for the half-made: an error that carries an id stands in the engine's state, and here. */
	async create(args: Args): Promise<this> {
		const inputs = await this.inputs(args);
		await this.hears(async () => {
			const { id, outs } = await this.provider.create(inputs);
			this.keep(id, { ...plain(outs), __provider: "constant" });
		});
		return this;
	}

	async diff(args: Args) {
		return this.provider.diff(this.id, plain(this.state), await this.inputs(args));
	}

	/** An update in place: fails when the diff would replace the resource, or would not call update at all. */
	async update(args: Args): Promise<void> {
		const { changes, replaces } = await this.diff(args);
		expect({ changes, replaces }, `diff of ${this.kind}`).to.deep.equal({ changes: true, replaces: [] });
		await this.hears(async () => {
			const { outs } = await this.provider.update(this.id, plain(this.state), await this.inputs(args));
			this.state = { ...plain(outs), __provider: "constant" };
		});
	}

	/** What `up` does after a refresh that found drift, with the inputs as they are. */
	async repair(): Promise<void> {
		const { outs } = await this.provider.update(this.id, plain(this.state), plain(this.state) as Properties);
		this.state = { ...plain(outs), __provider: "constant" };
	}

	/** Refreshes the state and gives the drift; undefined when the resource is gone. */
	async read(): Promise<string[] | undefined> {
		const { id, props } = await this.provider.read(this.id, plain(this.state));
		if (id === "") return undefined;
		this.state = { ...plain(props), __provider: "constant" };
		return (this.state["drift"] as string[] | undefined) ?? [];
	}

	async delete(): Promise<void> {
		await this.provider.delete(this.id, plain(this.state));
		alive.delete(this);
	}

	/** Leaves it on the host after the test, for a fixture that removes it in its own way. */
	release(): this {
		alive.delete(this);
		return this;
	}

	/** An error that carries an id stands in the engine's state. */
	private async hears(work: () => Promise<void>): Promise<void> {
		try {
			await work();
		} catch (error) {
			const { id, properties } = error as { id?: string; properties?: Args };
			if (id !== undefined) this.keep(id, plain(properties ?? {}));
			throw error;
		}
	}

	private keep(id: string, state: Args): void {
		this.id = id;
		this.state = state;
		alive.add(this);
	}
}

/** In a describe block: what a test made is deleted after it, newest first. */
export function useResources(): void {
	afterEach(async () => {
		for (const resource of [...alive].reverse()) {
			alive.delete(resource);
			await resource.delete();
		}
	});
}

/** The sentence with which a promise fails. */
export async function failure(promise: Promise<unknown>): Promise<string> {
	const message = await promise.then(
		() => undefined,
		(error: Error) => error.message,
	);
	if (message === undefined) throw new Error("expected a failure");
	return message;
}
