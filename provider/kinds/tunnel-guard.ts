// The guard in front of the ends of tunnels (host/ruleset-tunnels.ts). Its elements follow from the tunnels that a host has, so they
// belong to all of them: two tunnels to one far end need one element, and it goes with the second. Tunnels that somebody else
// made on the same port are let in too.
import { canonicalIp } from "../../sdk/addressing/index";
import { DEFAULT_PORT, type TunnelType } from "../../sdk/addressing/tunnel";
import { NetplumbError } from "../errors";
import type { Operation } from "../host/change";
import { type Element, elementId, NFT_ABSENT } from "../host/firewall";
import { elementComment, rowMark } from "../host/marks";
import { GRE_ETHERNET, TUNNEL_SETS } from "../host/ruleset-tunnels";
import type { OvsPort, Snapshot } from "../host/snapshot";
import { firewallOf, isIntact } from "./elements";
import { operation } from "./kind";
import { optionsOf } from "./tunnel-options";

/** The comment of the guard's elements; no mark of an owner looks like it. */
const COMMENT = elementComment("tunnels");

/** The devices that Open vSwitch and the kernel make by themselves for all tunnels of a type. */
const SHARED = /^(?:vxlan_sys_\d+|genev_sys_\d+|(?:ip6)?gre_sys|gretap0|ip6gretap0)$/;

interface End {
	/** For people: `port "vx1" of bridge "br0"`. */
	name: string;
	type: TunnelType;
	port?: number | undefined;
	/** Undefined: anybody. */
	remote: string | undefined;
	/** Made by netplumb, this resource or another one. */
	ours: boolean;
}

const isTunnelType = (type: unknown): type is TunnelType => typeof type === "string" && type in DEFAULT_PORT;

/** Protocol and port, as the elements say them. */
function serviceOf({ type, port }: Pick<End, "type" | "port">): [protocol: string, port: string] {
	return type === "gre" ? ["gre", String(GRE_ETHERNET)] : ["udp", String(port ?? DEFAULT_PORT[type])];
}

const at = ([protocol, port]: readonly string[]) => (protocol === "gre" ? "protocol gre" : `${protocol} port ${port}`);

/** All ends of tunnels on the host but those of these ports. */
function ends(snapshot: Snapshot, without: readonly string[]): End[] {
	const ports = typeof snapshot.ovs === "object" ? Object.values(snapshot.ovs.ports) : [];
	const ofOvs = ports.flatMap((port): End[] => {
		const type = port.interface["type"];
		if (!isTunnelType(type) || without.includes(port.name)) return [];
		const { remote_ip, dst_port } = optionsOf(port);
		const remote = canonicalIp(remote_ip ?? "");
		const name = `port "${port.name}" of bridge "${port.bridge}"`;
		return [
			{
				name,
				type,
				port: dst_port === undefined ? undefined : Number(dst_port),
				remote,
				ours: rowMark(port.columns) !== undefined,
			},
		];
	});
	const ofKernel = Object.values(snapshot.host.links).flatMap(({ name, tunnel }): End[] =>
		tunnel && !SHARED.test(name)
			? [{ name: `interface "${name}"`, type: tunnel.type, port: tunnel.port, remote: tunnel.remote, ours: false }]
			: [],
	);
	return [...ofOvs, ...ofKernel];
}

/** The elements that these ends need. */
function elementsFor(all: readonly End[]): Element[] {
	const guarded = new Set(all.filter(({ ours }) => ours).map((end) => serviceOf(end).join()));
	const elements = all
		.filter((end) => guarded.has(serviceOf(end).join()))
		.flatMap((end): Element[] => {
			const service = serviceOf(end);
			const family = end.remote?.includes(":") ? 6 : 4;
			return [
				{ set: "tunnel", key: service, comment: COMMENT },
				...(end.remote === undefined ? [] : [{ set: `tunnel-from${family}`, key: [end.remote, ...service], comment: COMMENT }]),
			];
		});
	return [...new Map(elements.map((element) => [elementId(element), element])).values()];
}

/** Closes the port of a tunnel to all but far ends: before it is there (render.ts). `alone`: the other tunnels look after themselves. */
export function planGuard(
	wanted: { name: string; type: TunnelType; port?: number; remote: string },
	snapshot: Snapshot,
	alone = false,
): Operation[] {
	const others = ends(snapshot, [wanted.name]).filter(({ ours }) => !ours || !alone);
	const service = serviceOf(wanted).join();
	const open = others.find((end) => !end.ours && end.remote === undefined && serviceOf(end).join() === service);
	if (open)
		throw new NetplumbError(
			"conflict",
			`host ${snapshot.hostName}: port: found ${open.name}, which takes tunnel frames at ${at(serviceOf(wanted))} from anybody, expected no such end beside a guarded one; choose another port or type, or give that one a remote address`,
		);
	return settle(elementsFor([...others, { ...wanted, ours: true }]), snapshot);
}

/** Opens what no tunnel needs any more, when these ports go. */
export function planUnguard(gone: readonly OvsPort[], snapshot: Snapshot): Operation[] {
	// Without nftables there is no guard.
	if (snapshot.firewall === NFT_ABSENT) return [];
	return settle(
		elementsFor(
			ends(
				snapshot,
				gone.map(({ name }) => name),
			),
		),
		snapshot,
	);
}

/** True where the guard has elements that no tunnel needs: what is left when a deletion ends half-way. */
export function guardIsIdle(snapshot: Snapshot): boolean {
	const { firewall } = snapshot;
	if (typeof firewall !== "object") return false;
	const needed = new Set(elementsFor(ends(snapshot, [])).map(elementId));
	return (firewall.table?.elements ?? []).some((element) => element.set in TUNNEL_SETS && !needed.has(elementId(element)));
}

function settle(wanted: readonly Element[], snapshot: Snapshot): Operation[] {
	const firewall = firewallOf(snapshot);
	const { table } = firewall;
	const present = new Map((table?.elements ?? []).filter(({ set }) => set in TUNNEL_SETS).map((one) => [elementId(one), one]));
	const missing = wanted.filter((element) => present.get(elementId(element))?.comment !== element.comment);
	const idle = [...present.values()].filter((one) => !wanted.some((element) => elementId(element) === elementId(one)));
	const odd = missing.flatMap((element) => present.get(elementId(element)) ?? []);
	const operations = [...idle, ...odd].map((element) =>
		operation({ verb: "element.delete", element }, describe(element, element.set === "tunnel" ? "open" : "stop to accept")),
	);
	if (wanted.length > 0 && !isIntact(firewall))
		operations.push(
			operation(
				{ verb: "ruleset.write", chains: Object.keys(table?.chains ?? {}) },
				"write the rules of the nftables table inet netplumb",
			),
		);
	for (const element of missing) operations.push(operation({ verb: "element.add", element }, describe(element)));
	if (wanted.length === 0 && table && table.elements.length === idle.length)
		operations.push(operation({ verb: "ruleset.delete" }, "remove the nftables table inet netplumb"));
	return operations;
}

function describe({ set, key }: Element, act = set === "tunnel" ? "close" : "accept"): string {
	if (set === "tunnel") return `${act} ${at(key)} to hosts without a tunnel`;
	return `${act} tunnel frames from ${key[0]} at ${at(key.slice(1))}`;
}
