// OpenFlow flows of netplumb in a bridge: whose they are, how they come to the host, and how they are read.
// Sources: ovs-ofctl(8) "Flow Syntax" and "Bundle"; ovs-fields(7); OpenFlow 1.4, 6.9 (bundles are atomic).
//
// The cookie is the mark: "np", the owner, and a checksum of the owner's flows. So flows are compared by their cookies and
// their number, and not by a text that versions of ovs-ofctl print differently.
import { createHash } from "node:crypto";
import { shCommand } from "./encode";

const PREFIX = "6e70";
/** What a dump is asked for: everything of netplumb. */
export const OUR_COOKIES = `cookie=0x${PREFIX}000000000000/0xffff000000000000`;

export interface Flow {
	/** 16 hex digits. */
	cookie: string;
	/** The name of the port that it is about, where it is about one. */
	port?: string;
	/** In the words of ovs-ofctl. */
	text: string;
}

/** Eight hex digits that stand for an owner mark in cookies, registers and keys: the first of the hash that ends the mark. */
export function flowOwner(mark: string): string {
	return mark.slice(-10, -2);
}

export const ownerOf = ({ cookie }: Flow): string => cookie.slice(4, 12);

/** The flows of one owner in one bridge: `matches` are lines "priority=…,… actions=…" without a cookie. */
export function flowsOf(owner: string, matches: readonly string[]): Flow[] {
	const sum = createHash("sha256").update(matches.join("\n")).digest("hex").slice(0, 4);
	const cookie = PREFIX + owner + sum;
	return matches.map((text) => {
		const port = /\bin_port="([^"]+)"/.exec(text)?.[1];
		return { cookie, text: `cookie=0x${cookie},${text}`, ...(port === undefined ? {} : { port }) };
	});
}

/** True when these are the flows, and each is about the port that it names. */
export function sameFlows(found: readonly Flow[], wanted: readonly Flow[]): boolean {
	const key = (flows: readonly Flow[]) => JSON.stringify(flows.map(({ cookie, port = "" }) => `${cookie} ${port}`).sort());
	return key(found) === key(wanted);
}

/** A name in an OpenFlow match: digits alone would be a port's number. */
export function flowPort(name: string): string {
	if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new Error(`not a port's name: ${JSON.stringify(name)}`);
	return `in_port="${name}"`;
}

/** All flows of an owner give way to these in one bundle: no packet sees a part of them. */
export function flowLine({ bridge, owner, flows }: { bridge: string; owner: string; flows: readonly Flow[] }): string {
	const remove = `delete cookie=0x${PREFIX}${owner}0000/0xffffffffffff0000`;
	const lines = [remove, ...flows.map(({ text }) => `add ${text}`)];
	return `${shCommand(["printf", "%s\\n", ...lines])} | ${shCommand(["ovs-ofctl", "--timeout=20", "--bundle", "add-flows", bridge, "-"])}`;
}

/** `ovs-ofctl --names --no-stats dump-flows`: one flow a line. Undefined for a line that is no flow. */
export function parseFlow(line: string): Flow | undefined {
	const found = /^\s*cookie=0x([0-9a-f]{1,16}), *(\S+ actions=.*)$/.exec(line);
	if (!found) return undefined;
	const cookie = found[1]!.padStart(16, "0");
	const port = /\bin_port=("?)([^",\s]+)\1/.exec(found[2]!)?.[2];
	return { cookie, text: `cookie=0x${cookie},${found[2]}`, ...(port === undefined ? {} : { port }) };
}
