// What docs/docker-networking.md says of each of Docker's modes and of netplumb beside them, cell by cell, each with its proof on
// real hosts. The page is compared with these texts, so nothing stands in it that was not seen.
import { expect } from "chai";
import { inContainer, makeContainer, on } from "../support/lab";
import { failure, Resource } from "../support/resource";
import { inside, link, removeContainers, sh } from "../support/wiring";
import { isolatedCells, publishedCells } from "./docker-modes.boundary-cells";
import { tunnelCells } from "./docker-modes.tunnel-cells";

export const COLUMNS = [
	"Address",
	"North-south: in and out of the host",
	"East-west, on one host",
	"East-west, across hosts",
	"After a restart of the container",
	"When",
] as const;

export interface Cell {
	text: string;
	proof: () => Promise<unknown>;
}

/** The second host's address, and the first one's. */
export interface Places {
	h1: string;
	h2: string;
}

/** Who answers, and whom it saw: `["bridge", "10.45.0.12"]`; undefined when nothing answers. From a container of h1, or a host. */
export async function ask(from: string, address: string, port = 80): Promise<string[] | undefined> {
	const request = `printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | nc -w 1 ${address} ${port}`;
	const curl = `curl -s -m 2 http://${address}:${port}/cgi-bin/who`;
	const host = from === "h1" || from === "h2";
	const said = host ? on(from, "sh", "-c", curl) : inContainer("h1", `modes-${from}`, "sh", "-c", request);
	const words = (await said.catch(() => "")).trim().split("\n").at(-1)!.split(" ");
	return words.length < 2 ? undefined : [words[0]!, words[1]!.replace(/^\[(?:::ffff:)?|\]$/g, "")];
}

const answers = async (from: string, address: string, port: number | undefined, expected: string[]) =>
	expect(await ask(from, address, port), `${from} to ${address}:${port ?? 80}`).to.deep.equal(expected);
const silent = async (from: string, address: string, port?: number) =>
	expect(await ask(from, address, port), `${from} to ${address}:${port ?? 80}`).to.equal(undefined);
const resolves = async (from: string, name: string) =>
	inContainer("h1", `modes-${from}`, "timeout", "3", "ping", "-c", "1", "-W", "1", name).then(
		() => true,
		() => false,
	);
const netns = (name: string) => sh('readlink "/proc/$(docker inspect -f "{{.State.Pid}}" "$1")/ns/net"', `modes-${name}`);
const linksOf = async (name: string) =>
	(JSON.parse(await inside(`modes-${name}`, "ip", "-j", "link")) as { ifname: string }[]).map(({ ifname }) => ifname);
const dockerIp = (name: string) =>
	on("h1", "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", `modes-${name}`);

const servers = (name: string, port: number) =>
	`mkdir -p /www/cgi-bin; printf '#!/bin/sh\\necho\\necho ${name} $REMOTE_ADDR\\n' >/www/cgi-bin/who; chmod +x /www/cgi-bin/who; exec httpd -f -p ${port} -h /www`;
const serve = (host: string, name: string, port: number, ...options: string[]) => {
	const script = servers(name, port);
	return makeContainer(host, `modes-${name}`, ...options).then(async (id) => {
		await on(host, "docker", "exec", "-d", id, "sh", "-c", script);
	});
};

/** What the example does not make: a peer in each of Docker's networks, a bare container, and a server on the other host. */
export async function makePeers(): Promise<void> {
	await Promise.all([
		serve("h1", "peer-bridge", 80, "--network=bridge"),
		serve("h1", "peer-network", 80, "--network=modes"),
		serve("h1", "bare", 80, "--network=none"),
		serve("h2", "there", 8048, "--network=host"),
	]);
}

export async function removePeers(): Promise<void> {
	await removeContainers("modes-peer-bridge", "modes-peer-network", "modes-bare");
	await on("h2", "sh", "-c", "docker rm -f modes-there >/dev/null 2>&1 || true");
}

/** Restarts a container and waits until its server, or Docker, has it again. */
const restart = (name: string) => on("h1", "docker", "restart", "-t", "0", `modes-${name}`);
async function answersAgain(from: string, address: string, port: number, expected: string): Promise<void> {
	let found: string[] | undefined;
	for (let tries = 0; tries < 20 && found?.[0] !== expected; tries++) found = await ask(from, address, port);
	expect(found?.[0]).to.equal(expected);
}

export function rowsOf({ h1, h2 }: Places, repair: () => Promise<void>): Record<string, Record<(typeof COLUMNS)[number], Cell>> {
	const row = (...cells: Cell[]) => {
		expect(cells).to.have.length(COLUMNS.length);
		return Object.fromEntries(COLUMNS.map((column, index) => [column, cells[index]!])) as Record<(typeof COLUMNS)[number], Cell>;
	};
	const cell = (text: string, proof: () => Promise<unknown>): Cell => ({ text, proof });
	return {
		"`bridge`": row(
			cell("one of docker0's subnet, which Docker chooses", async () => {
				const docker0 = (await link("docker0"))!.addr_info.find(({ local }) => local.includes("."))!;
				expect((await dockerIp("bridge")).split(".").slice(0, 2)).to.deep.equal(docker0.local.split(".").slice(0, 2));
			}),
			cell("out with the host's address; in by ports that `-p` publishes, at every address of the host", async () => {
				await answers("bridge", h2, 8048, ["there", h1]);
				await answers("h2", h1, 8045, ["bridge", h2]);
				await answers("none", "10.45.0.1", 8046, ["host", "10.45.0.12"]);
				expect((await ask("h1", "127.0.0.1", 8045))?.[0]).to.equal("bridge");
				await silent("h2", h1, 80);
			}),
			cell("by address, not by name, with containers on docker0; not with Docker's other networks", async () => {
				expect((await ask("bridge", await dockerIp("peer-bridge")))?.[0]).to.equal("peer-bridge");
				expect(await resolves("bridge", "modes-peer-bridge")).to.equal(false);
				await silent("bridge", await dockerIp("peer-network"));
			}),
			cell("by published ports only", async () => {
				await answers("h2", h1, 8045, ["bridge", h2]);
				await silent("h2", await dockerIp("bridge"));
			}),
			cell("network and published ports are back", async () => {
				await restart("bridge");
				await answersAgain("h2", h1, 8045, "bridge");
				await repair();
			}),
			cell("one service behind a port of the host", () => answers("h2", h1, 8045, ["bridge", h2])),
		),
		"user-defined network": row(
			cell("one of the network's subnet, which can be fixed", async () =>
				expect(await dockerIp("network")).to.equal("10.46.0.10"),
			),
			cell("as `bridge`", async () => {
				await answers("network", h2, 8048, ["there", h1]);
				await answers("h2", h1, 8047, ["network", h2]);
			}),
			cell("by address and by name within the network; not with Docker's other networks", async () => {
				await answers("peer-network", "10.46.0.10", 80, ["network", await dockerIp("peer-network")]);
				expect(await resolves("network", "modes-peer-network")).to.equal(true);
				await silent("network", await dockerIp("peer-bridge"));
			}),
			cell("by published ports only", async () => {
				await answers("h2", h1, 8047, ["network", h2]);
				await silent("h2", "10.46.0.10");
			}),
			cell("network, name, fixed address and published ports are back", async () => {
				await restart("network");
				await answersAgain("h2", h1, 8047, "network");
				expect(await dockerIp("network")).to.equal("10.46.0.10");
				expect(await resolves("peer-network", "modes-network")).to.equal(true);
				await repair();
			}),
			cell("services of one host that find each other by name", async () =>
				expect(await resolves("peer-network", "modes-network")).to.equal(true),
			),
		),
		"`host`": row(
			cell("the host's own", async () => expect(await netns("host")).to.equal(await sh("readlink /proc/self/ns/net"))),
			cell("as any program of the host: no NAT", async () => {
				await answers("h2", h1, 8046, ["host", h2]);
				await answers("host", h2, 8048, ["there", h1]);
			}),
			cell(
				"at every address of the host; all such containers share the host's ports; netplumb refuses to attach it",
				async () => {
					await answers("none", "10.45.0.1", 8046, ["host", "10.45.0.12"]);
					const taken = inContainer("h1", "modes-host", "timeout", "1", "httpd", "-f", "-p", "8046", "-h", "/www");
					expect(await failure(taken)).to.match(/Address already in use/i);
					const wire = new Resource("VethAttachment", "modes-refused").create({ container: "modes-host", bridge: "br-modes" });
					expect(await failure(wire)).to.match(/found "modes-host" in the host's own network, expected one of its own/);
				},
			),
			cell("at the host's address", () => answers("h2", h1, 8046, ["host", h2])),
			cell("nothing to lose", async () => {
				await restart("host");
				await answersAgain("h2", h1, 8046, "host");
			}),
			cell("programs that need the host's own network", async () => expect(await linksOf("host")).to.include("br-modes")),
		),
		"`none`": row(
			cell("loopback only", async () => expect(await linksOf("bare")).to.deep.equal(["lo"])),
			cell("none", () => silent("bare", h1, 8046)),
			cell("none", () => silent("bare", "10.45.0.12")),
			cell("none", () => silent("bare", h2, 8048)),
			cell("nothing to lose", async () => {
				await restart("bare");
				expect(await linksOf("bare")).to.deep.equal(["lo"]);
			}),
			cell("no network at all, or netplumb's alone", async () =>
				expect((await linksOf("none")).sort()).to.deep.equal(["eth1", "lo"]),
			),
		),
		"`container:<id>`": row(
			cell("its owner's", async () => expect(await netns("shared")).to.equal(await netns("none"))),
			cell("its owner's; each port is taken once in the pair", () => answers("h1", "10.45.0.12", 8080, ["shared", "10.45.0.1"])),
			cell("its owner's; the two meet at localhost; netplumb attaches the owner, and refuses the other", async () => {
				await answers("shared", "127.0.0.1", 80, ["none", "127.0.0.1"]);
				await answers("none", "127.0.0.1", 8080, ["shared", "127.0.0.1"]);
				await answers("bridge", "10.45.0.12", 8080, ["shared", "10.45.0.10"]);
				const wire = new Resource("VethAttachment", "modes-refused").create({ container: "modes-shared", bridge: "br-modes" });
				expect(await failure(wire)).to.match(/shares the network of container .*, expected the owner of that network/);
			}),
			cell("its owner's", () => silent("h2", "10.45.0.12", 8080)),
			cell("back with its owner's network; when the owner restarts, it is cut off until it is restarted too", async () => {
				await restart("shared");
				expect(await netns("shared")).to.equal(await netns("none"));
				await restart("none");
				expect(await netns("shared")).to.not.equal(await netns("none"));
				await repair();
				await silent("bridge", "10.45.0.12", 8080);
				await restart("shared");
				await answersAgain("bridge", "10.45.0.12", 8080, "shared");
			}),
			cell("a helper beside one service", () => answers("shared", "127.0.0.1", 80, ["none", "127.0.0.1"])),
		),
		"netplumb: `VethAttachment` and `StaticContainerIp` on an `OvsBridge`": row(
			cell("declared", async () => {
				const found = JSON.parse(await inside("modes-none", "ip", "-j", "address", "show", "dev", "eth1"));
				expect(found[0].addr_info[0]).to.include({ local: "10.45.0.12", prefixlen: 24 });
			}),
			cell("the host itself, at the bridge's address; nothing beyond it", async () => {
				await answers("none", "10.45.0.1", 8046, ["host", "10.45.0.12"]);
				await answers("h1", "10.45.0.12", 80, ["none", "10.45.0.1"]);
				await silent("none", h2, 8048);
				await silent("h2", "10.45.0.12");
			}),
			cell("with all on the bridge and VLAN, whatever their mode is in Docker", async () => {
				await answers("none", "10.45.0.10", 80, ["bridge", "10.45.0.12"]);
				await answers("none", "10.45.0.11", 80, ["network", "10.45.0.12"]);
				await answers("bridge", "10.45.0.11", 80, ["network", "10.45.0.10"]);
			}),
			cell("none", () => silent("h2", "10.45.0.12")),
			// The half of it that needs the host's agent: tests/heal/heal.spec.ts.
			cell("the host [puts it back](healing.md); with `heal: false`, `up --refresh` does", async () => {
				await restart("none");
				expect(await linksOf("none")).to.deep.equal(["lo"]);
				await repair();
				await answersAgain("bridge", "10.45.0.12", 80, "none");
				await restart("shared");
			}),
			cell("fixed addresses, VLANs, and one network for containers of different modes", () =>
				answers("bridge", "10.45.0.11", 80, ["network", "10.45.0.10"]),
			),
		),
		"netplumb: the same on a bridge with an uplink": row(...withUplink(cell, { h1, h2 })),
		"netplumb: the same on an `OverlayNetwork`": row(...tunnelCells(cell, { h1, h2 }, { answers, silent })),
		"netplumb: the same on an `IsolatedNetwork`": row(...isolatedCells(cell, { h1, h2 }, { answers, silent })),
		"netplumb: `NatPublish`": row(...publishedCells(cell, { h1, h2 }, { answers, silent })),
	};
}

/** On the lab's hosts, br-phy is a bridge with an uplink: the network between them. */
function withUplink(cell: (text: string, proof: () => Promise<unknown>) => Cell, { h1, h2 }: Places): Cell[] {
	const address = h1.replace(/\d+$/, "99");
	const attached = async (work: () => Promise<unknown>) => {
		const wire = await new Resource("VethAttachment", "modes-lan").create({ container: "modes-bare", bridge: "br-phy" });
		const ip = await new Resource("StaticContainerIp", "modes-lan").create({
			container: "modes-bare",
			interface: "eth1",
			addresses: [`${address}/24`],
		});
		// A restart has ended the server.
		await on("h1", "docker", "exec", "-d", "modes-bare", "sh", "-c", "httpd -p 80 -h /www 2>/dev/null");
		await work();
		await ip.delete();
		await wire.delete();
	};
	return [
		cell("declared, in the subnet of the network outside", () =>
			attached(async () => expect((await link("eth1", "modes-bare"))!.addr_info[0]!.local).to.equal(address)),
		),
		cell("as a machine of its own, without NAT", () =>
			attached(async () => {
				await answers("bare", h2, 8048, ["there", address]);
				await answers("h2", address, 80, ["bare", h2]);
			}),
		),
		cell("with all on the bridge and VLAN, the host among them", () =>
			attached(() => answers("bare", h1, 8046, ["host", address])),
		),
		cell("directly, on layer 2", () => attached(() => answers("h2", address, 80, ["bare", h2]))),
		cell("as above", () =>
			attached(async () => {
				await restart("bare");
				expect(await linksOf("bare")).to.deep.equal(["lo"]);
			}),
		),
		cell("containers that are machines on your network", () => attached(() => answers("h2", address, 80, ["bare", h2]))),
	];
}
