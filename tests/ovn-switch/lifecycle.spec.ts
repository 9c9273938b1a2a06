import { expect } from "chai";
import { labHost, on, useLab } from "../support/lab";
import { address, central, leavesNoTrace, nbctl, useOvn } from "../support/ovn";
import { failure, Resource, useResources } from "../support/resource";

const drop = { direction: "to-lport", priority: 1000, match: "ip4.dst == 10.72.0.6", action: "drop" };
const allow = {
	direction: "to-lport",
	priority: 1001,
	match: "ip4.dst == 10.72.0.6 && tcp.dst == {80, 443}",
	action: "allow-related",
};
const acls = async (name: string) => (await nbctl("acl-list", name)).split("\n").map((line) => line.trim().replace(/\s+/g, " "));

describe("OvnSwitch", function () {
	this.timeout(60_000);
	useLab(2);
	useOvn("h1");
	useResources();

	const network = (name = "apps", more = {}) => new Resource("OvnSwitch", name, more);

	it("leaves no trace, and what others have in the database is not touched", async () => {
		await nbctl(
			"ls-add",
			"theirs",
			"--",
			"lsp-add",
			"theirs",
			"theirs-port",
			"--",
			"acl-add",
			"theirs",
			"to-lport",
			"7",
			"ip4",
			"drop",
		);
		try {
			await leavesNoTrace(["h1"], async () => {
				const one = await network().create({ name: "apps", acls: [drop, allow], dns: "10.72.0.1" });
				const two = await network("second").create({});
				expect(two.state["name"]).to.match(/^second-.{7}$/);
				await one.update({ name: "apps" });
				for (const each of [one, two, one]) await each.delete();
			});
		} finally {
			await nbctl("ls-del", "theirs");
		}
	});

	it("shows its rules on the host, changes them in place, and mends them", async () => {
		const one = await network().create({ name: "apps", acls: [drop, allow], dns: "10.72.0.1" });
		expect(await acls("apps")).to.deep.equal([
			"to-lport 1001 (ip4.dst == 10.72.0.6 && tcp.dst == {80, 443}) allow-related",
			"to-lport 1000 (ip4.dst == 10.72.0.6) drop",
		]);
		expect(await one.read()).to.deep.equal([]);
		const uuid = await nbctl("get", "Logical_Switch", "apps", "_uuid");
		await one.update({
			name: "apps",
			acls: [
				{ ...drop, action: "reject" },
				{ ...allow, priority: 2000 },
			],
		});
		expect(await acls("apps")).to.deep.equal([
			"to-lport 2000 (ip4.dst == 10.72.0.6 && tcp.dst == {80, 443}) allow-related",
			"to-lport 1000 (ip4.dst == 10.72.0.6) reject",
		]);
		expect(await nbctl("get", "Logical_Switch", "apps", "_uuid")).to.equal(uuid);
		await nbctl("acl-del", "apps", "to-lport", "1000", "ip4.dst == 10.72.0.6");
		expect(await one.read()).to.deep.equal(["make ACL to-lport 1000 ip4.dst == 10.72.0.6"]);
		await one.update({ name: "apps", acls: [drop] });
		expect(await acls("apps")).to.deep.equal(["to-lport 1000 (ip4.dst == 10.72.0.6) drop"]);
		for (const changed of [{ name: "other" }, { northbound: "tcp:192.0.2.1:6641" }])
			expect((await one.diff({ name: "apps", acls: [drop], ...changed })).replaces).to.deep.equal(Object.keys(changed));
	});

	it("leads to a network outside, in a VLAN of it, which changes in place", async () => {
		const localnet = async () =>
			(await nbctl("--bare", "--columns=type,options,tag", "list", "Logical_Switch_Port")).replace(/\s+/g, " ").trim();
		const one = await network().create({ name: "apps", localnet: { network: "outside", vlan: 12 } });
		expect(await localnet()).to.equal("localnet network_name=outside 12");
		expect(await one.read()).to.deep.equal([]);
		await nbctl("lsp-set-options", "apps-localnet", "network_name=other");
		expect((await one.read())?.join()).to.contain(
			"set options:network_name outside of the way of logical switch apps to outside",
		);
		await one.update({ name: "apps", localnet: { network: "store" } });
		expect(await localnet()).to.equal("localnet network_name=store");
		await one.update({ name: "apps" });
		expect(await localnet()).to.equal("");
	});

	it("is made from another host over the network", async () => {
		await central().create({ address: address("h1"), northboundPort: 6641, tls: false });
		const from = { northbound: `tcp:${address("h1")}:6641`, host: labHost("h2", { heal: false }) };
		const one = await network("far", from).create({ name: "far" });
		expect(await nbctl("--bare", "--columns=name", "list", "Logical_Switch")).to.equal("far");
		await one.delete();
		expect(await nbctl("--bare", "--columns=name", "list", "Logical_Switch")).to.equal("");
	});

	it("is gone when it was deleted by hand, and refuses a name that is taken", async () => {
		const one = await network().create({ name: "apps" });
		expect(await failure(network("second").create({ name: "apps" }))).to.contain(
			'name: found a logical switch "apps" of another netplumb resource (lab/test/apps-',
		);
		await nbctl("ls-del", "apps");
		expect(await one.read()).to.equal(undefined);
		await nbctl("ls-add", "apps");
		expect(await failure(network().create({ name: "apps" }))).to.contain(
			'found a logical switch "apps" that netplumb did not make',
		);
		await nbctl("ls-del", "apps");
	});

	it("is not deleted under the ports of others", async () => {
		const one = await network().create({ name: "apps" });
		await nbctl("lsp-add", "apps", "theirs");
		expect(await failure(one.delete())).to.contain(
			'logical switch "apps" still has ports that are not this resource\'s: found theirs',
		);
		await nbctl("lsp-del", "theirs");
		await one.delete();
	});

	it("lets no text become another command", async () => {
		const match = `ip4.dst == 10.72.0.6 /* ", -- '$(touch /tmp/owned)' \\ */`;
		const one = await network().create({ name: "apps", acls: [{ ...drop, match }] });
		expect(await one.read()).to.deep.equal([]);
		expect(
			JSON.parse(await nbctl("get", "ACL", (await nbctl("--bare", "--columns=_uuid", "list", "ACL")).trim(), "match")),
		).to.equal(match);
		await one.delete();
		expect(await on("h1", "ls", "/tmp")).to.not.contain("owned");
	});
});
