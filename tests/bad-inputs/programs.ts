// What a user's program declares, with one thing wrong in it; and what `pulumi preview` then says.
import { lifecycle } from "../../provider/v1";

const host = { address: "192.0.2.1" };

const right = {
	bridge: ["OvsBridge", {}],
	attachment: ["VethAttachment", { container: "web", bridge: "br0" }],
	addresses: ["StaticContainerIp", { container: "web", interface: "eth1", addresses: ["10.0.0.5/24"] }],
	host: ["OvsBridge", {}],
} as const;

export type Part = keyof typeof right;

/** The reasons that `check` gives for this part of a program with these inputs over the right ones. */
export async function checkOf(part: Part, wrong: Record<string, unknown>): Promise<string[]> {
	const [kind, inputs] = right[part];
	const news = part === "host" ? { host: { ...host, ...wrong } } : { host, ...inputs, ...wrong };
	const { failures } = await lifecycle(kind).check({}, { ...news, owner: "project/stack/name" });
	return failures.map(({ reason }) => reason);
}
