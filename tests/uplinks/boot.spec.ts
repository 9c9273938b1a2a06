// What boots: always the host's own wiring. With a stand-in for systemd, since the lab's hosts have none.
import { expect } from "chai";
import { labReboot } from "../../lab";
import { labDir, useLab } from "../support/lab";
import { useResources } from "../support/resource";
import { args, BRIDGE, clean, expectAsBefore, facts, HOST, onPlain, uplink } from "./fixture";

const DROP_IN = "/etc/systemd/system/ovs-vswitchd.service.d/netplumb.conf";
const wiring = () => onPlain("ip -4 -o address show scope global dev eth0; ip route show default");
const ports = () => onPlain(`ovs-vsctl list-ports ${BRIDGE}`);

describe("a host with a moved address that boots", function () {
	this.timeout(60_000);
	useLab(1, 1);
	useResources();
	before(clean);
	after(clean);

	it("comes up with its own wiring, and up moves the address again", async () => {
		const before = await wiring();
		const one = await uplink().create(args());
		await labReboot(HOST, { dir: labDir });
		expect(await wiring()).to.equal(before);
		expect(await ports()).to.equal("");
		expect((await one.read())?.join()).to.contain("from eth0 to bridge br-up");
		await one.update(args());
		expect(await one.read()).to.deep.equal([]);
		expect(await ports()).to.equal("eth0");
		await one.delete();
		expect(await wiring()).to.equal(before);
	});

	describe("with systemd", () => {
		before(() =>
			onPlain(`mkdir -p /run/systemd/system && mount -t tmpfs tmpfs /usr/local/sbin
				printf '#!/bin/sh\\necho "$@" >>/run/said\\nwhile case $1 in --*) true;; *) false;; esac; do shift; done\\nsetsid "$@" &\\n' >/usr/local/sbin/systemd-run
				printf '#!/bin/sh\\necho systemctl "$@" >>/run/said\\n' >/usr/local/sbin/systemctl
				chmod 755 /usr/local/sbin/*`),
		);
		after(() => onPlain("umount /usr/local/sbin 2>/dev/null || true; rm -rf /run/systemd /run/said"));

		it("gives the guard to systemd, and the boot to a drop-in that goes with the last bridge", async () => {
			const before = await facts();
			const one = await uplink().create(args());
			expect(await onPlain("cat /run/said")).to.match(
				/^--quiet --collect --unit=netplumb-guard-[0-9a-f]{16} sh \/run\/netplumb\/guard-[0-9a-f]{16}\/rollback watch$/m,
			);
			expect(await onPlain(`cat ${DROP_IN}`)).to.contain("[Service]\nExecStartPre=-/bin/sh /var/lib/netplumb/boot");
			// Confirmed, it outlives restarts of Open vSwitch, which some distributions begin by dropping transient ports.
			expect(await onPlain("ovs-vsctl get port eth0 other_config")).to.equal("{}");
			expect(await one.read()).to.deep.equal([]);
			await onPlain("sh /var/lib/netplumb/boot");
			expect(await ports()).to.equal("eth0");
			await one.delete();
			expect(await onPlain("tail -n 1 /run/said")).to.equal("systemctl daemon-reload");
			await expectAsBefore(before);
		});

		it("drops the port when it boots", async () => {
			const before = await wiring();
			const one = (await uplink().create(args())).release();
			await labReboot(HOST, { dir: labDir });
			expect([await wiring(), await ports()]).to.deep.equal([before, ""]);
			await one.delete();
			expect(await onPlain(`ls ${DROP_IN} /var/lib/netplumb 2>/dev/null || true`)).to.equal("");
		});
	});
});
