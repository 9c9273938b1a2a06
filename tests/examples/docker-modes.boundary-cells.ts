// The rows of docs/docker-networking.md about isolated networks and published ports: with a container of Docker's mode none as the member.
import { expect } from "chai";
import { on } from "../support/lab";
import { Resource } from "../support/resource";
import { inside, sh } from "../support/wiring";
import type { Cell, Places } from "./docker-modes.cells";

export interface Asking {
	answers: (from: string, address: string, port: number | undefined, expected: string[]) => Promise<unknown>;
	silent: (from: string, address: string, port?: number) => Promise<unknown>;
}

const NETWORK = { name: "modes-iso", subnet: "10.48.0.0/24" };
const MEMBER = "10.48.0.10";

/** With an isolated network, on which modes-bare is alone or together with modes-none, and its port 80 published as 8049. */
async function boundary(work: (network: Resource, port: Resource) => Promise<unknown>, second = false): Promise<void> {
	const made: Resource[] = [];
	const make = async (kind: ConstructorParameters<typeof Resource>[0], name: string, args: Record<string, unknown>) => {
		made.unshift(await new Resource(kind, `modes-${name}`).create(args));
		return made[0]!;
	};
	const join = async (container: string, dev: string, address: string, more = {}) => {
		await make("VethAttachment", `iso-${dev}`, { container, bridge: NETWORK.name, interface: dev });
		await make("StaticContainerIp", `iso-${dev}`, { container, interface: dev, addresses: [`${address}/24`], ...more });
	};
	const network = await make("IsolatedNetwork", "iso", NETWORK);
	try {
		await join("modes-bare", "eth1", MEMBER, { gateway: "10.48.0.1" });
		if (second) await join("modes-none", "eth2", "10.48.0.11");
		const port = await make("NatPublish", "iso", { hostPorts: 8049, target: MEMBER, targetPort: 80 });
		// A restart has ended the server.
		await on("h1", "docker", "exec", "-d", "modes-bare", "sh", "-c", "httpd -p 80 -h /www 2>/dev/null");
		await work(network, port);
	} finally {
		for (const one of made) await one.delete();
	}
}

export function isolatedCells(
	cell: (text: string, proof: () => Promise<unknown>) => Cell,
	{ h1, h2 }: Places,
	ask: Asking,
): Cell[] {
	const { answers, silent } = ask;
	return [
		cell("declared, in a subnet of its own", () =>
			boundary(async () => expect(await inside("modes-bare", "ip", "-4", "-o", "address", "show", "eth1")).to.contain(MEMBER)),
		),
		cell("the host reaches members; all else only as `egress`, `services` and a `NatPublish` declare it", () =>
			boundary(async (network) => {
				await answers("h1", MEMBER, 80, ["bare", "10.48.0.1"]);
				await silent("bare", h2, 8048);
				await silent("bare", "10.48.0.1", 8046);
				await network.update({ ...NETWORK, egress: "all", services: ["tcp/8046"] });
				await answers("bare", h2, 8048, ["there", h1]);
				await answers("bare", "10.48.0.1", 8046, ["host", MEMBER]);
			}),
		),
		cell("with its members, unless `clients` is `isolated`; with other networks, Docker's included, only as `allow` says", () =>
			boundary(async (network) => {
				await answers("none", MEMBER, 80, ["bare", "10.48.0.11"]);
				await silent("bridge", MEMBER);
				await network.update({ ...NETWORK, clients: "isolated", allow: ["docker0"] });
				await silent("none", MEMBER);
				expect(await sh(`docker exec modes-bridge sh -c "nc -w 2 ${MEMBER} 80 </dev/null >/dev/null && echo open"`)).to.equal(
					"open",
				);
			}, true),
		),
		cell("by published ports only", () =>
			boundary(async () => {
				await silent("h2", MEMBER);
				await answers("h2", h1, 8049, ["bare", h2]);
			}),
		),
		cell("as on an `OvsBridge`; the boundary stays", () =>
			boundary(async (network) => {
				await sh("docker restart -t 0 modes-bare >/dev/null");
				expect(await inside("modes-bare", "ip", "-o", "link")).to.not.contain("eth1");
				expect(await network.read()).to.deep.equal([]);
				expect(await sh("nft list set inet netplumb net")).to.contain(`"${NETWORK.name}"`);
			}),
		),
		cell("a database, a tier, a tenant: what shall reach, and be reached by, what is declared alone", () =>
			boundary(() => silent("bridge", MEMBER)),
		),
	];
}

export function publishedCells(
	cell: (text: string, proof: () => Promise<unknown>) => Cell,
	{ h1, h2 }: Places,
	ask: Asking,
): Cell[] {
	const { answers, silent } = ask;
	const args = { hostPorts: 8049, target: MEMBER, targetPort: 80 };
	return [
		cell("the target's; clients use the host's", () => boundary(() => answers("h2", h1, 8049, ["bare", h2]))),
		cell("in by the declared ports, for `allowFrom` alone, with the client's own address; it opens no way out", () =>
			boundary(async (_, port) => {
				await answers("h2", h1, 8049, ["bare", h2]);
				await silent("bare", h2, 8048);
				await port.update({ ...args, allowFrom: ["192.0.2.0/24"] });
				await silent("h2", h1, 8049);
			}),
		),
		cell("at the host's addresses for every network of the host, the target's own included; at 127.0.0.1 with `localhost`", () =>
			boundary(async (_, port) => {
				// Docker masquerades what leaves docker0 by another interface.
				await answers("bridge", h1, 8049, ["bare", "10.48.0.1"]);
				await answers("none", "10.48.0.1", 8049, ["bare", "10.48.0.1"]);
				await silent("h1", "127.0.0.1", 8049);
				await port.update({ ...args, localhost: true });
				await answers("h1", "127.0.0.1", 8049, ["bare", "10.48.0.1"]);
			}, true),
		),
		cell("at the host's addresses", () => boundary(() => answers("h2", h1, 8049, ["bare", h2]))),
		cell("the port stays published, and answers when its target does", () =>
			boundary(async (_, port) => {
				await sh("docker restart -t 0 modes-bare >/dev/null");
				expect(await port.read()).to.deep.equal([]);
				await silent("h2", h1, 8049);
			}),
		),
		cell("a port of the host for a container of any mode and network", () =>
			boundary(() => answers("h2", h1, 8049, ["bare", h2])),
		),
	];
}
