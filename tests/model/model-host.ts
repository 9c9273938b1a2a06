// A host in memory: takes the same changes as a real one, with the kernel's and Open vSwitch's semantics.
import { sumOf } from "../../provider/heal/desired";
import { type Change, HOST, type Operation } from "../../provider/host/change";
import { inverse, namespaceOf } from "../../provider/host/inverse";
import { placeOf, render, Stage } from "../../provider/host/render";
import { isRunning, type Link, type Namespace, type Snapshot } from "../../provider/host/snapshot";
import { derivedMac } from "../../sdk/addressing/index";
import * as firewall from "./firewall";
import * as flows from "./flows";
import * as kernel from "./kernel";
import { Refused, refuse } from "./kernel";
import * as ovn from "./ovn";
import * as ovsdb from "./ovsdb";

export { Refused };

/** The host after one change; throws `Refused` with the tool's words where a real host would refuse it. */
export function applyChange(snapshot: Snapshot, change: Change): Snapshot {
	const after = structuredClone(snapshot);
	const namespace = (where: string): Namespace => namespaceOf(after, where) ?? refuse(`no running container ${where}`);
	switch (change.verb) {
		case "link.add":
			addPair(after, namespace(change.where), change);
			break;
		case "link.delete":
			deleteLink(after, change.where, namespace(change.where), change.name);
			break;
		case "link.set":
			setLink(after, namespace(change.where), change);
			break;
		case "offload.disable":
			kernel.linkIn(namespace(change.where), change.name);
			break;
		case "announce": {
			const { mac } = kernel.linkIn(namespace(change.where), change.dev);
			if (mac !== (change.mac ?? mac)) refuse("announces a MAC that is not the link's");
			break;
		}
		case "address.add":
			kernel.addAddress(namespace(change.where), change.dev, change.cidr);
			break;
		case "address.delete":
			kernel.deleteAddress(namespace(change.where), change.dev, change.cidr);
			break;
		case "route.add":
			kernel.addRoute(namespace(change.where), change.route);
			break;
		case "route.delete":
			kernel.deleteRoute(namespace(change.where), change.route);
			break;
		case "sysctl.set": {
			const [family, , dev = "", key] = change.path;
			// Of the host's own switches, only this one is in a snapshot.
			if (change.where === HOST && key === "route_localnet") firewall.setRouteLocalnet(after, dev, change.value === "1");
			if (change.where !== HOST && family === "ipv6" && key === "disable_ipv6")
				kernel.setIpv6Disabled(namespace(change.where), dev, change.value === "1");
			break;
		}
		case "bridge.add":
			ovsdb.addBridge(after, change.name, freeIndex(after));
			break;
		case "bridge.delete":
			ovsdb.deleteBridge(after, change.name);
			flows.bridgeGone(after, change.name);
			break;
		case "port.add":
			ovsdb.addPort(after, change.bridge, change.name);
			break;
		case "port.delete":
			ovsdb.deletePort(after, change.bridge, change.name);
			flows.portGone(after, change.bridge, change.name);
			break;
		case "row.set":
			ovsdb.setRow(after, change.table, change.row, change.columns);
			break;
		case "mtu.release":
			ovsdb.setRow(after, "Interface", change.name, { mtu_request: change.mtu });
			ovsdb.setRow(after, "Interface", change.name, { mtu_request: undefined });
			break;
		case "fdb.flush":
			ovsdb.ovsOf(after).bridges[change.bridge] ?? refuse(`no bridge named ${change.bridge}`);
			break;
		case "controller.set": {
			const bridge = ovsdb.ovsOf(after).bridges[change.bridge] ?? refuse(`no bridge named ${change.bridge}`);
			bridge.controllers = [...change.targets];
			break;
		}
		case "flows.set":
			flows.setFlows(after, change);
			break;
		case "record.add":
		case "record.set":
		case "record.remove":
		case "record.discard":
		case "chassis.wait":
		case "chassis.leave":
			ovn.apply(after, change);
			break;
		case "desired.set":
			after.desired = { ...after.desired, [change.name]: sumOf(change.text) };
			break;
		case "desired.remove":
			delete after.desired?.[change.name];
			break;
		default:
			firewall.apply(after, change);
	}
	return after;
}

function everywhere(snapshot: Snapshot): Namespace[] {
	const inside = Object.values(snapshot.containers).filter(isRunning);
	return [snapshot.host, ...new Set(inside.map((container) => container.namespace))];
}

export function freeIndex(snapshot: Snapshot): number {
	return 1 + Math.max(0, ...everywhere(snapshot).flatMap(({ links }) => Object.values(links).map(({ index }) => index)));
}

function addPair(snapshot: Snapshot, inside: Namespace, change: Extract<Change, { verb: "link.add" }>): void {
	const { name, peer } = change;
	if (inside.links[name] || snapshot.host.links[peer.name]) refuse("File exists");
	const index = freeIndex(snapshot);
	const made = () => ({ kind: "veth", up: false, addresses: [] });
	inside.links[name] = { ...made(), name, index, peerIndex: index + 1, mac: change.mac, mtu: change.mtu, alias: change.alias };
	inside.ipv6Disabled[name] = inside.ipv6Disabled["default"] ?? false;
	const mac = derivedMac(`host end ${peer.name}`);
	snapshot.host.links[peer.name] = { ...made(), name: peer.name, index: index + 1, peerIndex: index, mac, mtu: peer.mtu };
	// The row of a port whose device was gone is not taken up again by itself: its error stays.
}

function deleteLink(snapshot: Snapshot, where: string, namespace: Namespace, name: string): void {
	const link = kernel.linkIn(namespace, name);
	const others = where === HOST ? everywhere(snapshot) : [snapshot.host];
	kernel.dropLink(namespace, name);
	const gone = [name];
	if (link.kind === "veth")
		for (const other of others) {
			const peer = Object.values(other.links).find(
				(candidate: Link) =>
					candidate.index === link.peerIndex && candidate.peerIndex === link.index && candidate.kind === "veth",
			);
			if (peer) kernel.dropLink(other, peer.name);
			if (peer) gone.push(peer.name);
		}
	if (typeof snapshot.ovs === "string") return;
	for (const port of gone) {
		const row = snapshot.ovs.ports[port];
		if (row && !snapshot.host.links[port]) row.interface["error"] = `could not open network device ${port} (No such device)`;
	}
}

function setLink(snapshot: Snapshot, namespace: Namespace, change: Extract<Change, { verb: "link.set" }>): void {
	const link = kernel.linkIn(namespace, change.name);
	if (change.mtu !== undefined) link.mtu = change.mtu;
	if (change.mac !== undefined) link.mac = change.mac;
	if (change.group === 0) delete link.group;
	else if (change.group !== undefined) link.group = change.group;
	if (change.alias === "") delete link.alias;
	else if (change.alias !== undefined) link.alias = change.alias;
	if (change.master === null) delete link.master;
	else if (change.master !== undefined) {
		if (snapshot.host.links[change.master]?.kind !== "bridge") refuse(`${change.master}: not a bridge`);
		if (link.master === "ovs-system") refuse("Device or resource busy");
		link.master = change.master;
	}
	if (change.up !== undefined) kernel.setUp(namespace, link, change.up);
}

/** The operations in the order of the script (script.ts). */
export function inOrder(operations: readonly Operation[]): Operation[] {
	const onlyInside = operations.every(({ change }) => placeOf(change).where !== HOST);
	const placed = operations.map((operation, index) => {
		const place = placeOf(operation.change);
		return { operation, index, ...place, stage: onlyInside ? Stage.ContainerBuild : place.stage };
	});
	placed.sort(
		(a, b) => a.stage - b.stage || (a.where < b.where ? -1 : a.where > b.where ? 1 : 0) || a.order - b.order || a.index - b.index,
	);
	return placed.map(({ operation }) => operation);
}

export interface Applied {
	after: Snapshot;
	/** What was done, in order. */
	done: Operation[];
}

/** Applies a plan as the script does. A refusal names the operation. */
export function applyPlan(before: Snapshot, operations: readonly Operation[], limit = Number.POSITIVE_INFINITY): Applied {
	const done: Operation[] = [];
	let after = before;
	for (const operation of inOrder(operations).slice(0, limit)) {
		try {
			after = applyChange(after, operation.change);
		} catch (error) {
			if (error instanceof Refused) throw new Refused(`could not ${operation.describe}: ${error.message}`);
			throw error;
		}
		done.push(operation);
	}
	return { after, done };
}

/** Takes back what was done, newest first, and never stops at a refusal: as the script's undo. */
export function takeBack(applied: Applied, before: Snapshot): Snapshot {
	let snapshot = applied.after;
	for (const { change } of [...applied.done].reverse())
		for (const undo of inverse(change, before)) {
			try {
				snapshot = applyChange(snapshot, undo);
			} catch (error) {
				if (!(error instanceof Refused)) throw error;
			}
		}
	return snapshot;
}

/** After how many operations a script can stop: not inside a call of ovs-vsctl or nft, which is one transaction. */
export function cuts(operations: readonly Operation[]): number[] {
	const tools = inOrder(operations).map(({ change }) => render(change).tool);
	const whole = ["ovs", "nft"];
	return tools.flatMap((tool, index) => (index > 0 && !(whole.includes(tool) && tools[index - 1] === tool) ? [index] : []));
}
