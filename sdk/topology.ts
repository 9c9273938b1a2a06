// Which hosts of a network have tunnels to which. Pure.

/** One end of a tunnel. */
export interface Link {
	from: string;
	to: string;
	/** Split horizon: what comes in here does not leave through another such end. */
	protect: boolean;
}

/** Both ends of every tunnel, in the order of the names. */
export function links(
	network: string,
	hosts: readonly string[],
	topology: "mesh" | "hub",
	hub = hosts[0],
	kind = "OverlayNetwork",
): Link[] {
	const wrong = (what: string) => new TypeError(`${kind} ${network}: ${what}`);
	if (hosts.length === 0 || hub === undefined) throw wrong("hosts: found none, expected at least one; add one");
	for (const host of hosts)
		if (!/^[A-Za-z0-9](?:[A-Za-z0-9_.]|-(?!-|$))*$/.test(host))
			throw wrong(
				`hosts: found the name ${JSON.stringify(host)}, expected A-Z a-z 0-9 _ . and single "-" inside; choose another name`,
			);
	if (!hosts.includes(hub))
		throw wrong(`hub: found ${JSON.stringify(hub)}, expected one of the hosts ${hosts.join(", ")}; correct the name`);
	if (topology === "mesh")
		return hosts.flatMap((from) => hosts.filter((to) => to !== from).map((to) => ({ from, to, protect: true })));
	const spokes = hosts.filter((host) => host !== hub);
	return spokes.flatMap((host) => [
		// A spoke has one tunnel and nothing to keep apart, but while a mesh becomes this: then it has those of both.
		{ from: host, to: hub, protect: true },
		{ from: hub, to: host, protect: false },
	]);
}
