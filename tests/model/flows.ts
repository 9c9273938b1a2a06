// A model of the flows that netplumb has in a bridge. A flow whose port is gone stays, and names it no longer.
import type { Change } from "../../provider/host/change";
import { ownerOf } from "../../provider/host/flows";
import type { Snapshot } from "../../provider/host/snapshot";
import { refuse } from "./kernel";
import { ovsOf } from "./ovsdb";

export function setFlows(snapshot: Snapshot, change: Extract<Change, { verb: "flows.set" }>): void {
	const { bridge, owner, flows } = change;
	const ports = ovsOf(snapshot).bridges[bridge]?.ports ?? refuse(`${bridge} is not a bridge or a socket`);
	for (const { port } of flows) if (port !== undefined && !ports.includes(port)) refuse(`unknown port name ${port}`);
	const others = (snapshot.flows?.[bridge] ?? []).filter((flow) => ownerOf(flow) !== owner);
	snapshot.flows = { ...snapshot.flows, [bridge]: [...others, ...structuredClone(flows)] };
}

export function portGone(snapshot: Snapshot, bridge: string, name: string): void {
	for (const flow of snapshot.flows?.[bridge] ?? []) if (flow.port === name) flow.port = "1";
}

export function bridgeGone(snapshot: Snapshot, name: string): void {
	if (snapshot.flows) delete snapshot.flows[name];
}
