import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, inContainer, labHost, on, useLab } from "../support/lab";
import { connections, discard, exampleStack, expectNoChanges, starts, succeed } from "../support/stacks";

interface Link {
	mtu: number;
	address: string;
	operstate: string;
	addr_info: { local: string; prefixlen: number; scope: string }[];
}

const inside = async () => (JSON.parse(await inNamespace("ip", "-j", "address", "show", "dev", "eth1")) as Link[])[0]!;
const global = (link: Link) =>
	link.addr_info.filter(({ scope }) => scope === "global").map(({ local, prefixlen }) => `${local}/${prefixlen}`);

/** With the host's tools, in the container's network: busybox's say less. */
async function inNamespace(...argv: string[]): Promise<string> {
	const pid = await on("h1", "docker", "inspect", "-f", "{{.State.Pid}}", "static-db");
	return on("h1", "nsenter", "-t", pid, "-n", ...argv);
}

const routes = async (family: string) =>
	(JSON.parse(await inNamespace("ip", "-j", family, "route")) as { dst: string; gateway?: string }[])
		.filter(({ gateway }) => gateway !== undefined)
		.map(({ dst, gateway }) => `${dst} via ${gateway}`);

describe("example static-ip", function () {
	this.timeout(90_000);
	useLab(1);

	const stack = exampleStack("static-ip");
	let untouched: unknown;

	before(async () => {
		untouched = await hostDump("h1");
		await stack.setConfig({ image, host: labHost() });
	});
	after(() => discard(stack));

	it("gives the container exactly what is declared", async () => {
		await succeed(stack, "up");
		const link = await inside();
		expect(link).to.include({ mtu: 1400, address: "02:30:00:00:00:10", operstate: "UP" });
		expect(global(link)).to.deep.equal(["10.30.0.10/24", "fd00:30::10/64"]);
		expect(await routes("-4")).to.deep.equal(["default via 10.30.0.1", "10.99.99.0/24 via 10.30.0.2"]);
		expect(await routes("-6")).to.deep.equal(["default via fd00:30::1"]);
		expect(await stack.outputs()).to.deep.equal({ addresses: ["10.30.0.10/24", "fd00:30::10/64"], mac: "02:30:00:00:00:10" });
	});

	it("gives the host's end the same MTU and no IPv6", async () => {
		const port = await on("h1", "ovs-vsctl", "list-ports", "br-static");
		const [outside] = JSON.parse(await on("h1", "ip", "-j", "address", "show", "dev", port)) as Link[];
		expect(outside).to.include({ mtu: 1400, operstate: "UP" });
		expect(outside!.addr_info).to.deep.equal([]);
	});

	it("answers ping and TCP from the host, in both families", async () => {
		for (const address of ["10.30.0.10", "fd00:30::10"]) {
			await on("h1", "ping", "-c", "1", "-W", "2", address);
			const answer = await on(
				"h1",
				"bash",
				"-c",
				`exec 3<>/dev/tcp/${address}/3306; printf 'GET /passwd HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`,
			);
			expect(answer).to.match(/^HTTP\/1\.[01] \d{3} /);
		}
	});

	it("finds nothing to do in a preview", () => expectNoChanges(stack));

	it("touches no host in a second up", async () => {
		const seen = async () => [await connections("h1"), await on("h1", "cat", "/run/netplumb/generation")];
		const first = await seen();
		expect((await succeed(stack, "up")).summary).to.include({ create: 0, update: 0, replace: 0, delete: 0 });
		expect(await seen()).to.deep.equal(first);
	});

	it("changes the address in place", async () => {
		const started = await starts("h1", "static-db");
		await stack.setConfig({ address: "10.30.0.77/24" });
		expect((await succeed(stack, "up")).summary).to.include({ update: 1, create: 0, replace: 0, delete: 0 });
		expect(await starts("h1", "static-db")).to.equal(started);
		expect(global(await inside()).sort()).to.deep.equal(["10.30.0.77/24", "fd00:30::10/64"]);
		expect(await routes("-4")).to.deep.equal(["default via 10.30.0.1", "10.99.99.0/24 via 10.30.0.2"]);
		await on("h1", "ping", "-c", "1", "-W", "2", "10.30.0.77");
		await inContainer("h1", "static-db", "ping", "-c", "1", "-W", "2", "10.30.0.1");
		await expectNoChanges(stack);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
