// Never published. What the docker stand-in knows about one resource type.
import type { Docker, Json } from "./api";

export interface Kind {
	/** `update`: changed in place, as the real provider does; every other input replaces. Nested inputs are listed too. */
	inputs: Record<string, Input>;
	/** Outputs that only the daemon knows. Unknown in a preview. */
	computed: string[];
	/** Whether a name is made up when none is given. */
	autoName: boolean;
	deleteBeforeReplace: boolean;
	create(docker: Docker, inputs: Json): Promise<Made>;
	/** `undefined` when it is gone. */
	read(docker: Docker, id: string, inputs: Json): Promise<(Made & { inputs: Json }) | undefined>;
	update?(docker: Docker, id: string, olds: Json, news: Json): Promise<Json>;
	delete(docker: Docker, id: string, state: Json): Promise<void>;
}

export interface Made {
	id: string;
	outputs: Json;
}

export interface Input {
	required?: boolean;
	/** May change without a replacement. */
	update?: boolean;
	/** The order of a list means nothing. */
	set?: boolean;
	/** The keys of the object, or of the objects in the list. */
	fields?: string[];
}

/** A value that is not known yet, in a preview. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export const labelsToRecord = (labels: unknown): Record<string, string> =>
	Object.fromEntries(
		((labels as { label: string; value: string }[] | undefined) ?? []).map(({ label, value }) => [label, value]),
	);

export const hasUnknown = (value: unknown): boolean => JSON.stringify(value ?? null).includes(UNKNOWN);
