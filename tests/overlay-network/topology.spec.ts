import { expect } from "chai";
import { links } from "../../sdk/topology";

const ends = (...args: Parameters<typeof links>) =>
	links(...args).map(({ from, to, protect }) => `${from}${protect ? "|" : "-"}${to}`);

describe("the topology of an OverlayNetwork", () => {
	it("is both ends of a tunnel between any two hosts in a mesh, all with split horizon", () => {
		expect(ends("net", ["a", "b", "c"], "mesh")).to.deep.equal(["a|b", "a|c", "b|a", "b|c", "c|a", "c|b"]);
		const names = Array.from({ length: 20 }, (_, index) => `h${index}`);
		expect(links("net", names, "mesh")).to.have.length(20 * 19);
		expect(ends("net", ["a"], "mesh")).to.deep.equal([]);
	});

	it("is a tunnel from each host to the hub, which forwards", () => {
		expect(ends("net", ["a", "b", "c"], "hub")).to.deep.equal(["b|a", "a-b", "c|a", "a-c"]);
		expect(ends("net", ["a", "b", "c"], "hub", "c")).to.deep.equal(["a|c", "c-a", "b|c", "c-b"]);
	});

	it("keeps every tunnel of the hosts that stay when one comes or goes", () => {
		const four = links("net", ["a", "b", "c", "d"], "mesh");
		const three = links("net", ["a", "b", "d"], "mesh");
		expect(four).to.deep.include.members(three);
		expect(four.filter(({ from, to }) => from !== "c" && to !== "c")).to.deep.equal(three);
	});

	it("refuses no hosts, a hub that is none of them, and names that could be taken for two", () => {
		expect(() => links("net", [], "mesh")).to.throw("OverlayNetwork net: hosts: found none, expected at least one; add one");
		expect(() => links("net", ["a"], "hub", "b")).to.throw(
			'OverlayNetwork net: hub: found "b", expected one of the hosts a; correct the name',
		);
		for (const bad of ["", "a--b", "a-", "-a", "a b", "a/b"])
			expect(() => links("net", [bad], "mesh"), bad).to.throw(`hosts: found the name ${JSON.stringify(bad)}, expected`);
		for (const good of ["h1", "web-1", "10.0.0.1", "a_b"]) expect(() => links("net", [good], "mesh"), good).not.to.throw();
	});
});
