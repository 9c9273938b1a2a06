import { run } from "./run";

interface Network {
	/** The network's address as a number. */
	base: number;
	length: number;
}

const toNumber = (address: string): number => address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);

function parse(cidr: string): Network | undefined {
	const match = /^(\d+\.\d+\.\d+\.\d+)(?:\/(\d+))?$/.exec(cidr);
	return match ? { base: toNumber(match[1]!), length: Number(match[2] ?? 32) } : undefined;
}

function overlap(a: Network, b: Network): boolean {
	const size = 2 ** (32 - Math.min(a.length, b.length));
	return Math.floor(a.base / size) === Math.floor(b.base / size);
}

/** "10.99.7.0/24" → "10.99.7". The lab's hosts count in the last byte, so only /24 will do. */
function checkedNetwork(subnet: string): string {
	const bytes = /^(\d+)\.(\d+)\.(\d+)\.0\/24$/.exec(subnet)?.slice(1).map(Number);
	if (bytes === undefined || bytes.some((byte) => byte > 255)) {
		throw new Error(`The lab's subnet must look like 10.99.0.0/24, not ${subnet}.`);
	}
	return bytes.join(".");
}

/**
 * The networks that a new lab may take, best first: the wanted one, or every free 10.99.x. A route wider than /16 does not
 * count as use: it only covers (a VPN's 10.0.0.0/8 would else leave nothing), and the lab's own /24 goes before it.
 */
export async function freeNetworks(wanted?: string): Promise<{ network: string; link: string }[]> {
	const routes = JSON.parse(await run(["ip", "-j", "-4", "route", "show", "table", "all"])) as { dst?: string }[];
	const links = JSON.parse(await run(["ip", "-j", "link"])) as { ifname: string }[];
	const used = routes.map((route) => parse(route.dst ?? "")).filter((network) => network !== undefined && network.length >= 16);
	const candidates = wanted ? [checkedNetwork(wanted)] : Array.from({ length: 256 }, (_, byte) => `10.99.${byte}`);
	const free = candidates
		.map((network) => ({ network, link: `nplab${network.split(".")[2]}` }))
		.filter(({ network }) => !used.some((other) => overlap(other!, parse(`${network}.0/24`)!)))
		.filter(({ link }) => !links.some(({ ifname }) => ifname === link));
	if (free.length === 0) {
		throw new Error(
			wanted ? `${wanted} (or its link name) is in use on this machine.` : "No free 10.99.x.0/24: choose a --subnet.",
		);
	}
	return free;
}
