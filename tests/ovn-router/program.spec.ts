// What the resource hands on of others, on Pulumi's own mocks: no host is asked.
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { Host, OvnChassis, OvnRouter, OvnSwitch, StaticContainerIp } from "../../sdk/index";

describe("a program with an OvnRouter", () => {
	it("takes switches, chassis and addresses from the resources that make them, or as texts", async () => {
		let found: Record<string, unknown> = {};
		await pulumi.runtime.setMocks(
			{
				newResource: ({ type, name, inputs }) => {
					if (type.endsWith(":OvnRouter")) found = inputs;
					return { id: name, state: { ...inputs, name: `made-${name}`, chassis: "rack-1", ip: "10.72.0.5" } };
				},
				call: () => ({}),
			},
			"project",
			"stack",
		);
		const host = new Host("ssh://root@192.0.2.1");
		const chassis = new OvnChassis("one", { host, southbound: "tcp:192.0.2.1:6642", encapIp: "192.0.2.1" });
		const target = new StaticContainerIp("web", { host, container: "web", interface: "eth1", addresses: ["10.72.0.5/24"] });
		new OvnRouter("edge", {
			host,
			ports: [
				{ switch: new OvnSwitch("apps", { host }), addresses: ["10.72.0.1/24"] },
				{ switch: "outside", addresses: ["192.0.2.50/24"], chassis: [chassis, "rack-2"] },
			],
			publish: [
				{ port: 80, target },
				{ port: 81, target: "10.72.0.6" },
			],
		});
		await new Promise((resolve) => setTimeout(resolve, 50));
		expect(found["ports"]).to.deep.equal([
			{ switch: "made-apps", addresses: ["10.72.0.1/24"] },
			{ switch: "outside", addresses: ["192.0.2.50/24"], chassis: ["rack-1", "rack-2"] },
		]);
		expect(found["publish"]).to.deep.equal([
			{ port: 80, target: "10.72.0.5" },
			{ port: 81, target: "10.72.0.6" },
		]);
	});
});
