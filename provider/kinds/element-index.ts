// The elements of a table by what is asked for most, so that a wave of requests does not look through all of them once each.
import { type Element, elementId, type Table } from "../host/firewall";
import { elementMark } from "../host/marks";
import { SETS } from "../host/ruleset";
import { portsOf } from "../validate/index";

/** A port, or a range of them, that an element publishes. */
export interface Published {
	protocol: string;
	address: string;
	ports: string;
	first: number;
	last: number;
	mark: string | undefined;
}

export interface ElementIndex {
	byId: Map<string, Element>;
	byMark: Map<string | undefined, Element[]>;
	published: Published[];
}

const indexes = new WeakMap<Table, ElementIndex>();
const NOTHING: ElementIndex = { byId: new Map(), byMark: new Map(), published: [] };

/** A table in a snapshot never changes, so that its index is made once. */
export function indexOf(table: Table | undefined): ElementIndex {
	if (!table) return NOTHING;
	const known = indexes.get(table);
	if (known) return known;
	const index: ElementIndex = { byId: new Map(), byMark: new Map(), published: [] };
	for (const element of table.elements) {
		const mark = elementMark(element);
		index.byId.set(elementId(element), element);
		const same = index.byMark.get(mark);
		if (same) same.push(element);
		else index.byMark.set(mark, [element]);
		const declared = SETS[element.set];
		const [address = "", ports = ""] = element.key;
		if (declared?.value && declared.publishes)
			index.published.push({ protocol: declared.publishes, address, ports, ...portsOf(ports), mark });
	}
	indexes.set(table, index);
	return index;
}
