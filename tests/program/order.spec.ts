// In which order the resources of a program reach the engine, which works on few at a time: hosts wait for nobody else's turn.
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Host, OvsBridge } from "../../sdk/index";

const inProgram = Array.from({ length: 12 }, (_, index) => `br${index}`);

async function orderOf(hosts: Host[]): Promise<string[]> {
	const made: string[] = [];
	const newResource = ({ name, inputs }: pulumi.runtime.MockResourceArgs) => {
		made.push(name);
		return { id: name, state: inputs };
	};
	await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "project", "stack");
	const all = inProgram.map((name, index) => new OvsBridge(name, { host: hosts[index % hosts.length]!, name }));
	await Promise.all(all.map(({ id }) => new Promise((resolve) => id.apply(resolve))));
	return made;
}

describe("the resources of one program reach the engine in its order, not host by host", () => {
	it("when each host has an address", async () => {
		expect(await orderOf(["h1", "h2", "h3"].map((address) => new Host({ address })))).to.deep.equal(inProgram);
	});

	it("when one host has more fields than the others, and outputs among them", async () => {
		const near = new Host({ address: "h1" });
		const far = new Host({
			address: pulumi.output("h2").apply((name) => `${name}.example`),
			hostKey: pulumi.secret("ssh-ed25519 AAAA"),
			via: { address: "gate", via: { address: pulumi.output("gate-of-gate") } },
		});
		expect(await orderOf([far, near])).to.deep.equal(inProgram);
	});
});
