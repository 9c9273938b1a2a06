import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect } from "chai";
import { hostInfo } from "../../lab";
import { labDir, useLab } from "../support/lab";
import { failure, useResources } from "../support/resource";
import { args, BRIDGE, clean, expectAsBefore, facts, HOST, onPlain, plain, uplink } from "./fixture";

const show = (what: string) => onPlain(`ip -br address show dev ${what} | sed 's/ fe80[^ ]*//'`);

// Beside the host's own: a second address of the subnet with a metric, one without a subnet route, IPv6, and routes of several
// tables, protocols and metrics.
const PLANT = `
ip address add 10.98.7.5/24 broadcast 10.98.7.255 metric 77 dev eth0
ip address add 10.98.7.6/24 dev eth0
ip address add 10.98.8.1/32 dev eth0
ip address add 2001:db8:98::5/64 nodad dev eth0
ip route add 10.98.9.0/24 dev eth0 scope link metric 30
ip route add 10.97.0.0/16 via 10.98.7.1 dev eth0 proto static metric 55 mtu 1400
ip route add default via 10.98.7.1 dev eth0 metric 900 proto static
ip route add 10.96.0.0/16 via 10.98.7.1 dev eth0 table 100
ip -6 route add default via 2001:db8:98::1 dev eth0 metric 512 proto static
ip -6 route add 2001:db8:97::/48 via fe80::1 dev eth0 metric 600`;
const REMOVE = `ip -6 address delete 2001:db8:98::5/64 dev eth0
for a in 10.98.7.6/24 10.98.7.5/24 10.98.8.1/32; do ip address delete $a dev eth0; done
ip route flush dev eth0 proto static; ip route flush 10.98.9.0/24; ip route flush table 100
ip -6 route flush 2001:db8:97::/48; ip -6 route flush default dev eth0`;

describe("a network card that carries the host's address", function () {
	this.timeout(60_000);
	useLab(1, 1);
	useResources();
	before(clean);
	after(clean);

	it("is not touched without consent, which names the card and the address", async () => {
		const before = await facts();
		const [address] = (await onPlain("ip -4 -o address show dev eth0 | awk '{ print $4 }'")).split("\n");
		expect(await failure(uplink().create(args({ acceptRisk: undefined })))).to.contain(
			`uplinks: found address ${address} on "eth0", expected acceptRisk: ["ssh-path"] beside it`,
		);
		await expectAsBefore(before);
	});

	it("goes into the bridge and back with all its addresses and routes", async () => {
		await onPlain(PLANT);
		try {
			const before = await facts();
			const card = await show("eth0");
			const one = await uplink().create(args());
			expect((await show("eth0")).split(/\s+/).slice(2).join(" ").trim()).to.equal("");
			expect((await show(BRIDGE)).split(/\s+/).slice(2)).to.have.members(card.split(/\s+/).slice(2));
			const routes = (await onPlain(`ip route show table all; ip -6 route show table all`)).split("\n");
			expect(routes.filter((line) => / dev eth0 /.test(line))).to.deep.equal([]);
			for (const route of [
				`10.97.0.0/16 via 10.98.7.1 dev ${BRIDGE} proto static metric 55 mtu 1400`,
				`10.96.0.0/16 via 10.98.7.1 dev ${BRIDGE} table 100`,
				`default via 2001:db8:98::1 dev ${BRIDGE} proto static metric 512 pref medium`,
			])
				expect(routes.map((line) => line.trim().replace(/ +/g, " "))).to.include(route);
			expect(await one.read()).to.deep.equal([]);
			expect((await one.diff(args())).changes).to.equal(false);
			await one.delete();
			await expectAsBefore(before);
		} finally {
			await onPlain(`set +e\n${REMOVE}\ntrue`);
		}
	});

	it("keeps the SSH sessions that go through it", async () => {
		const { address, identityFile, knownHostsFile } = hostInfo(HOST, { dir: labDir });
		const session = spawn("ssh", ["-i", identityFile, "-o", `UserKnownHostsFile=${knownHostsFile}`, `root@${address}`, "cat"]);
		const echo = async (text: string) => {
			session.stdin.write(`${text}\n`);
			return String((await once(session.stdout, "data"))[0]).trim();
		};
		try {
			expect(await echo("before")).to.equal("before");
			const one = await uplink().create(args());
			expect(await echo("on the bridge")).to.equal("on the bridge");
			await one.delete();
			expect(await echo("back")).to.equal("back");
		} finally {
			session.kill();
		}
	});

	for (const [way, host] of [
		["the system's ssh", { transport: "openssh" }],
		["sudo", { user: "ops", sudo: true }],
	] as const)
		it(`moves and comes back through ${way}`, async () => {
			const before = await facts();
			const one = await uplink().create(args({ host: plain(host) }));
			expect(await show(BRIDGE)).to.contain("10.99.");
			expect(await one.read()).to.deep.equal([]);
			await one.delete();
			await expectAsBefore(before);
		});

	it("is taken out by an update, and only with consent", async () => {
		const before = await show("eth0");
		const one = await uplink().create(args({ addresses: ["10.63.0.1/24"] }));
		expect(one.state["uplinkAddresses"]).to.deep.equal([before.split(/\s+/)[2]]);
		expect(one.state["addresses"]).to.deep.equal(["10.63.0.1/24"]);
		expect(await failure(one.update(args({ uplinks: [], acceptRisk: undefined })))).to.contain(
			'expected acceptRisk: ["ssh-path"] beside it, because the address has to move back to "eth0"',
		);
		await one.update(args({ uplinks: [], addresses: ["10.63.0.1/24"] }));
		expect(await show("eth0")).to.equal(before);
		expect(await show(BRIDGE)).to.contain("10.63.0.1/24");
		expect(one.state["uplinkAddresses"]).to.deep.equal([]);
		expect(await one.read()).to.deep.equal([]);
	});

	it("gets back on the bridge what was lost there", async () => {
		const one = await uplink().create(args());
		await onPlain(`ip route delete default dev ${BRIDGE}`);
		expect(await one.read()).to.deep.equal([`add the route to 0.0.0.0/0 through ${BRIDGE}`]);
		await one.update(args());
		expect(await onPlain("ip route show default")).to.contain(`dev ${BRIDGE}`);
		expect(await one.read()).to.deep.equal([]);
	});

	it("is moved again when something puts an address on it once more", async () => {
		const one = await uplink().create(args());
		await onPlain("ip address add 10.98.7.9/24 dev eth0");
		expect((await one.read())?.join()).to.contain(`move 10.98.7.9/24 from eth0 to bridge ${BRIDGE}`);
		await one.update(args());
		expect(await show(BRIDGE)).to.contain("10.98.7.9/24");
		expect(await one.read()).to.deep.equal([]);
		await one.delete();
		await onPlain("ip address delete 10.98.7.9/24 dev eth0");
	});

	it("is refused when a DHCP client looks after its address", async () => {
		await onPlain("ip address add 10.98.7.9/24 valid_lft 3600 preferred_lft 3600 dev eth0");
		try {
			expect(await failure(uplink().create(args()))).to.match(
				/uplinks: found address 10\.98\.7\.9\/24 on "eth0", expected one that can be moved: it expires in \d+ s, so a DHCP client/,
			);
		} finally {
			await onPlain("ip address delete 10.98.7.9/24 dev eth0");
		}
	});
});
