// A model of nftables for our one table, and of Docker's chain for the rules of others. Checked against nft 1.0.6: adding an
// element that is there is no error when it leads to the same, and does not change its comment.
import type { Change } from "../../provider/host/change";
import { type Element, elementId, type Firewall, type Table } from "../../provider/host/firewall";
import { expectedChains, SETS } from "../../provider/host/ruleset";
import type { Snapshot } from "../../provider/host/snapshot";
import { refuse } from "./kernel";

function firewallOf(snapshot: Snapshot): Firewall {
	if (typeof snapshot.firewall !== "object") refuse("nft: not found");
	return snapshot.firewall;
}

function tableOf(snapshot: Snapshot): Table {
	return firewallOf(snapshot).table ?? refuse("No such file or directory: table inet netplumb");
}

export function setRouteLocalnet(snapshot: Snapshot, dev: string, on: boolean): void {
	if (snapshot.host.links[dev]) firewallOf(snapshot).routeLocalnet[dev] = on;
}

export function apply(snapshot: Snapshot, change: Change): void {
	const firewall = firewallOf(snapshot);
	switch (change.verb) {
		case "ruleset.write":
			for (const chain of change.chains) if (!firewall.table?.chains[chain]) refuse(`No such file or directory: chain ${chain}`);
			firewall.table = {
				elements: firewall.table?.elements ?? [],
				chains: expectedChains(),
				sets: [...new Set([...(firewall.table?.sets ?? []), ...Object.keys(SETS)])],
			};
			break;
		case "ruleset.delete":
			tableOf(snapshot);
			delete firewall.table;
			break;
		case "element.add":
			add(tableOf(snapshot), change.element);
			break;
		case "element.delete": {
			const table = tableOf(snapshot);
			const rest = table.elements.filter((element) => elementId(element) !== elementId(change.element));
			if (rest.length === table.elements.length) refuse(`No such file or directory: ${elementId(change.element)}`);
			table.elements = rest;
			break;
		}
		case "docker-user.add":
		case "docker-user.delete": {
			const docker = firewall.docker[change.family] ?? refuse("No chain/target/match by that name.");
			if (change.verb === "docker-user.delete" && !docker.accepts) refuse("Bad rule");
			docker.accepts = change.verb === "docker-user.add";
			break;
		}
	}
}

function add(table: Table, element: Element): void {
	if (!table.sets.includes(element.set)) refuse(`No such file or directory: set ${element.set}`);
	const there = table.elements.find((other) => elementId(other) === elementId(element));
	if (!there) table.elements.push(structuredClone(element));
	else if (JSON.stringify(there.value) !== JSON.stringify(element.value)) refuse(`File exists: ${elementId(element)}`);
}
