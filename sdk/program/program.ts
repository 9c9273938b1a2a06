// Checks across all netplumb resources of one program. They run in the program's process, need no host and no network, and so
// work in preview: what only the whole program can know (the same address twice, say) fails before anything is touched.
import * as pulumi from "@pulumi/pulumi";
import { ACCEPTABLE, type Acceptable, type Claim, clash, dockerClash, keysOf } from "./clashes";
import { type Declared, resolved } from "./declared";
import { type Fact, factsOf, type Place, placeOf } from "./facts";

/** Everything that one program has declared so far. */
export class Program {
	private readonly claims = new Map<string, Claim[]>();
	private readonly attachments = new Map<string, Declared>();
	/** Addresses on interfaces for which no attachment has been declared yet. */
	private readonly waiting = new Map<string, Declared[]>();

	constructor(private readonly accepted: ReadonlySet<Acceptable> = new Set()) {}

	/** Takes a resource up, or gives the sentence that says what stands in its way. */
	add(declared: Declared): string | undefined {
		const facts = factsOf(declared, (place) => this.attachments.get(placeKey(declared, place)));
		const place = placeOf(declared);
		if (!place) return this.claimAll(declared, facts);
		const key = placeKey(declared, place);
		if (declared.kind === "VethAttachment") {
			this.attachments.set(key, declared);
			return this.claimAll(declared, facts) ?? this.settle(key, declared);
		}
		if (!declared.attachment && !this.attachments.has(key)) this.waiting.set(key, [...(this.waiting.get(key) ?? []), declared]);
		return this.claimAll(declared, facts);
	}

	/** Now that the attachment is known, so are the bridge and the VLAN of the addresses on it. */
	private settle(key: string, attachment: Declared): string | undefined {
		const waiting = this.waiting.get(key) ?? [];
		this.waiting.delete(key);
		for (const declared of waiting) {
			const facts = factsOf(declared, () => attachment).filter(({ what }) => what !== "owner");
			const found = this.claimAll(declared, facts);
			if (found !== undefined) return found;
		}
		return undefined;
	}

	private claimAll(by: Declared, facts: readonly Fact[]): string | undefined {
		for (const fact of facts) {
			const claim = { by, fact };
			const found = dockerClash(claim, this.accepted);
			if (found !== undefined) return found;
			for (const key of keysOf(claim)) {
				const others = this.claims.get(key) ?? [];
				for (const other of others) {
					const sentence = other.by === by ? undefined : clash(other, claim, this.accepted);
					if (sentence !== undefined) return sentence;
				}
				others.push(claim);
				this.claims.set(key, others);
			}
		}
		return undefined;
	}
}

function placeKey({ host }: Declared, place: Place): string {
	return JSON.stringify([host, place.container, place.interface]);
}

/**
 * One for each run of a program. The monitor is the run's own connection to the engine, also where several stacks, or one stack
 * several times, run in one process (Automation API).
 */
const programs = new WeakMap<object, Program>();
const everywhere = {};
const declarations = new WeakMap<object, Promise<Declared>>();

function currentProgram(): Program {
	const run = pulumi.runtime.getMonitor() ?? everywhere;
	let program = programs.get(run);
	if (!program) {
		program = new Program(acceptedByConfig());
		programs.set(run, program);
	}
	return program;
}

function acceptedByConfig(): Set<Acceptable> {
	const given = new pulumi.Config("netplumb").getObject<unknown>("accept") ?? [];
	const words = Array.isArray(given) ? given : [given];
	for (const word of words) {
		if (!(ACCEPTABLE as readonly unknown[]).includes(word))
			throw new pulumi.RunError(
				`netplumb:accept: found ${JSON.stringify(word)}, expected a list of ${ACCEPTABLE.join(", ")}; correct it with pulumi config set`,
			);
	}
	return new Set(words as Acceptable[]);
}

/**
 * Takes up a resource of the running program. Resolves when nothing stands in its way; else it rejects with an error that
 * Pulumi prints as one sentence.
 */
export async function declare(
	resource: pulumi.Resource,
	what: { kind: string; name: string; owner: string; inputs: Readonly<Record<string, unknown>>; attachment?: pulumi.Resource },
): Promise<void> {
	const program = currentProgram();
	const { inputs, attachment, ...identity } = what;
	const declared = resolved(inputs).then(
		async (known): Promise<Declared> => ({
			...identity,
			...known,
			attachment: attachment && (await declarations.get(attachment)),
		}),
	);
	declarations.set(resource, declared);
	const sentence = program.add(await declared);
	if (sentence === undefined) return;
	const error = new pulumi.RunError(sentence);
	// Where Pulumi meets the error on a second way (an output that others wait for), it prints the stack.
	error.stack = sentence;
	throw error;
}
