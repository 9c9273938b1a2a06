import { expect } from "chai";
import { labPowerOff, labPowerOn } from "../../lab/index";
import { expectTrouble } from "../support/hygiene";
import { inContainer, labDir, labHost, on, useLab } from "../support/lab";
import { cloud, leavesNoTrace, nbctl, useOvn } from "../support/ovn";
import { failure, Resource, useResources } from "../support/resource";
import { bulk, fits, reaches, type Site, useSites, within } from "../support/sites";
import { eventually } from "../support/wiring";

const MTU = 1442;
const GET = 'printf "GET /etc/group HTTP/1.0\\r\\n\\r\\n" | nc -w 2 "$1" 80 | head -n 1';

describe("containers on ports of OVN", function () {
	this.timeout(90_000);
	useLab(3);
	useOvn("h1", "h2", "h3");
	expectTrouble(
		"it comes back before ovn-controller has told it of its metadata",
		/Invalid Geneve tunnel metadata on bridge br-int/,
	);
	useResources();
	const [a, b, c] = useSites("ov", "h1", "h2", "h3") as [Site, Site, Site];

	const network = (args: Record<string, unknown> = {}) => new Resource("OvnSwitch", "apps").create({ name: "apps", ...args });
	/** A logical port, its interface and its addresses. */
	async function member({ host, container }: Site, last: number, more: Record<string, unknown> = {}): Promise<Resource[]> {
		const addresses = [`10.72.0.${last}`, `fd00:72::${last}`];
		const port = await new Resource("OvnPort", container).create({ switch: "apps", addresses, hostnames: [host], ...more });
		const { name: ovnPort, mac } = port.state;
		const where = { host: labHost(host), container };
		const wire = await new Resource("VethAttachment", container, where).create({ bridge: "br-int", mtu: MTU, mac, ovnPort });
		const ip = await new Resource("StaticContainerIp", container, where).create({
			interface: "eth1",
			addresses: [`${addresses[0]}/24`, `${addresses[1]}/64`],
		});
		return [ip, wire, port];
	}
	const serve = (site: Site) => on(site.host, "docker", "exec", "-d", site.container, "httpd", "-f", "-p", "80", "-h", "/");
	const fetches = async ({ host, container }: Site, address: string) =>
		(await inContainer(host, container, "sh", "-c", GET, "-", address)).includes("200 OK");

	it("exchange TCP both ways and whole packets, IPv4 and IPv6, and leave no trace", () =>
		leavesNoTrace(["h1", "h2", "h3"], async () => {
			const hosts = await cloud("h1", "h2", "h3");
			const apps = await network();
			const made = [...(await member(a, 1)), ...(await member(b, 2))];
			for (const one of made) expect(await one.read(), one.name).to.deep.equal([]);
			for (const far of ["10.72.0.2", "fd00:72::2"]) {
				await eventually(() => reaches(a, far), true);
				expect(await fits(a, far, MTU), `${MTU} bytes to ${far}`).to.equal(true);
				expect(await fits(a, far, MTU + 1, 1), `${MTU + 1} bytes to ${far}`).to.equal(false);
				expect(await bulk(a, b, far), `bytes to ${far}`).to.be.greaterThan(1_000_000);
			}
			for (const near of ["10.72.0.1", "fd00:72::1"])
				expect(await bulk(b, a, near), `bytes to ${near}`).to.be.greaterThan(1_000_000);
			expect(await failure(apps.delete())).to.contain("still has ports that are not this resource's");
			for (const one of [...made, apps, hosts["h3"]!, hosts["h2"]!, hosts["h1"]!, hosts["central"]!]) await one.delete();
		}));

	describe("of a network with rules", () => {
		const acls = [
			{ direction: "to-lport", priority: 1000, match: "ip4.dst == 10.72.0.2", action: "drop" },
			{
				direction: "to-lport",
				priority: 1001,
				match: "ip4.src == 10.72.0.1 && ip4.dst == 10.72.0.2 && tcp.dst == 80",
				action: "allow-related",
			},
		];

		it("are kept apart across hosts by ACLs, which change under a running network", async () => {
			await cloud("h1", "h2", "h3");
			const apps = await network({ acls });
			for (const [index, site] of [a, b, c].entries()) await member(site, index + 1);
			await serve(b);
			await eventually(() => fetches(a, "10.72.0.2"), true);
			expect(await reaches(a, "10.72.0.2", 1), "ping that no rule allows").to.equal(false);
			await eventually(() => reaches(c, "10.72.0.1"), true);
			expect(await fetches(c, "10.72.0.2"), "TCP from a third host").to.equal(false);
			await apps.update({ name: "apps" });
			await eventually(() => fetches(c, "10.72.0.2"), true);
		});

		it("cannot send from another's address, with another MAC, or answer for another", async () => {
			await cloud("h1", "h2");
			await network();
			const [, wire] = await member(a, 1);
			await member(b, 2);
			await eventually(() => reaches(a, "10.72.0.2"), true);
			// Both ends know how to answer: only the port decides.
			await within(a, "ip", "address", "add", "10.72.0.9/32", "dev", "eth1");
			await within(b, "ip", "neigh", "replace", "10.72.0.9", "lladdr", String(wire!.state["mac"]), "dev", "eth1");
			const from = (address: string) =>
				within(a, "sh", "-c", 'ping -c 1 -W 1 -I "$1" 10.72.0.2 >/dev/null && echo yes || echo no', "-", address);
			expect(await from("10.72.0.1")).to.equal("yes");
			expect(await from("10.72.0.9"), "a forged IP address").to.equal("no");
			const [port] = (await nbctl("--bare", "--columns=name", "find", "Logical_Switch_Port", "port_security!=[]")).split("\n");
			expect(port).to.match(/./);
			await new Resource("OvnPort", a.container).create({
				switch: "apps",
				addresses: ["10.72.0.1", "fd00:72::1"],
				hostnames: ["h1"],
				portSecurity: false,
			});
			await eventually(() => from("10.72.0.9"), "yes");
			await new Resource("OvnPort", a.container).create({
				switch: "apps",
				addresses: ["10.72.0.1", "fd00:72::1"],
				hostnames: ["h1"],
			});
			await eventually(() => from("10.72.0.9"), "no");
			await within(a, "ip", "link", "set", "eth1", "address", "02:00:00:00:00:77");
			expect(await from("10.72.0.1"), "a forged MAC address").to.equal("no");
		});

		it("find each other by name", async () => {
			await cloud("h1", "h2");
			await network({ dns: "10.72.0.254" });
			await member(a, 1);
			await member(b, 2);
			const asks = (name: string, type: string) =>
				on(
					"h1",
					"sh",
					"-c",
					'docker exec "$1" timeout 5 nslookup -type="$3" "$2" 10.72.0.254 2>&1 || true',
					"-",
					a.container,
					name,
					type,
				);
			await eventually(async () => (await asks("h2", "a")).includes("10.72.0.2"), true);
			expect(await asks("h2", "aaaa")).to.contain("fd00:72::2");
			expect(await asks("H2", "a")).to.contain("10.72.0.2");
		});

		it("come back after a power loss of their host, and after a restart of ovn-controller", async () => {
			const { h2 } = await cloud("h1", "h2");
			await network();
			await member(a, 1);
			const far = await member(b, 2);
			await eventually(() => reaches(a, "10.72.0.2"), true);
			for (const verb of ["stop", "start"])
				await on("h2", "/usr/share/ovn/scripts/ovn-ctl", `${verb}_controller`, "--no-monitor");
			await eventually(() => reaches(a, "10.72.0.2"), true);
			await labPowerOff("h2", { dir: labDir });
			await labPowerOn("h2", { dir: labDir });
			await on("h2", "docker", "start", b.container);
			// Nothing but the host itself: the settings are in its databases, and its agent plugs the container in again.
			await eventually(() => reaches(a, "10.72.0.2"), true);
			// Frames pass before the agent has written the last mark.
			for (const one of [h2!, ...far]) await eventually(() => one.read(), []);
		});
	});
});
