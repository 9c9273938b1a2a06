// In which order the resources of a program reach the engine, which works on few at a time: hosts wait for nobody else's turn.
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Host, OvsBridge, VethAttachment } from "../../sdk/index";

describe("the resources of one program reach the engine", () => {
	it("in the order of the program, not host by host", async () => {
		const made: string[] = [];
		const newResource = ({ name, inputs }: pulumi.runtime.MockResourceArgs) => {
			made.push(name);
			return { id: name, state: inputs };
		};
		await pulumi.runtime.setMocks({ newResource, call: () => ({}) }, "project", "stack");
		const hosts = ["h1", "h2", "h3"].map((address) => new Host({ address }));
		const all: pulumi.CustomResource[] = [];
		for (let index = 0; index < 12; index++) {
			const host = hosts[index % hosts.length]!;
			const bridge = new OvsBridge(`bridge-${index}`, { host, name: `br${index}` });
			all.push(bridge, new VethAttachment(`wire-${index}`, { host, container: `c${index}`, bridge: bridge.name }));
		}
		await Promise.all(all.map(({ id }) => new Promise((resolve) => id.apply(resolve))));
		const inProgram = Array.from({ length: 12 }, (_, index) => index);
		const order = (kind: string) =>
			made.filter((name) => name.startsWith(kind)).map((name) => Number(name.slice(kind.length + 1)));
		expect(order("bridge")).to.deep.equal(inProgram);
		expect(order("wire")).to.deep.equal(inProgram);
	});
});
