// known_hosts files: parsed and asked, without any I/O. The rules are those of sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** One line that speaks about hosts. */
export interface KnownHostLine {
	marker: "" | "revoked" | "cert-authority";
	/** The first field, undecoded: patterns with commas, or one hash. */
	hosts: string;
	type: string;
	key: Buffer;
	/** Where it stands, for messages. */
	place: string;
}

/** What the files say about one key of one host. */
export type KnownHostVerdict =
	| { kind: "accepted" }
	| { kind: "unknown"; authorities: KnownHostLine[] }
	| { kind: "changed"; expected: KnownHostLine[] }
	| { kind: "revoked"; line: KnownHostLine };

/** Parses a file. Lines that cannot be understood are skipped, as ssh does: they can only make a host unknown, never trusted. */
export function parseKnownHosts(text: string, file: string): KnownHostLine[] {
	const lines: KnownHostLine[] = [];
	for (const [index, raw] of text.split(/\r?\n/).entries()) {
		const fields = raw.trim().split(/[ \t]+/);
		if (!fields[0] || fields[0].startsWith("#")) continue;
		let marker: KnownHostLine["marker"] = "";
		if (fields[0].startsWith("@")) {
			const word = fields.shift()!.slice(1);
			if (word !== "revoked" && word !== "cert-authority") continue;
			marker = word;
		}
		const [hosts, type, base64] = fields;
		if (!hosts || !type || !base64) continue;
		const key = Buffer.from(base64, "base64");
		// The key's own first field repeats its type; a line where they differ is damaged.
		if (keyType(key) !== type) continue;
		lines.push({ marker, hosts, type, key, place: `${file}:${index + 1}` });
	}
	return lines;
}

/** The lines that speak about a host. Names of hosts on another port than 22 are written [host]:port. */
export function linesFor(lines: readonly KnownHostLine[], name: string, port: number): KnownHostLine[] {
	const wanted = knownHostName(name, port);
	return lines.filter((line) => matches(line.hosts, wanted));
}

/** How a host is called in known_hosts. */
export function knownHostName(name: string, port: number): string {
	return port === 22 ? name.toLowerCase() : `[${name.toLowerCase()}]:${port}`;
}

/** Judges a key that a host showed, by the lines that speak about this host. Revoked wins over everything. */
export function judge(lines: readonly KnownHostLine[], key: Buffer): KnownHostVerdict {
	const revoked = lines.find((line) => line.marker === "revoked" && line.key.equals(key));
	if (revoked) return { kind: "revoked", line: revoked };
	const plain = lines.filter((line) => line.marker === "");
	if (plain.some((line) => line.key.equals(key))) return { kind: "accepted" };
	if (plain.length > 0) return { kind: "changed", expected: plain };
	return { kind: "unknown", authorities: lines.filter((line) => line.marker === "cert-authority") };
}

/** "SHA256:…", as ssh-keygen -l prints it. */
export function fingerprint(key: Buffer): string {
	return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The type that a key in wire format says it has. */
export function keyType(key: Buffer): string | undefined {
	if (key.length < 4) return undefined;
	const length = key.readUInt32BE(0);
	return length > 0 && length <= key.length - 4 ? key.toString("latin1", 4, 4 + length) : undefined;
}

function matches(hosts: string, wanted: string): boolean {
	if (hosts.startsWith("|1|")) return matchesHash(hosts, wanted);
	let found = false;
	for (const pattern of hosts.toLowerCase().split(",")) {
		// A negated pattern that matches takes the whole line out, whatever else is on it.
		if (pattern.startsWith("!")) {
			if (glob(pattern.slice(1), wanted)) return false;
		} else if (glob(pattern, wanted)) found = true;
	}
	return found;
}

function matchesHash(hosts: string, wanted: string): boolean {
	const [, , salt, hash] = hosts.split("|");
	if (!salt || !hash) return false;
	const expected = Buffer.from(hash, "base64");
	// SHA-1 is the file format's choice for hiding names; nothing is trusted because of it.
	const actual = createHmac("sha1", Buffer.from(salt, "base64")).update(wanted).digest();
	return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** Matches "*" and "?" without a regular expression, so that a hostile pattern cannot take exponential time. */
function glob(pattern: string, text: string): boolean {
	let p = 0;
	let t = 0;
	let star = -1;
	let mark = 0;
	while (t < text.length) {
		if (pattern[p] === "*") {
			star = p++;
			mark = t;
		} else if (pattern[p] === "?" || pattern[p] === text[t]) {
			p++;
			t++;
		} else if (star >= 0) {
			p = star + 1;
			t = ++mark;
		} else return false;
	}
	while (pattern[p] === "*") p++;
	return p === pattern.length;
}
