// What a declared resource claims for itself on its host. Inputs may hold mistakes, which `check` reports: they claim nothing.
import {
	type Cidr,
	canonicalIp,
	canonicalMac,
	derivedInterface,
	derivedMac,
	derivedName,
	formatIp,
	gatewayOf,
	type Ip,
	network,
	parseCidr,
} from "../addressing/index";
import { type Declared, isKnown, seedOf } from "./declared";
import { type LogicalSwitch, portFacts, routerFacts, switchFacts } from "./logical-switch";

/** One broadcast domain: a VLAN of a bridge; VLAN 0 is that of untagged frames without a tag. */
export interface Segment {
	readonly bridge: string;
	readonly vlan: number;
}

export type Fact =
	/** Two resources of one kind and name have the same owner mark, and would take each other's things for their own. */
	| { readonly what: "owner" }
	/** A link, port or bridge of the host. */
	| { readonly what: "interface"; readonly input: string; readonly link: string; readonly derived: boolean }
	| {
			readonly what: "mac";
			readonly input: string;
			readonly mac: string;
			readonly segments: readonly (Segment | LogicalSwitch)[];
	  }
	| {
			readonly what: "address";
			readonly input: string;
			readonly ip: string;
			readonly segment: Segment | LogicalSwitch | "host" | Place;
	  }
	/** A network that the host itself routes to an interface. */
	| { readonly what: "subnet"; readonly input: string; readonly net: Cidr; readonly link: string; readonly given: boolean }
	/** A network that lives on a VLAN. */
	| { readonly what: "tag"; readonly input: string; readonly net: Cidr; readonly segment: Segment }
	| { readonly what: "port"; readonly protocol: string; readonly ip?: string; readonly from: number; readonly to: number };

/** An interface of a container. */
export interface Place {
	readonly container: string;
	readonly interface: string;
}

type Vlan = number | { tag?: number; trunks?: number[]; native?: number } | undefined;

const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** `attachmentAt` finds the attachment of a StaticContainerIp that names container and interface. */
export function factsOf(declared: Declared, attachmentAt: (place: Place) => Declared | undefined): Fact[] {
	const own: Fact[] = declared.host === undefined ? [] : [{ what: "owner" }];
	switch (declared.kind) {
		case "OvsBridge":
			return [...own, ...bridgeFacts(declared)];
		case "IsolatedNetwork":
			return [...own, ...networkFacts(declared)];
		case "VethAttachment":
			return [...own, ...attachmentFacts(declared)];
		case "StaticContainerIp":
			return [...own, ...addressFacts(declared, declared.attachment ?? attachmentAt(placeOf(declared) ?? NOWHERE))];
		case "OvsTunnel":
			return [...own, ...[linkFact(declared, "name", derivedTunnel) ?? []].flat()];
		case "NatPublish":
			return [...own, ...publishFacts(declared)];
		case "OvnSwitch":
			return [...own, ...switchFacts(declared)];
		case "OvnPort":
			return [...own, ...portFacts(declared)];
		case "OvnRouter":
			return [...own, ...routerFacts(declared)];
		default:
			return own;
	}
}

const NOWHERE: Place = { container: "", interface: "" };

/** provider/kinds/ovs-tunnel.ts */
const derivedTunnel = (seed: string): string => derivedName(seed.split("/").at(-1)!, `tunnel ${seed}`);

function linkFact(
	declared: Declared,
	input: string,
	derive = derivedInterface,
): Extract<Fact, { what: "interface" }> | undefined {
	if (!isKnown(declared, input)) return undefined;
	const given = text(declared.args[input]);
	return { what: "interface", input, link: given ?? derive(seedOf(declared)), derived: given === undefined };
}

function cidrs(declared: Declared, input: string): { input: string; cidr: Cidr }[] {
	if (!isKnown(declared, input)) return [];
	const values = declared.args[input];
	return (Array.isArray(values) ? values : []).flatMap((value, index) => {
		const cidr = parseCidr(String(value));
		return cidr ? [{ input: `${input}[${index}]`, cidr }] : [];
	});
}

const ipText = ({ family, value }: Ip): string => formatIp({ family, value });
/** A single address is no network that could overlap: it is how anycast and point-to-point addresses are written. */
const isNetwork = ({ family, prefix }: Cidr): boolean => prefix < (family === 4 ? 32 : 128);

function bridgeFacts(declared: Declared): Fact[] {
	const link = linkFact(declared, "name");
	if (!link) return [];
	// A network that comes in by an uplink, or with an adopted bridge, was there before the program.
	const given =
		declared.args["uplinks"] !== undefined || declared.args["adopt"] === true || !isKnown(declared, "uplinks", "adopt");
	const facts: Fact[] = [link];
	for (const { input, cidr } of cidrs(declared, "addresses")) {
		facts.push(
			{ what: "address", input, ip: ipText(cidr), segment: "host" },
			{ what: "address", input, ip: ipText(cidr), segment: { bridge: link.link, vlan: 0 } },
		);
		if (isNetwork(cidr)) facts.push({ what: "subnet", input, net: network(cidr), link: link.link, given });
	}
	return facts;
}

function networkFacts(declared: Declared): Fact[] {
	const link = linkFact(declared, "name");
	const net = isKnown(declared, "subnet") ? parseCidr(String(declared.args["subnet"])) : undefined;
	if (!link || !net) return link ? [link] : [];
	const facts: Fact[] = [link, { what: "subnet", input: "subnet", net: network(net), link: link.link, given: false }];
	const gateway = isKnown(declared, "gateway") ? gatewayOf(net, text(declared.args["gateway"])) : undefined;
	for (const segment of ["host", { bridge: link.link, vlan: 0 }] as const)
		if (gateway !== undefined) facts.push({ what: "address", input: "gateway", ip: gateway, segment });
	return facts;
}

function attachmentFacts(declared: Declared): Fact[] {
	const link = linkFact(declared, "hostInterface");
	const facts: Fact[] = link ? [link] : [];
	const segments = segmentsOf(declared);
	const mac = declared.args["mac"] === undefined ? derivedMac(seedOf(declared)) : canonicalMac(String(declared.args["mac"]));
	if (mac !== undefined && isKnown(declared, "mac")) facts.push({ what: "mac", input: "mac", mac, segments });
	return facts;
}

function addressFacts(declared: Declared, attachment: Declared | undefined): Fact[] {
	const place = placeOf(declared);
	// Untagged frames of a trunk are those of its native VLAN.
	const segment = attachment && segmentsOf(attachment).find(({ vlan }) => vlan === untagged(attachment));
	return cidrs(declared, "addresses").flatMap(({ input, cidr }): Fact[] => {
		const facts: Fact[] = [];
		if (segment ?? place) facts.push({ what: "address", input, ip: ipText(cidr), segment: (segment ?? place)! });
		if (segment && segment.vlan > 0 && isNetwork(cidr)) facts.push({ what: "tag", input, net: network(cidr), segment });
		return facts;
	});
}

function publishFacts(declared: Declared): Fact[] {
	if (!isKnown(declared, "hostPorts", "protocol", "hostIp")) return [];
	const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(String(declared.args["hostPorts"])) ?? [];
	if (from === undefined) return [];
	const ip = canonicalIp(String(declared.args["hostIp"]));
	const protocol = text(declared.args["protocol"]) ?? "tcp";
	return [{ what: "port", protocol, from: Number(from), to: Number(to), ...(ip === undefined ? {} : { ip }) }];
}

/** The interface that an attachment makes, or that a StaticContainerIp names. */
export function placeOf(declared: Declared): Place | undefined {
	const container = text(declared.args["container"]);
	const inside = text(declared.args["interface"]) ?? (declared.kind === "VethAttachment" ? "eth1" : undefined);
	if (!isKnown(declared, "container", "interface") || container === undefined || inside === undefined) return undefined;
	return { container, interface: inside };
}

function untagged(attachment: Declared): number | undefined {
	const vlan = attachment.args["vlan"] as Vlan;
	if (typeof vlan === "number" || vlan === undefined) return vlan ?? 0;
	return Array.isArray(vlan.trunks) ? vlan.native : (vlan.tag ?? 0);
}

function segmentsOf(attachment: Declared): Segment[] {
	// The bridge of ovn-controller is many networks at once.
	if (attachment.args["ovnPort"] !== undefined || !isKnown(attachment, "ovnPort")) return [];
	const bridge = text(attachment.args["bridge"]);
	if (bridge === undefined || !isKnown(attachment, "bridge", "vlan")) return [];
	const vlan = attachment.args["vlan"] as Vlan;
	const trunks = typeof vlan === "object" && Array.isArray(vlan.trunks) ? vlan.trunks : [];
	const vlans = new Set([...trunks, untagged(attachment)].filter((tag) => typeof tag === "number"));
	return [...vlans].map((tag) => ({ bridge, vlan: tag }));
}
