import { readFileSync } from "node:fs";

/** How many resources an operation (or a preview of one) created, updated and so on. */
export interface Summary {
	create: number;
	update: number;
	same: number;
	replace: number;
	delete: number;
	/** Every other kind of step that the engine counts: `refresh`, `read`, `discard`, … */
	other: Record<string, number>;
}

export interface Diagnostic {
	severity: "debug" | "info" | "info#err" | "warning" | "error";
	message: string;
	urn?: string;
}

/** One line of the engine's event log; only the parts that tests look at are typed. */
export interface EngineEvent {
	timestamp: number;
	diagnosticEvent?: Diagnostic & { color: string; ephemeral?: boolean };
	summaryEvent?: { durationSeconds: number; resourceChanges: Record<string, number> };
	resourcePreEvent?: { metadata: StepMetadata; planning?: boolean };
	resOutputsEvent?: { metadata: StepMetadata; planning?: boolean };
	resOpFailedEvent?: { metadata: StepMetadata };
}

export interface StepMetadata {
	op: string;
	urn: string;
	type: string;
	diffs?: string[] | null;
	keys?: string[] | null;
	detailedDiff?: Record<string, { diffKind: string; inputDiff: boolean }> | null;
	[other: string]: unknown;
}

/** The events of a run, as far as it came: a killed CLI leaves half a line at the end. */
export function readEvents(file: string): EngineEvent[] {
	let text: string;
	try {
		text = readFileSync(file, "utf8");
	} catch {
		return [];
	}
	const lines = text.split("\n");
	const unfinished = lines.pop();
	if (unfinished) lines.push(unfinished);
	return lines.flatMap((line, index) => {
		try {
			return [JSON.parse(line) as EngineEvent];
		} catch (error) {
			if (line === "" || index === lines.length - 1) return [];
			throw error;
		}
	});
}

export function summarize(events: EngineEvent[]): Summary {
	const summary: Summary = { create: 0, update: 0, same: 0, replace: 0, delete: 0, other: {} };
	for (const event of events) {
		for (const [step, count] of Object.entries(event.summaryEvent?.resourceChanges ?? {})) {
			if (step === "create" || step === "update" || step === "same" || step === "replace" || step === "delete") {
				summary[step] += count;
			} else summary.other[step] = (summary.other[step] ?? 0) + count;
		}
	}
	return summary;
}

/** What the run said, without colours, debug messages and the progress lines that a terminal would overwrite. */
export function diagnosticsOf(events: EngineEvent[]): Diagnostic[] {
	return events.flatMap(({ diagnosticEvent: event }) => {
		if (!event || event.ephemeral || event.severity === "debug") return [];
		return [{ severity: event.severity, urn: event.urn, message: event.message.replace(/<\{%[^}]*%\}>/g, "").trimEnd() }];
	});
}
