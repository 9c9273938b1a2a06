// A resource as the program declares it: its inputs as far as they are known, and where it stands.
import * as pulumi from "@pulumi/pulumi";
import type { HostProperties } from "../host";

export interface Declared {
	readonly kind: string;
	readonly name: string;
	/** `project/stack/name`. */
	readonly owner: string;
	/** Undefined while the host is not known. */
	readonly host: string | undefined;
	/** The inputs that are known as a whole; one that is unknown anywhere inside stands in `unknown`. */
	readonly args: Readonly<Record<string, unknown>>;
	readonly unknown: ReadonlySet<string>;
	/** The attachment that a StaticContainerIp was given. */
	readonly attachment?: Declared;
}

/** How a message calls a resource. */
export function title({ kind, name }: Declared): string {
	return `${kind} ${JSON.stringify(name)}`;
}

/** What derived names and MAC addresses are made of (provider/lifecycle/check.ts). */
export function seedOf({ kind, owner }: Declared): string {
	return `${kind}:${owner}`;
}

export function isKnown(declared: Declared, ...inputs: string[]): boolean {
	return declared.host !== undefined && inputs.every((input) => !declared.unknown.has(input));
}

/** Waits for the inputs. Those that fail count as unknown: the registration of the resource reports them. */
export async function resolved(inputs: Readonly<Record<string, unknown>>): Promise<Pick<Declared, "host" | "args" | "unknown">> {
	const args: Record<string, unknown> = {};
	const unknown = new Set<string>();
	await Promise.all(
		Object.entries(inputs).map(async ([key, input]) => {
			// `promise` is in no type, but part of every Output: what is unknown stands in the value as a sentinel.
			const output = pulumi.output(input) as unknown as { promise(withUnknowns: boolean): Promise<unknown> };
			const value = await output.promise(true).catch(() => pulumi.unknown);
			if (pulumi.containsUnknowns(value)) unknown.add(key);
			else if (value !== undefined) args[key] = value;
		}),
	);
	return { host: hostKey(args["host"] as HostProperties | undefined), args, unknown };
}

/** The same for the same host, as far as its address tells. */
function hostKey(host: HostProperties | undefined): string | undefined {
	if (host === undefined || typeof host.address !== "string") return undefined;
	if (host.transport === "local") return "localhost";
	return `${host.address.toLowerCase()}${(host.port ?? 22) === 22 ? "" : `:${host.port}`}`;
}
