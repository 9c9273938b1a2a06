// At every operation of every create, update and delete: the command fails, the connection is cut, the provider is killed, the host loses its
// power. After each, the next up reaches what is declared, nothing is doubled or left, and what is foreign is untouched.
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { labHost, makeContainer, useLab } from "../support/lab";
import { everything, removeContainers, sh } from "../support/wiring";
import { type Case, casesFor } from "./cases";
import { plantShim, removeShim } from "./fault";
import { STEPS, Strikes } from "./strike";

const CONTAINERS = ["fault-web", "fault-bare"];
/** What is kept with what is made: tests/heal has the faults of a host's memory. */
const MEMORY = ["desired.set", "desired.remove"];
/** Beside this file: ovn.spec.ts, which needs daemons that others do without. */
const OVN = ["record.add", "record.set", "record.remove", "record.discard", "chassis.wait", "chassis.leave"];
/** Only where Docker drops what is forwarded: tests/nat-publish/docker.spec.ts. */
const DOCKER = ["docker-user.add", "docker-user.delete"];
const ELSEWHERE = [...MEMORY, ...OVN, ...DOCKER];

/** What belongs to the host and lives as long as its power. */
const PLANT = `ip link add nic0 type veth peer name nic0x
ip link add lbr-f address 02:00:00:00:0f:01 type bridge; ip link add lbr-p type veth peer name lbr-q
for link in lbr-f lbr-p lbr-q; do echo 1 >/proc/sys/net/ipv6/conf/$link/disable_ipv6; done
ip link set lbr-p master lbr-f; for link in lbr-f lbr-p lbr-q; do ip link set $link up; done`;
const UPROOT = "for link in nic0 lbr-f lbr-p; do ip link delete $link 2>/dev/null || true; done";

describe("a fault at any operation", function () {
	this.timeout(0);
	useLab(1);
	let strikes: Strikes;
	let cases: Case[] = [];

	before(async () => {
		const host = labHost("h1", { heal: false });
		await removeContainers(...CONTAINERS);
		const web = await makeContainer("h1", CONTAINERS[0]!, "--network", "bridge");
		const bare = await makeContainer("h1", CONTAINERS[1]!);
		cases = casesFor(web, bare, host.address.replace(/\d+$/, "250"));
		await plantShim();
		await sh(`${UPROOT}\n${PLANT}`);
		strikes = new Strikes({
			host,
			look: () => everything(...CONTAINERS),
			// What others call "netplumb-not" (support/foreign.ts) is theirs.
			lasts: (line) => /netplumb(?!-not)/.test(line),
			// Containers are started by whoever runs them.
			revived: () => sh(`${UPROOT}\n${PLANT}\ndocker start ${CONTAINERS.join(" ")}`),
		});
	});
	useForeign();
	after(async () => {
		strikes.end();
		await removeShim();
		await sh(UPROOT);
		await removeContainers(...CONTAINERS);
	});

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
			it(`of the ${step} of ${name} is mended by the next up`, () =>
				strikes.all(`${cases[index]!.kind} ${index}`.padEnd(22) + step, cases[index]!, step));

	it("was tried for every verb that a planner knows", () => {
		const text = readFileSync(path.join(__dirname, "..", "..", "provider", "host", "change.ts"), "utf8");
		const known = [...text.matchAll(/verb: "([a-z.-]+)"/g)].map((match) => match[1]!);
		const missing = [...new Set(known)].filter((verb) => !strikes.verbs.has(verb) && !ELSEWHERE.includes(verb));
		expect(missing, "add a case to tests/faults/cases.ts").to.deep.equal([]);
	});
});
