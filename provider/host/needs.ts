// What requests have to know about a host, and whether a look that was taken answers them.
import { databaseId } from "./records";
import type { Request } from "./session";
import { FACTS, isRunning, type Needs, type Snapshot } from "./snapshot";

type Asked = Pick<
	Request<unknown>,
	"containers" | "facts" | "destinations" | "devices" | "databases" | "desired" | "looks" | "presumes" | "keepOnFailure"
>;

export interface Look {
	snapshot: Snapshot;
	/** Whether it tells what nobody asked yet. */
	crowd: boolean;
	/** Whether the wave that it was taken in has passed. */
	past: boolean;
}

/**
 * How long a look is good to decide on, and for those who decide nothing: a refresh of hundreds takes the engine longer. The last is for
 * what a container without a network told: Docker puts nothing into it, and not everything is done on that (enough.ts).
 */
export const GOOD_FOR_MS = { plans: 1000, looks: 3000, containers: 10_000 };

export function needsOf(requests: readonly Asked[]): Needs {
	const all = <T>(of: (request: Asked) => readonly T[] | undefined): T[] => [
		...new Set(requests.flatMap((request) => of(request) ?? [])),
	];
	const databases = requests.flatMap((request) => (request.databases ?? []).map((one) => [databaseId(one), one] as const));
	return {
		containers: all((request) => request.containers),
		facts: FACTS.filter((fact) => requests.some(({ facts }) => facts?.includes(fact))),
		destinations: all((request) => request.destinations),
		devices: all((request) => request.devices),
		databases: [...new Map(databases).values()],
		desired: all((request) => request.desired),
	};
}

/** Whether the look tells all that the request has to know, and is still good for it. */
export function answers(look: Look, request: Asked): boolean {
	return answersOutside(look, request) && answersInside(look, request);
}

/**
 * Whether it tells all that the request has to know about what is outside the containers. One of an earlier wave is for those who change
 * nothing, and only where many look.
 */
export function answersOutside(look: Look, request: Asked): boolean {
	const { facts = [], destinations = [], devices = [], databases = [], looks } = request;
	const { snapshot, past } = look;
	return (
		(looks ? isGoodLook(look, snapshot.readAt) : !past && isWithin(snapshot.readAt, GOOD_FOR_MS.plans)) &&
		facts.every((fact) => snapshot[fact] !== undefined) &&
		destinations.every((to) => to in (snapshot.paths ?? {}) || snapshot.networks?.includes(to)) &&
		devices.every((device) => snapshot.devices?.includes(device)) &&
		databases.every((database) => databaseId(database) in (snapshot.databases ?? {}))
	);
}

/** Those of the containers asked for that the look tells well enough for all who ask for them. */
export function toldIn(look: Look, requests: readonly Asked[]): string[] {
	const { containers } = needsOf(requests);
	return containers.filter(
		(reference) =>
			isRunning(look.snapshot.containers[reference]) &&
			requests.every((request) => !request.containers.includes(reference) || tells(look, reference, request)),
	);
}

function answersInside(look: Look, request: Asked): boolean {
	const { containers, desired = [] } = request;
	const { desired: sums = {} } = look.snapshot;
	if (!containers.every((reference) => tells(look, reference, request))) return false;
	return (
		desired.length === 0 ||
		!Object.keys(sums).some((name) => sums[name] === "" && desired.some((ending) => name.endsWith(ending)))
	);
}

function tells(look: Look, reference: string, { looks, presumes, keepOnFailure }: Asked): boolean {
	const found = look.snapshot.containers[reference];
	if (!isRunning(found)) return found !== undefined;
	const { toldAt, networkMode } = found;
	const isAlone = networkMode === "none";
	// Docker puts nothing but a loopback device into it, however long ago.
	if (presumes && isAlone && toldAt === undefined) return true;
	if (!looks && isAlone && (presumes || !keepOnFailure)) return isWithin(toldAt, GOOD_FOR_MS.containers);
	// What a container told before the rest is no part of the look.
	if (toldAt === undefined || toldAt < (look.snapshot.readAt ?? 0)) return false;
	return looks ? isGoodLook(look, toldAt) : !look.past && isWithin(toldAt, GOOD_FOR_MS.plans);
}

/** Whether what was told then is good for those who decide nothing: of an earlier wave only where many look. */
function isGoodLook({ crowd, past }: Look, at: number | undefined): boolean {
	return (crowd || !past) && isWithin(at, GOOD_FOR_MS.looks);
}

export function isWithin(at: number | undefined, ms: number): boolean {
	return at !== undefined && performance.now() - at <= ms;
}
