// A container that was seen before is known again without asking Docker, and never taken for another one.
import { expect } from "chai";
import { Exchange } from "../../provider/host/exchange";
import { isRunning, type RunningContainer } from "../../provider/host/snapshot";
import { connect } from "../../provider/transport/index";
import { labHost, makeContainer, on, useLab } from "../support/lab";

const needs = { containers: ["seen-a"], facts: [], destinations: [] };

describe("a container that was seen before", () => {
	useLab(1);

	let exchange: Exchange;
	let close = () => {};
	before(async () => {
		await makeContainer("h1", "seen-a");
		const transport = connect(labHost());
		exchange = new Exchange(transport, "h1");
		close = () => transport.close();
	});
	after(async () => {
		close();
		await on("h1", "docker", "rm", "-f", "seen-a");
	});

	async function look(): Promise<RunningContainer> {
		const container = (await exchange.read(needs)).containers["seen-a"];
		if (!isRunning(container)) throw new Error(`seen-a is ${JSON.stringify(container)}`);
		return container;
	}

	it("is read without Docker", async () => {
		const first = await look();
		const docker = await on("h1", "sh", "-c", "readlink -f $(command -v docker)");
		await on("h1", "mount", "--bind", "/dev/null", docker);
		try {
			await on("h1", "sh", "-c", 'nsenter -t "$1" -n ip address add 10.66.0.1/24 dev lo', "-", String(first.pid));
			expect((await look()).namespace.links["lo"]!.addresses).to.include("10.66.0.1/24");
		} finally {
			await on("h1", "umount", docker);
		}
	});

	it("is another start after a restart", async () => {
		const before = await look();
		await on("h1", "docker", "restart", "-t", "0", "seen-a");
		const after = await look();
		expect(after.id).to.equal(before.id);
		expect(after.startTime).to.not.equal(before.startTime);
		expect(after.namespace.links["lo"]!.addresses).to.not.include("10.66.0.1/24");
	});

	it("is looked up by its name again when another one has that name", async () => {
		const before = await look();
		await on("h1", "docker", "rm", "-f", "seen-a");
		await makeContainer("h1", "seen-a");
		expect((await look()).id).to.not.equal(before.id);
	});

	it("is stopped when it stopped", async () => {
		await look();
		await on("h1", "docker", "kill", "seen-a");
		expect((await exchange.read(needs)).containers["seen-a"]).to.include({ status: "exited" });
		await on("h1", "docker", "start", "seen-a");
		await look();
	});
});

describe("the containers that nobody asked about yet", () => {
	useLab(1);

	it("are told with all their facts to a crowd where they are attached, and only then", async () => {
		const transport = connect(labHost());
		const ids = Object.fromEntries(
			await Promise.all(
				names.map(async (name) => [name, await on("h1", "docker", "inspect", "--format", "{{.Id}}", name)] as const),
			),
		);
		const mark = `external_ids:netplumb-container=${ids["others-b"]!.slice(0, 12)}`;
		await on("h1", "ovs-vsctl", "add-br", "br-crowd", "--", "set", "bridge", "br-crowd", "datapath_type=netdev");
		await on("h1", "ovs-vsctl", "add-port", "br-crowd", "crowd0", "--", "set", "Interface", "crowd0", "type=internal");
		await on("h1", "ovs-vsctl", "set", "Port", "crowd0", mark);
		try {
			const exchange = new Exchange(transport, "h1");
			for (let look = 1; look <= 2; look++) {
				const { containers } = await exchange.read({ ...needs, containers: ["others-a"] }, { crowd: true });
				const told = ["others-a", "others-b", ids["others-b"]];
				expect(Object.keys(containers), `look ${look}`).to.have.members(told);
				const other = containers["others-b"];
				expect(isRunning(other) && other.namespace.links["lo"]?.up).to.equal(true);
			}
		} finally {
			await on("h1", "ovs-vsctl", "del-br", "br-crowd");
			transport.close();
		}
	});

	const names = ["others-a", "others-b", "others-c"];
	before(() => Promise.all(names.map((name) => makeContainer("h1", name))));
	after(() => on("h1", "docker", "rm", "-f", ...names));

	it("are known by name and id after the second question, and looked up again when they started anew", async () => {
		const transport = connect(labHost());
		const exchange = new Exchange(transport, "h1");
		const look = async (reference: string) => (await exchange.read({ ...needs, containers: [reference] })).containers[reference];
		const docker = await on("h1", "sh", "-c", "readlink -f $(command -v docker)");
		const id = await on("h1", "docker", "inspect", "--format", "{{.Id}}", "others-c");
		try {
			await look("others-a");
			await look("others-b");
			await on("h1", "mount", "--bind", "/dev/null", docker);
			expect(await look("others-c").finally(() => on("h1", "umount", docker))).to.include({ id, name: "others-c" });
			await on("h1", "docker", "restart", "-t", "0", "others-c");
			const pid = Number(await on("h1", "docker", "inspect", "--format", "{{.State.Pid}}", "others-c"));
			expect(await look(id)).to.include({ id, pid });
		} finally {
			transport.close();
		}
	});
});
