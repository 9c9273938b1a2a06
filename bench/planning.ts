// What the planners cost on a host with many containers: no host is needed for that, the model of the tests is enough.
import { memoryOf } from "../provider/heal/desired";
import type { Operation } from "../provider/host/change";
import { markOf } from "../provider/host/marks";
import { compile } from "../provider/host/script";
import type { Snapshot } from "../provider/host/snapshot";
import type { Kind, Wish } from "../provider/kinds/kind";
import { kindOf } from "../provider/kinds/registry";
import { validate } from "../provider/validate/index";
import { bareHost, emptyContainer } from "../tests/model/hosts";
import { applyChange, applyPlan } from "../tests/model/model-host";

export interface Planning {
	size: number;
	/** Milliseconds for all plans. */
	create: number;
	again: number;
	remove: number;
	/** The script that makes all. */
	kilobytes: number;
}

interface Wanted {
	kind: Kind<object>;
	wish: Wish<object>;
}

/** An attachment and an address for each of `size` containers of one host. */
export function planning(size: number): Planning {
	const ids = Array.from({ length: size }, (_, index) => (index + 1).toString(16).padStart(64, "0"));
	const hosts = ids.map(hostWith);
	const bare = merged(hosts);
	const wanted = ids.map((id, index) => wishes(id, index));
	const wired = merged(
		hosts.map((host, index) =>
			wanted[index]!.reduce((snapshot, { kind, wish }) => applyPlan(snapshot, kind.plan(wish, snapshot)).after, host),
		),
	);
	const attachments = wanted.map(([attachment]) => attachment!);
	const all = wanted.flat();
	let script = "";
	const create = milliseconds(() => {
		const operations = attachments.flatMap((one) => planOf(one, bare));
		script = compile(
			operations
				.filter(({ change }) => !change.verb.startsWith("desired."))
				.map((operation) => ({ operation, undo: true, onlyInside: false })),
			bare,
		);
	});
	const again = milliseconds(() => all.map((one) => planOf(one, wired)));
	const removal = all.map(({ kind, wish: { wanted: previous, ...marks } }) => ({
		kind,
		wish: { ...marks, previous: previous! },
	}));
	const remove = milliseconds(() => removal.map((one) => planOf(one, wired)));
	return { size, create, again, remove, kilobytes: script.length / 1024 };
}

function planOf({ kind, wish }: Wanted, snapshot: Snapshot): Operation[] {
	return [...kind.plan(wish, snapshot), ...memoryOf(kind, wish, true, snapshot)];
}

function milliseconds(work: () => unknown): number {
	const start = process.hrtime.bigint();
	work();
	return Number(process.hrtime.bigint() - start) / 1e6;
}

function hostWith(id: string): Snapshot {
	const host = applyChange(bareHost(), { verb: "bridge.add", name: "br0" });
	host.containers = { [id]: emptyContainer(id, `box-${id.slice(-4)}`) };
	return host;
}

function wishes(container: string, index: number): Wanted[] {
	const address = `10.60.${Math.floor(index / 250)}.${(index % 250) + 1}/16`;
	return [
		wanted("VethAttachment", index, { container, bridge: "br0" }),
		wanted("StaticContainerIp", index, { container, interface: "eth1", addresses: [address] }),
	];
}

function wanted(name: string, index: number, inputs: Record<string, unknown>): Wanted {
	const kind = kindOf(name);
	const owner = `bench/planning/${name}-${index}`;
	const { value, failures } = validate(kind.schema, inputs);
	if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("; "));
	const mark = markOf(owner, name);
	return { kind, wish: { mark, marks: [mark], wanted: kind.complete(value, `${name}:${owner}`) } };
}

/** The hosts as one: they have the same bridge, and no name of a link or a container in common. */
function merged(hosts: readonly Snapshot[]): Snapshot {
	const all = structuredClone(hosts[0]!);
	for (const { host, ovs, containers } of hosts.slice(1)) {
		Object.assign(all.host.links, host.links);
		Object.assign(all.host.ipv6Disabled, host.ipv6Disabled);
		Object.assign(all.containers, containers);
		if (typeof ovs === "string" || typeof all.ovs === "string") throw new Error("the model has no Open vSwitch");
		Object.assign(all.ovs.ports, ovs.ports);
		all.ovs.bridges["br0"]!.ports.push(...ovs.bridges["br0"]!.ports);
	}
	return all;
}
