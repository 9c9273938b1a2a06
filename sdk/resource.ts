// The base of every netplumb resource. Runs in the user's program: no I/O here.
import * as pulumi from "@pulumi/pulumi";
import { noteUsersLine } from "./call-site";
import { Host, type HostProperties } from "./host";
import { hostFields, hostText } from "./host-text";
import { declare } from "./program/program";

/** A `Host`, or the plain form of one (what another netplumb resource has as its `host` output). */
export type HostInput = Host | pulumi.Input<HostProperties>;

/**
 * The code that Pulumi stores with every resource and runs to manage it: one constant line, so that the state holds no code of
 * ours and never breaks with an upgrade. The module is looked up from the folder of the program, as `require` does there.
 */
export function providerLine(kind: string): string {
	return `exports.handler=()=>require('module').createRequire(process.cwd()+'/_')('netplumb/provider/v1').lifecycle('${kind}')`;
}

/**
 * A dynamic Pulumi resource of netplumb. All kinds share: the `host` they live on, an `owner` mark (project/stack/name) that is
 * left on everything they make, and an error that is one sentence. To Pulumi it is a dynamic resource of type
 * `pulumi-nodejs:dynamic/netplumb:<Kind>`, made without serialising a closure.
 */
export abstract class NetplumbResource extends pulumi.CustomResource {
	/** The host that this resource lives on, in plain form. Another address or port replaces the resource. */
	declare readonly host: pulumi.Output<HostProperties>;
	/** What is wrong on the host, as the steps that `up` would take. Set by refresh, absent when all is well. */
	declare readonly drift: pulumi.Output<string[] | undefined>;

	protected constructor(
		kind: string,
		name: string,
		args: { host: HostInput } & Record<string, unknown>,
		outputs: readonly string[],
		opts?: pulumi.CustomResourceOptions,
		/** The attachment whose interface the resource works on, where one was given. */
		attachment?: pulumi.Resource,
	) {
		const owner = `${pulumi.getProject()}/${pulumi.getStack()}/${name}`;
		const absent = Object.fromEntries([...outputs, "drift", "stateVersion"].map((output) => [output, undefined]));
		const given = { ...args, host: plainHost(args.host) };
		// The resource is registered once `owner` has a value: never, when another one of the program stands in its way.
		let admit: (value: string) => void = () => {};
		const admitted = new Promise<string>((resolve) => {
			admit = resolve;
		});
		const inputs = {
			...absent,
			...given,
			host: pulumi.output(given.host).apply(hostText),
			owner: admitted,
			__provider: providerLine(kind),
		};
		const noted = noteUsersLine();
		try {
			super(`pulumi-nodejs:dynamic/netplumb:${kind}`, name, inputs, opts);
		} catch (error) {
			noted();
			if (error instanceof Error) Error.captureStackTrace(error);
			throw error;
		} finally {
			noted();
		}
		this.host = this.host.apply((host) => hostFields(host) as HostProperties);
		// What is only looked up (`static get`) claims nothing.
		const made = opts?.id === undefined && opts?.urn === undefined;
		if (!made) admit(owner);
		// Not awaited, and a failure not caught: Pulumi ends the program with its sentence. As the failure of an input it would
		// come with the name of that input and a stack.
		else void declare(this, { kind, name, owner, inputs: given, attachment }).then(() => admit(owner));
	}
}

function plainHost(host: HostInput): pulumi.Input<HostProperties> {
	return Host.isInstance(host) ? host.args : host;
}

/** A container: a `docker.Container`, its id, or its name. Anything with an `id` will do, so that no version of @pulumi/docker is needed. */
export type ContainerInput = pulumi.Input<string> | { readonly id: pulumi.Output<string>; readonly image: unknown };

export function containerId(container: ContainerInput): pulumi.Input<string> {
	if (!isResource(container)) return container as pulumi.Input<string>;
	return madeOr(container, container.id, "container-that-was-not-made");
}

/** A bridge as a resource with a name, or by name. */
export function bridgeName(
	bridge: pulumi.Input<string> | (pulumi.CustomResource & { readonly name: pulumi.Output<string> }),
): pulumi.Input<string> {
	if (!isResource(bridge)) return bridge as pulumi.Input<string>;
	const { name } = bridge as unknown as { name: pulumi.Output<string> };
	return madeOr(bridge, name, "bridge-not-made");
}

/**
 * An output of a resource that others depend on; `otherwise` when the resource could not be made. With --continue-on-error it then has no
 * outputs, and nothing in their place would be a mistake in the inputs of what depends on it, at which Pulumi stops before the other
 * hosts are done. A text in their place fails on its own host alone.
 */
export function madeOr(resource: pulumi.Resource, output: pulumi.Output<string>, otherwise: string): pulumi.Output<string> {
	if (pulumi.runtime.isDryRun()) return output;
	// Whether an output is known can be asked of it, but is not in its type. `apply` does not run for one that is not.
	const { isKnown } = output as pulumi.Output<string> & { isKnown: Promise<boolean> };
	const value = isKnown.then((known) => (known ? output.apply((found) => found ?? otherwise) : pulumi.output(otherwise)));
	return pulumi.all([value, resource.urn]).apply(([found]) => found);
}

function isResource(value: unknown): value is pulumi.CustomResource {
	return pulumi.CustomResource.isInstance(value);
}

/** The options for `static get`: read the live object with this id instead of making one. */
export function existing(id: pulumi.Input<pulumi.ID>, opts?: pulumi.CustomResourceOptions): pulumi.CustomResourceOptions {
	return { ...opts, id };
}
