import { expect } from "chai";
import { hostDump } from "../support/dump";
import { image, labHost, on, useLab } from "../support/lab";
import { discard, exampleStack, expectNoChanges, starts, succeed } from "../support/stacks";

const host = (): string => labHost().address;

/** What a web client on a lab host gets; "" when nothing answers. */
async function get(from: string, address: string, port: number): Promise<string> {
	const script = `perl -MIO::Socket::IP -e '
		my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => $ARGV[1], Proto => "tcp", Timeout => 2) or exit;
		print $s "GET / HTTP/1.0\\r\\n\\r\\n"; my @lines = <$s>; print $lines[-1] // ""' "$1" "$2"`;
	return (await on(from, "sh", "-c", script, "-", address, String(port))).trim();
}

describe("example published-ports", function () {
	this.timeout(90_000);
	useLab(2);

	const stack = exampleStack("published-ports");
	let untouched: unknown;

	before(async () => {
		untouched = await hostDump("h1");
		await stack.setConfig({ image, host: labHost() });
	});
	after(() => discard(stack));

	it("publishes the ports", async () => {
		await succeed(stack, "up");
		expect(await get("h2", host(), 8080)).to.equal("hello");
		expect(await get("h1", "127.0.0.1", 8080)).to.equal("hello");
		expect(await stack.outputs()).to.deep.equal({ published: ["8080", "20000-29999"] });
		expect(await on("h1", "nft", "list", "map", "inet", "netplumb", "udp4")).to.contain("20000-29999 comment");
	});

	it("finds nothing to do in a preview, with and without a look at the host", async () => {
		await expectNoChanges(stack);
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("changes who may connect without a new container", async () => {
		const started = await starts("h1", "ports-web");
		await stack.setConfig({ clients: ["192.0.2.0/24"] });
		expect((await succeed(stack, "up")).summary).to.include({ update: 1, create: 0, replace: 0, delete: 0 });
		expect(await get("h2", host(), 8080)).to.equal("");
		expect(await get("h1", "127.0.0.1", 8080)).to.equal("hello");
		expect(await starts("h1", "ports-web")).to.equal(started);
	});

	it("shows a table that somebody deleted as drift, and mends it", async () => {
		await on("h1", "nft", "delete", "table", "inet", "netplumb");
		const refreshed = await succeed(stack, "refresh");
		expect(refreshed.summary).to.include({ update: 2, delete: 0 });
		expect((await succeed(stack, "up")).summary).to.include({ update: 2, create: 0 });
		expect(await get("h1", "127.0.0.1", 8080)).to.equal("hello");
		await expectNoChanges(stack, ["--refresh"]);
	});

	it("destroys without a trace", async () => {
		await succeed(stack, "destroy");
		expect(await hostDump("h1")).to.deep.equal(untouched);
	});
});
