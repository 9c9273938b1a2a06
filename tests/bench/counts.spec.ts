// What wiring costs, in things that can be counted: they do not depend on how busy the machine is, so they may fail a test.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect } from "chai";
import { type Relay, startRelay } from "../../lab/index";
import { lifecycle } from "../../provider/v1";
import { labHost, makeContainer, on, useLab } from "../support/lab";

const CONTAINERS = Array.from({ length: 5 }, (_, index) => `counted-${index}`);
const WIRES = CONTAINERS.flatMap((container, at) => [1, 2, 3, 4].map((wire) => ({ container, at, wire })));
const BRIDGE = "br-counted";

type Props = Record<string, unknown>;
interface Made {
	kind: "VethAttachment" | "StaticContainerIp";
	id: string;
	outs: Props;
}
interface Cost {
	handshakes: number;
	roundTrips: number;
	kilobytes: number;
	processes: number;
}

describe("twenty attachments and twenty addresses on one host", () => {
	useLab(1);

	const folder = mkdtempSync(path.join(os.tmpdir(), "netplumb-counts-"));
	const stats = path.join(folder, "stats");
	let relay: Relay;
	let made: Made[] = [];

	before(async () => {
		process.env["NETPLUMB_STATS"] = stats;
		await Promise.all(CONTAINERS.map((name) => makeContainer("h1", name)));
		await on("h1", "ovs-vsctl", "--", "add-br", BRIDGE, "--", "set", "Bridge", BRIDGE, "datapath_type=netdev");
		relay = await startRelay({ target: labHost().address, delayMs: 0 });
	});
	after(async () => {
		delete process.env["NETPLUMB_STATS"];
		await relay.close();
		await on("h1", "ovs-vsctl", "--if-exists", "del-br", BRIDGE);
		await on("h1", "docker", "rm", "-f", ...CONTAINERS);
		rmSync(folder, { recursive: true });
	});

	const host = () => labHost("h1", { address: "127.0.0.1", port: relay.port, heal: false });

	async function create(kind: Made["kind"], name: string, args: Props): Promise<Made> {
		const provider = lifecycle(kind);
		const { inputs, failures } = await provider.check({}, { host: host(), owner: `bench/counts/${name}`, ...args });
		expect(failures).to.deep.equal([]);
		return { kind, ...(await provider.create(inputs)) };
	}

	async function cost(work: () => Promise<unknown>): Promise<Cost> {
		const processes = async () => Number(await on("h1", "cat", "/proc/sys/kernel/ns_last_pid"));
		const counters = () => {
			const last = readFileSync(stats, { encoding: "utf8", flag: "a+" }).trim().split("\n").at(-1);
			return last ? (JSON.parse(last) as { handshakes: number; roundTrips: number }) : { handshakes: 0, roundTrips: 0 };
		};
		const before = { ...counters(), bytes: relay.bytes, processes: await processes() };
		await work();
		const after = { ...counters(), bytes: relay.bytes, processes: await processes() };
		const spent = {
			handshakes: after.handshakes - before.handshakes,
			roundTrips: after.roundTrips - before.roundTrips,
			kilobytes: Math.ceil((after.bytes - before.bytes) / 1024),
			processes: after.processes - before.processes,
		};
		console.log(
			`      ${Object.entries(spent)
				.map(([what, number]) => `${number} ${what}`)
				.join(", ")}`,
		);
		return spent;
	}

	function expectAtMost(spent: Cost, most: Cost): void {
		for (const [what, number] of Object.entries(spent)) expect(number, what).to.be.at.most(most[what as keyof Cost]);
	}

	const wire = async ({ container, at, wire: number }: (typeof WIRES)[number]) => {
		const place = { container, interface: `eth${number}` };
		const attachment = await create("VethAttachment", `wire-${at}-${number}`, { ...place, bridge: BRIDGE });
		const addresses = [`10.${70 + number}.0.${at + 10}/24`];
		return [attachment, await create("StaticContainerIp", `ip-${at}-${number}`, { ...place, addresses })];
	};
	const remove = async () => {
		for (const kind of ["StaticContainerIp", "VethAttachment"] as const)
			await Promise.all(made.filter((one) => one.kind === kind).map(({ id, outs }) => lifecycle(kind).delete(id, outs)));
	};

	it("are made with few round trips, processes and bytes", async () => {
		expectAtMost(
			await cost(async () => {
				made = (await Promise.all(WIRES.map(wire))).flat();
			}),
			{ handshakes: 1, roundTrips: 4, kilobytes: 250, processes: 150 },
		);
	});

	it("are looked at in one round trip", async () => {
		await setTimeout(300); // until the last look of the wave before is forgotten
		const refresh = () => Promise.all(made.map(({ kind, id, outs }) => lifecycle(kind).read(id, outs)));
		expectAtMost(await cost(refresh), { handshakes: 0, roundTrips: 1, kilobytes: 90, processes: 40 });
	});

	it("are small in the state", () => {
		const bytes = made.map(({ outs }) => JSON.stringify(outs).length);
		console.log(`      ${Math.max(...bytes)} bytes at most`);
		expect(Math.max(...bytes)).to.be.at.most(500);
	});

	it("are deleted as cheaply", async () => {
		expectAtMost(await cost(remove), { handshakes: 0, roundTrips: 3, kilobytes: 100, processes: 60 });
	});

	it("are made four at a time with hardly more round trips than scripts that work", async () => {
		const left = [...WIRES];
		made = [];
		const worker = async () => {
			for (let next = left.shift(); next; next = left.shift()) made.push(...(await wire(next)));
		};
		const spent = await cost(async () => {
			await Promise.all([worker(), worker(), worker(), worker()]);
		});
		await remove();
		expectAtMost(spent, { handshakes: 0, roundTrips: 12, kilobytes: 400, processes: 170 });
	});
});
