// Text that would be code somewhere, in every text input of every kind and of a host.
import { expect } from "chai";
import type { Kind } from "../../provider/kinds/kind";
import { kinds } from "../../provider/kinds/registry";
import { check } from "../../provider/lifecycle/check";
import { at, complete, good, places, put } from "./good";

const ATTACKS = [
	"-oProxyCommand=reboot",
	"--db=tcp:192.0.2.1:6640",
	"$(reboot)",
	"`reboot`",
	"x;reboot",
	"x|reboot",
	"x\nreboot",
	"x\0y",
	"x\u202ey",
	"x' y",
	'x" y',
	"../../etc",
	"",
	"x -- reboot",
];
/** Printable text is data in these, whatever it looks like. */
const FREE = ["otherConfig.mac-aging-time", "acls.0.match"];
const host = {
	address: "x",
	port: 22,
	user: "u",
	hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
	identityFile: "/k",
	knownHostsFile: "/h",
	transport: "openssh",
	via: { address: "y", user: "v" },
	onUnreachable: "fail",
};

const fails = (kind: string, args: unknown, on: unknown = good.host) =>
	check((kinds as unknown as Record<string, Kind<object>>)[kind]!, { host: on, owner: "p/s/n", ...(args as object) }).failures;

describe("text that is code somewhere", () => {
	for (const [kind, args] of Object.entries(complete)) {
		it(`is refused in every text input of ${kind}`, () => {
			expect(fails(kind, args)).to.deep.equal([]);
			const paths = places(args).filter((path) => typeof at(args, path) === "string");
			expect(paths.length).to.be.greaterThan(2);
			for (const path of paths)
				for (const attack of ATTACKS) {
					const free = FREE.includes(path.join(".")) && !/[\n\0\u202e]|^$/.test(attack);
					const found = fails(kind, put(args, path, attack));
					expect(found.length > 0, `${path.join(".")} = ${JSON.stringify(attack)}`).to.equal(!free);
					for (const { reason } of found) expect(reason).not.to.match(/[\x00-\x1f\u202e]/);
				}
		});
	}
	it("is refused in every text input of a host, and in keys of records", () => {
		expect(fails("OvsBridge", {}, host)).to.deep.equal([]);
		for (const path of places(host).filter((one) => typeof at(host, one) === "string"))
			for (const attack of ATTACKS)
				expect(
					fails("OvsBridge", {}, put(host, path, attack)),
					`${path.join(".")} = ${JSON.stringify(attack)}`,
				).not.to.deep.equal([]);
		for (const attack of ATTACKS.filter((one) => !/^-/.test(one)))
			expect(fails("OvsBridge", { otherConfig: { [attack]: "x" } }), attack).not.to.deep.equal([]);
	});
});
