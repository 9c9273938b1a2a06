// Where a resource was made, as Pulumi notes it: the line of the user's program.
import * as path from "node:path";

const OURS = __dirname + path.sep;

/**
 * Pulumi takes the first call outside its own classes, and outside one more, for the source position of a resource, and stores all calls
 * below it with the resource. That would be a line of ours, and a quarter of the state, which the engine writes anew at each step. From
 * here until the function that it returns is called, Pulumi sees of each stack the user's line alone; other stacks are not taken at all,
 * for Pulumi takes four for each property, for a message about promises that never end: half of the time of a program with hundreds of
 * resources.
 */
export function noteUsersLine(): () => void {
	const { prepareStackTrace, stackTraceLimit } = Error;
	Error.stackTraceLimit = 0;
	// Node's own source maps are lost by a function of ours; those of ts-node are such a function.
	if (prepareStackTrace || !process.sourceMapsEnabled)
		Error.prepareStackTrace = (error, calls) => (prepareStackTrace ?? inWords)(error, usersLine(calls));
	return () => {
		Error.stackTraceLimit = stackTraceLimit;
		Error.prepareStackTrace = prepareStackTrace;
	};
}

/** Pulumi's own calls, one of ours, and the user's. */
function usersLine(calls: NodeJS.CallSite[]): NodeJS.CallSite[] {
	const isOurs = (call: NodeJS.CallSite) => call.getFileName()?.startsWith(OURS) === true;
	const first = calls.findIndex(isOurs);
	const user = calls.findIndex((call, at) => at > first && call.getFileName() && !isOurs(call));
	return first < 0 || user < 0 ? calls : [...calls.slice(0, first + 1), calls[user]!];
}

/** As V8 writes it. */
function inWords(error: Error, calls: NodeJS.CallSite[]): string {
	return [String(error), ...calls.map((call) => `    at ${call}`)].join("\n");
}
