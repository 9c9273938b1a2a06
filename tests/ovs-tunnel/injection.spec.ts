import { expect } from "chai";
import { arrivals, inject } from "../support/inject";
import { on, useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { type Site, useSites } from "../support/sites";
import { address, between, tunnel, useBridges, wire } from "./fixture";

const KEY = 7;

describe("frames that a third host injects into an OvsTunnel", function () {
	this.timeout(60_000);
	useLab(3);
	useBridges("h1", "h2");
	useResources();
	const [a] = useSites("tj", "h1") as [Site];

	for (const type of ["vxlan", "geneve", "gre"]) {
		it(`reach nobody with the right key; those of the declared remote arrive: ${type}`, async () => {
			await between({ type, key: KEY });
			await wire(a, ["10.71.0.1/24"], 1400);
			const send = (host: string, text: string, more = {}) =>
				inject({ host, type, key: KEY, to: address("h1"), text: `<${text}>`, ...more });
			const heard = await arrivals(a, async () => {
				await send("h2", "declared-before");
				await send("h3", "third");
				await send("h2", "wrong-key", { key: KEY + 1 });
				await send("h3", "third-again");
				await send("h2", "declared-after");
			});
			expect(heard).to.deep.equal(["<declared-before>", "<declared-after>"]);
		});
	}

	it("do not come in at another address of the host than localIp", async () => {
		const second = "198.51.100.71";
		await on("h1", "ip", "address", "add", `${second}/32`, "dev", "br-phy");
		await on("h2", "ip", "route", "add", `${second}/32`, "via", address("h1"));
		try {
			const one = await tunnel("h1").create({ type: "vxlan", key: KEY, remote: address("h2"), localIp: second });
			expect(await one.read()).to.deep.equal([]);
			await wire(a, ["10.71.0.1/24"], 1400);
			const send = (to: string, text: string) => inject({ host: "h2", type: "vxlan", key: KEY, to, text: `<${text}>` });
			const heard = await arrivals(a, async () => {
				await send(second, "local-ip");
				await send(address("h1"), "another");
				await send(second, "local-ip-again");
			});
			expect(heard).to.deep.equal(["<local-ip>", "<local-ip-again>"]);
		} finally {
			await on("h2", "ip", "route", "delete", `${second}/32`);
			await on("h1", "ip", "address", "delete", `${second}/32`, "dev", "br-phy");
		}
	});

	it("cannot be told apart when the source address is forged on the far end's own segment: that takes IPsec, or a network that drops forged packets", async () => {
		await between({ type: "vxlan", key: KEY });
		await wire(a, ["10.71.0.1/24"], 1400);
		const forged = { host: "h3", type: "vxlan", key: KEY, to: address("h1"), text: "<forged>", from: address("h2") };
		expect(await arrivals(a, () => inject(forged))).to.deep.equal(["<forged>"]);
	});
});
