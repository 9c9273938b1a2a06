// No packet that is not declared passes a boundary, whatever happens to Docker beside it: captured at every receiver, while everybody
// sends without a pause. NETPLUMB_ROUNDS says how often everything is restarted and changed: 3 unless set.
import { expect } from "chai";
import { restartDocker, useLiveRestore } from "../support/dockerd";
import { expectTrouble } from "../support/hygiene";
import { useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { sh } from "../support/wiring";
import { seen, send, watch } from "./capture";
import { NETWORKS, PORT, useNetworks } from "./fixture";

const ROUNDS = Number(process.env["NETPLUMB_ROUNDS"] ?? 3);

/** From whom to whom: b lets in a only, and opens nothing; d may go to public addresses, which none of these is. */
const FORBIDDEN: Record<string, string[]> = {
	b: ["a", "c1", "d", "u", "k", "n", "h1", "h2"],
	d: ["a", "u", "k", "n", "h1", "h2"],
	...Object.fromEntries(["c1", "u", "k", "n", "h2"].map((from) => [from, ["b", "d"]])),
};
const receivers = ["a", "b", "c1", "d", "u", "k", "n", "h1", "h2"];
const now = () => Date.now() / 1000;
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

describe("the boundary of isolated networks, captured", function () {
	this.timeout(60_000 + ROUNDS * 20_000);
	useLab(2);
	expectTrouble("it flushes all rules, those of others too", /gone: (?:others: (?:table|\t|})|-A INPUT)/);
	expectTrouble(
		"it restarts dockerd",
		/dockerd: level=(?:error|warning) msg="(?:Failed to get event|Error while testing if containerd API is ready)/,
	);
	useResources();
	useLiveRestore();
	const { addresses, networks } = useNetworks();

	before(async () => {
		const members = "dst net 10.70.2.0/24 or dst net 10.70.4.0/24";
		for (const end of receivers) {
			// What the host answers shows what its services got, over UDP: a TCP answer is repeated when the way is closed meanwhile.
			if (end === "h1")
				await watch(end, `udp and src port ${PORT} and (src host ${addresses["h1"]} or src host 10.70.2.1) and (${members})`);
			else await watch(end, `dst host ${addresses[end]} and dst port ${PORT}`);
		}
		await send("a", [addresses["b"]!]);
		for (const [from, targets] of Object.entries(FORBIDDEN))
			await send(from, [...targets.map((to) => addresses[to]!), "10.70.2.1"]);
		await pause(1);
	});

	/** Packets at each receiver that nobody declared, from whom; and those that are declared. */
	async function arrived(since = 0): Promise<{ forbidden: Record<string, string[]>; last: number; allowed: number }> {
		const forbidden: Record<string, string[]> = {};
		let [last, allowed] = [0, 0];
		for (const end of receivers)
			for (const { at, from } of await seen(end, since)) {
				if (end === "b" && from === addresses["a"]) allowed++;
				else {
					forbidden[end] = [...new Set([...(forbidden[end] ?? []), from])];
					last = Math.max(last, at);
				}
			}
		return { forbidden, last, allowed };
	}

	const declared: Record<string, Record<string, unknown>> = structuredClone(NETWORKS);
	const all = () => Object.values(networks);

	it(`passes nothing else in ${ROUNDS} rounds of restarts of dockerd, changes of its networks, and updates`, async () => {
		for (let round = 0; round < ROUNDS; round++) {
			const start = now();
			await restartDocker();
			await sh("docker network create iso-round >/dev/null");
			declared["netb"]!["services"] = [`udp/${1000 + round}`];
			await networks["netb"]!.update({ name: "netb", ...declared["netb"] });
			await sh("docker network rm iso-round >/dev/null");
			await Promise.all(all().map((one) => one.read()));
			const { forbidden, allowed } = await arrived();
			expect(forbidden, `round ${round}`).to.deep.equal({});
			const during = await arrived(start);
			expect(during.allowed, "a to b").to.be.greaterThan(5);
			expect(allowed).to.be.greaterThan(0);
		}
		console.log(`      ${ROUNDS} rounds: ${(await arrived()).allowed} packets from a to b, none from others`);
	});

	for (const damage of ["nft flush ruleset", "nft delete table inet netplumb"])
		it(`is closed again by the next update after: ${damage}`, async () => {
			await restartDocker();
			const start = now();
			await sh(damage);
			let open = await arrived(start);
			for (let tries = 0; tries < 40 && Object.keys(open.forbidden).length < 3; tries++) {
				await pause(0.1);
				open = await arrived(start);
			}
			expect(Object.keys(open.forbidden).length, "the captures see what passes").to.be.greaterThan(2);
			await pause(1);
			const asked = now();
			for (const network of all()) {
				expect(await network.read()).to.not.deep.equal([]);
				await network.update({ name: network.name, ...declared[network.name] });
			}
			const closed = now();
			await pause(1);
			const { last } = await arrived(start);
			expect((await arrived(closed)).forbidden, "flows that began in the gap end with it").to.deep.equal({});
			console.log(
				`      ${damage}: closed ${(last - start).toFixed(2)} s after it; refresh and update took ${(closed - asked).toFixed(2)} s of these`,
			);
		});
	// Docker writes its own rules again.
	after(() => restartDocker());
});
