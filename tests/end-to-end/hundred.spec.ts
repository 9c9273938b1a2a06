import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { expect } from "chai";
import { hostDump } from "../support/dump";
import { on, useLab } from "../support/lab";
import { declare, makeContainers, ports, removeContainers, wired } from "../support/program";
import { discard, errorsOf, expectNoChanges, fixtureStack, logins, pings, succeed } from "../support/stacks";

interface Counters {
	address: string;
	pid: number;
	handshakes: number;
	roundTrips: number;
}

// Ten containers with ten wires each: a hundred containers would only cost time.
const names = Array.from({ length: 10 }, (_, index) => `many-${index}`);
const folder = mkdtempSync(path.join(os.tmpdir(), "netplumb-stats-"));
const stats = path.join(folder, "stats");

function program(addressed = true) {
	const all = wired(names);
	const wires = names.flatMap((container, index) =>
		Array.from({ length: 10 }, (_, wire) => {
			const addresses = [`10.${60 + wire}.0.${index + 1}/24`];
			return [
				`${container}-${wire}`,
				{ container, interface: `eth${wire}`, vlan: 100 + wire, ...(addressed && { addresses }) },
			] as const;
		}),
	);
	return { ...all, wires: Object.fromEntries(wires) as typeof all.wires };
}

describe("a hundred attachments on one host", function () {
	this.timeout(180_000);
	useLab(1);

	const stack = fixtureStack("wires", { env: { NETPLUMB_STATS: stats } });
	let untouched: unknown;

	before(async () => {
		await makeContainers("h1", names);
		untouched = await hostDump("h1");
	});
	after(async () => {
		await discard(stack);
		await removeContainers("h1", names);
		rmSync(folder, { recursive: true });
	});

	function counted(): Counters {
		const lines = readFileSync(stats, "utf8").trim().split("\n");
		rmSync(stats);
		const all = lines.map((line) => JSON.parse(line) as Counters);
		expect(new Set(all.map(({ pid, address }) => `${pid} ${address}`)).size).to.equal(1);
		return all.reduce((most, one) => (one.roundTrips > most.roundTrips ? one : most));
	}

	it("are made but for the one that the kernel refuses, which says so once", async () => {
		const bad = program();
		// The broadcast address is no gateway: only the kernel knows.
		bad.wires["many-3-4"]!.routes = [{ to: "10.99.99.0/24", via: "10.64.0.255" }];
		await declare(stack, bad);
		const before = await logins("h1");
		const result = await stack.up(["-p", "100"]);
		expect(result.exitCode).to.not.equal(0);
		const errors = errorsOf(result);
		expect(errors, errors.join("\n")).to.have.length(1);
		expect(errors[0]).to.contain("route 10.99.99.0/24 of container many-3 via 10.64.0.255");
		expect(result.summary.create).to.be.oneOf([0, 201]);
		expect(await ports("h1")).to.have.length(100);
		expect((await logins("h1")) - before).to.equal(1);
		const { roundTrips, handshakes } = counted();
		console.log(`      100 attachments and 100 addresses, one of them bad: ${handshakes} handshake, ${roundTrips} round trips`);
	});

	it("lets the next up mend that one and touch no other", async () => {
		const generation = await on("h1", "ovs-vsctl", "--columns=_uuid", "list", "Port");
		await declare(stack, program());
		const { summary } = await succeed(stack, "up", ["-p", "100"]);
		expect(summary.create + summary.update).to.equal(1);
		expect(await on("h1", "ovs-vsctl", "--columns=_uuid", "list", "Port")).to.equal(generation);
		expect(await pings("h1", "many-3", "10.64.0.1")).to.equal(true);
		await expectNoChanges(stack);
	});

	it("go in one connection and few round trips, and leave nothing", async () => {
		rmSync(stats, { force: true });
		const before = await logins("h1");
		await succeed(stack, "destroy", ["-p", "100"]);
		const { roundTrips, handshakes } = counted();
		console.log(`      destroy: ${handshakes} handshake, ${roundTrips} round trips`);
		expect(await hostDump("h1")).to.deep.equal(untouched);
		expect({ handshakes, logins: (await logins("h1")) - before }).to.deep.equal({ handshakes: 1, logins: 1 });
		expect(roundTrips).to.be.at.most(40);
	});

	it("come in one connection and at most forty round trips", async () => {
		const before = await logins("h1");
		await declare(stack, program(false));
		expect((await succeed(stack, "up", ["-p", "100"])).summary.create).to.equal(102);
		const { roundTrips, handshakes } = counted();
		console.log(`      up: ${handshakes} handshake, ${roundTrips} round trips`);
		expect({ handshakes, logins: (await logins("h1")) - before }).to.deep.equal({ handshakes: 1, logins: 1 });
		expect(roundTrips).to.be.at.most(40);
		await succeed(stack, "destroy", ["-p", "100"]);
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
