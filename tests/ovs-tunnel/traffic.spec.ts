import { expect } from "chai";
import { on, useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { bulk, fits, useSites } from "../support/sites";
import { address, between, useBridges, V6, wire } from "./fixture";

describe("traffic through an OvsTunnel", function () {
	this.timeout(90_000);
	useLab(2);
	useBridges("h1", "h2");
	useResources();
	const [a, b] = useSites("tt", "h1", "h2") as [never, never];

	const underlay = (verb: string) =>
		Promise.all(
			["h1", "h2"].map((host) =>
				on(host, "ip", "address", verb, `${V6[host]}/64`, "dev", "br-phy", ...(verb === "add" ? ["nodad"] : [])),
			),
		);
	before(() => underlay("add"));
	after(() => underlay("delete"));

	const cases = [
		{ type: "vxlan", key: 7, costs: 50 },
		{ type: "geneve", key: 7, costs: 50 },
		{ type: "gre", key: 7, costs: 42 },
		{ type: "gre", costs: 38 },
		{ type: "vxlan", key: 7, port: 8472, csum: true, tos: "inherit", ttl: 9, df: true, costs: 50 },
	];
	for (const { costs, ...args } of cases)
		for (const outer of ["IPv4", "IPv6"] as const) {
			const mtu = 1500 - costs - (outer === "IPv6" ? 20 : 0);
			it(`is TCP both ways and whole packets: ${Object.values(args).join(" ")} over ${outer}`, async () => {
				const ends = await between(args, outer === "IPv6" ? (host) => V6[host]! : address);
				for (const end of ends) {
					expect(end.state["mtu"]).to.equal(mtu);
					expect(await end.read()).to.deep.equal([]);
				}
				await wire(a, ["10.71.0.1/24", "fd00:71::1/64"], mtu);
				await wire(b, ["10.71.0.2/24", "fd00:71::2/64"], mtu);
				for (const far of ["10.71.0.2", "fd00:71::2"]) {
					expect(await fits(a, far, mtu), `${mtu} bytes to ${far}`).to.equal(true);
					expect(await fits(a, far, mtu + 1), `${mtu + 1} bytes to ${far}`).to.equal(false);
					const { there, back } = await bulk(a, b, far);
					expect(Math.min(there, back), `bytes to and from ${far}`).to.be.greaterThan(200_000);
				}
			});
		}
});
