// At every operation of every create, update and delete: the command fails, the connection is cut, the provider is killed, the host loses its
// power. After each, the next up reaches what is declared, nothing is doubled or left, and what is foreign is untouched.
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { Exchange } from "../../provider/host/exchange";
import type { HostSettings } from "../../provider/validate/host";
import { type Declared, Engine } from "../fuzz/engine";
import { useForeign } from "../support/foreign";
import { labHost, makeContainer, useLab } from "../support/lab";
import { everything, removeContainers, sh } from "../support/wiring";
import { type Case, casesFor } from "./cases";
import { arm, disarm, FAULTS, type Fault, killedWithConnection, plantShim, powerCycle, removeShim } from "./fault";

/** `npm run test:faults` asks for all, or for some of them by name; otherwise every so many-th, without those that reboot the host. */
const asked = process.env["NETPLUMB_FAULTS"] ?? "";
const every = FAULTS.filter((fault) => asked === "all" || asked.split(",").includes(fault));
const FEW = 30;
const SILENCE_SECONDS = 5;
const CONTAINERS = ["fault-web", "fault-bare"];
/** What is kept with what is made: tests/heal has the faults of a host's memory. And OVN, which the lab starts for its own specs alone. */
const OVN = ["record.add", "record.set", "record.remove", "record.discard", "chassis.wait", "chassis.leave"];
/** Only where Docker drops what is forwarded: tests/nat-publish/docker.spec.ts. */
const DOCKER = ["docker-user.add", "docker-user.delete"];
const ELSEWHERE = ["desired.set", "desired.remove", ...OVN, ...DOCKER];
const STEPS = ["create", "update", "delete"] as const;

/** What belongs to the host and lives as long as its power. */
const PLANT = `ip link add nic0 type veth peer name nic0x
ip link add lbr-f address 02:00:00:00:0f:01 type bridge; ip link add lbr-p type veth peer name lbr-q
for link in lbr-f lbr-p lbr-q; do echo 1 >/proc/sys/net/ipv6/conf/$link/disable_ipv6; done
ip link set lbr-p master lbr-f; for link in lbr-f lbr-p lbr-q; do ip link set $link up; done`;
const UPROOT = "for link in nic0 lbr-f lbr-p; do ip link delete $link 2>/dev/null || true; done";

describe("a fault at any operation", function () {
	this.timeout(0);
	useLab(1);
	const verbs = new Set<string>();
	const outcomes: Record<string, Record<Fault, number>> = {};
	let host: HostSettings;
	let cases: Case[] = [];
	let clean: string[] = [];
	const apply = Exchange.prototype.apply;

	before(async () => {
		host = labHost("h1", { heal: false });
		await removeContainers(...CONTAINERS);
		const web = await makeContainer("h1", CONTAINERS[0]!, "--network", "bridge");
		const bare = await makeContainer("h1", CONTAINERS[1]!);
		cases = casesFor(web, bare, host.address.replace(/\d+$/, "250"));
		await plantShim();
		await sh(`${UPROOT}\n${PLANT}`);
		Exchange.prototype.apply = function (steps, ...rest) {
			for (const { operation } of steps) verbs.add(operation.change.verb);
			return apply.call(this, steps, ...rest);
		};
	});
	useForeign();
	beforeEach(async () => {
		clean = await everything(...CONTAINERS);
	});
	after(async () => {
		Exchange.prototype.apply = apply;
		await removeShim();
		await sh(UPROOT);
		await removeContainers(...CONTAINERS);
		console.log("      case                       step    fails  cut  killed  power");
		for (const [what, counts] of Object.entries(outcomes))
			console.log(`      ${what.padEnd(34)} ${FAULTS.map((fault) => String(counts[fault]).padStart(6)).join("")}`);
		const struck = Object.values(outcomes).flatMap((counts) => Object.values(counts));
		console.log(`      ${struck.reduce((sum, count) => sum + count, 0)} faults, each mended by the next up`);
	});

	/** What is declared before and after a step. */
	function around(one: Case, step: (typeof STEPS)[number]): [Declared, Declared] {
		const target = (args: Case["first"]): Declared => ({ ...one.base, target: { kind: one.kind, args } });
		if (step === "create") return [one.base, target(one.first)];
		return step === "update" ? [target(one.first), target(one.second)] : [target(one.second), one.base];
	}

	async function succeed(engine: Engine, declared: Declared, what: string): Promise<void> {
		const { errors } = await engine.up(declared);
		expect(errors, `${what}: ${JSON.stringify(errors)}`).to.deep.equal({});
	}

	/** One run: from nothing to the state before the step, the step with the fault, what mends it, and back to nothing. */
	async function strike(one: Case, step: (typeof STEPS)[number], fault: Fault | "nothing", at: number): Promise<number> {
		const what = `${one.kind} ${step}, ${fault} before operation ${at}`;
		const [from, to] = around(one, step);
		// A host without power does not even say that the connection is gone.
		const engine = new Engine(fault === "power" ? { ...host, timeoutSeconds: SILENCE_SECONDS } : host);
		await succeed(engine, from, what);
		const known = structuredClone([...engine.live]);
		const revive = fault === "killed" ? killedWithConnection(host) : () => undefined;
		await arm(fault, at);
		const { errors } = await engine.up(to).finally(revive);
		if (fault === "power") await rebooted();
		const { count, struck } = fault === "power" ? { count: 0, struck: true } : await disarm();
		expect(struck, `${what}: struck`).to.equal(fault !== "nothing");
		for (const text of Object.values(errors)) expect(text, what).to.match(/^[a-z-]+: [^\n]+$/);
		// What fails once may be tried again by the script itself, as conntrack is.
		if (fault === "killed") expect(errors, what).to.not.deep.equal({});
		if (fault === "cut" || fault === "nothing") expect(errors, what).to.deep.equal({});
		if (fault === "killed") {
			engine.live.clear();
			for (const [name, state] of known) engine.live.set(name, state);
		}
		await engine.refresh();
		await succeed(engine, to, `${what}: the next up`);
		expect(await engine.refresh(), `${what}: drift after the next up`).to.deep.equal({});
		expect((await engine.up(to)).changed, `${what}: a second up`).to.equal(0);
		await succeed(engine, {}, `${what}: destroy`);
		// What was planted on the host is gone with its power.
		if (clean.length > 0) {
			const left = await everything(...CONTAINERS);
			expect(
				{ left: left.filter((line) => !clean.includes(line)), gone: clean.filter((line) => !left.includes(line)) },
				what,
			).to.deep.equal({
				...{ left: [], gone: [] },
			});
		}
		const row = `${one.kind} ${cases.indexOf(one)}`.padEnd(22) + step;
		outcomes[row] ??= { fails: 0, cut: 0, killed: 0, power: 0 };
		if (fault !== "nothing") outcomes[row][fault]++;
		return count;
	}

	/** The host without power, and with it again: its containers are started by whoever runs them. */
	async function rebooted(): Promise<void> {
		await powerCycle();
		await sh(`${UPROOT}\n${PLANT}\ndocker start ${CONTAINERS.join(" ")}`);
		clean = [];
	}

	let number = 0;
	for (const [index, name] of [
		"OvsBridge",
		"OvsTunnel",
		"VethAttachment",
		"VethAttachment in a Linux bridge",
		"StaticContainerIp",
		"NatPublish",
		"IsolatedNetwork",
		"StaticRoute",
	].entries())
		for (const step of STEPS)
			it(`of the ${step} of ${name} is mended by the next up`, async () => {
				const one = cases[index]!;
				const count = await strike(one, step, "nothing", -1);
				expect(count).to.be.greaterThan(0);
				for (let at = 0; at < count; at++)
					for (const fault of FAULTS)
						if (every.includes(fault) || (asked === "" && fault !== "power" && number++ % FEW === 0))
							await strike(one, step, fault, at);
			});

	it("was tried for every verb that a planner knows", () => {
		const text = readFileSync(path.join(__dirname, "..", "..", "provider", "host", "change.ts"), "utf8");
		const known = [...text.matchAll(/verb: "([a-z.-]+)"/g)].map((match) => match[1]!);
		const missing = [...new Set(known)].filter((verb) => !verbs.has(verb) && !ELSEWHERE.includes(verb));
		expect(missing, "add a case to tests/faults/cases.ts").to.deep.equal([]);
	});
});
