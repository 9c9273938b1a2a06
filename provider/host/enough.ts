// Whether what is known of a host is enough for what a request would do there.
import { type Change, HOST, type Operation } from "./change";
import { namespaceOf, replaces } from "./inverse";
import { linkMark } from "./marks";
import { placeOf } from "./render";
import type { Request } from "./session";
import { isRunning, type Snapshot } from "./snapshot";

type Deciding = Pick<Request<unknown>, "containers" | "looks">;

/**
 * On what a container told before the rest, things are made that the kernel refuses where they are there already, and pairs go by the
 * host's end. Nothing makes way for another, nothing in a container goes, and nothing is found to be there.
 * @param begun Whether a script for the request was sent.
 */
export function isEnough(
	operations: readonly Operation[],
	{ request, begun }: { request: Deciding & Pick<Request<unknown>, "keepOnFailure">; begun: boolean },
	snapshot: Snapshot,
): boolean {
	if (!isRemembered(request, snapshot)) return true;
	if (request.keepOnFailure) {
		const endsPair = operations.some(({ change }) => change.verb === "link.delete");
		return operations.length === 0 ? begun : endsPair && !operations.some(isInside);
	}
	const isMade = (where: string, dev: string) =>
		operations.some(({ change }) => change.verb === "link.add" && change.where === where && change.name === dev);
	return operations.length > 0 && operations.every(({ change }) => isAddition(change, isMade, snapshot));
}

/** On the host, what takes nothing away. In a container, what is about a link that comes with it, or is added to one that netplumb made. */
function isAddition(change: Change, isMade: (where: string, dev: string) => boolean, snapshot: Snapshot): boolean {
	if (change.verb.endsWith(".delete")) return false;
	const { where } = placeOf(change);
	const dev = deviceOf(change);
	if (where === HOST || isMade(where, dev)) return true;
	const link = namespaceOf(snapshot, where)?.links[dev];
	if (!link || linkMark(link) === undefined) return false;
	// With IPv6, and with a small MTU, all its addresses go, also those that came since.
	if (change.verb === "sysctl.set") return change.path.at(-1) !== "disable_ipv6";
	if (change.verb === "link.set") return change.mtu === undefined && change.mac === undefined && change.up === undefined;
	return !replaces(change, snapshot);
}

function deviceOf(change: Change): string {
	if (change.verb === "sysctl.set") return change.path[2] ?? "";
	if (change.verb === "route.add") return change.route.dev;
	return "dev" in change ? change.dev : "name" in change ? change.name : "";
}

/** Whether the facts are not of one moment: what is missing in some may have come before the others were told. */
export function isOfTwoMoments(request: Deciding, snapshot: Snapshot): boolean {
	return snapshot.mixed === true || isRemembered(request, snapshot);
}

/** Whether a container told what the request decides on before the rest was told. */
export function isRemembered({ containers, looks }: Deciding, snapshot: Snapshot): boolean {
	if (looks) return false;
	return containers.some((reference) => {
		const container = snapshot.containers[reference];
		return isRunning(container) && (container.toldAt ?? Number.NEGATIVE_INFINITY) < (snapshot.readAt ?? 0);
	});
}

export function isInside({ change }: Operation): boolean {
	return placeOf(change).where !== HOST;
}
