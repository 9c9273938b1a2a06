// One encoder for each language that data enters: sh, ovs-vsctl values, ip -batch, nft. Nothing else may build text for a host.

/** One word for a POSIX shell. Single quotes take every byte literally but themselves (POSIX XCU 2.2.2); NUL cannot be passed at all. */
export function shWord(text: string): string {
	if (text.includes("\0")) throw new Error("a NUL byte cannot be passed to a command");
	return /^[A-Za-z0-9_./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** An argv as one shell command line. */
export function shCommand(argv: readonly string[]): string {
	return argv.map(shWord).join(" ");
}

/** A string for ovs-vsctl, always in double quotes, so that commas, braces and "--" stay data (ovs-vsctl(8), "Database Values"). */
export function ovsString(text: string): string {
	if (text.includes("\0")) throw new Error("a NUL byte cannot be stored in OVSDB");
	return JSON.stringify(text);
}

/** A scalar or a set for ovs-vsctl. */
export function ovsValue(value: string | number | boolean | readonly (string | number | boolean)[]): string {
	if (typeof value === "string") return ovsString(value);
	if (typeof value === "number" || typeof value === "boolean") return String(value);
	return `[${value.map((item) => ovsValue(item)).join(",")}]`;
}

/** True for text that can be a word of `ip -batch`; an alias that somebody else wrote may not be. */
export function fitsIpLine(word: string): boolean {
	return /^[A-Za-z0-9_.:/@%+=,-]*$/.test(word);
}

/**
 * One line for `ip -batch`. Its tokenizer knows quotes, backslashes and comments, so words are held to a set of
 * characters in which none of these occur; everything we pass (names, addresses, marks) fits it by construction.
 */
export function ipLine(words: readonly string[]): string {
	return words
		.map((word) => {
			if (word === "") return '""';
			if (!fitsIpLine(word)) throw new Error(`not a word for ip -batch: ${JSON.stringify(word)}`);
			return word;
		})
		.join(" ");
}

/** A name for nft in double quotes. Inside them nft knows no escapes, and "*" at the end is a pattern (nft(8), "ifname"). */
export function nftString(text: string): string {
	if (!/^[A-Za-z0-9_./:@%+=,# -]{1,128}\*?$/.test(text)) throw new Error(`not a text for nft: ${JSON.stringify(text)}`);
	return `"${text}"`;
}

/** One field of an element's key or value: an address, a network, a port, a protocol, a range of them, or the name of an interface. */
export function nftField(type: string, text: string): string {
	if (type === "ifname") return nftString(text);
	if (!/^[0-9a-z.:]+(?:[/-][0-9a-f.:]+)?$/.test(text)) throw new Error(`not a value for nft: ${JSON.stringify(text)}`);
	return text;
}

/** An element, with its comment where it is to be added: `{ 0.0.0.0/0 . 3306 comment "…" : 10.0.0.5 }` (nft(8), "Elements"). */
export function nftElement(
	types: { key: string[]; value?: string[] },
	element: { key: string[]; value?: string[]; comment?: string },
): string {
	const fields = (names: string[], texts: string[]) => {
		if (names.length !== texts.length) throw new Error(`found ${texts.length} fields, expected ${names.join(" . ")}`);
		return texts.map((text, index) => nftField(names[index]!, text)).join(" . ");
	};
	const comment = element.comment === undefined ? "" : ` comment ${nftString(element.comment)}`;
	const value = element.value ? ` : ${fields(types.value ?? [], element.value)}` : "";
	return `{ ${fields(types.key, element.key)}${comment}${value} }`;
}
