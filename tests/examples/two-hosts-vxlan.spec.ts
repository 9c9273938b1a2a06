import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, labHost, on, useLab } from "../support/lab";
import { bulk, fits } from "../support/sites";
import { discard, exampleStack, expectNoChanges, fetchFrom, starts, succeed } from "../support/stacks";

describe("example two-hosts-vxlan", function () {
	this.timeout(90_000);
	useLab(2);

	const stack = exampleStack("two-hosts-vxlan");
	const [a, b] = [
		{ host: "h1", container: "vxlan-a" },
		{ host: "h2", container: "vxlan-b" },
	] as const;
	let untouched: unknown[];
	const dumps = () => Promise.all(["h1", "h2"].map(hostDump));

	before(async () => {
		untouched = await dumps();
		// What is damaged by hand here shall stay so until the next up.
		const host = (name: string) => labHost(name, { heal: false });
		await stack.setConfig({ image, a: host("h1"), b: host("h2") });
	});
	after(() => discard(stack));

	it("says in a preview that it is not encrypted, once for each tunnel's end", async () => {
		const { diagnostics } = await succeed(stack, "preview");
		const warnings = diagnostics.filter(({ severity, message }) => severity === "warning" && message.includes("not encrypted"));
		expect(warnings.map(({ message }) => message.split(":")[0])).to.have.members(["tunnel vxlan-a", "tunnel vxlan-b"]);
	});

	it("lets the containers talk over TCP, both ways and with whole packets", async () => {
		await succeed(stack, "up");
		expect(await fetchFrom("h1", "vxlan-a", "10.60.0.2", "/name")).to.equal("b");
		expect(await fetchFrom("h2", "vxlan-b", "10.60.0.1", "/name")).to.equal("a");
		expect(await fits(a, "10.60.0.2", 1450)).to.equal(true);
		expect(await bulk(a, b, "10.60.0.2")).to.be.greaterThan(1_000_000);
		expect(await bulk(b, a, "10.60.0.1")).to.be.greaterThan(1_000_000);
	});

	it("finds nothing to do in a preview, also after a look at the hosts", async () => {
		await expectNoChanges(stack);
		await expectNoChanges(stack, ["--refresh"]);
	});

	/** Runs a command for the tunnel port of a host. */
	const harm = (host: string, command: string) =>
		on(
			host,
			"sh",
			"-ec",
			`for port in $(ovs-vsctl list-ports br-vxlan); do [ "$(ovs-vsctl get interface $port type)" != vxlan ] || ovs-vsctl --timeout=10 ${command}; done`,
		);

	it("shows a wrong key and a changed remote in a refresh, and up mends them", async () => {
		await harm("h1", "set interface $port options:key=43");
		await harm("h2", "set interface $port options:remote_ip=192.0.2.66");
		expect(await fetchFrom("h1", "vxlan-a", "10.60.0.2", "/name")).to.equal(undefined);
		expect((await succeed(stack, "refresh")).summary).to.include({ update: 2 });
		expect((await succeed(stack, "up")).summary).to.include({ update: 2, create: 0, replace: 0, delete: 0 });
		expect(await fetchFrom("h1", "vxlan-a", "10.60.0.2", "/name")).to.equal("b");
	});

	it("shows a tunnel port that was deleted by hand in a refresh, and up makes it again", async () => {
		await harm("h1", "del-port $port");
		expect((await succeed(stack, "refresh")).summary).to.include({ update: 1 });
		expect((await succeed(stack, "up")).summary).to.include({ update: 1, create: 0, replace: 0, delete: 0 });
		expect(await fetchFrom("h1", "vxlan-a", "10.60.0.2", "/name")).to.equal("b");
	});

	it("changes the key on both ends in place", async () => {
		const started = [await starts("h1", "vxlan-a"), await starts("h2", "vxlan-b")];
		await stack.setConfig({ key: "4242" });
		expect((await succeed(stack, "up")).summary).to.include({ update: 2, create: 0, replace: 0, delete: 0 });
		expect(await fetchFrom("h1", "vxlan-a", "10.60.0.2", "/name")).to.equal("b");
		expect([await starts("h1", "vxlan-a"), await starts("h2", "vxlan-b")]).to.deep.equal(started);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await dumps()).to.deep.equal(untouched);
	});
});
