// What is planned on what a container told a moment ago, or never: fewer looks, and the same end.
import { expect } from "chai";
import { Exchange } from "../../provider/host/exchange";
import { labHost, makeContainer, on, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { addresses, inside, removeContainers, vsctl } from "../support/wiring";

const [FIRST, SECOND, THIRD] = ["recalled-a", "recalled-b", "recalled-c"];
const NAMES = [FIRST, SECOND, THIRD] as const;
const BRIDGE = "br-recalled";
const wired = (container: string) => ({ container, bridge: BRIDGE, hostInterface: `${container}-h` });
const addressed = (container: string) => ({ container, interface: "eth1", addresses: ["10.63.0.11/24"] });

describe("what a container told before", () => {
	useLab(1);
	useResources();

	const { read } = Exchange.prototype;
	/** The containers that a look asked about. */
	let asked: string[] = [];
	let sessions = 0;
	let host: ReturnType<typeof labHost>;
	/** Another time limit is another connection, which knows nothing of what an earlier one was told. */
	const connectAnew = () => {
		host = labHost("h1", { heal: false, timeoutSeconds: 60 + ++sessions });
	};
	beforeEach(async () => {
		connectAnew();
		await removeContainers(...NAMES);
		for (const name of NAMES) await makeContainer("h1", name);
		await new Resource("OvsBridge", "recalled-lan", { host }).create({ name: BRIDGE });
		Exchange.prototype.read = function (needs, options) {
			asked.push(...needs.containers.filter((name) => !options?.known?.told.includes(name)));
			return read.call(this, needs, options);
		};
	});
	afterEach(() => {
		Exchange.prototype.read = read;
	});
	after(() => removeContainers(...NAMES));

	const wire = (container: string) => new Resource("VethAttachment", `${container}-wire`, { host }).create(wired(container));
	const address = (container: string) =>
		new Resource("StaticContainerIp", `${container}-ip`, { host }).create(addressed(container));
	const byHand = (container: string, command: string) => inside(container, "ip", ...command.split(" "));
	const indexOf = async (container: string) => JSON.parse(await byHand(container, "-j link show eth1"))[0].ifindex as number;
	const isUp = async (container: string) => (await byHand(container, "-br link show eth1")).includes("UP");
	/** The second question to Docker tells of all that run. */
	const several = async () => {
		await wire(FIRST);
		await wire(SECOND);
	};

	it("is not asked again for an address on a new attachment, nor for the end of that", async () => {
		const attachment = await wire(FIRST);
		asked = [];
		const one = await address(FIRST);
		expect(await addresses("eth1", FIRST)).to.deep.equal(["10.63.0.11/24"]);
		expect(asked).to.deep.equal([]);
		await one.delete();
		expect(await addresses("eth1", FIRST)).to.deep.equal([]);
		asked = [];
		await attachment.delete();
		expect(await byHand(FIRST, "-br link show")).to.not.contain("eth1");
		expect(asked).to.deep.equal([]);
	});

	it("does not hide what somebody did there meanwhile: an address that is there already", async () => {
		await wire(FIRST);
		await byHand(FIRST, "address add 10.63.0.11/24 dev eth1");
		await address(FIRST);
		expect(await addresses("eth1", FIRST)).to.deep.equal(["10.63.0.11/24"]);
	});

	it("does not hide what somebody did there meanwhile: a default route, which is kept for later", async () => {
		await wire(FIRST);
		for (const command of [
			"link add d0 type veth peer d1",
			"address add 192.0.2.2/24 dev d0",
			"link set d1 up",
			"link set d0 up",
		])
			await byHand(FIRST, command);
		await byHand(FIRST, "route add default via 192.0.2.1");
		const one = await new Resource("StaticContainerIp", "recalled-gateway", { host }).create({
			...addressed(FIRST),
			gateway: "10.63.0.1",
		});
		expect(await byHand(FIRST, "route show default metric 0")).to.contain("via 10.63.0.1");
		await one.delete();
		expect(await byHand(FIRST, "route show default metric 0")).to.contain("via 192.0.2.1");
	});

	it("does not hide what somebody did there meanwhile: IPv6 and its addresses, which stay", async () => {
		const ipv6Off = (name: string, value: number) =>
			inside(FIRST, "sh", "-c", `echo ${value} >/proc/sys/net/ipv6/conf/${name}/disable_ipv6`);
		await ipv6Off("default", 1);
		await wire(FIRST);
		await ipv6Off("eth1", 0);
		for (const address of ["fd00::5/64", "fd00::6/64"]) await byHand(FIRST, `address add ${address} dev eth1 nodad`);
		await new Resource("StaticContainerIp", "recalled-six", { host }).create({ ...addressed(FIRST), addresses: ["fd00::5/64"] });
		expect(await byHand(FIRST, "-br address show dev eth1"))
			.to.contain("fd00::5/64")
			.and.contain("fd00::6/64");
	});

	it("does not hide what somebody did there meanwhile: the same address with another prefix, on a link of theirs", async () => {
		await byHand(FIRST, "link add eth9 type veth peer eth8");
		await wire(FIRST);
		await byHand(FIRST, "address add 10.63.0.11/16 dev eth9");
		const own = new Resource("StaticContainerIp", "recalled-nine", { host });
		const sentence = await failure(own.create({ ...addressed(FIRST), interface: "eth9" }));
		expect(sentence).to.contain("found 10.63.0.11/24 already on eth9");
		expect(await addresses("eth9", FIRST)).to.deep.equal(["10.63.0.11/16"]);
	});

	it("is as it is now where the same container is asked about by its id meanwhile", async () => {
		await wire(FIRST);
		const id = await on("h1", "docker", "inspect", "--format", "{{.Id}}", FIRST);
		const second = { container: id, bridge: BRIDGE, interface: "eth2", hostInterface: `${FIRST}-i` };
		asked = [];
		await Promise.all([address(FIRST), new Resource("VethAttachment", "recalled-second", { host }).create(second)]);
		expect(asked, "in one look").to.deep.equal([id]);
		expect(await addresses("eth1", FIRST)).to.deep.equal(["10.63.0.11/24"]);
		expect(await byHand(FIRST, "-br link show eth2")).to.contain("UP");
	});

	it("is not covered by what Docker tells of all that run", async () => {
		await wire(FIRST);
		const one = await address(FIRST);
		connectAnew();
		await wire(SECOND);
		one.state = { ...one.state, host };
		// The second question to Docker.
		expect(await one.read()).to.deep.equal([]);
	});

	it("is no reason to find that nothing is to do", async () => {
		await wire(FIRST);
		const one = await address(FIRST);
		await byHand(FIRST, "address delete 10.63.0.11/24 dev eth1");
		await one.repair();
		expect(await addresses("eth1", FIRST)).to.deep.equal(["10.63.0.11/24"]);
	});

	it("is nothing of a container that started anew", async () => {
		await wire(FIRST);
		await on("h1", "docker", "restart", "-t", "0", FIRST);
		expect(await failure(address(FIRST))).to.contain('found no interface "eth1"');
	});

	it("goes with the host's end of a pair", async () => {
		const one = await wire(FIRST);
		await on("h1", "ip", "link", "delete", `${FIRST}-h`);
		await one.repair();
		expect(await isUp(FIRST)).to.equal(true);
	});

	it("is presumed to be nothing for a new attachment", async () => {
		await several();
		asked = [];
		await wire(THIRD);
		expect(asked).to.deep.equal([]);
		expect(await isUp(THIRD)).to.equal(true);
	});

	it("is found out where an interface has the name already, which stays as it is", async () => {
		await several();
		await byHand(THIRD, "link add eth1 type veth peer name eth7");
		const index = await indexOf(THIRD);
		expect(await failure(wire(THIRD))).to.contain(`found an interface "eth1" in container "${THIRD}"`);
		expect(await indexOf(THIRD)).to.equal(index);
		expect(await vsctl("list-ports", BRIDGE)).to.not.contain(`${THIRD}-h`);
	});

	it("is found out where the attachment is there already, which stays as it is", async () => {
		(await wire(THIRD)).release();
		const index = await indexOf(THIRD);
		connectAnew();
		await several();
		asked = [];
		await wire(THIRD);
		expect(asked).to.deep.equal([THIRD]);
		expect(await indexOf(THIRD)).to.equal(index);
	});
});
