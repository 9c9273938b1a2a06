// NatPublish: connections to ports of the host go to a container.
// Sources: nft(8) "NAT statements" and "Maps"; conntrack(8); ip-sysctl.rst (route_localnet).
import { formatCidr, isAssignable, network, parseCidr, parseIp } from "../../sdk/addressing/index";
import type { Operation } from "../host/change";
import type { Family } from "../host/firewall";
import { SETS } from "../host/ruleset";
import type { Snapshot } from "../host/snapshot";
import {
	boolean,
	cidr,
	type Infer,
	integer,
	ip,
	list,
	object,
	oneOf,
	optional,
	portRange,
	portsOf,
	rule,
} from "../validate/index";
import { indexOf } from "./element-index";
import { type ElementPlan, firewallOf, hasElements, planElements, requireConntrack } from "./elements";
import type { Kind, Wish } from "./kind";
import { planLocalnet } from "./localnet";
import { refuseListened, refusePublished } from "./port-holders";
import { familyOf, isLoopback, linkTowards, publishElements } from "./publish-elements";

/** A range whose ports change takes an element a port: nft knows no shifted ranges (nft(8), "dnat"). */
const MOST_SHIFTED = 1024;

const shape = object({
	protocol: optional(oneOf("tcp", "udp", "sctp"), "tcp"),
	hostIp: optional(ip()),
	hostPorts: portRange,
	target: ip(),
	targetPort: optional(integer(1, 65535)),
	allowFrom: optional(list(cidr, { min: 1, unique: true })),
	hairpin: optional(boolean, true),
	localhost: optional(boolean),
});

const targetRules = rule(shape, ["target"], ({ target }, complain) => {
	if (!isAssignable(parseIp(target)!))
		complain("target", target, "an address that an interface can have", "write the container's address");
});

const portRules = rule(targetRules, ["hostPorts", "targetPort"], ({ hostPorts, targetPort }, complain) => {
	const { first, last } = portsOf(hostPorts);
	if (targetPort === undefined || targetPort === first) return;
	const count = last - first + 1;
	if (targetPort + count - 1 > 65535)
		complain("targetPort", targetPort, `at most ${65536 - count}, so that ${count} ports follow`, "choose a lower one");
	else if (count > MOST_SHIFTED)
		complain(
			"targetPort",
			targetPort,
			`${first}, or at most ${MOST_SHIFTED} ports`,
			"leave it out, so that the range is one element",
		);
});

const hostIpRules = rule(portRules, ["target", "hostIp", "localhost"], ({ target, hostIp, localhost }, complain) => {
	const family = familyOf(target);
	if (hostIp === "0.0.0.0" || hostIp === "::")
		complain("hostIp", hostIp, "one address", "leave it out for all of the host's addresses");
	else if (hostIp !== undefined && familyOf(hostIp) !== family)
		complain("hostIp", hostIp, `an IPv${family} address, as the target is`, "correct one of the two");
	else if (hostIp === "::1") complain("hostIp", hostIp, "another address", "Linux routes loopback addresses in IPv4 only");
	else if (hostIp !== undefined && !isLoopback(hostIp) && !isAssignable(parseIp(hostIp)!))
		complain(
			"hostIp",
			hostIp,
			"an address that the host can have",
			"correct it, or leave it out for all of the host's addresses",
		);
	else if (hostIp !== undefined && isLoopback(hostIp) && !localhost)
		complain("hostIp", hostIp, "localhost: true beside it", "set it, or choose another address");
	if (localhost && family === 6) complain("localhost", true, "an IPv4 target", "Linux routes loopback addresses in IPv4 only");
});

export const natPublishSchema = rule(hostIpRules, ["target", "allowFrom"], ({ target, allowFrom }, complain) => {
	(allowFrom ?? []).forEach((text, index) => {
		const at = `allowFrom[${index}]`;
		const subnet = formatCidr(network(parseCidr(text)!));
		if (familyOf(text) !== familyOf(target))
			complain(at, text, `an IPv${familyOf(target)} network, as the target is`, "correct one of the two");
		else if (subnet !== text) complain(at, text, "a network, with no bits set behind its prefix", `write it as ${subnet}`);
	});
});

export type NatPublishArgs = Infer<typeof natPublishSchema>;

export const natPublish: Kind<NatPublishArgs> = {
	name: "NatPublish",
	schema: natPublishSchema,
	outputs: [],
	replace: [],
	facts: ["firewall", "ports"],
	volatile: true,
	complete: (args) => args,
	physicalName: ({ protocol, hostIp, hostPorts }) => `${protocol}/${hostIp ?? "any"}/${hostPorts}`,
	containers: () => [],
	plan: (wish, snapshot) => (wish.wanted ? planPublish(wish, wish.wanted, snapshot) : planUnpublish(wish, snapshot)),
	// What is missing of a published port has no input that could differ: it shows as drift.
	observe: (args) => ({ args, outputs: {} }),
	exists: hasElements,
};

function planPublish(wish: Wish<NatPublishArgs>, args: NatPublishArgs, snapshot: Snapshot): Operation[] {
	const plan: ElementPlan = {
		elements: publishElements(args, snapshot),
		describe: `publish ${args.protocol} port ${args.hostPorts}${args.hostIp ? ` of ${args.hostIp}` : ""} to ${args.target}`,
		approve: needsApproval(args, snapshot),
	};
	refusePublished(args, wish.marks, snapshot);
	const operations = planElements(wish, plan, snapshot);
	const ports = operations.filter(({ change }) => change.verb === "element.add" && SETS[change.element.set]?.value);
	if (ports.length > 0) {
		requireConntrack(snapshot);
		if (takesMore(args, wish, snapshot)) refuseListened(args, snapshot);
	}
	const hadLocalhost = wish.previous?.localhost === true;
	if (!args.localhost && !hadLocalhost) return operations;
	return [...operations, ...planLocalnet(args.localhost ? args.target : undefined, wish.marks, snapshot)];
}

function planUnpublish(wish: Wish<NatPublishArgs>, snapshot: Snapshot): Operation[] {
	const localnet = wish.previous?.localhost ? planLocalnet(undefined, wish.marks, snapshot) : [];
	return [...planElements(wish, undefined, snapshot), ...localnet];
}

/** True unless the very same ports of the same addresses are published by this resource already. */
function takesMore(args: NatPublishArgs, wish: Wish<NatPublishArgs>, snapshot: Snapshot): boolean {
	const { byMark } = indexOf(firewallOf(snapshot).table);
	const elements = wish.marks.flatMap((mark) => byMark.get(mark) ?? []);
	const mine = new Set(elements.flatMap(({ set, key }) => (SETS[set]?.value ? [key.join()] : [])));
	const before = wish.previous;
	const same = before?.protocol === args.protocol && familyOf(before.target) === familyOf(args.target);
	return !same || publishElements(args, snapshot).some(({ key, value }) => value && !mine.has(key.join()));
}

/** Docker drops what it does not know: everything, where FORWARD has the policy DROP, or what goes to bridges of its own. */
function needsApproval({ target }: NatPublishArgs, snapshot: Snapshot): Family[] {
	const family = familyOf(target);
	const docker = firewallOf(snapshot).docker[family];
	const towards = linkTowards(snapshot, target)?.link.name ?? "";
	return docker && (docker.forwardDrops || docker.dropsTo.includes(towards)) ? [family] : [];
}
