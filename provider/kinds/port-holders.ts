// Whether ports of a host are free to be published, and who has them where they are not.
import { contains, parseCidr } from "../../sdk/addressing/index";
import { NetplumbError } from "../errors";
import type { Snapshot } from "../host/snapshot";
import { portsOf } from "../validate/index";
import { indexOf } from "./element-index";
import { firewallOf } from "./elements";
import type { NatPublishArgs } from "./nat-publish";
import { familyOf, isLoopback, publishedAt } from "./publish-elements";

interface Holder {
	ports: string;
	name: string;
}

const cidrOf = (text: string) => parseCidr(text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`)!;

function meet(a: string, b: string): boolean {
	const [one, other] = [cidrOf(a), cidrOf(b)];
	return one.family === other.family && (contains(one, other) || contains(other, one));
}

/** Throws when another one of netplumb's own publishes one of the ports, at an address that both have. */
export function refusePublished(args: NatPublishArgs, marks: readonly string[], snapshot: Snapshot): void {
	const { first, last } = portsOf(args.hostPorts);
	for (const other of indexOf(firewallOf(snapshot).table).published) {
		if (other.protocol !== args.protocol || other.first > last || first > other.last) continue;
		if (marks.includes(other.mark ?? "") || !publishedAt(args).some((mine) => meet(mine, other.address))) continue;
		throw taken(args, snapshot, { ports: other.ports, name: `NatPublish ${other.mark ?? "of somebody else"}` });
	}
}

/** Throws when a program listens on one of the ports, or Docker publishes it. */
export function refuseListened(args: NatPublishArgs, snapshot: Snapshot): void {
	if (typeof snapshot.ports !== "object")
		throw new NetplumbError(
			"missing",
			`host ${snapshot.hostName}: ${snapshot.ports ?? "nothing is known about its ports"}; it cannot be told whether ${args.protocol} port ${args.hostPorts} is free`,
		);
	const family = familyOf(args.target);
	for (const holder of snapshot.ports) {
		if (holder.protocol !== args.protocol || (holder.family ?? family) !== family) continue;
		const ports = holder.first === holder.last ? String(holder.first) : `${holder.first}-${holder.last}`;
		if (!overlap(ports, args.hostPorts)) continue;
		const { address } = holder;
		// "All addresses" leaves loopback to others, unless localhost is asked for.
		if (
			address === undefined ||
			publishedAt(args).some((mine) => meet(mine, address) && (args.localhost || !isLoopback(address)))
		)
			throw taken(args, snapshot, { ports, name: holder.name });
	}
}

function overlap(a: string, b: string): boolean {
	const [one, other] = [portsOf(a), portsOf(b)];
	return one.first <= other.last && other.first <= one.last;
}

function taken(args: NatPublishArgs, snapshot: Snapshot, holder: Holder): NetplumbError {
	return new NetplumbError(
		"conflict",
		`host ${snapshot.hostName}: hostPorts: found ${args.protocol} port ${holder.ports} taken by ${holder.name}, expected ${args.hostPorts} to be free; choose another port, or free it first`,
	);
}
