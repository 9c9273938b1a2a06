// The physical interfaces of an OvsBridge. An interface in a bridge cannot use its addresses (docs.openvswitch.org, "Basic
// Configuration" in the FAQ): those of the host move to the bridge's own port together with their routes, and back.
import { NetplumbError } from "../errors";
import { HOST, type Operation } from "../host/change";
import { rowMark } from "../host/marks";
import type { Link, Ovs, OvsPort, Snapshot } from "../host/snapshot";
import { hasUnknown } from "../validate/index";
import { routesToWriteAgain, toDelete, toWriteAgain } from "./addresses";
import { type Carried, carriedBy, carriedColumns, collect, elsewhere, routesOf, sameRoute } from "./carried";
import { operation, risky, type Wish } from "./kind";

/** Remembers that we brought the interface up, so that it is put down again. */
const WAS_DOWN = "external_ids:netplumb-was-down";

export interface UplinkArgs {
	uplinks?: string[];
	acceptRisk?: "ssh-path"[];
}

interface Place {
	wish: Pick<Wish<UplinkArgs>, "mark" | "marks" | "wanted" | "previous">;
	bridge: string;
	/** The bridge forwards in userspace: then the kernel goes on hearing what arrives at the card. */
	userspace: boolean;
	/** The MAC address of the bridge's own port, where it is known. */
	mac?: string;
	ovs: Ovs;
	snapshot: Snapshot;
}

export interface UplinkPlan {
	operations: Operation[];
	/** The addresses of the host that the bridge's own port has to have after the plan. */
	addresses: string[];
	/** Those of them that the plan brings there. */
	arriving: string[];
	/** The MAC address of the card that they come from. */
	mac?: string;
}

export function planUplinks(place: Place, uplinks: readonly string[]): UplinkPlan {
	const { wish, bridge, ovs, snapshot } = place;
	const plan: UplinkPlan = { operations: [], addresses: [], arriving: [] };
	const mine = Object.values(ovs.ports).filter(
		(port) => port.bridge === bridge && wish.marks.includes(rowMark(port.columns) ?? "") && port.name !== bridge,
	);
	for (const port of mine.filter(({ name }) => !uplinks.includes(name))) plan.operations.push(...takeOut(place, port));
	for (const name of uplinks) {
		const link = freeLink(name, bridge, ovs, snapshot);
		const port = ovs.ports[name];
		const known = carriedBy(port, snapshot.hostName);
		const carried = link.addresses.length > 0 ? collect(link, known, place.userspace, snapshot) : known;
		if (link.addresses.length > 0) {
			needConsent(place, `${link.addresses[0]} on "${name}"`, `move to bridge "${bridge}"`);
			plan.operations.push(...leave(link, place));
			plan.arriving.push(...link.addresses);
		}
		plan.operations.push(...putIn(place, link, port, carried));
		if (!carried) continue;
		plan.operations.push(...settleOn(place, bridge, carried, link));
		plan.addresses.push(...carried.addresses.map(({ cidr }) => cidr));
		plan.mac ??= link.mac;
	}
	return plan;
}

/**
 * What a preview can know. It does not look at hosts, so whether a new uplink carries an address is open; what an uplink brought to the
 * bridge is in the state.
 */
export function uplinkNotes(args: UplinkArgs, state: Record<string, unknown>): string[] {
	const known = (value: unknown) => (Array.isArray(value) ? value.filter((name) => typeof name === "string") : []) as string[];
	if (hasUnknown(args.uplinks) || hasUnknown(args.acceptRisk) || args.acceptRisk?.includes("ssh-path")) return [];
	const [now, before, brought] = [known(args.uplinks), known(state["uplinks"]), known(state["uplinkAddresses"])];
	const added = now.filter((name) => !before.includes(name));
	const removed = before.filter((name) => !now.includes(name));
	const consent = 'acceptRisk: ["ssh-path"]';
	const notes: string[] = [];
	if (added.length > 0)
		notes.push(
			`uplinks: ${consent} is needed if ${added.join(" or ")} carries an address of the host; a preview does not look there`,
		);
	if (removed.length > 0 && brought.length > 0)
		notes.push(
			`uplinks: ${consent} is needed to take ${removed.join(", ")} out, which brought ${brought.join(", ")} to the bridge`,
		);
	return notes;
}

function freeLink(name: string, bridge: string, ovs: Ovs, snapshot: Snapshot): Link {
	const link = snapshot.host.links[name];
	const where = `host ${snapshot.hostName}: uplinks:`;
	if (!link)
		throw new NetplumbError(
			"missing",
			`${where} found no interface "${name}", expected one of the host's; see ip link for their names`,
		);
	const port = ovs.ports[name];
	const other = port ? port.bridge : link.master === "ovs-system" ? undefined : link.master;
	if (other !== undefined && (!port || other !== bridge))
		throw new NetplumbError(
			"conflict",
			`${where} found "${name}" in bridge "${other}", expected it to be free; take it out there first`,
		);
	return link;
}

/** Moving the host's own address can cut the way to it, so the program has to say that it may be done. */
function needConsent({ wish, snapshot }: Place, what: string, move: string): void {
	if ((wish.wanted ?? wish.previous)?.acceptRisk?.includes("ssh-path")) return;
	throw new NetplumbError(
		"conflict",
		`host ${snapshot.hostName}: uplinks: found address ${what}, expected acceptRisk: ["ssh-path"] beside it, because the address has to ${move}, and that can cut the way to the host; set it, or choose another interface`,
	);
}

/** Takes the host's addresses and routes off a card. Should it be taken back, the neighbours hear where the addresses are again. */
function leave(link: Link, { snapshot, bridge, userspace }: Place): Operation[] {
	const { name } = link;
	const routes = routesOf(name, snapshot)
		.reverse()
		.map((route) =>
			risky({ verb: "route.delete", where: HOST, route }, `move the route to ${route.to} from ${name} to bridge ${bridge}`),
		);
	const addresses = toDelete(link, () => true).map((cidr, index) =>
		risky(
			{ verb: "address.delete", where: HOST, dev: name, cidr, ...(userspace && index === 0 ? { announce: link.mac } : {}) },
			`move ${cidr} from ${name} to bridge ${bridge}`,
		),
	);
	return [...addresses, ...routes];
}

function putIn(
	{ wish, bridge, userspace }: Place,
	link: Link,
	port: OvsPort | undefined,
	carried: Carried | undefined,
): Operation[] {
	const { name } = link;
	const operations: Operation[] = [];
	const kept = carried ? carriedColumns(carried) : {};
	if (!port) {
		const columns = {
			"external_ids:netplumb": wish.mark,
			...(link.up ? {} : { [WAS_DOWN]: "true" }),
			...kept,
			// Not to outlive a boot while it is not confirmed: see boot-hook.ts.
			...(carried ? { "other_config:transient": "true" } : {}),
		};
		operations.push(
			operation({ verb: "port.add", bridge, name }, `add uplink ${name} to bridge ${bridge}`),
			operation({ verb: "row.set", table: "Port", row: name, columns }, `mark uplink ${name}`),
		);
	} else if (carried && link.addresses.length > 0) {
		operations.push(
			operation({ verb: "row.set", table: "Port", row: name, columns: kept }, `remember what uplink ${name} carried`),
		);
	}
	if (!port || !link.up) operations.push(operation({ verb: "link.set", where: HOST, name, up: true }, `bring uplink ${name} up`));
	// The kernel still hears everything that arrives at the card, and must not answer in its name (OVS: "Firewall Rules" in intro/install/userspace).
	if (userspace && carried && link.addresses.length > 0) operations.push(...quiet(name, "8", true));
	return operations;
}

function quiet(name: string, arpIgnore: string, ipv6Disabled: boolean): Operation[] {
	return [
		operation(
			{ verb: "sysctl.set", where: HOST, path: ["ipv4", "conf", name, "arp_ignore"], value: arpIgnore },
			`set arp_ignore of ${name} to ${arpIgnore}`,
		),
		operation(
			{ verb: "sysctl.set", where: HOST, path: ["ipv6", "conf", name, "disable_ipv6"], value: ipv6Disabled ? "1" : "0" },
			`switch IPv6 ${ipv6Disabled ? "off" : "on"} on ${name}`,
		),
	];
}

/** Brings to `dev` what is missing there of what a card carried. */
function settleOn(place: Place, dev: string, carried: Carried, card: Link): Operation[] {
	const { snapshot, bridge, userspace } = place;
	const operations: Operation[] = [];
	const to = snapshot.host.links[dev];
	const here = dev === card.name;
	// What stands on the card goes with the first part of the plan, so nothing of it is on the bridge yet.
	const on = dev === bridge ? (to?.addresses ?? []) : [];
	const missing = carried.addresses.filter(({ cidr }) => !on.includes(cidr));
	for (const { cidr, words } of missing) {
		const holder = Object.values(snapshot.host.links).find(
			(link) =>
				![card.name, bridge].includes(link.name) && link.addresses.some((text) => text.split("/")[0] === cidr.split("/")[0]),
		);
		if (holder)
			throw new NetplumbError(
				"conflict",
				`host ${snapshot.hostName}: uplinks: found ${cidr} on interface "${holder.name}", expected it on "${dev}", where it came from "${card.name}"; remove it there first`,
			);
		operations.push(
			operation(
				{ verb: "address.add", where: HOST, dev, cidr, words: here ? words : elsewhere(cidr, words) },
				`add address ${cidr} to ${here ? dev : `bridge ${dev}`}`,
			),
		);
	}
	const present = here ? [] : routesOf(dev, snapshot);
	for (const route of carried.routes.filter((one) => !present.some((other) => sameRoute(one, other)) || missing.length > 0))
		operations.push(
			operation({ verb: "route.add", where: HOST, route: { ...route, dev } }, `add the route to ${route.to} through ${dev}`),
		);
	const mac = here ? card.mac : (place.mac ?? to?.mac);
	// In userspace the bridge has a MAC of its own: neighbours have to learn where the addresses live now.
	if (userspace && missing.length > 0 && mac !== undefined)
		operations.push(
			operation({ verb: "announce", where: HOST, dev, mac, optional: true }, `tell the neighbours that ${dev} has the address`),
		);
	return operations;
}

/** Takes a card out of the bridge and gives it back what it carried. */
function takeOut(place: Place, port: OvsPort): Operation[] {
	const { bridge, snapshot } = place;
	const { name } = port;
	const operations: Operation[] = [];
	const carried = carriedBy(port, snapshot.hostName);
	const card = snapshot.host.links[name];
	if (carried) {
		const from = snapshot.host.links[bridge];
		const condemned = carried.addresses.map(({ cidr }) => cidr).filter((cidr) => from?.addresses.includes(cidr));
		needConsent(place, `${carried.addresses[0]?.cidr} on bridge "${bridge}"`, `move back to "${name}"`);
		const routes = routesOf(bridge, snapshot);
		const going = routes.filter((route) => carried.routes.some((other) => sameRoute(route, other)));
		const gone = toDelete(from, (address) => condemned.includes(address));
		for (const cidr of gone)
			operations.push(
				risky({ verb: "address.delete", where: HOST, dev: bridge, cidr }, `move ${cidr} from bridge ${bridge} back to ${name}`),
			);
		for (const route of [...going].reverse())
			operations.push(
				risky(
					{ verb: "route.delete", where: HOST, route },
					`move the route to ${route.to} from bridge ${bridge} back to ${name}`,
				),
			);
		for (const cidr of toWriteAgain(from, gone))
			operations.push(
				operation({ verb: "address.add", where: HOST, dev: bridge, cidr }, `keep address ${cidr} on bridge ${bridge}`),
			);
		const others = routes.filter((route) => !going.includes(route));
		for (const route of from ? routesToWriteAgain(from, gone, others) : [])
			operations.push(operation({ verb: "route.add", where: HOST, route }, `keep the route to ${route.to} on bridge ${bridge}`));
	}
	operations.push(operation({ verb: "port.delete", bridge, name }, `take uplink ${name} out of bridge ${bridge}`));
	if ((port.columns["external_ids"] as Record<string, string>)["netplumb-was-down"] !== undefined)
		operations.push(operation({ verb: "link.set", where: HOST, name, up: false }, `put ${name} down again`));
	// A card that is gone has nothing to be given back to.
	if (!carried || !card) return operations;
	if (carried.switches) operations.push(...quiet(name, carried.switches.arpIgnore, carried.switches.ipv6Disabled));
	return [...operations, ...settleOn(place, name, carried, card)];
}
