// Owner marks: how everything that netplumb makes says whose it is. Only what carries the right mark is changed or deleted.
//
// Kernel links carry it in their alias, as words with commas between: "netplumb:<mark>" on a link that a resource made, and
// "netplumb-ip:<mark>" on a link whose addresses a StaticContainerIp manages. OVSDB rows carry it in external_ids:netplumb, and
// elements of our nftables table in their comment. "netplumb-localnet" on a link says that its route_localnet was off.
import { createHash } from "node:crypto";
import { fitsIpLine } from "./encode";
import type { Element } from "./firewall";
import type { Link, OvsValue } from "./snapshot";

const LINK = "netplumb:";
const ADDRESSES = "netplumb-ip:";
/** The word that remembers that a published port switched route_localnet on. */
export const LOCALNET = "netplumb-localnet";

/**
 * The mark of an owner ("project/stack/name"): readable, bounded, and safe in every language it enters. The hash keeps marks
 * apart that look alike after cutting, and those of different kinds: a bridge and the port of an attachment may have one name.
 */
export function markOf(owner: string, kind: string): string {
	const readable = owner.replace(/[^A-Za-z0-9._/-]/g, "_").slice(0, 48);
	return `${readable}-${createHash("sha256").update(`${kind}\0${owner}`).digest("hex").slice(0, 10)}`;
}

/** The words of an alias. */
function words(alias: string | undefined): string[] {
	return alias ? alias.split(",").filter((word) => word !== "") : [];
}

/** The words that can be written back. What somebody else put beside a mark of ours may be any text, and is dropped. */
function kept(alias: string | undefined): string[] {
	return words(alias).filter(fitsIpLine);
}

export function linkMark(link: Link): string | undefined {
	const { alias } = link;
	if (!alias?.includes(LINK)) return undefined;
	return words(alias)
		.find((word) => word.startsWith(LINK))
		?.slice(LINK.length);
}

/** What the owner of addresses on a link changed besides, and which addresses stood there before: those stay when it ends. */
export interface AddressMark {
	enabledIpv6: boolean;
	kept: string[];
}

/** The marks of those whose addresses are on this link: "netplumb-ip:<mark>", then "+v6" and "+<address>" for each that stays. */
export function addressMarks(link: Link): ({ mark: string } & AddressMark)[] {
	if (!link.alias?.includes(ADDRESSES)) return [];
	return words(link.alias)
		.filter((word) => word.startsWith(ADDRESSES))
		.map((word) => {
			const [mark = "", ...flags] = word.slice(ADDRESSES.length).split("+");
			return { mark, enabledIpv6: flags.includes("v6"), kept: flags.filter((flag) => flag !== "v6") };
		});
}

/** True when the alias is somebody else's text, which we must not write over. */
export function foreignAlias(link: Link): boolean {
	return words(link.alias).some((word) => ![LINK, ADDRESSES, LOCALNET].some((known) => word.startsWith(known)));
}

/** IFALIASZ in linux/if_link.h is 256, with the closing NUL. */
export const MAX_ALIAS_BYTES = 255;

export function aliasWithLinkMark(alias: string | undefined, mark: string | undefined): string {
	const rest = kept(alias).filter((word) => !word.startsWith(LINK));
	return [...(mark === undefined ? [] : [LINK + mark]), ...rest].join(",");
}

/** The alias with this mark, or without it where `as` is left out. */
export function aliasWithAddressMark(alias: string | undefined, mark: string, as?: AddressMark): string {
	const rest = kept(alias).filter((word) => word.split("+")[0] !== ADDRESSES + mark);
	if (!as) return rest.join(",");
	return [...rest, [ADDRESSES + mark, ...(as.enabledIpv6 ? ["v6"] : []), ...as.kept].join("+")].join(",");
}

/** True when a published port switched route_localnet on for the link, which had it off. */
export function hasLocalnet(link: Link): boolean {
	return link.alias?.includes(LOCALNET) === true && words(link.alias).includes(LOCALNET);
}

/** The alias that remembers it, or does not any more. */
export function aliasWithLocalnet(alias: string | undefined, on: boolean): string {
	const rest = kept(alias).filter((word) => word !== LOCALNET);
	return [...rest, ...(on ? [LOCALNET] : [])].join(",");
}

/** The comment of an element in our nftables table. */
export function elementComment(mark: string): string {
	return LINK + mark;
}

/** The mark in the comment of an element; undefined where somebody else put it there. */
export function elementMark(element: Pick<Element, "comment">): string | undefined {
	return element.comment.startsWith(LINK) ? element.comment.slice(LINK.length) : undefined;
}

/** Owners of addresses come and go: the order of their words means nothing. */
export function sameAlias(a: string | undefined, b: string | undefined): boolean {
	return words(a).sort().join() === words(b).sort().join();
}

/** The mark in the external_ids of an OVSDB row. */
export function rowMark(columns: Record<string, OvsValue>): string | undefined {
	return (columns["external_ids"] as Record<string, string> | undefined)?.["netplumb"];
}
