// The helper takes what netplumb plans, whatever is planned, and nothing else.
import { expect } from "chai";
import * as fc from "fast-check";
import { helperProgram } from "../../provider/helper/program";
import { applyRequest } from "../../provider/helper/request";
import type { Change, Operation } from "../../provider/host/change";
import type { Snapshot } from "../../provider/host/snapshot";
import { isolatedNetwork } from "../../provider/kinds/isolated-network";
import type { Kind } from "../../provider/kinds/kind";
import { natPublish } from "../../provider/kinds/nat-publish";
import { ovsBridge } from "../../provider/kinds/ovs-bridge";
import { ovsTunnel } from "../../provider/kinds/ovs-tunnel";
import { staticContainerIp } from "../../provider/kinds/static-container-ip";
import { vethAttachment } from "../../provider/kinds/veth-attachment";
import { bareHost, hosts } from "../model/hosts";
import { applyPlan } from "../model/model-host";
import { bridgeInputs, ipInputs, networkInputs, publishInputs, tunnelInputs, vethInputs } from "../plan/inputs";
import { checked, plan, wish } from "../plan/properties";
import { AWKS, thingsOf, verdict } from "./verdict";

const MARK = "@0123456789abcdef01234567";
const NEEDS = { containers: ["web"], facts: ["firewall", "ports"] as ["firewall", "ports"], destinations: ["192.0.2.1"] };
const RUNS = 80;

/** The host knows its ways, so that tunnels can be planned. */
const routed = hosts.map((host): Snapshot => {
	const local = { dev: "eth0", local: false, source: "192.0.2.7" };
	return {
		...host,
		paths: { "192.0.2.8": local, "fd00:2::8": local, "192.0.2.7": { dev: "lo", local: true }, "198.51.100.1": "unreachable" },
	};
});

/** Without what the helper leaves to root: cards, and what exists already. An address may be there before. */
const cases = (
	[
		[ovsBridge, bridgeInputs],
		[vethAttachment, vethInputs],
		[ovsTunnel, tunnelInputs],
		[staticContainerIp, ipInputs.map((given) => ({ ...given, interface: "eth0" }))],
		[natPublish, publishInputs],
		[isolatedNetwork, networkInputs],
	] as unknown as [Kind<object>, fc.Arbitrary<Record<string, unknown>>][]
).map(([kind, inputs]): [Kind<object>, fc.Arbitrary<Record<string, unknown>>] => [
	kind,
	inputs.map(({ uplinks, acceptRisk, adopt, portSecurity, ...given }) =>
		kind.name === "StaticContainerIp" ? { ...given, adopt: true } : given,
	),
]);

function requestOf(operations: readonly Operation[], before: Snapshot): string {
	const steps = operations.map((operation) => ({ operation, undo: true, onlyInside: false, anew: true }));
	return applyRequest(MARK, steps, before, NEEDS, new Map());
}

describe("a request to the helper", () => {
	it("has an announcement by its own word, which is more than the line of ip in it", () => {
		const change: Change = { verb: "announce", where: "host", dev: "eth0", mac: "02:00:00:00:00:01" };
		const lines = requestOf([{ change, describe: "announce" }], bareHost()).split("\n");
		expect(lines).to.include("+do\tannounce\teth0\t02:00:00:00:00:01");
		expect(lines.filter((line) => line.startsWith("+ip"))).to.deep.equal([]);
	});
});

describe("the helper's check", () => {
	for (const [kind, inputs] of cases)
		it(`takes every plan for a ${kind.name}, and its undo, in each awk`, () => {
			let taken = 0;
			let turn = 0;
			const holds = (operations: readonly Operation[], before: Snapshot) => {
				const request = requestOf(operations, before);
				const things = thingsOf(before);
				const said = verdict(request, things, AWKS[turn++ % AWKS.length]!);
				// What a run that died has left without a mark is not told from other people's.
				const name = /: (\S+) is not netplumb's$/.exec(said)?.[1];
				expect(name === undefined || things.includes(`ours\t${name}`), `${said}\n${request}`).to.equal(
					said !== "" ? false : name === undefined,
				);
				if (said === "") taken++;
			};
			const property = fc.property(routed, inputs, (before, given) => {
				const args = checked(kind, given);
				const operations = args && plan(kind, wish(args), before);
				if (!args || !operations) return;
				holds(operations, before);
				const { after } = applyPlan(before, operations);
				const previous = { ...args, ...kind.observe(args, wish(args).mark, after).outputs };
				holds(kind.plan(wish<object>(undefined, previous), after), after);
			});
			fc.assert(property, { numRuns: RUNS });
			expect(taken).to.be.greaterThan(0);
		});

	const things = [
		"there\teth0\t",
		"card\teth0",
		"there\tbr-phy",
		"bridge\tbr-phy",
		"there\tnp0\tnetplumb:a/b/c-0123456789",
		"ours\tnp0",
	];
	const ID = "a".repeat(64);
	const head = `apply\t${MARK}\tnone\t00`;
	const onHost = (line: string) => `${head}\nblock\thost\nstep\t${line.slice(1).split("\t")[0]}\n${line}`;
	const inside = (line: string) => `${head}\nblock\t${ID}\t4711\t123\nstep\t${line.slice(1).split("\t")[0]}\n${line}`;

	const good = [
		onHost("+ip\tlink set dev np0 up"),
		onHost('+ovs\tset\tPort\tnp0\ttag=7\tother_config:"a-b"="c,d"\t--\tclear\tPort\tnp0\ttrunks'),
		onHost("+do\tsysctl\tipv6\tnp0\tdisable_ipv6=1"),
		inside("+ip\troute replace default via 10.0.0.1 dev eth1 metric 0 proto 78"),
		`read\t${MARK}\nfact\tports\ncontainer\t1:2:${ID}:web`,
		"status",
		onHost(
			'+do\tflows\tnp0\t01234567\tcookie=0x6e70012345670000,priority=1,in_port="a",reg13=0 actions=set_field:1->reg13,resubmit(,0)',
		),
	];
	const bad = [
		// other programs, options, files and places
		...["ip", "reboot", "apply", "read", "status\tx", "eval\tid", "block\thost", `read\t${MARK}\nblock\thost`, `read\t$(id)`],
		...[
			`read\t${MARK}\nfact\tshadow`,
			`read\t${MARK}\ncontainer\t--help`,
			`read\t${MARK}\ndevice\t../../shadow`,
			`read\t${MARK}\nto\t$(id)`,
		],
		...[`${head}\nstep\tip`, `${head}\nblock\tweb\t1\t2`, `${head}\nblock\t${ID}\t1;id\t2`, `${head}\nforget\tbefore\t../x`],
		...[
			`${head}\nblock\thost\n+ip\tlink set dev np0 up`,
			onHost("+sh\tid"),
			onHost("+ip\tlink set dev np0 up").replace("step\tip", "step\tdo"),
		],
		...[
			"netns exec x id",
			"-batch /etc/shadow",
			"link set dev np0 netns 1",
			"link set dev np0 xdp object /tmp/x",
			"link add name x type veth",
		].map((line) => onHost(`+ip\t${line}`)),
		...[
			"route replace default dev np0",
			"link delete dev eth0",
			"link set dev eth0 down",
			"address delete 192.0.2.1/24 dev eth0",
		].map((line) => onHost(`+ip\t${line}`)),
		...[
			"link set dev np0 up; id",
			"link set dev np0 alias $(id)",
			"link set dev np0 alias `id`",
			"rule add from all",
			"link set dev br-phy alias x",
		].map((line) => onHost(`-ip\t${line}`)),
		inside("+ip\troute replace default encap bpf in obj /tmp/x dev eth1"),
		inside("+ip\tlink add name e1 address 02:00:00:00:00:01 mtu 1500 type veth peer name eth0 mtu 1500 netns /proc/self/fd/8"),
		inside("+ip\tlink add name e1 address 02:00:00:00:00:01 mtu 1500 type veth peer name x mtu 1500 netns /proc/1/ns/net"),
		...[
			"del-br\tnp0",
			"--if-exists\tdel-br\tbr-phy",
			"--if-exists\tdel-port\tbr-phy\teth0",
			"add-port\tnp0\teth0",
			"--db=tcp:192.0.2.1:6640\tadd-br\tx",
			"add-br\tx\t--\temer-reset",
			"set\tOpen_vSwitch\t.\tother_config:x=1",
			"set\tPort\tnp0\ttag=1\t--\t--id=@x\tcreate\tManager",
			'set\tInterface\tnp0\ttype="dpdk"',
			'set\tBridge\tbr-phy\tfail_mode="secure"',
			"set\tBridge\tnp0\tcontroller=@x",
			'set\tPort\tnp0\texternal_ids:"netplumb-carries"="true"',
			"set-controller\tnp0\texec:/bin/sh",
			'remove\tBridge\tnp0\tports\t"x"',
		].map((words) => onHost(`+ovs\t${words}`)),
		...[
			"flush ruleset",
			"delete table ip filter",
			"add rule inet netplumb fence accept",
			'include "/etc/shadow"',
			"add element inet filter x { 1 }",
			"add element inet netplumb tcp4 { 0.0.0.0/0 . 1 : 10.0.0.1 } ; flush ruleset",
			"add element inet netplumb tcp4 { $x }",
			"ruleset\tfence; flush ruleset",
			"ruleset\t",
		].map((line) => onHost(`+nft\t${line}`)),
		...[
			"sysctl\tipv4\tall\tforwarding=1",
			"sysctl\tipv4\teth0\tforwarding=1",
			"sysctl\tipv4\t../../kernel\tcore_pattern=1",
			"sysctl\tipv4\tnp0\taccept_redirects=1",
			"sysctl\tipv4\tnp0\tforwarding=1 2",
			"offload\teth0",
			"offload\t-h",
			"docker-user\tadd\tsh",
			"docker-user\tflush\tiptables",
			"conntrack\t4\t-F\t-",
			"announce\teth0\t02:00:00:00:00:01",
			"mtu-release\teth0\t1500",
			"flows\tbr-phy\t01234567\tcookie=0x6e70012345670000,priority=1 actions=drop",
			"flows\tnp0\t01234567\tcookie=0x0,priority=1 actions=drop",
			"flows\tnp0\t01234567; id",
			"reboot",
		].map((words) => onHost(`+do\t${words}`)),
		inside("+nft\tdelete table inet netplumb"),
		inside("+do\tdocker-user\tadd\tiptables"),
		inside("+ovs\tadd-br\tx"),
	];

	it("takes the forms that it knows", () => {
		for (const awk of AWKS) for (const request of good) expect(verdict(request, things, awk), request).to.equal("");
	});

	it(`refuses ${bad.length} others, in each awk`, () => {
		for (const awk of AWKS) for (const request of bad) expect(verdict(request, things, awk), request).to.match(/^line \d+: /);
	});

	it("refuses a line into which anything is put that a shell or a tool could take for more than a word", () => {
		const extra = fc.constantFrom(
			...["$(id)", "`id`", ";id", "|id", "&", ">x", "<x", "*", "?", "'", "\\", "\r", "\u0001", "(", "#", "{"],
		);
		const property = fc.property(fc.constantFrom(...good.slice(0, 5)), extra, fc.nat(), (request, text, at) => {
			const start = request.lastIndexOf("\n") + 1;
			const place = start + (at % (request.length - start));
			const changed = `${request.slice(0, place)}${text}${request.slice(place)}`;
			// In the quotes of a value of Open vSwitch all printable text is data: it is one word of an argv.
			const quoted = request.slice(0, place).split('"').length % 2 === 0;
			fc.pre(!quoted || /[\u0000-\u001f]/.test(text));
			expect(verdict(changed, things), changed).to.match(/^line \d+: /);
		});
		fc.assert(property, { numRuns: 300 });
	});

	it("never turns what it was given into program text", () => {
		const program = helperProgram().text.replace(/^\s*#.*$/gm, "");
		expect(program).not.to.match(/\beval\b|\bsh -c\b|^\s*(?:\.|source) /m);
		expect(program).not.to.match(/@[A-Z_]+@/);
	});
});
