// check: all mistakes in the inputs at once, with their paths, and no I/O. Any input may still be unknown.
import type { Kind } from "../kinds/kind";
import { type Failure, fail, hostSchema, read } from "../validate/index";
import { completed, type Inputs, ownerSchema } from "./state";

export function check<A extends object>(kind: Kind<A>, news: Record<string, unknown>): { inputs: Inputs; failures: Failure[] } {
	const { host, owner, __provider, ...rest } = news;
	const failures: Failure[] = [];
	const inputs: Inputs = {
		host: read(hostSchema, host, "host", failures),
		owner: read(ownerSchema, owner, "owner", failures),
		...(rest as object),
	};
	if (failures.length === 0) refuseHost(kind, inputs.host, failures);
	const args = kind.schema.accept(rest, "", failures);
	if (failures.length > 0) return { inputs: withoutAbsent(inputs) as Inputs, failures };
	const all = completed(kind, args, inputs.owner);
	return { inputs: { host: inputs.host, owner: inputs.owner, ...withoutAbsent(all) }, failures };
}

/** What a host of the program may not be. Not in its schema, which a state from before such a rule has to pass too, so that it can be destroyed. */
function refuseHost<A extends object>(kind: Kind<A>, host: Inputs["host"], failures: Failure[]): void {
	if (kind.databases && host.helper === true)
		fail(
			failures,
			"host.helper",
			true,
			"a login with all of root's rights, because the helper knows no databases of OVN",
			"give the resource another Host",
		);
	let path = "host";
	for (let hop: Inputs["host"] | undefined = host; hop; hop = hop.via, path += ".via")
		if (hop.knownHostsFile && hop.insecureIgnoreHostKey === true)
			fail(failures, `${path}.insecureIgnoreHostKey`, true, "no such permission beside knownHostsFile", "remove one of the two");
}

function withoutAbsent(args: object): Record<string, unknown> {
	return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
}
