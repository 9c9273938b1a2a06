import { expect } from "chai";
import { labPowerOff, labPowerOn } from "../../lab/index";
import { expectTrouble } from "../support/hygiene";
import { labDir, labHost, makeContainer, on, useLab } from "../support/lab";
import { address, cloud, leavesNoTrace, sbctl, useOvn } from "../support/ovn";
import { Resource, useResources } from "../support/resource";
import { asked, bulk, fits, reaches, type Site, toldMtu, useSites, within } from "../support/sites";
import { eventually } from "../support/wiring";

const MTU = 1442;

describe("containers behind an OvnRouter", function () {
	this.timeout(90_000);
	useLab(3);
	useOvn("h1", "h2", "h3");
	expectTrouble(
		"it comes back before ovn-controller has told it of its metadata",
		/Invalid Geneve tunnel metadata on bridge br-int/,
	);
	useResources();
	const [a, b] = useSites("or", "h1", "h2") as [Site, Site];
	/** Somebody in the hosts' own network. */
	const outside: Site = { host: "h3", container: "or-outside" };
	const FAR6 = "fd00:99::13";
	const forget = () =>
		on(
			"h3",
			"sh",
			"-c",
			'docker rm -f or-outside >/dev/null 2>&1; ip address del "$1/64" dev br-phy 2>/dev/null; ip route flush cache; ip -6 route flush cache',
			"-",
			FAR6,
		);
	before(async () => {
		await forget();
		await makeContainer("h3", "or-outside", "--network", "host");
		await on("h3", "ip", "address", "add", `${FAR6}/64`, "dev", "br-phy", "nodad");
	});
	after(forget);

	/** An address of the hosts' own network that no host has. */
	const free = (last: number) => address("h1").replace(/\d+$/, String(last));
	const inSwitch = (name: string, args: Record<string, unknown> = {}) =>
		new Resource("OvnSwitch", name).create({ name, ...args });

	/** A container in a switch of its own: a port, an interface, and addresses with the router as gateway. */
	async function member({ host, container }: Site, apps: string, net: number): Promise<Resource[]> {
		const addresses = [`10.${net}.0.5`, `fd00:${net}::5`];
		const port = await new Resource("OvnPort", container).create({ switch: apps, addresses });
		const { name: ovnPort, mac } = port.state;
		const where = { host: labHost(host, { heal: false }), container };
		const wire = await new Resource("VethAttachment", container, where).create({ bridge: "br-int", mtu: MTU, mac, ovnPort });
		const ip = await new Resource("StaticContainerIp", container, where).create({
			interface: "eth1",
			addresses: [`${addresses[0]}/24`, `${addresses[1]}/64`],
			gateway: `10.${net}.0.1`,
			gateway6: `fd00:${net}::1`,
		});
		return [ip, wire, port];
	}

	const ports = [
		{ switch: "apps", addresses: ["10.72.0.1/24", "fd00:72::1/64"] },
		{ switch: "data", addresses: ["10.73.0.1/24", "fd00:73::1/64"] },
	];
	const edge = (...chassis: string[]) => ({
		name: "edge",
		ports: [...ports, { switch: "outside", addresses: [`${free(200)}/24`, "fd00:99::200/64"], chassis, mtu: MTU }],
		routes: [{ to: "0.0.0.0/0", via: free(1) }],
		snat: [{ from: "10.72.0.0/24" }, { from: "fd00:72::/64" }, { from: "10.73.0.0/24", to: free(202) }],
		publish: [
			{ port: 8001, target: "10.72.0.5", targetPort: 5201 },
			{ port: 5201, target: "10.73.0.5" },
			{ port: 5201, target: "fd00:73::5" },
			{ protocol: "udp", port: 8001, target: "10.73.0.5", targetPort: 5353 },
			{ protocol: "udp", port: 5353, target: "fd00:73::5" },
			{ address: free(201), target: "10.72.0.5" },
		],
	});
	/** Everything of a cloud with a way to the outside, in the order in which it is made. */
	async function site(args: Record<string, unknown>, ...names: string[]): Promise<Resource[]> {
		const { central, ...hosts } = await cloud(...names);
		for (const name of names) {
			const { southbound, encapIp } = hosts[name]!.state;
			await hosts[name]!.update({ southbound, encapIp, bridgeMappings: { outside: "br-phy" } });
			expect(await hosts[name]!.read()).to.deep.equal([]);
		}
		const switches = [await inSwitch("apps"), await inSwitch("data")];
		switches.push(await inSwitch("outside", { localnet: { network: "outside" } }));
		const router = await new Resource("OvnRouter", "edge").create(args);
		const members = [...(await member(a, "apps", 72)), ...(await member(b, "data", 73))];
		return [central!, ...Object.values(hosts), ...switches, router, ...members.reverse()];
	}

	/** The host that is the way to the outside. */
	async function holder(): Promise<string> {
		const chassis = await sbctl("--bare", "--columns=chassis", "find", "Port_Binding", "logical_port=cr-edge-outside");
		return chassis === "" ? "" : sbctl("get", "Chassis", chassis, "name");
	}

	/** What address the outside sees of a TCP connection of this container, with iperf3's own word for it. */
	async function seen(from: Site, far = address("h3")): Promise<string> {
		const server = within(outside, "timeout", "15", "iperf3", "-s", "-1", "-J", "-p", "5301");
		const client = 'until iperf3 -c "$1" -p 5301 -n 64K >/dev/null 2>&1; do sleep 0.2; done';
		await within(from, "timeout", "15", "sh", "-c", client, "-", far);
		return (JSON.parse(await server) as { start: { accepted_connection: { host: string } } }).start.accepted_connection.host;
	}

	it("of two networks on two hosts exchange TCP and whole packets, go out with the router's address, are reached at its ports, and leave no trace", () =>
		leavesNoTrace(["h1", "h2", "h3"], async () => {
			const made = await site(edge("h1", "h2"), "h1", "h2");
			for (const one of made) expect(await one.read(), one.name).to.deep.equal([]);
			for (const far of ["10.73.0.5", "fd00:73::5"]) {
				await eventually(() => reaches(a, far), true);
				expect(await fits(a, far, MTU), `${MTU} bytes to ${far}`).to.equal(true);
				expect(await bulk(a, b, far), `bytes to ${far}`).to.be.greaterThan(1_000_000);
			}
			expect(await bulk(b, a, "10.72.0.5"), "bytes back").to.be.greaterThan(1_000_000);
			// Egress, from the host with the way out and from the other one.
			for (const from of [a, b]) {
				await eventually(() => reaches(from, address("h3")), true);
				for (const way of [[], ["-R"]] as "-R"[][])
					expect(await bulk(from, outside, address("h3"), 1, ...way), `${from.host} ${way}`).to.be.greaterThan(1_000_000);
			}
			// One that stands for a whole address goes out with it.
			expect([await seen(a), await seen(b), await seen(a, FAR6)]).to.deep.equal([free(201), free(202), "fd00:99::200"]);
			// Publish.
			for (const router of [free(200), "fd00:99::200"])
				expect(await bulk(outside, b, router), `a port of ${router}`).to.be.greaterThan(1_000_000);
			expect(await bulk(outside, a, free(200), 1, "-p", "8001"), "a port that is another one inside").to.be.greaterThan(
				1_000_000,
			);
			expect(await bulk(outside, a, free(201), 1, "-R"), "a whole address").to.be.greaterThan(1_000_000);
			// What is too large for the containers' networks is told to the outside, and so to its programs.
			for (const router of [free(201), "fd00:99::200"])
				expect(await toldMtu(outside, router, 1500), `path MTU to ${router}`).to.equal(MTU);
			expect(await fits(outside, free(201), MTU), `${MTU} bytes from outside`).to.equal(true);
			expect(await fits(a, address("h3"), MTU), `${MTU} bytes to the outside`).to.equal(true);
			// Over UDP, by the client's own address; the port of one protocol is not that of the other.
			expect(await asked(outside, b, 5353, free(200), 8001)).to.equal(`${b.container} ${address("h3")}`);
			expect(await asked(outside, b, 5353, "fd00:99::200", 5353)).to.equal(`${b.container} ${FAR6}`);
			expect(await asked(outside, a, 5201, free(201), 5201)).to.equal(`${a.container} ${address("h3")}`);
			expect(await asked(outside, b, 5201, free(200), 5201), "a port of TCP alone").to.equal("");
			expect(await asked(b, outside, 5302, address("h3"), 5302), "egress").to.equal(`${outside.container} ${free(202)}`);
			for (const one of made.reverse()) await one.delete();
		}));

	it("lose and get what changes in place, and go out through another host when the first one's ovn-controller ends", async () => {
		const made = await site(edge("h1", "h2"), "h1", "h2");
		const router = made.find(({ kind }) => kind === "OvnRouter")!;
		await eventually(() => reaches(b, address("h3")), true);
		await eventually(() => reaches(outside, free(201)), true);
		const { snat, publish, ...plain } = edge("h1", "h2");
		await router.update({ ...plain, snat: [{ from: "10.72.0.0/24" }] });
		await eventually(() => reaches(outside, free(201), 1), false);
		expect(await reaches(b, address("h3"), 1), "egress that is no longer declared").to.equal(false);
		await eventually(() => seen(a), free(200));
		expect(await reaches(a, "10.73.0.5"), "between the networks").to.equal(true);
		await router.update({ ...plain, snat, publish });
		await eventually(() => reaches(b, address("h3")), true);
		expect(await holder()).to.equal("h1");
		const controller = (verb: string) => on("h1", "/usr/share/ovn/scripts/ovn-ctl", `${verb}_controller`, "--no-monitor");
		await controller("stop");
		try {
			await eventually(holder, "h2");
			await eventually(() => reaches(b, address("h3"), 1), true);
			expect(await bulk(outside, b, free(200)), "a port, at the other host").to.be.greaterThan(1_000_000);
		} finally {
			await controller("start");
		}
	});

	it("go out through another host when the first one loses its power, and are reached there", async () => {
		// Three: one that misses all the others takes itself for cut off, and takes nothing over.
		await site(edge("h2", "h1", "h3"), "h1", "h2", "h3");
		await eventually(() => reaches(a, address("h3")), true);
		expect(await holder()).to.equal("h2");
		await labPowerOff("h2", { dir: labDir });
		try {
			// Its neighbours miss it (BFD in the tunnels).
			await eventually(() => reaches(a, address("h3"), 1), true);
			expect(await holder()).to.equal("h1");
			expect(await bulk(outside, a, free(201))).to.be.greaterThan(1_000_000);
		} finally {
			await labPowerOn("h2", { dir: labDir });
			await on("h2", "docker", "start", b.container);
		}
		await eventually(holder, "h2");
	});
});
