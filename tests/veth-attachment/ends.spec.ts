import { expect } from "chai";
import { makeContainer, on, useLab } from "../support/lab";
import { itAsRoot } from "../support/login";
import { failure, useResources } from "../support/resource";
import { eventually, inside, leavesNoTrace, link, removeContainers, row, sh, startedAt, vsctl } from "../support/wiring";
import { args, attachment, useBridges } from "./fixture";

describe("the end of a VethAttachment", () => {
	useLab(1);
	useBridges();
	useResources();
	before(() => removeContainers("va-short"));
	after(() => removeContainers("va-short"));

	it("comes also when the container is gone", async () => {
		await leavesNoTrace(["va1"], async () => {
			await makeContainer("h1", "va-short");
			const one = await attachment("a").create(args({ container: "va-short" }));
			await removeContainers("va-short");
			expect((await one.read())?.join()).to.contain('found no container "va-short"');
			await one.delete();
			expect(await sh("ovs-vsctl list-ports va-br")).to.equal("");
		});
	});

	const harms: [what: string, harm: () => Promise<unknown>][] = [
		["the container was restarted", () => on("h1", "docker", "restart", "-t", "1", "va1")],
		["the port row was deleted by hand", () => vsctl("del-port", "va-h1")],
		["the port row was made again by hand", () => vsctl("del-port", "va-h1", "--", "add-port", "va-br2", "va-h1")],
		["the pair was deleted by hand", () => on("h1", "ip", "link", "delete", "va-h1")],
		["both were deleted by hand", () => sh("ip link delete va-h1; ovs-vsctl --timeout=20 del-port va-h1")],
	];
	for (const [what, harm] of harms) {
		it(`comes also after ${what}`, async () => {
			await leavesNoTrace(["va1"], async () => {
				const one = await attachment("a").create(args());
				await harm();
				await one.delete();
			});
		});
	}

	itAsRoot("gives an adopted pair back as it was", async () => {
		await sh(`ip link add va-old type veth peer name va-old1
			ip link set va-old1 netns "$(docker inspect -f '{{.State.Pid}}' va1)" name eth1
			echo 1 >/proc/sys/net/ipv6/conf/va-old/disable_ipv6
			ip link set va-old mtu 1450 up
			ovs-vsctl --timeout=20 add-port va-br va-old tag=33 -- set port va-old external_ids:owner=somebody`);
		await inside("va1", "ip", "link", "set", "eth1", "mtu", "1450", "address", "02:00:00:00:33:33");
		try {
			const wanted = args({ hostInterface: "va-old", vlan: 10, mtu: 1400, adopt: true, bridge: "va-br2" });
			expect(await failure(attachment("a").create({ ...wanted, adopt: false }))).to.contain("set adopt: true to take it over");
			await leavesNoTrace(["va1"], async () => {
				const one = await attachment("a").create(wanted);
				expect(await row("Port", "va-old", "tag", "external_ids:owner")).to.deep.equal(["10", "somebody"]);
				expect(await one.read()).to.deep.equal([]);
				await one.update({ ...wanted, vlan: 20 });
				await one.delete();
			});
			expect(await row("Port", "va-old", "tag")).to.deep.equal(["33"]);
			expect(await on("h1", "ovs-vsctl", "port-to-br", "va-old")).to.equal("va-br");
		} finally {
			await sh("ovs-vsctl --timeout=20 del-port va-old; ip link delete va-old");
		}
	});

	it("comes by itself when making it failed half-way", async () => {
		// The last step but one on the host fails, after the pair, the port and its columns are there.
		const shadow = `d=$(mktemp); chmod 755 $d; echo '#!/bin/sh
case "$*" in *va-h1*) echo "no such luck" >&2; exit 1;; esac' >$d; mount --bind $d $(command -v ethtool); rm -f $d`;
		await leavesNoTrace(["va1"], async () => {
			const one = attachment("a");
			await sh(shadow);
			try {
				const message = await failure(one.create(args({ vlan: 10 })));
				expect(message).to.match(/^host [^:]+: could not make interface eth1 of container va1 .*: no such luck$/);
			} finally {
				await sh("umount $(command -v ethtool)");
			}
			expect(one.id).to.equal("");
		});
	});

	it("does not disturb a TCP session on another interface of the container, nor does an update", async () => {
		await makeContainer("h1", "va-short", "--network=bridge");
		const started = await startedAt("va-short");
		const gateway = (await inside("va-short", "ip", "route", "show", "default")).split(" ")[2]!;
		await on(
			"h1",
			"docker",
			"exec",
			"-d",
			"va-short",
			"sh",
			"-c",
			"mkfifo /tmp/in; exec 3<>/tmp/in; sleep 0.2; nc $0 6161 <&3 >/tmp/out",
			gateway,
		);
		const server = sh(`perl -MSocket -e '
			socket(my $s, PF_INET, SOCK_STREAM, 6) or die; setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
			bind($s, sockaddr_in(6161, inet_aton($ARGV[0]))) or die; listen($s, 1);
			alarm 30; accept(my $c, $s); close($s); while (sysread($c, my $text, 100)) { syswrite($c, $text) }' ${gateway}`);
		const say = async (word: string, heard: string) => {
			await on("h1", "docker", "exec", "va-short", "sh", "-c", "echo $0 >/tmp/in", word);
			await eventually(() => on("h1", "docker", "exec", "va-short", "cat", "/tmp/out"), heard);
		};
		await eventually(() => sh("ss -Htn state established '( sport = :6161 )' | wc -l"), "1");
		await say("one", "one");
		const attached = await attachment("a").create(args({ container: "va-short" }));
		await say("two", "one\ntwo");
		await attached.update(args({ container: "va-short", bridge: "va-br2", vlan: 7, mtu: 1300 }));
		await say("three", "one\ntwo\nthree");
		await attached.delete();
		await say("four", "one\ntwo\nthree\nfour");
		expect(await startedAt("va-short")).to.equal(started);
		expect(await link("eth0", "va-short")).to.not.equal(undefined);
		await removeContainers("va-short");
		await server;
	});
});
