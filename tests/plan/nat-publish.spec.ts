import { expect } from "chai";
import * as fc from "fast-check";
import type { DockerUser } from "../../provider/host/firewall";
import { hasLocalnet, markOf } from "../../provider/host/marks";
import type { Snapshot } from "../../provider/host/snapshot";
import { natPublish } from "../../provider/kinds/nat-publish";
import { validate } from "../../provider/validate/index";
import { essence, foreign, own } from "../model/compare";
import { bareHost, hosts } from "../model/hosts";
import { applyPlan } from "../model/model-host";
import { publishInputs } from "./inputs";
import { itKeepsItsPromises, MARK, plan, wish } from "./properties";

const OTHER = markOf("shop/prod/other");

function published(snapshot: Snapshot, mark: string, inputs: Record<string, unknown>): Snapshot {
	const { value, failures } = validate(natPublish.schema, inputs);
	expect(failures).to.deep.equal([]);
	return applyPlan(snapshot, natPublish.plan({ mark, marks: [mark], wanted: value }, snapshot)).after;
}

const docker: fc.Arbitrary<DockerUser | undefined> = fc.option(
	fc.record({
		tool: fc.constant("iptables"),
		forwardDrops: fc.boolean(),
		dropsTo: fc.subarray(["docker0"]),
		accepts: fc.constant(false),
	}),
	{ nil: undefined },
);

/** Hosts with and without Docker's chains, a neighbour's published port, a listener and a route_localnet that was on before. */
const start = fc
	.record({
		host: hosts,
		four: docker,
		six: docker,
		neighbour: fc.constantFrom("none", "plain", "localhost"),
		localnet: fc.boolean(),
	})
	.map(({ host, four, six, neighbour, localnet }) => {
		if (typeof host.firewall !== "object") throw new Error("no firewall");
		host.host.links["docker0"]!.addresses.push("fd17::1/64");
		for (const name of Object.keys(host.host.links)) host.firewall.routeLocalnet[name] = false;
		host.firewall.routeLocalnet["docker0"] = localnet;
		host.firewall.docker = { ...(four ? { 4: four } : {}), ...(six ? { 6: six } : {}) };
		host.ports = [{ protocol: "tcp", family: 4, address: "192.0.2.7", first: 443, last: 443, name: 'the listener "nginx"' }];
		if (neighbour === "none") return host;
		return published(host, OTHER, { hostPorts: 444, target: "172.17.0.9", localhost: neighbour === "localhost" });
	});

describe("the plan of a NatPublish", () => {
	itKeepsItsPromises({
		kind: natPublish,
		start,
		inputs: publishInputs,
		untouched(before, after, args) {
			const rest = (snapshot: Snapshot) => {
				const plain = foreign(snapshot, MARK);
				// The alias of the bridge behind which a port is published at 127.0.0.1.
				if (args.localhost) for (const link of Object.values(plain.host.links)) delete link.alias;
				return plain;
			};
			expect(rest(after)).to.deep.equal(rest(before));
		},
		ours: (snapshot) => ({
			...own(snapshot, MARK),
			localnet: typeof snapshot.firewall === "object" && snapshot.firewall.routeLocalnet,
			aliases: Object.values(snapshot.host.links).filter(hasLocalnet).length,
		}),
	});

	it("is one element for ten thousand ports, and the rules are as many as before", () => {
		const one = published(bareHost(), MARK, { hostPorts: 80, target: "10.0.0.5" });
		const many = published(one, OTHER, { protocol: "udp", hostPorts: "20000-29999", target: "10.0.0.5", targetPort: 20000 });
		const map = essence(many).firewall as { elements: string[]; chains: unknown };
		expect(map.elements.filter((text) => text.includes("udp4") && text.includes('"value"'))).to.have.length(1);
		expect(map.chains).to.deep.equal((essence(one).firewall as typeof map).chains);
	});

	it("refuses a port that another resource, a program or Docker has, and names the holder", () => {
		const host = published(bareHost(), OTHER, { hostPorts: "8000-8010", target: "10.0.0.5" });
		host.ports = [
			{ protocol: "tcp", family: 4, first: 22, last: 22, name: 'the listener "sshd"' },
			{ protocol: "tcp", family: 4, address: "127.0.0.1", first: 53, last: 53, name: 'the listener "named"' },
			{ protocol: "udp", first: 9000, last: 9001, name: `Docker's container "web"` },
		];
		const refusal = (inputs: Record<string, unknown>) => {
			const { value } = validate(natPublish.schema, { target: "10.0.0.6", ...inputs });
			try {
				natPublish.plan(wish(value), host);
				return undefined;
			} catch (error) {
				return (error as Error).message;
			}
		};
		const taken = (port: string, by: string, wanted: string) =>
			`host h1: hostPorts: found ${port} taken by ${by}, expected ${wanted} to be free; choose another port, or free it first`;
		expect(refusal({ hostPorts: 8005 })).to.equal(taken("tcp port 8000-8010", `NatPublish ${OTHER}`, "8005"));
		expect(refusal({ hostPorts: "22-23" })).to.equal(taken("tcp port 22", 'the listener "sshd"', "22-23"));
		expect(refusal({ protocol: "udp", hostPorts: 9001 })).to.equal(
			taken("udp port 9000-9001", `Docker's container "web"`, "9001"),
		);
		expect(refusal({ hostPorts: 53 })).to.equal(undefined);
		expect(refusal({ hostPorts: 53, localhost: true, target: "192.0.2.99" })).to.equal(
			taken("tcp port 53", 'the listener "named"', "53"),
		);
		expect(refusal({ hostPorts: 8005, target: "fd00::5" }), "the other family").to.equal(undefined);
		expect(refusal({ hostPorts: 8005, protocol: "udp" }), "the other protocol").to.equal(undefined);
		expect(refusal({ hostPorts: 22, hostIp: "192.0.2.7" })).to.contain("sshd");
	});

	it("writes a ruleset again that somebody flushed or changed, and says so", () => {
		const args = validate(natPublish.schema, { hostPorts: 80, target: "10.0.0.5" }).value;
		const whole = published(bareHost(), MARK, { hostPorts: 80, target: "10.0.0.5" });
		const flushed = structuredClone(whole);
		if (typeof flushed.firewall !== "object") throw new Error("no firewall");
		delete flushed.firewall.table;
		const rules = "write the rules of the nftables table inet netplumb";
		const steps = plan(natPublish, wish(args, args), flushed)!;
		expect(steps.map(({ describe }) => describe)).to.include.members([rules, "publish tcp port 80 to 10.0.0.5"]);
		expect(essence(applyPlan(flushed, steps).after)).to.deep.equal(essence(whole));
		const changed = structuredClone(whole);
		if (typeof changed.firewall === "object") changed.firewall.table!.chains["publish"]!.rules.push("");
		expect(plan(natPublish, wish(args, args), changed)!.map(({ describe }) => describe)).to.deep.equal([rules]);
	});

	it("needs nftables and conntrack, and says so", () => {
		const refusal = (change: (host: Snapshot) => void) => {
			const host = bareHost();
			change(host);
			try {
				natPublish.plan(wish(validate(natPublish.schema, { hostPorts: 80, target: "10.0.0.5" }).value), host);
			} catch (error) {
				return (error as Error).message;
			}
			return undefined;
		};
		const noNft = (host: Snapshot) => {
			host.firewall = "nftables is not installed (no nft command)";
		};
		const noConntrack = (host: Snapshot) => {
			if (typeof host.firewall === "object") host.firewall.conntrack = false;
		};
		const noDocker = (host: Snapshot) => {
			host.ports = "Docker does not answer: no";
		};
		expect(refusal(noNft)).to.contain("see that nftables is installed");
		expect(refusal(noConntrack)).to.contain("install conntrack");
		expect(refusal(noDocker)).to.contain("Docker does not answer");
	});
});
