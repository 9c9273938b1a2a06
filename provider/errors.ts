// The few error classes of the provider. The code, not the class, decides what happens next: retry, fail, or "already gone".

/** What went wrong, for programs; the message is for people. */
export type ErrorCode =
	| "host-unreachable" // DNS, TCP or the SSH handshake did not get through: nothing is known about the host
	| "host-key" // the host key is unknown, changed or revoked: nothing was authenticated
	| "authentication" // the host refused every credential offered
	| "privilege" // sudo is missing or wants a password, or the user is not root
	| "unsupported" // this transport or host cannot do what is asked
	| "outcome-unknown" // the connection ended while a script ran: read the host again before deciding
	| "timeout" // a remote step ran past its limit
	| "command" // a command on the host failed
	| "unreadable" // a tool answered something that cannot be understood
	| "conflict" // something that netplumb does not own stands in the way
	| "missing" // something that the program refers to is not there
	| "input"; // the program's own input is wrong

/**
 * An error with one clear sentence. The stack is dropped, because Pulumi prints a dynamic provider's stack to the user;
 * set NETPLUMB_DEBUG=1 to keep it.
 */
export class NetplumbError extends Error {
	override readonly name = "NetplumbError";
	constructor(
		readonly code: ErrorCode,
		message: string,
		options?: { cause?: unknown },
	) {
		super(message, options);
		if (!process.env.NETPLUMB_DEBUG) this.stack = message;
	}
}

/** True for errors of any loaded copy of this package: a linked package may be loaded twice, so `instanceof` is not enough. */
export function isNetplumbError(error: unknown, ...codes: ErrorCode[]): error is NetplumbError {
	const candidate = error as NetplumbError | undefined;
	return candidate?.name === "NetplumbError" && (codes.length === 0 || codes.includes(candidate.code));
}
