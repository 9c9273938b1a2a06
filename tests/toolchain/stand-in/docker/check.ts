// Never published. Check and diff of the docker stand-in: pure functions over inputs.
import { randomBytes } from "node:crypto";
import type { Json } from "./api";
import type { Input, Kind } from "./kind";

export interface Failure {
	property: string;
	reason: string;
}

export function check(kind: Kind, urn: string, olds: Json, given: Json): { inputs: Json; failures: Failure[] } {
	const inputs: Json = { ...given };
	if (kind.autoName && inputs["name"] === undefined) {
		inputs["name"] = autoNamed(olds) ? olds["name"] : `${logicalName(urn)}-${randomBytes(4).toString("hex").slice(0, 7)}`;
		inputs["__defaults"] = ["name"];
	}
	return { inputs, failures: mistakes(kind, given) };
}

function autoNamed(olds: Json): boolean {
	return Array.isArray(olds["__defaults"]) && olds["__defaults"].includes("name") && typeof olds["name"] === "string";
}

function logicalName(urn: string): string {
	return urn.split("::").slice(3).join("::");
}

/** Everything that the stand-in would otherwise pass over in silence. */
function mistakes(kind: Kind, given: Json): Failure[] {
	const failures: Failure[] = [];
	for (const [name, value] of Object.entries(given)) {
		if (name === "__defaults") continue;
		const rule = kind.inputs[name];
		if (!rule) failures.push({ property: name, reason: `the docker stand-in does not know the input ${name}` });
		else failures.push(...nestedMistakes(name, rule, value));
	}
	for (const [name, rule] of Object.entries(kind.inputs)) {
		if (rule.required && given[name] === undefined) failures.push({ property: name, reason: `missing required input ${name}` });
	}
	return failures;
}

function nestedMistakes(name: string, rule: Input, value: unknown): Failure[] {
	const { fields } = rule;
	if (!fields) return [];
	const items = Array.isArray(value) ? value : [value];
	return items.flatMap((item, index) => {
		if (typeof item !== "object" || item === null) return [];
		const at = Array.isArray(value) ? `${name}[${index}]` : name;
		return Object.keys(item)
			.filter((key) => key !== "__defaults" && !fields.includes(key))
			.map((key) => ({ property: `${at}.${key}`, reason: `the docker stand-in does not know the input ${at}.${key}` }));
	});
}

export interface Difference {
	property: string;
	kind: "add" | "delete" | "update";
	replace: boolean;
}

export function diff(kind: Kind, olds: Json, news: Json): Difference[] {
	return Object.entries(kind.inputs).flatMap(([property, rule]): Difference[] => {
		const [before, after] = [olds[property], news[property]];
		if (canonical(before, rule.set) === canonical(after, rule.set)) return [];
		const what = before === undefined ? "add" : after === undefined ? "delete" : "update";
		return [{ property, kind: what, replace: !rule.update }];
	});
}

/** The same text for the same meaning: keys sorted, empty and absent alike, lists sorted where order means nothing. */
function canonical(value: unknown, set = false): string {
	if (Array.isArray(value)) {
		const items = value.map((item) => canonical(item, set));
		return items.length === 0 ? "" : `[${(set ? items.sort() : items).join()}]`;
	}
	if (typeof value === "object" && value !== null) {
		const entries = Object.entries(value).filter(([key, item]) => key !== "__defaults" && item !== undefined && item !== null);
		return `{${entries
			.sort(([a], [b]) => (a < b ? -1 : 1))
			.map(([key, item]) => `${key}:${canonical(item, set)}`)
			.join()}}`;
	}
	return value === undefined || value === null ? "" : JSON.stringify(value);
}
