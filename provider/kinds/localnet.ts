// route_localnet of the bridges behind which ports are published at 127.0.0.1 (ip-sysctl.rst). It is switched on for one bridge, never for
// all; that it was off is written into the bridge's alias, which lives exactly as long as the switch.
import { NetplumbError } from "../errors";
import { HOST, type Operation } from "../host/change";
import { localnetLinks } from "../host/index-of";
import { aliasWithLocalnet, elementMark, foreignAlias, hasLocalnet } from "../host/marks";
import { elementsOf } from "../host/owned";
import type { Link, Snapshot } from "../host/snapshot";
import { firewallOf } from "./elements";
import { operation } from "./kind";
import { linkTowards } from "./publish-elements";

const path = (link: Link) => ["ipv4", "conf", link.name, "route_localnet"];

/** Switches it on for the link towards `target`; undefined: for none. Off again where nobody needs it any more. */
export function planLocalnet(target: string | undefined, marks: readonly string[], snapshot: Snapshot): Operation[] {
	const mine = target === undefined ? undefined : linkTowards(snapshot, target)?.link;
	if (target !== undefined && !mine)
		throw new NetplumbError(
			"missing",
			`host ${snapshot.hostName}: localhost: found no interface of the host in the network of ${target}, expected one that 127.0.0.1 can be routed to; give the bridge an address in it, or leave localhost out`,
		);
	const needed = new Set(usedByOthers(marks, snapshot));
	if (mine) needed.add(mine.name);
	const idle = localnetLinks(snapshot.host.links).filter(({ name }) => !needed.has(name));
	return [...(mine ? switchOn(mine, snapshot) : []), ...idle.flatMap(switchOff)];
}

function switchOn(link: Link, snapshot: Snapshot): Operation[] {
	if (firewallOf(snapshot).routeLocalnet[link.name] === true) return [];
	if (foreignAlias(link))
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: localhost: found the alias "${link.alias?.replace(/[^ -~]/g, "?")}" on ${link.name}, expected none; netplumb keeps there what route_localnet was`,
		);
	const alias = aliasWithLocalnet(link.alias, true);
	const mark = operation({ verb: "link.set", where: HOST, name: link.name, alias }, `mark ${link.name}`);
	return [
		...(hasLocalnet(link) ? [] : [mark]),
		operation({ verb: "sysctl.set", where: HOST, path: path(link), value: "1" }, `route loopback addresses to ${link.name}`),
	];
}

function switchOff(link: Link): Operation[] {
	const alias = aliasWithLocalnet(link.alias, false);
	return [
		operation(
			{ verb: "sysctl.set", where: HOST, path: path(link), value: "0" },
			`stop to route loopback addresses to ${link.name}`,
		),
		operation({ verb: "link.set", where: HOST, name: link.name, alias }, `take the mark off ${link.name}`),
	];
}

/** The links that other published ports with localhost lead to. */
function usedByOthers(marks: readonly string[], snapshot: Snapshot): string[] {
	const elements = elementsOf(snapshot).filter((element) => !marks.includes(elementMark(element) ?? ""));
	const owners = new Set(elements.filter(({ set }) => set === "localhost").map(({ comment }) => comment));
	return elements
		.filter(({ comment, value }) => value && owners.has(comment))
		.flatMap(({ value }) => linkTowards(snapshot, value![0]!)?.link.name ?? []);
}
