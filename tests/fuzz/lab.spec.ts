// The same random programs on a real host and on a model of it: after every step the two are equal.
import { expect } from "chai";
import * as fc from "fast-check";
import { Exchange } from "../../provider/host/exchange";
import { parseRoutes } from "../../provider/host/parse";
import { FACTS, type Snapshot } from "../../provider/host/snapshot";
import { nameOf } from "../../provider/lifecycle/sessions";
import { transportFor } from "../../provider/transport/pool";
import type { HostSettings } from "../../provider/validate/host";
import { difference } from "../model/compare";
import { labHost, makeContainer, useLab } from "../support/lab";
import { leavesNoTrace, removeContainers, sh } from "../support/wiring";
import { type Args, Engine } from "./engine";
import { type Edit, type Step, slotsOf, stepsOf } from "./programs";
import { count, holds, seed } from "./report";
import { nextOf, noTally, settle, type Tally, visible, worldOn } from "./run";

const PROGRAMS = count("NETPLUMB_LAB_PROGRAMS", 2);
const CONTAINERS = ["fuzz-web", "fuzz-db"];
const BRIDGES = ["br0", "br0", "br-old", "net0", "docker0", "lbr0"];

const NETWORKS = ["10.80.2.0/24", "10.81.0.0/16", "fd00:82::/64"];

// What the kernel makes by itself, and late: the link-local address of a bridge that gets a carrier; the carrier and the MAC address of one
// that gets or loses its only port. So these bridges have no link-local address, and the Linux bridge has a MAC address and a port of its own.
const PLANT = `
ip link add nic0 type veth peer name nic0x; ip link add nic1 type veth peer name nic1x
ip link add lbr0 address 02:00:00:00:07:01 type bridge; ip link set lbr0 addrgenmode none; ip link set lbr0 up
ip link add lport0 type veth peer name lport0x
for link in lport0 lport0x; do ip link set $link addrgenmode none; ip link set $link up; done; ip link set lport0 master lbr0
ovs-vsctl --timeout=20 add-br br-old -- set bridge br-old datapath_type=netdev external_ids:owner=somebody other_config:mac-aging-time=60
ip link set br-old addrgenmode none; ip link set br-old up; ip address add 10.90.0.1/24 dev br-old
ip address add fd00:2::7/64 dev br-phy nodad`;
const UPROOT = `
ip address delete fd00:2::7/64 dev br-phy 2>/dev/null || true
ovs-vsctl --timeout=20 --if-exists del-br br-old
for link in nic0 nic1 lport0 lbr0; do ip link delete $link 2>/dev/null || true; done`;

describe("random programs on a real host", function () {
	this.timeout(0);
	useLab(1);
	let host: HostSettings;
	let ids: [string, string];
	let exchange: Exchange;

	before(async () => {
		host = labHost("h1");
		await removeContainers(...CONTAINERS);
		ids = [await makeContainer("h1", CONTAINERS[0]!), await makeContainer("h1", CONTAINERS[1]!)];
		await sh(`${UPROOT}\n${PLANT}`);
		exchange = new Exchange(transportFor(host), nameOf(host));
	});
	after(async () => {
		await sh(UPROOT);
		await removeContainers(...CONTAINERS);
	});

	const near = (last: number) => host.address.replace(/\d+$/, String(last));
	const look = () => {
		const addresses = [near(250), near(251), host.address, "fd00:2::8", "fd00:2::9", "198.51.100.1"];
		const desired = ["all"];
		return exchange.read({ containers: ids, facts: [...FACTS], destinations: [...addresses, ...NETWORKS], devices: [], desired });
	};

	/** A look leaves out the host's routes to its neighbours, which a route that is made needs. */
	async function modelOf(start: Snapshot): Promise<Snapshot> {
		const routes = await Promise.all(["-4", "-6"].map((family) => sh(`ip -j -d ${family} route show table main proto kernel`)));
		const underlay = routes.flatMap(parseRoutes).filter(({ dev }) => dev === "br-phy");
		return { ...start, generation: "none", host: { ...start.host, routes: [...start.host.routes, ...underlay] } };
	}

	/** The inputs with what this host has: only the userspace datapath, and its own neighbours. */
	const fitting = (args: Args): Args => {
		const own: Record<string, string> = { "192.0.2.8": near(250), "192.0.2.9": near(251), "192.0.2.7": host.address };
		const swapped = JSON.parse(JSON.stringify(args, (_, value) => (typeof value === "string" ? (own[value] ?? value) : value)));
		if (swapped.datapath === "system") delete swapped.datapath;
		// Not a MAC: Open vSwitch would not take it.
		if (swapped.otherConfig?.hwaddr === "300") delete swapped.otherConfig.hwaddr;
		return swapped;
	};

	async function run(steps: readonly Step[], tally: Tally): Promise<void> {
		const start = await look();
		const model = worldOn(await modelOf(start));
		const real = { engine: new Engine(host), declared: {} };
		try {
			for (const [number, step] of steps.entries()) {
				const edits = step.edits.map((edit): Edit => (edit.args ? { ...edit, args: fitting(edit.args) } : edit));
				const next = await nextOf(model, edits);
				await settle(model, next, await model.engine.up(next), tally);
				const wanted = structuredClone(model.declared);
				const { errors } = await real.engine.up(wanted);
				const when = `step ${number + 1} ${JSON.stringify(wanted)}`;
				expect(errors, when).to.deep.equal({});
				expect((await real.engine.up(wanted)).changed, `${when}: a second up`).to.equal(0);
				const text = difference(visible(await look()), visible(model.exchange.snapshot));
				if (text !== undefined) throw new Error(`${when}: the host and its model: ${text}`);
				tally.steps++;
			}
		} finally {
			const { errors } = await real.engine.up({});
			expect(errors, "destroy").to.deep.equal({});
		}
		const text = difference(visible(await look()), visible(start));
		if (text !== undefined) throw new Error(`after destroy: ${text}`);
	}

	it("leave it as they leave a model of it, step by step", async () => {
		const tally = noTally();
		const property = fc.asyncProperty(stepsOf(slotsOf(ids, BRIDGES), 3, false), (steps) => run(steps, tally));
		await leavesNoTrace(CONTAINERS, async () => {
			const runs = await holds(property, PROGRAMS, (steps) => `// ${JSON.stringify(steps)}\n`);
			expect(runs).to.equal(PROGRAMS);
		});
		const { steps, made, refused } = tally;
		console.log(`      ${PROGRAMS} programs, seed ${seed}: ${steps} steps, ${made} resources, ${refused} refused`);
	});
});
