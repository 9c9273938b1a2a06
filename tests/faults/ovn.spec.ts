// The same faults at every operation of the kinds of OVN, with its databases and ovn-controller on one host.
import { expect } from "chai";
import { labHost, makeContainer, on, useLab } from "../support/lab";
import { address, cloudDump, nbctl, useOvn } from "../support/ovn";
import { removeContainers } from "../support/wiring";
import { type Case, ovnCasesFor } from "./cases";
import { plantShim, removeShim } from "./fault";
import { STEPS, Strikes } from "./strike";

const CONTAINER = "fault-ovn";
const KINDS = ["OvnCentral", "OvnChassis", "OvnSwitch", "OvnPort", "OvnRouter", "VethAttachment"];

/** Somebody else's, in the database that we write to. */
const THEIRS = [
	["ls-add", "theirs"],
	["acl-add", "theirs", "to-lport", "100", "ip4", "drop"],
	["lr-add", "their-router"],
	["lrp-add", "their-router", "their-leg", "02:00:00:00:00:99", "10.99.99.1/24"],
	["lr-nat-add", "their-router", "snat", "192.0.2.99", "10.99.99.0/24"],
	["lb-add", "their-lb", "192.0.2.98:80", "10.99.99.5:80"],
];

describe("a fault at any operation of OVN", function () {
	this.timeout(0);
	useLab(1);
	useOvn("h1");
	let strikes: Strikes;
	let cases: Case[] = [];

	before(async () => {
		await removeContainers(CONTAINER);
		cases = ovnCasesFor(address("h1"), await makeContainer("h1", CONTAINER));
		await nbctl(...THEIRS.flatMap((command) => ["--", ...command]));
		await plantShim();
		strikes = new Strikes({
			host: labHost("h1", { heal: false }),
			look: () => cloudDump("h1"),
			// The databases' own lines; those of the host name it.
			lasts: (line) => !line.startsWith("h1 ") || line.includes("netplumb"),
			revived: () => on("h1", "docker", "start", CONTAINER),
		});
	});
	after(async () => {
		strikes.end();
		await removeShim();
		await removeContainers(CONTAINER);
	});

	for (const [index, name] of KINDS.entries())
		for (const step of STEPS)
			it(`of the ${step} of ${name} is mended by the next up`, () => strikes.all(name.padEnd(22) + step, cases[index]!, step));

	it("was tried for every verb of theirs", () => {
		expect([...strikes.verbs]).to.include.members(["record.add", "record.set", "record.remove", "chassis.wait", "chassis.leave"]);
	});
});
