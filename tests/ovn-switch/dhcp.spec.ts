import { expect } from "chai";
import { labHost, useLab } from "../support/lab";
import { cloud, leavesNoTrace, nbctl, useOvn } from "../support/ovn";
import { Resource, useResources } from "../support/resource";
import { reaches, type Site, useSites, within } from "../support/sites";
import { eventually } from "../support/wiring";

const DHCP = { subnet: "10.74.0.0/24", router: "10.74.0.1", mtu: 1442 };
/** Asks with a client of DHCP in the container's network, and prints what it was told, or "nothing". */
const ASK = `told=$(mktemp); printf '#!/bin/sh\\n[ "$1" = bound ] && echo "$ip/$mask router=$router mtu=$mtu dns=$dns lease=$lease server=$serverid" >%s\\n' "$told" >"$told.sh"
chmod +x "$told.sh"
if busybox udhcpc -i eth1 -n -q -f -t 3 -T 1 -s "$told.sh" >/dev/null 2>&1; then cat "$told"; else echo nothing; fi
rm -f "$told" "$told.sh"`;
const asks = async (site: Site) => (await within(site, "sh", "-c", ASK)).trim();

describe("DHCP of an OvnSwitch", function () {
	this.timeout(90_000);
	useLab(2);
	useOvn("h1", "h2");
	useResources();
	const [a, b] = useSites("dh", "h1", "h2") as [Site, Site];

	const network = (args: object) => new Resource("OvnSwitch", "leased").create({ name: "leased", ...args });
	const port = ({ container }: Site) => new Resource("OvnPort", container);
	const addresses = (last: number) => ({ switch: "leased", addresses: [`10.74.0.${last}`, `fd00:74::${last}`] });
	/** An interface without an address. */
	async function plugged(site: Site, last: number): Promise<Resource[]> {
		const made = await port(site).create(addresses(last));
		const { name: ovnPort, mac } = made.state;
		const wire = new Resource("VethAttachment", site.container, { host: labHost(site.host), container: site.container });
		return [await wire.create({ bridge: "br-int", mtu: 1442, mac, ovnPort }), made];
	}

	it("gives each container on each host the address of its port, router, MTU and name server, and leaves no trace", () =>
		leavesNoTrace(["h1", "h2"], async () => {
			const hosts = await cloud("h1", "h2");
			const apps = await network({ dhcp: DHCP, dns: "10.74.0.254" });
			const made = [...(await plugged(a, 5)), ...(await plugged(b, 6))];
			for (const [site, last] of [
				[a, 5],
				[b, 6],
			] as const)
				await eventually(
					() => asks(site),
					`10.74.0.${last}/24 router=10.74.0.1 mtu=1442 dns=10.74.0.254 lease=3600 server=10.74.0.1`,
				);
			// What the client was told is what the port lets through.
			await within(a, "ip", "address", "add", "10.74.0.5/24", "dev", "eth1");
			await within(b, "ip", "address", "add", "10.74.0.6/24", "dev", "eth1");
			await eventually(() => reaches(a, "10.74.0.6"), true);
			for (const one of [apps, ...made]) expect(await one.read(), one.name).to.deep.equal([]);
			for (const one of [...made, apps, hosts["h2"]!, hosts["h1"]!, hosts["central"]!]) await one.delete();
		}));

	it("comes, changes and goes in place, follows the addresses of ports, and mends what was changed by hand", async () => {
		await cloud("h1");
		const apps = await network({});
		const [, made] = await plugged(a, 5);
		const told = "router=10.74.0.1 mtu=1442 dns= lease=3600 server=10.74.0.1";
		expect(await asks(a)).to.equal("nothing");
		await apps.update({ name: "leased", dhcp: DHCP });
		await eventually(() => asks(a), `10.74.0.5/24 ${told}`);
		expect([await apps.read(), await made!.read()]).to.deep.equal([[], []]);
		await made!.update(addresses(9));
		await eventually(() => asks(a), `10.74.0.9/24 ${told}`);
		const changed = {
			name: "leased",
			dhcp: { ...DHCP, router: "10.74.0.2", dns: ["192.0.2.53", "192.0.2.54"], leaseSeconds: 600 },
		};
		await apps.update(changed);
		const other = "10.74.0.9/24 router=10.74.0.2 mtu=1442 dns=192.0.2.53 192.0.2.54 lease=600 server=10.74.0.2";
		await eventually(() => asks(a), other);
		const row = (await nbctl("--bare", "--columns=_uuid", "list", "DHCP_Options")).trim();
		await nbctl(
			"remove",
			"DHCP_Options",
			row,
			"options",
			"mtu",
			"--",
			"clear",
			"Logical_Switch_Port",
			String(made!.state["name"]),
			"dhcpv4_options",
		);
		expect((await apps.read())?.join())
			.to.contain("options:mtu 1442")
			.and.to.contain(`give DHCP to logical port ${made!.state["name"]}`);
		await apps.repair();
		await eventually(() => asks(a), other);
		await nbctl("destroy", "DHCP_Options", row);
		expect((await apps.read())?.join()).to.contain("make DHCP for 10.74.0.0/24 in logical switch leased");
		await apps.update(changed);
		await eventually(() => asks(a), other);
		await apps.update({ name: "leased" });
		await eventually(() => asks(a), "nothing");
		expect([await apps.read(), await made!.read()]).to.deep.equal([[], []]);
		expect(await nbctl("list", "DHCP_Options")).to.equal("");
	});
});
