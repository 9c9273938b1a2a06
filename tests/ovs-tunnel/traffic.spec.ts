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
				on(host, "ip", "address", verb, `${V6[host]}/64`, "dev", "br-phy", ...(verb === "replace" ? ["nodad"] : [])),
			),
		);
	before(() => underlay("replace"));
	after(() => underlay("delete"));

	const full = { port: 8472, csum: true, tos: "inherit", ttl: 9, df: true };
	const cases = [
		{ type: "vxlan", key: 7, outer: "IPv4", costs: 50 },
		{ type: "geneve", key: 7, outer: "IPv4", costs: 50 },
		{ type: "gre", key: 7, outer: "IPv4", costs: 42 },
		{ type: "gre", outer: "IPv4", costs: 38 },
		{ type: "vxlan", key: 7, ...full, outer: "IPv6", costs: 70 },
		{ type: "geneve", outer: "IPv6", costs: 70 },
		{ type: "gre", key: 7, outer: "IPv6", costs: 62 },
	];
	for (const { costs, outer, ...args } of cases) {
		const mtu = 1500 - costs;
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
				expect(await fits(a, far, mtu + 1, 1), `${mtu + 1} bytes to ${far}`).to.equal(false);
				expect(await bulk(a, b, far), `bytes to ${far}`).to.be.greaterThan(1_000_000);
			}
			for (const near of ["10.71.0.1", "fd00:71::1"])
				expect(await bulk(b, a, near), `bytes to ${near}`).to.be.greaterThan(1_000_000);
		});
	}
});
