import { expect } from "chai";
import { check, diff } from "./stand-in/docker/check";
import { container } from "./stand-in/docker/container";

const urn = "urn:pulumi:test::project::docker:index/container:Container::web";

describe("docker stand-in", () => {
	it("refuses by name what it does not know", () => {
		const { failures } = check(container, urn, {}, { image: "i", gpus: "all", ports: [{ internal: 80, range: 3 }] });
		expect(failures.map(({ property }) => property)).to.deep.equal(["gpus", "ports[0].range"]);
	});

	it("makes a name up once, and keeps it", () => {
		const first = check(container, urn, {}, { image: "i" }).inputs;
		expect(first["name"]).to.match(/^web-[0-9a-f]{7}$/);
		expect(check(container, urn, first, { image: "j" }).inputs["name"]).to.equal(first["name"]);
		expect(check(container, urn, first, { image: "j", name: "mine" }).inputs["name"]).to.equal("mine");
	});

	it("tells what replaces from what changes in place", () => {
		const before = { image: "i", restart: "no", envs: ["A=1", "B=2"], command: ["a", "b"] };
		const differences = diff(container, before, { ...before, restart: "always", hostname: "h", command: ["b", "a"] });
		expect(differences).to.deep.include({ property: "restart", kind: "update", replace: false });
		expect(differences).to.deep.include({ property: "hostname", kind: "add", replace: true });
		expect(differences).to.deep.include({ property: "command", kind: "update", replace: true });
	});

	it("sees no difference in the order of a set, in absent and in empty", () => {
		const before = { image: "i", envs: ["A=1", "B=2"], dns: [] };
		expect(diff(container, before, { image: "i", envs: ["B=2", "A=1"] })).to.deep.equal([]);
	});
});
