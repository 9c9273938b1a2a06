// What a script does inside a container, and what it tells of it.
import { expect } from "chai";
import type { Change } from "../../provider/host/change";
import { Exchange } from "../../provider/host/exchange";
import type { Step } from "../../provider/host/script";
import { isRunning, type RunningContainer, type Snapshot } from "../../provider/host/snapshot";
import { connect } from "../../provider/transport/index";
import { labHost, makeContainer, on, useLab } from "../support/lab";

const NAME = "work-a";
const needs = { containers: [NAME], facts: [], destinations: [] };

describe("work inside a container", () => {
	useLab(1);

	let exchange: Exchange;
	let close = () => {};
	let before: Snapshot;
	const container = ({ containers }: Snapshot): RunningContainer => {
		const found = containers[NAME];
		if (!isRunning(found)) throw new Error(`${NAME} is ${JSON.stringify(found)}`);
		return found;
	};
	const inside = (command: string) =>
		on("h1", "sh", "-c", `nsenter -t ${container(before).pid} -n sh -c '${command.replaceAll("'", "'\\''")}'`);
	const step = (change: Change): Step => ({ operation: { change, describe: change.verb }, undo: true, onlyInside: true });
	const address = (): Step => step({ verb: "address.add", where: container(before).id, dev: "eth9", cidr: "10.66.0.2/24" });
	const announce = (): Step => step({ verb: "announce", where: container(before).id, dev: "eth9", mac: "02:00:00:00:66:02" });
	const route = (): Step =>
		step({
			verb: "route.add",
			where: container(before).id,
			route: { to: "10.67.0.0/24", via: "10.68.0.1", dev: "eth9", metric: 0, protocol: "static", onlink: false },
		});

	beforeEach(async () => {
		await makeContainer("h1", NAME);
		const transport = connect(labHost());
		close = () => transport.close();
		exchange = new Exchange(transport, "h1");
		before = await exchange.read(needs);
		await inside("ip link add eth9 type veth peer name eth8; ip link set eth8 up; ip link set eth9 up");
		before = await exchange.read(needs);
	});
	afterEach(async () => {
		close();
		await on("h1", "docker", "rm", "-f", NAME);
		await on("h1", "rm", "-rf", "/run/netplumb");
	});

	it("is told by the process that did it", async () => {
		const outcome = await exchange.apply([address(), announce()], before, needs);
		expect(outcome.kind).to.equal("done");
		const { after } = outcome as { after: Snapshot };
		expect(container(after).namespace.links["eth9"]!.addresses).to.include("10.66.0.2/24");
		expect(container(after).namespace.links["eth9"]!.mac).to.equal("02:00:00:00:66:02");
		expect(container(after).namespace.routes.map(({ to }) => to)).to.include("10.66.0.0/24");
		expect(await inside("cat /proc/sys/net/ipv4/conf/eth9/arp_notify /proc/sys/net/ipv6/conf/eth9/ndisc_notify")).to.equal(
			"0\n0",
		);
	});

	it("is taken back as far as it was done, and the neighbours are told no longer than meanwhile", async () => {
		const outcome = await exchange.apply([address(), route(), announce()], before, needs);
		expect(outcome).to.include({ kind: "failed" });
		const { after, reason } = outcome as { after: Snapshot; reason: string };
		expect(reason).to.contain("Nexthop has invalid gateway");
		expect(container(after).namespace.links["eth9"]!.addresses).to.not.include("10.66.0.2/24");
		expect(container(after).namespace.links["eth9"]!.mac).to.equal(container(before).namespace.links["eth9"]!.mac);
		expect(await inside("cat /proc/sys/net/ipv4/conf/eth9/arp_notify /proc/sys/net/ipv6/conf/eth9/ndisc_notify")).to.equal(
			"0\n0",
		);
	});
});
