// "ssh://user@address:port" and "local". Used by the program, and by the command line without Pulumi.

export interface Target {
	address: string;
	user?: string | undefined;
	port?: number | undefined;
	transport?: "local";
}

const TARGET = /^ssh:\/\/(?:([^@/\s]+)@)?(?:\[([0-9A-Fa-f:.]+)\]|([^@:/?#[\]\s]+))(?::(\d{1,5}))?\/?$/;

/** A host in one text. */
export function parseTarget(target: string): Target {
	if (target === "local") return { address: "localhost", transport: "local" };
	const found = TARGET.exec(target);
	// The text is not repeated when it may hold a password.
	const shown = target.includes("@") ? "a text that is not of this form" : JSON.stringify(target.slice(0, 60));
	const wrong = (what: string) => new TypeError(`Host: found ${what}, expected "ssh://user@address:port" or "local"`);
	if (found === null) throw wrong(shown);
	const [, user, v6, name, port] = found;
	if (user?.includes(":")) throw wrong("a password, which netplumb does not take (use a key)");
	return { address: (v6 ?? name)!, user, port: port === undefined ? undefined : Number(port) };
}
