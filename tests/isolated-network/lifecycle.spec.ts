// What an isolated network leaves as it found it: everything of others, and in the end everything.
import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { useLab } from "../support/lab";
import { Resource, useResources } from "../support/resource";
import { everything, leavesNoTrace, sh } from "../support/wiring";
import { network } from "./fixture";

/** As ufw and people write them: chains that FORWARD and INPUT jump to, rules in DOCKER-USER, and a table with hooks of its own. */
const PLANT = `
iptables -N ufw-before-input; iptables -A ufw-before-input -i lo -j ACCEPT; iptables -A INPUT -j ufw-before-input
iptables -N ufw-before-forward; iptables -A ufw-before-forward -p icmp -j ACCEPT; iptables -A FORWARD -j ufw-before-forward
iptables -I DOCKER-USER -s 203.0.113.5 -j DROP
nft add chain inet foreign forward '{ type filter hook forward priority -7; }'
nft add set inet foreign blocked '{ type ipv4_addr; flags interval; }'
nft add element inet foreign blocked '{ 203.0.113.0/25 comment "mine" }'
nft add rule inet foreign forward ip saddr @blocked drop comment '"mine"'`;
const REMOVE = `
iptables -D INPUT -j ufw-before-input; iptables -F ufw-before-input; iptables -X ufw-before-input
iptables -D FORWARD -j ufw-before-forward; iptables -F ufw-before-forward; iptables -X ufw-before-forward
iptables -D DOCKER-USER -s 203.0.113.5 -j DROP`;

/** The rules of others, byte by byte. */
const foreign = () => sh("nft -s list table inet foreign; iptables-save | grep -v '^[#:]' | grep -v -- '--comment netplumb'");

describe("an IsolatedNetwork and what others have on the host", () => {
	useLab(1);
	useForeign();
	useResources();
	before(() => sh(PLANT));
	after(() => sh(REMOVE));

	for (const policy of ["ACCEPT", "DROP"])
		for (const damage of ["true", "nft delete table inet netplumb", "ovs-vsctl --if-exists del-br net-one"])
			it(`leaves no trace, FORWARD has ${policy}, and meanwhile: ${damage}`, async () => {
				await sh(`iptables -P FORWARD ${policy}`);
				try {
					const untouched = await foreign();
					await leavesNoTrace([], async () => {
						const one = await network("one").create({ name: "net-one", subnet: "10.70.1.0/24", egress: "internet" });
						const all = await Promise.all([
							network("two").create({ name: "net-two", subnet: "10.70.2.0/24", allow: ["net-one"], clients: "isolated" }),
							network("six").create({ name: "net-six", subnet: "fd00:70::/64", egress: "all", services: ["udp/53"] }),
							new Resource("NatPublish", "pub").create({ hostPorts: 3306, target: "10.70.1.9", localhost: true }),
						]);
						expect(await foreign()).to.equal(untouched);
						expect((await everything()).join("\n")).to.contain("table inet netplumb");
						const approved = (await sh("iptables -S DOCKER-USER")).includes("--comment netplumb");
						expect(approved, "the rule in DOCKER-USER").to.equal(policy === "DROP");
						await one.update({ name: "net-one", subnet: "10.70.3.0/24", egress: "all", services: ["tcp/22"] });
						expect(await foreign()).to.equal(untouched);
						await sh(damage);
						await Promise.all([...all.reverse(), one].map((each) => each.delete()));
						expect(await foreign()).to.equal(untouched);
					});
				} finally {
					await sh("iptables -P FORWARD ACCEPT");
				}
			});
});
