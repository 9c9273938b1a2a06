// As many dynamic resources as the wiring has, each with an empty provider in one constant line: the engine's floor.
import * as pulumi from "@pulumi/pulumi";

const count = new pulumi.Config().requireNumber("count");
const provider = `exports.handler = () => ({
	check: async (olds, news) => ({ inputs: news, failures: [] }),
	diff: async () => ({ changes: false }),
	create: async (inputs) => ({ id: "empty", outs: inputs }),
	read: async (id, props) => ({ id, props }),
	delete: async () => {},
});`;

class Empty extends pulumi.CustomResource {
	constructor(name: string, args: pulumi.Inputs, opts?: pulumi.CustomResourceOptions) {
		super("pulumi-nodejs:dynamic/bench:Empty", name, { ...args, __provider: provider }, opts);
	}
}

for (let index = 0; index < count; index++) {
	const wire = new Empty(`wire-${index}`, { index });
	new Empty(`ip-${index}`, { index, wire: wire.id });
}
