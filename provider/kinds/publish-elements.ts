// A published port as elements of the maps and sets of `inet netplumb` (host/ruleset.ts).
import { type Cidr, contains, formatCidr, network, parseCidr, parseIp } from "../../sdk/addressing/index";
import type { Family } from "../host/firewall";
import type { Link, Snapshot } from "../host/snapshot";
import { portsOf } from "../validate/index";
import type { WantedElement } from "./elements";
import type { NatPublishArgs } from "./nat-publish";

export const familyOf = (address: string): Family => (address.includes(":") ? 6 : 4);
export const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

/** "Any address" of a family: 0.0.0.0 alone would be one address. */
const anyOf = (family: Family) => (family === 4 ? "0.0.0.0/0" : "::/0");

/** As nft writes networks: a single address without its prefix length. */
function nftNetwork(cidr: Cidr): string {
	return cidr.prefix === (cidr.family === 4 ? 32 : 128) ? formatCidr(cidr).split("/")[0]! : formatCidr(network(cidr));
}

/** The networks without those that another one contains: elements of one set may not overlap. */
export function largest(networks: readonly string[]): string[] {
	const all = networks.map((text) => parseCidr(text)!);
	return all
		.filter(
			(one, at) => !all.some((other, index) => index !== at && contains(other, one) && (other.prefix < one.prefix || index < at)),
		)
		.map(nftNetwork);
}

/** The interface of the host in whose network an address lies, the narrowest one, and the networks of its addresses around it. */
export function linkTowards(snapshot: Snapshot, address: string): { link: Link; networks: string[] } | undefined {
	const ip = parseIp(address)!;
	const around = Object.values(snapshot.host.links).flatMap((link) =>
		link.addresses
			.map((text) => parseCidr(text)!)
			.filter((cidr) => cidr.family === ip.family && contains(cidr, ip))
			.map((cidr) => ({ link, cidr })),
	);
	const nearest = around.sort((a, b) => b.cidr.prefix - a.cidr.prefix)[0];
	if (!nearest) return undefined;
	const cidrs = around.filter(({ link }) => link === nearest.link).map(({ cidr }) => formatCidr(cidr));
	return { link: nearest.link, networks: largest(cidrs) };
}

/** The addresses of the host at which the port is published, in the words of nft. */
export function publishedAt(args: NatPublishArgs): string[] {
	const at = args.hostIp ?? anyOf(familyOf(args.target));
	return args.localhost && args.hostIp !== undefined && !isLoopback(args.hostIp) ? [at, "127.0.0.1"] : [at];
}

export function publishElements(args: NatPublishArgs, snapshot: Snapshot): WantedElement[] {
	const family = familyOf(args.target);
	const name = `${args.protocol}${family}`;
	const { first, last } = portsOf(args.hostPorts);
	const [at, ...loopback] = publishedAt(args) as [string, ...string[]];
	const shift = (args.targetPort ?? first) - first;
	const elements: WantedElement[] = [at, ...loopback].flatMap((address): WantedElement[] => {
		if (shift === 0) return [{ set: name, key: [address, args.hostPorts], value: [args.target] }];
		return Array.from({ length: last - first + 1 }, (_, index) => ({
			set: `${name}-port`,
			key: [address, String(first + index)],
			value: [args.target, String(first + index + shift)],
		}));
	});
	if (args.localhost) elements.push({ set: "localhost", key: [args.protocol, args.hostPorts] });
	if (isLoopback(at)) return elements;
	for (const client of largest(args.allowFrom ?? [anyOf(family)]))
		elements.push({ set: `${name}-from`, key: [client, at, args.hostPorts] });
	const clients = args.hairpin ? (linkTowards(snapshot, args.target)?.networks ?? []) : [];
	for (const client of clients) elements.push({ set: `${name}-hairpin`, key: [client, at, args.hostPorts] });
	return elements;
}
