import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, labHost, useLab } from "../support/lab";
import { fits } from "../support/sites";
import { discard, exampleStack, expectNoChanges, fetchFrom, succeed } from "../support/stacks";

const address = {
	a10: "10.61.0.10",
	b10: "10.61.0.11",
	a20: "10.61.0.20",
	b20: "10.61.0.21",
	a30: "10.61.0.30",
	b30: "10.61.0.31",
};
type Member = keyof typeof address;
const members = Object.keys(address) as Member[];
const hostOf = (member: string) => (member.startsWith("a") ? "h1" : "h2");

/** Which members each member reaches over TCP. */
async function reachable(): Promise<Record<string, string[]>> {
	const rows = await Promise.all(
		members.map(async (from) => {
			const others = members.filter((to) => to !== from);
			const said = await Promise.all(others.map((to) => fetchFrom(hostOf(from), `trunk-${from}`, address[to], "/name")));
			return [from, said.filter((name) => name !== undefined)] as const;
		}),
	);
	return Object.fromEntries(rows);
}

const apart = { a10: ["b10"], b10: ["a10"], a20: ["b20"], b20: ["a20"] };

describe("example vlan-trunk", function () {
	this.timeout(120_000);
	useLab(2);

	const stack = exampleStack("vlan-trunk");
	let untouched: unknown[];
	const dumps = () => Promise.all(["h1", "h2"].map(hostDump));

	before(async () => {
		untouched = await dumps();
		await stack.setConfig({ image, a: labHost("h1"), b: labHost("h2") });
	});
	after(() => discard(stack));

	it("lets equal tags talk between the hosts, on the VLANs of the trunk, and no others", async () => {
		await succeed(stack, "up");
		expect(await reachable()).to.deep.equal({ ...apart, a30: [], b30: [] });
		// Geneve over IPv4, and a VLAN tag in it: 54 bytes.
		expect(await fits({ host: "h1", container: "trunk-a10" }, address.b10, 1446)).to.equal(true);
	});

	it("finds nothing to do in a preview", () => expectNoChanges(stack));

	it("takes another VLAN onto the trunk in place", async () => {
		await stack.setConfig({ trunks: [10, 20, 30] });
		expect((await succeed(stack, "up")).summary).to.include({ update: 2, create: 0, replace: 0, delete: 0 });
		expect(await reachable()).to.deep.equal({ ...apart, a30: ["b30"], b30: ["a30"] });
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await dumps()).to.deep.equal(untouched);
	});
});
