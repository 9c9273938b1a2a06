// What containers told before, and nobody asked about again.
import { GOOD_FOR_MS, isWithin } from "./needs";
import { type Container, isRunning, type Known, type Link, type RunningContainer, type Snapshot } from "./snapshot";

/**
 * Of the containers that were known, those that `now` tells nothing else about, as long as what they told is good. One that was asked
 * about by another reference is as it is in `now`. The ends of a veth pair go together (veth(4)): where the host's is gone since, so is
 * the container's, with all that it had.
 */
export function recalled(
	{ snapshot: before, told }: Known,
	{ host }: Pick<Snapshot, "host">,
	now: Readonly<Record<string, Container>>,
): Record<string, RunningContainer> {
	const there = new Set(Object.values(host.links).map(({ index }) => index));
	const lost = Object.values(before.host.links).filter(({ index }) => !there.has(index));
	const anew = Object.values(now).filter(isRunning);
	const taken = new Set([...Object.keys(now), ...anew.flatMap(({ id, name }) => [id, name])]);
	const found: Record<string, RunningContainer> = {};
	for (const [reference, one] of Object.entries(before.containers)) {
		if (!isRunning(one) || reference in now) continue;
		const isTold = told.includes(reference);
		const same = anew.find(({ id, name }) => id === one.id && name === one.name);
		if (same && isTold) found[reference] = same;
		else if (
			![reference, one.id, one.name].some((name) => taken.has(name)) &&
			(isTold || isWithin(one.toldAt, GOOD_FOR_MS.containers))
		)
			found[reference] = withoutPeersOf(lost, one);
	}
	return found;
}

function withoutPeersOf(lost: readonly Link[], container: RunningContainer): RunningContainer {
	const { links, routes, ...rest } = container.namespace;
	// Each names the other: an index alone may be one of a third namespace.
	const isLost = (link: Link) => lost.some(({ index, peerIndex }) => index === link.peerIndex && peerIndex === link.index);
	if (!Object.values(links).some(isLost)) return container;
	const left = Object.fromEntries(Object.entries(links).filter(([, link]) => !isLost(link)));
	const namespace = { ...rest, links: left, routes: routes.filter(({ dev }) => dev in left) };
	return { ...container, namespace };
}
