// The form of the state: the host is one value there, and either form is read.
import { expect } from "chai";
import type { providerOf } from "../../provider/lifecycle/provider";
import { stored } from "../../provider/lifecycle/stored";
import { lifecycle } from "../../provider/v1";

type Provider = ReturnType<typeof providerOf>;
type Props = Parameters<Provider["create"]>[0];

const fields = { address: "192.0.2.1", port: 2222 };
const text = JSON.stringify(fields);
const declared = { owner: "p/s/lan", name: "br0", __provider: "line" };
const state = (host: unknown): Props => ({ ...declared, host, stateVersion: 1, mtu: 1500, defaulted: ["mtu"] });

describe("the host in the state", () => {
	const bridge = lifecycle("OvsBridge");
	const inputsOf = async (host: unknown) => {
		const { inputs, failures } = await bridge.check({}, { ...declared, host });
		expect(failures).to.deep.equal([]);
		return { ...inputs, __provider: "line" } as Props;
	};

	it("is one text, whichever form the program gives", async () => {
		expect((await inputsOf(text))["host"]).to.equal(text);
		expect((await inputsOf(fields))["host"]).to.equal(text);
	});

	it("is the same in either form, and in any order of its fields", async () => {
		const news = await inputsOf(fields);
		const same = { changes: false, replaces: [], deleteBeforeReplace: true };
		for (const host of [fields, text, '{"port":2222,"address":"192.0.2.1"}'])
			expect(await bridge.diff("id", state(host), news), JSON.stringify(host)).to.deep.equal(same);
		expect((await bridge.diff("id", state(text), await inputsOf({ ...fields, port: 22 }))).replaces).to.deep.equal(["host"]);
	});

	it("is named by its fields where one of them is wrong", async () => {
		const { failures } = await bridge.check({}, { ...declared, host: '{"address":"192.0.2.1","port":0}' });
		expect(failures).to.have.length(1);
		expect(failures[0]!.reason).to.match(/^host\.port: found 0, expected /);
	});

	it("is text in all that the engine is given, and has its fields in all that the provider is given", async () => {
		const given: unknown[] = [];
		const takes = (props: Props) => given.push(props["host"]);
		const half = Object.assign(new Error("half-made"), { id: "id", properties: { host: fields } });
		const inner = {
			create: async (props: Props) => {
				takes(props);
				throw half;
			},
			update: async (_id: string, olds: Props, news: Props) => {
				takes(olds);
				takes(news);
				return { outs: { host: fields } };
			},
			read: async (_id: string, props: Props) => {
				takes(props);
				return { id: "id", props: { host: fields }, inputs: { host: fields } };
			},
			delete: async (_id: string, props: Props) => {
				takes(props);
			},
		};
		const outer = stored(inner as unknown as Provider);
		const error = await outer.create({ host: text }).catch((caught: unknown) => caught);
		expect(error).to.equal(half);
		expect(half.properties).to.deep.equal({ host: text });
		expect(await outer.update("id", { host: text }, { host: text })).to.deep.equal({ outs: { host: text } });
		expect(await outer.read("id", { host: text })).to.deep.equal({ id: "id", props: { host: text }, inputs: { host: text } });
		await outer.delete("id", { host: text });
		expect(given).to.deep.equal(Array(5).fill(fields));
	});
});
