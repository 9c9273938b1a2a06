// What requests have to know about a host, and whether a look that was taken answers them.
import { databaseId } from "./records";
import type { Request } from "./session";
import { FACTS, type Needs, type Snapshot } from "./snapshot";

type Asked = Pick<Request<unknown>, "containers" | "facts" | "destinations" | "devices" | "databases" | "desired" | "looks">;

export interface Look {
	snapshot: Snapshot;
	/** Whether it tells what nobody asked yet. */
	crowd: boolean;
	/** Whether the wave that it was taken in has passed. */
	past: boolean;
}

/** How long a look is good to decide on, and for those who decide nothing: a refresh of hundreds takes the engine longer. */
const GOOD_FOR_MS = { plans: 1000, looks: 3000 };

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
	return answersOutside(look, request) && answersInside(look.snapshot, request);
}

/** Whether it tells all that the request has to know about what is outside the containers. One of an earlier wave is for those who change nothing. */
export function answersOutside({ snapshot, past }: Look, request: Asked): boolean {
	const { facts = [], destinations = [], devices = [], databases = [], looks } = request;
	const age = performance.now() - (snapshot.readAt ?? Number.NEGATIVE_INFINITY);
	return (
		(looks === true ? age <= GOOD_FOR_MS.looks : !past && age <= GOOD_FOR_MS.plans) &&
		facts.every((fact) => snapshot[fact] !== undefined) &&
		destinations.every((to) => to in (snapshot.paths ?? {}) || snapshot.networks?.includes(to)) &&
		devices.every((device) => snapshot.devices?.includes(device)) &&
		databases.every((database) => databaseId(database) in (snapshot.databases ?? {}))
	);
}

function answersInside({ containers: told, desired: sums = {} }: Snapshot, { containers, desired = [] }: Asked): boolean {
	if (!containers.every((reference) => reference in told)) return false;
	return (
		desired.length === 0 ||
		!Object.keys(sums).some((name) => sums[name] === "" && desired.some((ending) => name.endsWith(ending)))
	);
}
