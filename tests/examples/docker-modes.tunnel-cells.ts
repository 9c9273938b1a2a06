// The row of docs/docker-networking.md about bridges of several hosts that tunnels join, as an OverlayNetwork makes them.
import { expect } from "chai";
import type { KindName } from "../../provider/kinds/registry";
import { inContainer, labHost, makeContainer, on } from "../support/lab";
import { Resource } from "../support/resource";
import { inside, sh } from "../support/wiring";
import type { Asking } from "./docker-modes.boundary-cells";
import type { Cell, Places } from "./docker-modes.cells";

const NEAR = "10.49.0.10";
const SECOND = "10.49.0.11";
const FAR = "10.49.0.12";

/** With one network on both hosts: modes-bare and modes-none on the first, modes-far on the second, whom `far` asks. */
async function joined({ h1, h2 }: Places, work: (far: (address: string) => Promise<string>) => Promise<unknown>): Promise<void> {
	const made: Resource[] = [];
	const make = async (host: string, kind: KindName, name: string, args: Record<string, unknown>) => {
		const one = new Resource(kind, `modes-${name}-${host}`, { host: labHost(host, { heal: false }) });
		made.unshift(await one.create(args));
	};
	const join = async (host: string, container: string, dev: string, address: string) => {
		await make(host, "VethAttachment", dev, { container, bridge: "br-modes-all", interface: dev });
		await make(host, "StaticContainerIp", dev, { container, interface: dev, addresses: [`${address}/24`] });
	};
	await makeContainer("h2", "modes-far");
	try {
		for (const [host, remote] of [
			["h1", h2],
			["h2", h1],
		] as const) {
			await make(host, "OvsBridge", "all", { name: "br-modes-all" });
			await make(host, "OvsTunnel", "all", { bridge: "br-modes-all", type: "vxlan", remote, key: 49 });
		}
		await join("h1", "modes-bare", "eth1", NEAR);
		await join("h1", "modes-none", "eth2", SECOND);
		await join("h2", "modes-far", "eth1", FAR);
		// A restart has ended the server.
		await on("h1", "docker", "exec", "-d", "modes-bare", "sh", "-c", "httpd -p 80 -h /www 2>/dev/null");
		const request = (address: string) => `printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} 80 | tail -n 1`;
		await work((address) => inContainer("h2", "modes-far", "sh", "-c", request(address)));
	} finally {
		for (const one of made) await one.delete();
		await on("h2", "docker", "rm", "-f", "modes-far");
	}
}

export function tunnelCells(cell: (text: string, proof: () => Promise<unknown>) => Cell, places: Places, ask: Asking): Cell[] {
	const { answers, silent } = ask;
	return [
		cell("declared, in one subnet for all hosts", () =>
			joined(places, async () =>
				expect(await inside("modes-bare", "ip", "-4", "-o", "address", "show", "eth1")).to.contain(NEAR),
			),
		),
		cell("none, but what else the container has", () =>
			joined(places, async () => {
				await silent("h2", NEAR);
				await silent("h1", NEAR);
				await silent("bare", places.h2, 8048);
			}),
		),
		cell("with all on the host's bridge", () => joined(places, () => answers("none", NEAR, 80, ["bare", SECOND]))),
		cell("directly, on layer 2, as from one bridge; not encrypted", () =>
			joined(places, async (far) =>
				expect(await far(NEAR))
					.to.contain("bare ")
					.and.contain(FAR),
			),
		),
		cell("as on an `OvsBridge`; the tunnels stay", () =>
			joined(places, async () => {
				await sh("docker restart -t 0 modes-bare >/dev/null");
				expect(await inside("modes-bare", "ip", "-o", "link")).to.not.contain("eth1");
				expect(await sh("ovs-vsctl --bare --columns=type find Interface options:key=49")).to.equal("vxlan");
			}),
		),
		cell("one network for containers of several hosts", () =>
			joined(places, async (far) =>
				expect(await far(NEAR))
					.to.contain("bare ")
					.and.contain(FAR),
			),
		),
	];
}
