// What ssh2 may offer to a host: the configured key first, else the agent and the usual key files. One sentence for each way it fails.

import { access, readFile } from "node:fs/promises";
import { type AuthHandlerMiddleware, createAgent, type KnownPublicKeys, OpenSSHAgent, type ParsedKey, utils } from "ssh2";
import { NetplumbError } from "../errors.js";
import type { ResolvedHost } from "./ssh-config.js";
import { reason, shown } from "./text.js";
import type { Secrets } from "./transport.js";

/** One thing to offer, in the form that ssh2 takes. */
export type Offer = Exclude<Parameters<Parameters<AuthHandlerMiddleware>[2]>[0], string | boolean | undefined>;

export interface Credentials {
	offers: Offer[];
	/** What was offered, in words without any key material. */
	offered: string[];
	/** Why other keys were not offered. */
	skipped: string[];
}

/** Collects what to offer. Few offers matter: sshd counts them, and newer ones punish the source address for too many. */
export async function collectCredentials(host: ResolvedHost, secrets: Secrets, where: string): Promise<Credentials> {
	const result: Credentials = { offers: [], offered: [], skipped: [] };
	const add = (offer: Record<string, unknown>, words: string) => {
		result.offers.push({ username: host.user, ...offer } as unknown as Offer);
		result.offered.push(words);
	};
	if (secrets.privateKey !== undefined) {
		const key = parse(Buffer.from(secrets.privateKey), secrets.passphrase);
		if (typeof key === "string") throw unusable(where, "the private key of the configuration (netplumb:privateKey)", key);
		add({ type: "publickey", key }, `the configured private key (${key.type})`);
	}
	const named = host.host.identityFile !== undefined;
	const publicKeys: Buffer[] = [];
	const files: [string, ParsedKey][] = [];
	// With a configured key, only a file that the program names beside it is offered too.
	for (const file of secrets.privateKey !== undefined && !named ? [] : host.identityFiles) {
		const publicKey = await readPublic(file);
		if (publicKey) publicKeys.push(publicKey);
		const key = await readKey(file, secrets.passphrase);
		if (typeof key !== "string") files.push([file, key]);
		else if (key === "absent" && !named) continue;
		else if (named && !(publicKey && host.agent)) throw unusable(where, `the identity file ${shown(file)}`, key);
		else result.skipped.push(`${shown(file)} ${WORDS[key] ?? key}`);
	}
	if (secrets.privateKey === undefined && host.agent) {
		const only = named || host.identitiesOnly ? publicKeys : undefined;
		if (!only || only.length > 0)
			add({ type: "agent", agent: only ? new OneOfAgent(host.agent, only) : createAgent(host.agent) }, "the SSH agent's keys");
	}
	for (const [file, key] of files) add({ type: "publickey", key }, `${shown(file)} (${key.type})`);
	if (result.offers.length === 0)
		throw new NetplumbError(
			"authentication",
			`${where}: there is no key to log in with${result.skipped.length > 0 ? ` (${result.skipped.join(", ")})` : ""}; start an SSH agent, or set identityFile or the secret netplumb:privateKey.`,
		);
	return result;
}

const WORDS: Record<string, string> = {
	absent: "does not exist",
	"no passphrase": "is encrypted, and no passphrase is set",
	"wrong passphrase": "is encrypted, and the passphrase is wrong",
	"not a key": "is not a private key that ssh2 can read",
};

function unusable(where: string, what: string, why: string): NetplumbError {
	const way =
		why === "absent"
			? "correct the path"
			: why === "no passphrase"
				? "set the secret netplumb:passphrase, or add the key to an SSH agent"
				: why === "wrong passphrase"
					? "correct the secret netplumb:passphrase"
					: why === "not a key"
						? 'give an OpenSSH or PEM private key, or set transport: "openssh" for FIDO and other keys'
						: "make it readable for this user";
	return new NetplumbError("authentication", `${where}: ${what} ${WORDS[why] ?? why}; ${way}.`);
}

async function readKey(file: string, passphrase: string | undefined): Promise<ParsedKey | string> {
	let text: Buffer;
	try {
		text = await readFile(file);
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		return code === "ENOENT" ? "absent" : `cannot be read (${code ?? reason(error)})`;
	}
	return parse(text, passphrase);
}

/** Parses a private key; a string says why not. ssh2's own words are not passed on: they might quote the key. */
function parse(text: Buffer, passphrase: string | undefined): ParsedKey | string {
	let key: ParsedKey | Error | (ParsedKey | Error)[];
	try {
		key = utils.parseKey(text, passphrase);
	} catch (error) {
		key = error as Error;
	}
	const first = Array.isArray(key) ? key[0]! : key;
	if (!(first instanceof Error)) return first.isPrivateKey() ? first : "not a key";
	if (/no passphrase given/i.test(first.message)) return "no passphrase";
	if (passphrase !== undefined && /passphrase|integrity|decrypt|malformed/i.test(first.message)) return "wrong passphrase";
	return "not a key";
}

async function readPublic(file: string): Promise<Buffer | undefined> {
	const text = await readFile(`${file}.pub`, "utf8").catch(() => "");
	const base64 = text.trim().split(/\s+/)[1];
	return base64 ? Buffer.from(base64, "base64") : undefined;
}

/** An agent that shows only the keys that belong to the named files: sshd closes the connection after a few wrong ones. */
class OneOfAgent extends OpenSSHAgent {
	constructor(
		socket: string,
		private readonly wanted: readonly Buffer[],
	) {
		super(socket);
	}
	override getIdentities(done: (error: Error | undefined | null, keys?: KnownPublicKeys<ParsedKey>) => void): void {
		super.getIdentities((error: Error | undefined | null, keys?: KnownPublicKeys<ParsedKey>) => {
			if (error || !keys) return done(error, keys);
			done(
				null,
				(keys as ParsedKey[]).filter((key) => this.wanted.some((one) => one.equals(key.getPublicSSH()))),
			);
		});
	}
}

/** User certificates that lie beside the keys and that ssh2 cannot use; for the sentence after a refused login. */
export async function unusedCertificates(host: ResolvedHost): Promise<string[]> {
	const found: string[] = [];
	for (const file of [...host.certificateFiles, ...host.identityFiles.map((key) => `${key}-cert.pub`)])
		if (
			await access(file).then(
				() => true,
				() => false,
			)
		)
			found.push(file);
	return found;
}
