// The language of nft, through the real tool in a network namespace of its own.
import { execFileSync, spawnSync } from "node:child_process";
import { expect } from "chai";
import * as fc from "fast-check";
import { nftElement, nftField, nftString } from "../../provider/host/encode";
import { type Element, elementId } from "../../provider/host/firewall";
import { elementComment, markOf } from "../../provider/host/marks";
import { parseTable } from "../../provider/host/parse-firewall";
import { renderFirewall } from "../../provider/host/render-firewall";
import { expectedChains, SETS, writeLines } from "../../provider/host/ruleset";
import { isIntact } from "../../provider/kinds/elements";
import { canonicalCidr, canonicalIp, formatCidr, network, parseCidr } from "../../sdk/addressing/index";
import { skipUnless } from "../toolchain/skip";

function problem(): string | undefined {
	const tried = spawnSync("unshare", ["--net", "nft", "list", "ruleset"], { encoding: "utf8" });
	return tried.status === 0 ? undefined : `nft in a namespace: ${tried.error?.message ?? tried.stderr}`;
}

/** The table after these lines, as `nft -j` tells it, each of `transactions` being one. */
function table(...transactions: string[][]): ReturnType<typeof parseTable> {
	const files = transactions.map((lines, index) => `cat >"$1/${index}" <<'NFT'\n${lines.join("\n")}\nNFT\nnft -f "$1/${index}"`);
	const script = `set -e\nset -- "$(mktemp -d)"\ntrap 'rm -r "$1"' EXIT\n${files.join("\n")}\nnft -j list table inet netplumb`;
	return parseTable(execFileSync("unshare", ["--net", "sh", "-s"], { input: script, encoding: "utf8", maxBuffer: 1 << 26 }));
}

function lines(verb: "add" | "delete", elements: Element[]): string[] {
	return elements.flatMap((element) => {
		const rendered = renderFirewall({ verb: `element.${verb}`, element });
		return rendered.tool === "nft" ? rendered.lines : [];
	});
}

const v4 = fc.ipV4().map((text) => canonicalIp(text)!);
const v6 = fc
	.ipV6()
	.map((text) => canonicalIp(text))
	.filter((text): text is string => text !== undefined);
const net = (address: fc.Arbitrary<string>, max: number) =>
	fc.tuple(address, fc.integer({ min: 0, max })).map(([text, length]) => {
		const subnet = formatCidr(network(parseCidr(canonicalCidr(`${text}/${length}`)!)!));
		return length === max ? subnet.split("/")[0]! : subnet;
	});
const port = fc.integer({ min: 1, max: 65535 });
const ports = fc.oneof(
	port.map(String),
	fc.tuple(port, port).map(([a, b]) => (a === b ? String(a) : `${Math.min(a, b)}-${Math.max(a, b)}`)),
);
const byType: Record<string, fc.Arbitrary<string>> = {
	ipv4_addr: net(v4, 32),
	ipv6_addr: net(v6, 128),
	inet_service: ports,
	inet_proto: fc.constantFrom("tcp", "udp", "sctp", "gre"),
	ifname: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/),
};
const single: Record<string, fc.Arbitrary<string>> = { ...byType, ipv4_addr: v4, ipv6_addr: v6, inet_service: port.map(String) };
const owner = fc
	.string({ unit: "binary", minLength: 1, maxLength: 200 })
	.map((text) => elementComment(markOf(text, "NatPublish")));

/** One random element of each of some sets: two of one set might overlap, which nft refuses. */
const elements = fc.subarray(Object.keys(SETS), { minLength: 1 }).chain((names) =>
	fc.tuple(
		...names.map((set) => {
			const { key, value } = SETS[set]!;
			const fields = fc.tuple(...key.map((type) => byType[type]!));
			const target = value ? fc.tuple(...value.map((type) => single[type]!)) : fc.constant(undefined);
			return fc
				.tuple(fields, target, owner)
				.map(([key, value, comment]): Element => ({ set, key, comment, ...(value ? { value } : {}) }));
		}),
	),
);

describe("elements for nft", () => {
	before(function () {
		skipUnless(this, problem());
	});

	it("come back from the real tool as they went in, and go again", () => {
		fc.assert(
			fc.property(elements, (all) => {
				const sorted = (list: Element[]) => [...list].sort((a, b) => (elementId(a) < elementId(b) ? -1 : 1));
				expect(sorted(table(writeLines(), lines("add", all)).elements)).to.deep.equal(sorted(all));
				expect(table(writeLines(), lines("add", all), lines("delete", all)).elements).to.deep.equal([]);
			}),
			{ numRuns: 25 },
		);
	});

	it("cannot hold what nft would read as more than a word", () => {
		for (const text of ['"', "a}", "a;b", "1.2.3.4 ", "10.0.0.1, 10.0.0.2", "$x", "@set", "", "*", "1/2/3", "é", "a\nb"]) {
			expect(() => nftField("ipv4_addr", text), JSON.stringify(text)).to.throw(/not a value/);
			if (/["\n}é;*$]|^$/.test(text)) expect(() => nftString(text), JSON.stringify(text)).to.throw(/not a text/);
		}
		expect(() => nftElement({ key: ["ipv4_addr", "inet_service"] }, { key: ["10.0.0.1"] })).to.throw(/found 1 fields/);
	});
});

describe("the rules of the table", () => {
	before(function () {
		skipUnless(this, problem());
	});

	it("are recognised as whole when they are, and only then", () => {
		const facts = (...transactions: string[][]) => ({
			table: table(...transactions),
			docker: {},
			routeLocalnet: {},
			conntrack: true,
		});
		expect(isIntact(facts(writeLines()))).to.equal(true);
		const chains = Object.keys(expectedChains());
		const damages = [
			["add rule inet netplumb publish accept"],
			["flush chain inet netplumb guard-loopback"],
			["add chain inet netplumb more"],
			["insert rule inet netplumb approve counter"],
			["flush table inet netplumb"],
		];
		for (const damage of damages) {
			expect(isIntact(facts(writeLines(), damage)), damage[0]).to.equal(false);
			const present = damage[0]!.includes("add chain") ? [...chains, "more"] : chains;
			expect(isIntact(facts(writeLines(), damage, writeLines(present))), `mended: ${damage[0]}`).to.equal(true);
		}
	});

	it("are written again without losing an element", () => {
		const element: Element = { set: "tcp4", key: ["0.0.0.0/0", "8000-17999"], value: ["10.0.0.5"], comment: "netplumb:a" };
		expect(table(writeLines(), lines("add", [element]), writeLines(Object.keys(expectedChains()))).elements).to.deep.equal([
			element,
		]);
	});

	it("take ten thousand ports as one element", () => {
		const element: Element = { set: "udp4", key: ["0.0.0.0/0", "20000-29999"], value: ["10.0.0.5"], comment: "netplumb:a" };
		expect(table(writeLines(), lines("add", [element])).elements).to.have.length(1);
	});
});
