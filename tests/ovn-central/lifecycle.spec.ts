import { expect } from "chai";
import { on, useLab } from "../support/lab";
import { address, central, leavesNoTrace, nbctl, sbctl, useOvn } from "../support/ovn";
import { failure, useResources } from "../support/resource";

const listeners = async (ask: typeof nbctl) =>
	(await ask("--bare", "--columns=target", "list", "Connection")).split("\n").filter(Boolean).sort();

describe("OvnCentral", function () {
	this.timeout(60_000);
	useLab(1);
	useOvn("h1");
	useResources();

	const basic = () => ({ address: address("h1"), tls: false });

	it("leaves no trace, and the listeners of others stay", async () => {
		await sbctl("--inactivity-probe=0", "set-connection", "ptcp:7742:127.0.0.1");
		try {
			await leavesNoTrace(["h1"], async () => {
				const one = await central().create({ ...basic(), northboundPort: 6641 });
				expect(one.state).to.include({
					southbound: `tcp:${address("h1")}:6642`,
					northbound: `tcp:${address("h1")}:6641`,
				});
				expect(await listeners(sbctl)).to.deep.equal(["ptcp:7742:127.0.0.1", `ptcp:6642:${address("h1")}`].sort());
				expect(await on("h1", "ovn-nbctl", "--timeout=5", `--db=tcp:${address("h1")}:6641`, "show")).to.equal("");
				expect(await one.read()).to.deep.equal([]);
				await one.update({ ...basic(), southboundPort: 6742 });
				expect(await listeners(nbctl)).to.deep.equal([]);
				expect(await listeners(sbctl)).to.include(`ptcp:6742:${address("h1")}`);
				expect((await one.diff({ ...basic(), southboundPort: 6742 })).changes).to.equal(false);
				await one.delete();
				await one.delete();
			});
		} finally {
			await sbctl("del-connection");
		}
	});

	it("is gone when its listeners were removed by hand, and is made once when it is made again after a crash", async () => {
		const one = await central().create(basic());
		await central().create(basic());
		expect(await listeners(sbctl)).to.deep.equal([`ptcp:6642:${address("h1")}`]);
		await sbctl("del-connection");
		expect(await one.read()).to.equal(undefined);
	});

	it("refuses an address of another host, a listener of somebody else, and databases that do not run", async () => {
		expect(await failure(central().create({ ...basic(), address: "192.0.2.99" }))).to.contain(
			"address: found no interface with 192.0.2.99",
		);
		await sbctl("set-connection", `ptcp:6642:${address("h1")}`);
		expect(await failure(central().create(basic()))).to.contain(
			`found ptcp:6642:${address("h1")} that netplumb did not make, expected none`,
		);
		await sbctl("del-connection");
		const ctl = (verb: string) => on("h1", "/usr/share/ovn/scripts/ovn-ctl", verb, "--no-monitor");
		await ctl("stop_northd");
		try {
			expect(await failure(central().create(basic()))).to.match(/ovn-nbctl gets no answer: .*; install ovn-central, or start it/);
		} finally {
			await ctl("start_northd");
		}
	});
});
