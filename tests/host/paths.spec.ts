// What `ip -j route get` says about the addresses that kinds ask for. The lines are recorded from iproute2 6.1.
import { expect } from "chai";
import { touches } from "../../provider/host/change";
import { parsePaths } from "../../provider/host/parse";

const recorded = {
	"10.99.3.12": '[{"dst":"10.99.3.12","dev":"br-phy","prefsrc":"10.99.3.11","flags":[],"uid":0,"cache":[]}]',
	"8.8.8.8": '[{"dst":"8.8.8.8","gateway":"10.99.3.1","dev":"br-phy","prefsrc":"10.99.3.11","flags":[],"uid":0,"cache":[]}]',
	"10.99.3.11": '[{"type":"local","dst":"10.99.3.11","dev":"lo","prefsrc":"10.99.3.11","flags":[],"uid":0,"cache":["local"]}]',
	"10.99.3.13":
		'[{"dst":"10.99.3.13","dev":"br-phy","prefsrc":"10.99.3.11","flags":[],"uid":0,"cache":[],"metrics":[{"mtu":1400}]}]',
	"fd00::1": "RTNETLINK answers: Network is unreachable",
};
const text = Object.entries(recorded)
	.map(([address, said]) => `${address} ${said} `)
	.join("\n");

describe("the way to an address", () => {
	it("is a device, a gateway, the host's own address and a route's MTU, or there is none", () => {
		expect(parsePaths(text, Object.keys(recorded))).to.deep.equal({
			"10.99.3.12": { dev: "br-phy", local: false, source: "10.99.3.11" },
			"8.8.8.8": { dev: "br-phy", local: false, via: "10.99.3.1", source: "10.99.3.11" },
			"10.99.3.11": { dev: "lo", local: true, source: "10.99.3.11" },
			"10.99.3.13": { dev: "br-phy", local: false, source: "10.99.3.11", mtu: 1400 },
			"fd00::1": "unreachable",
		});
		expect(parsePaths("", [])).to.deep.equal({});
	});

	it("is an error when the answer is missing, cut off or something else", () => {
		for (const said of ["", "[]", "[{}]", '[{"dst":"10.0.0.1"}]', recorded["8.8.8.8"].slice(0, 30), "ip: not found"])
			expect(() => parsePaths(`10.0.0.1 ${said}`, ["10.0.0.1"]), said).to.throw("ip route get cannot be understood");
		expect(() => parsePaths(text, ["10.0.0.1"])).to.throw("cannot be understood");
	});

	it("is held for one tunnel at a time, because two to one far end may be the same", () => {
		const row = (name: string) =>
			touches({ verb: "row.set", table: "Interface", row: name, columns: { "options:remote_ip": "192.0.2.2" } });
		expect(row("a").filter((object) => row("b").includes(object))).to.deep.equal(["tunnel/192.0.2.2"]);
	});
});
