// A state that somebody edited by hand: one sentence for every method, before anything is asked of a host.
import { expect } from "chai";
import { lifecycle } from "../../provider/v1";
import { failure } from "../support/resource";

type Props = Parameters<ReturnType<typeof lifecycle>["create"]>[0];

const whole: Record<string, unknown> = { host: { address: "192.0.2.1" }, owner: "p/s/n", stateVersion: 1, name: "br0" };
const { host: _, ...noHost } = whole;
const { owner: __, ...noOwner } = whole;
const damages: [what: string, state: Record<string, unknown>, says: string][] = [
	["no host", noHost, "host: found nothing"],
	["a host that is a word", { ...whole, host: "h1" }, 'host: found "h1"'],
	["a host that was cut", { ...whole, host: '{"address":"192.0' }, 'host: found "{\\"address'],
	["a host without an address", { ...whole, host: {} }, "host.address: found nothing"],
	["no owner", noOwner, "owner: found nothing"],
	["an owner that is a number", { ...whole, owner: 7 }, "owner: found 7"],
];

describe("a state that was edited by hand", () => {
	const provider = lifecycle("OvsBridge");
	const methods: Record<string, (state: Props) => Promise<unknown>> = {
		diff: (state) => provider.diff("id", state, whole as Props),
		read: (state) => provider.read("id", state),
		update: (state) => provider.update("id", state, whole as Props),
		delete: (state) => provider.delete("id", state),
	};
	for (const [what, state, says] of damages)
		for (const [method, call] of Object.entries(methods))
			it(`with ${what} is a sentence in ${method}`, async () => {
				const message = await failure(call(state as Props));
				expect(message).to.match(/^the state of this resource cannot be used: [^\n]+; restore it from a backup, or /);
				expect(message).to.contain(says);
			});
});
