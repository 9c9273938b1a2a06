// What containers told before, and nobody asked about again.
import { isRunning, type Link, type RunningContainer, type Snapshot } from "./snapshot";

/**
 * Those that run in `before`, by every reference but those of `anew`. The ends of a veth pair go together (veth(4)): where the host's is gone
 * since, so is the container's, with all that it had.
 */
export function recalled(
	before: Snapshot,
	{ host }: Pick<Snapshot, "host">,
	anew: ReadonlySet<string>,
): Record<string, RunningContainer> {
	const left = new Set(Object.values(host.links).map(({ index }) => index));
	const lost = Object.values(before.host.links).flatMap(({ index }) => (left.has(index) ? [] : [index]));
	const found: Record<string, RunningContainer> = {};
	for (const [reference, one] of Object.entries(before.containers))
		if (isRunning(one) && ![reference, one.id, one.name].some((name) => anew.has(name)))
			found[reference] = withoutPeersOf(lost, one);
	return found;
}

function withoutPeersOf(lost: readonly number[], container: RunningContainer): RunningContainer {
	const { links, routes, ...rest } = container.namespace;
	const isLost = ({ peerIndex }: Link) => peerIndex !== undefined && lost.includes(peerIndex);
	if (!Object.values(links).some(isLost)) return container;
	const left = Object.fromEntries(Object.entries(links).filter(([, link]) => !isLost(link)));
	const namespace = { ...rest, links: left, routes: routes.filter(({ dev }) => dev in left) };
	return { ...container, namespace };
}
