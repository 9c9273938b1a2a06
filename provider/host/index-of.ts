// What every plan asks a snapshot, answered once for all of them: a host can have a thousand links, and a run makes a plan for each.
import { hasLocalnet } from "./marks";
import { type Container, isRunning, type Link, type OvsPort, type RunningContainer, type Snapshot } from "./snapshot";

/** `make`, done once for each object: what a snapshot consists of is never changed. */
function once<K extends object, V extends object>(make: (of: K) => V): (of: K) => V {
	const made = new WeakMap<K, V>();
	return (of) => {
		const known = made.get(of);
		if (known) return known;
		const value = make(of);
		made.set(of, value);
		return value;
	};
}

const byId = once((containers: Record<string, Container>) => {
	const running = Object.values(containers).filter(isRunning);
	return new Map(running.map((container) => [container.id, container]));
});

/** The running container with this id, however it was asked for. */
export function containerOf({ containers }: Snapshot, id: string): RunningContainer | undefined {
	return byId(containers).get(id);
}

const byIndex = once((links: Record<string, Link>) => new Map(Object.values(links).map((link) => [link.index, link])));

/** The link of the host with this index. */
export function linkAt({ host }: Snapshot, index: number | undefined): Link | undefined {
	return index === undefined ? undefined : byIndex(host.links).get(index);
}

/** The links of the host that a published port switched route_localnet on for. */
export const localnetLinks = once((links: Record<string, Link>) => Object.values(links).filter(hasLocalnet));

/** The ports whose external_ids have a key that begins so. */
export const portsWithKey = (prefix: string) =>
	once((ports: Record<string, OvsPort>) =>
		Object.values(ports).filter(({ columns }) =>
			Object.keys((columns["external_ids"] ?? {}) as object).some((key) => key.startsWith(prefix)),
		),
	);

const byEnding = once((desired: Record<string, string>) => {
	const names = new Map<string, string[]>();
	for (const name of Object.keys(desired)) {
		const ending = name.slice(name.indexOf("-") + 1);
		names.set(ending, [...(names.get(ending) ?? []), name]);
	}
	return names;
});

/** The desired states that the host keeps under names that end so, whatever their rank. */
export function desiredNames({ desired }: Snapshot, ending: string): string[] {
	return (desired && byEnding(desired).get(ending)) ?? [];
}
