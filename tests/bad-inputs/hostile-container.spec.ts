// A container whose programs and files are traps: netplumb enters its network alone, with the host's programs.
import { expect } from "chai";
import { makeContainer, useLab } from "../support/lab";
import { Resource, useResources } from "../support/resource";
import { addresses, removeContainers, sh } from "../support/wiring";

const NAME = "hostile-1";

/** Every program that netplumb uses, and the shell last: whoever runs one leaves a mark in the container. */
const TRAPS = `
mkdir -p /etc /lib /usr/sbin /sbin
mkdir /t && cp /bin/busybox /t/busybox
for tool in ip nsenter nft ovs-vsctl ethtool conntrack docker iptables flock awk cat dd timeout printf id sysctl; do
	for folder in /bin /sbin /usr/sbin; do
		rm -f "$folder/$tool" 2>/dev/null
		printf '#!/t/busybox sh\\n: >/trapped\\n' >"$folder/$tool"
		/t/busybox chmod 755 "$folder/$tool"
	done
done
echo /trap.so >/etc/ld.so.preload
ln -sf /trapped /etc/iproute2
ln -sf /trapped /etc/resolv.conf.np
/t/busybox rm -f /bin/sh
printf '#!/t/busybox sh\\n: >/trapped\\n' >/bin/sh
/t/busybox chmod 755 /bin/sh`;

describe("a container full of traps", function () {
	this.timeout(60_000);
	useLab(1);
	useResources();
	before(async () => {
		await removeContainers(NAME);
		await makeContainer("h1", NAME, "--network", "bridge");
		await sh('docker exec "$1" sh -c "$2"', NAME, TRAPS);
	});
	after(() => removeContainers(NAME));

	it("is wired, changed, refreshed and unwired, and none of it is run or written", async () => {
		const trapped = () =>
			sh('[ -e "/proc/$(docker inspect -f "{{.State.Pid}}" "$1")/root/trapped" ] && echo trapped || echo none', NAME);
		const bridge = await new Resource("OvsBridge", "br").create({ name: "hostile-br" });
		const wire = await new Resource("VethAttachment", "w").create({ container: NAME, bridge: "hostile-br" });
		const one = { container: NAME, interface: "eth1", addresses: ["10.68.0.2/24"], gateway: "10.68.0.1", defaultRoute: true };
		const ip = await new Resource("StaticContainerIp", "ip").create(one);
		expect(await addresses("eth1", NAME)).to.deep.equal(["10.68.0.2/24"]);
		await ip.update({ ...one, addresses: ["10.68.0.3/24"] });
		for (const made of [bridge, wire, ip]) expect(await made.read()).to.deep.equal([]);
		for (const made of [ip, wire, bridge]) await made.delete();
		expect(await trapped()).to.equal("none");
		// The traps do work.
		await sh('docker exec "$1" ip link >/dev/null 2>&1 || :', NAME);
		expect(await trapped()).to.equal("trapped");
	});
});
