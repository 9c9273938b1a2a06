// Interfaces come and go while a host is read.
import { expect } from "chai";
import { readFunctions } from "../../provider/host/read";
import { useLab } from "../support/lab";
import { sh } from "../support/wiring";

describe("an interface that goes while it is read", () => {
	useLab(1);

	/** Reads "gone0" after the tool is told to do something else first. */
	const read = (first: string) =>
		sh(
			`ip link add gone0 type veth peer name gone1
			${readFunctions([])}
			ip() { ${first}; command ip "$@"; }
			status=0
			read_devices @ gone0 lo 2>/dev/null || status=$?
			command ip link delete gone0 2>/dev/null || :
			printf '\\nstatus %s' $status`,
		);

	it("is not there, and the others are told", async () => {
		const facts = await read("command ip link delete gone0 2>/dev/null || :");
		expect(facts).to.not.contain("device gone0");
		expect(facts).to.match(/@ device lo\n.*\nstatus 0$/s);
	});

	it("is told with what it has", async () => {
		expect(await read(":")).to.match(/@ device gone0\n\[.*\n\[.*\nswitches \d [01]\n@ device lo\n.*\nstatus 0$/s);
	});

	it("ends the look where the tool fails for another reason", async () => {
		expect(await read("return 1")).to.match(/status 1$/);
	});
});
