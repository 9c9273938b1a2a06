// A look at containers alone, where what is outside of them was read a moment ago.
import { expect } from "chai";
import { Exchange } from "../../provider/host/exchange";
import { isRunning, type Snapshot } from "../../provider/host/snapshot";
import { connect } from "../../provider/transport/index";
import { labHost, makeContainer, on, useLab } from "../support/lab";

const NAMES = ["inside-a", "inside-b"];

describe("a look at containers alone", () => {
	useLab(1);

	let exchange: Exchange;
	let close = () => {};
	let known: Snapshot;
	const needs = (...containers: string[]) => ({ containers, facts: [], destinations: [] });
	const addressesOf = ({ containers }: Snapshot, name: string) => {
		const container = containers[name];
		return isRunning(container) ? container.namespace.links["lo"]!.addresses : container;
	};

	before(async () => {
		await Promise.all(NAMES.map((name) => makeContainer("h1", name)));
		const transport = connect(labHost());
		exchange = new Exchange(transport, "h1");
		close = () => transport.close();
		known = await exchange.read(needs("inside-a"));
		await on("h1", "ip", "link", "add", "inside0", "type", "veth", "peer", "name", "inside1");
		await on("h1", "sh", "-c", "nsenter -t $(docker inspect -f '{{.State.Pid}}' inside-a) -n ip address add 10.66.0.1/24 dev lo");
	});
	after(async () => {
		close();
		await on("h1", "sh", "-c", "ip link delete inside0; rm -rf /run/netplumb");
		await on("h1", "docker", "rm", "-f", ...NAMES);
	});

	it("tells what is in them now, and keeps what was known of the rest", async () => {
		const found = await exchange.read(needs("inside-b"), { known: { snapshot: known, outside: true, told: [] } });
		expect(addressesOf(found, "inside-b")).to.include("127.0.0.1/8");
		expect(addressesOf(found, "inside-a"), "not asked about").to.not.include("10.66.0.1/24");
		expect([found.host, found.ovs, found.readAt]).to.deep.equal([known.host, known.ovs, known.readAt]);
	});

	it("replaces what was known of a container by whatever name", async () => {
		const id = await on("h1", "docker", "inspect", "--format", "{{.Id}}", "inside-a");
		const found = await exchange.read(needs(id), { known: { snapshot: known, outside: true, told: [] } });
		expect(addressesOf(found, id)).to.include("10.66.0.1/24");
		const byName = addressesOf(found, "inside-a");
		expect(byName, "the older facts are gone").to.satisfy(
			(one: unknown) => one === undefined || `${one}`.includes("10.66.0.1/24"),
		);
	});

	it("keeps nothing of a container whose name somebody else has now", async () => {
		const id = await on("h1", "docker", "inspect", "--format", "{{.Id}}", "inside-b");
		const older = await exchange.read(needs(id, "inside-b"), { known: { snapshot: known, outside: true, told: [] } });
		await on("h1", "docker", "rm", "-f", "inside-b");
		expect(
			(await exchange.read(needs("inside-b"), { known: { snapshot: older, outside: true, told: [] } })).containers,
		).to.not.include.keys(id);
		await makeContainer("h1", "inside-b");
		expect(
			(await exchange.read(needs("inside-b"), { known: { snapshot: older, outside: true, told: [] } })).containers,
		).to.not.include.keys(id);
	});

	it("tells who is not there", async () => {
		const found = await exchange.read(needs("inside-z"), { known: { snapshot: known, outside: true, told: [] } });
		expect(found.containers["inside-z"]).to.equal("missing");
	});

	it("becomes a look at everything where another run has worked since", async () => {
		await on("h1", "sh", "-c", "mkdir -p /run/netplumb && echo other >/run/netplumb/generation");
		const found = await exchange.read(needs("inside-a"), { known: { snapshot: known, outside: true, told: [] } });
		expect(found.generation).to.equal("other");
		expect(Object.keys(found.host.links)).to.include("inside0");
		expect(addressesOf(found, "inside-a")).to.include("10.66.0.1/24");
	});
});
