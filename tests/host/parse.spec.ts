// What real tools printed, and what they print in newer versions. recorded/debian12-docker28.txt was read on a lab host (iproute2
// 6.1, Open vSwitch 3.1, Docker 28.2); recorded/newer-shape.txt is the same with the fields that iproute2 6.9 added and with the
// words of other Docker versions for a container that is not there.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { isNetplumbError } from "../../provider/errors";
import { assemble } from "../../provider/host/assemble";
import { parseLinks, parseNamespace, parseOvs, parseRoutes } from "../../provider/host/parse";
import { parsePorts } from "../../provider/host/parse-firewall";
import { isRunning, type Snapshot } from "../../provider/host/snapshot";

const files = ["debian12-docker28.txt", "newer-shape.txt"];
const read = (file: string) => readFileSync(join(__dirname, "recorded", file), "utf8");
const section = (text: string, name: string) =>
	text
		.split(/^@mark /m)
		.find((part) => part.startsWith(name))!
		.split("\n")
		.slice(1)
		.join("\n")
		.trimEnd();
const asked = (...containers: string[]) => ({ containers, facts: [], destinations: [] });
const inside = (snapshot: Snapshot | "changed") => (snapshot === "changed" ? undefined : snapshot.containers["c1"]);

/** Cuts the text at every place (in a long one, at every third), and wants an error or the whole answer. */
function neverLess<T>(text: string, parse: (text: string) => T): number {
	const whole = parse(text);
	let refused = 0;
	for (let length = 0; length < text.length; length += text.length > 6000 ? 3 : 1) {
		let found: T;
		try {
			found = parse(text.slice(0, length));
		} catch (error) {
			expect(isNetplumbError(error, "unreadable"), `cut at ${length}: ${error}`).to.equal(true);
			refused++;
			continue;
		}
		expect(found, `cut at ${length}: …${JSON.stringify(text.slice(length - 30, length))}`).to.deep.equal(whole);
	}
	return refused;
}

for (const file of files) {
	describe(`the answers in ${file}`, () => {
		const text = read(file);

		it("are understood", () => {
			const snapshot = assemble(text, "@mark", asked("c1", "nosuch"), new Map(), "h1");
			if (snapshot === "changed") throw new Error("changed");
			expect(snapshot.generation).to.equal("545986a53e5fc049");
			expect(snapshot.containers["nosuch"]).to.equal("missing");
			const container = inside(snapshot);
			expect(isRunning(container) && container.namespace.ipv6Disabled).to.deep.equal({ all: true, default: true, lo: true });
			expect(snapshot.host.links["lo"]).to.include({ mtu: 65536, up: true, mac: "00:00:00:00:00:00" });
			if (typeof snapshot.ovs === "string") throw new Error(snapshot.ovs);
			expect(snapshot.ovs.bridges["br-phy"]?.columns["datapath_type"]).to.equal("netdev");
			expect(snapshot.ovs.bridges["br-phy"]?.ports).to.have.members(["br-phy", "eth0"]);
			expect(snapshot.ovs.kernelDatapath).to.equal(false);
		});

		it("are refused when anything is cut off, never read as less", function () {
			this.timeout(60_000);
			expect(neverLess(section(text, "host"), parseLinks), "links").to.be.greaterThan(1000);
			expect(neverLess(section(text, "container"), parseNamespace), "namespace").to.be.greaterThan(500);
			expect(
				neverLess(section(text, "ovs"), (part) => parseOvs(part, false)),
				"ovs",
			).to.be.greaterThan(500);
			expect(
				neverLess(text.trimEnd(), (part) => assemble(part, "@mark", asked("c1", "nosuch"), new Map(), "h1")),
				"all",
			).to.be.greaterThan(1000);
		});

		it("never make a container missing of which docker did not say so", () => {
			const line = /^\d+ \{.*\}\n/m;
			expect(() => assemble(text.replace(line, ""), "@mark", asked("c1", "nosuch"), new Map(), "h1")).to.throw(
				/docker inspect cannot be understood/,
			);
			expect(() =>
				assemble(text.replace(/"id":"77b/, '"id":"77'), "@mark", asked("c1", "nosuch"), new Map(), "h1"),
			).not.to.throw();
			expect(() =>
				assemble(text.replace('"status":"running"', '"status":running'), "@mark", asked("c1"), new Map(), "h1"),
			).to.throw(/cannot be understood/);
		});

		it("tell when a container was restarted while it was read", () => {
			const other = text.replace(/(@mark again\n[0-9a-f]+ )431/, "$1432");
			expect(assemble(other, "@mark", asked("c1", "nosuch"), new Map(), "h1")).to.equal("changed");
		});
	});
}

describe("answers that mean nothing", () => {
	for (const [what, text] of [
		["nothing", ""],
		["an empty list", "[]"],
		["an object", "{}"],
		["an error's words", "Cannot open netlink socket: Too many open files"],
		["a list of empty objects", "[{},{}]"],
		["a link without a name", '[{"ifindex":1,"mtu":1500}]'],
	] as const) {
		it(`${what} is no host without interfaces`, () => expect(() => parseLinks(text)).to.throw(/cannot be understood/));
	}
	it("an error of ovs-vsctl is a sentence, not a host without bridges", () => {
		expect(parseOvs("ovs-vsctl: unix:/run/db.sock: database connection failed\nstatus 1", true)).to.match(
			/^Open vSwitch does not answer: .*failed/,
		);
		const logged =
			"2026-01-02T03:04:05Z|00002|ovsdb_idl|WARN|a line of its log\novs-vsctl: no such row\n2026-01-02T03:04:05Z|3|x|INFO|y";
		expect(parseOvs(`${logged}\nstatus 1`, true)).to.equal("Open vSwitch does not answer: no such row");
		expect(
			parseOvs("2026-01-02T03:04:05Z|00002|fatal_signal|WARN|terminating with signal 14 (Alarm clock)\nstatus 142", true),
		).to.equal("Open vSwitch does not answer: nothing within 10 s");
		expect(() => parseOvs("status 0", true)).to.throw(/cannot be understood/);
		expect(() => parseOvs("", true)).to.throw(/cannot be understood/);
	});
	it("a Docker client that hangs is a sentence", () => {
		expect(parsePorts("", "status 124")).to.equal("Docker does not answer within 20 s");
	});
	it("routes keep their family, metric and gateway", () => {
		const v6 =
			'{"type":"unicast","dst":"default","gateway":"fe80::1","dev":"eth0","table":"main","protocol":"ra","metric":1024,"flags":[],"pref":"medium"}';
		const v4 = '{"dst":"default","gateway":"10.0.0.1","dev":"eth0","flags":["onlink"]}';
		const local = '{"type":"local","dst":"10.0.0.5","dev":"eth0","table":"local","flags":[]}';
		expect(parseRoutes(`[${v6},${v4},${local}]`)).to.deep.equal([
			{ to: "::/0", via: "fe80::1", dev: "eth0", metric: 1024, protocol: "ra", onlink: false },
			{ to: "0.0.0.0/0", via: "10.0.0.1", dev: "eth0", metric: 0, protocol: "boot", onlink: true },
		]);
	});
});
