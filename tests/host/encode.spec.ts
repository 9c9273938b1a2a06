// Quoting, through the real tools.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import * as fc from "fast-check";
import { ipLine, ovsString, ovsValue, shCommand, shWord } from "../../provider/host/encode";
import { skipUnless } from "../toolchain/skip";

const NASTY = [
	"--",
	"-x",
	"a,b=c",
	'"',
	"\\",
	"\n",
	"\t",
	"'",
	"$(reboot)",
	"`id`",
	"[",
	"{",
	"}",
	"[]",
	"é😀",
	" ",
	"a;b",
	"%s",
	"#",
	"\u2028",
	"\x7f",
];
const word = fc.oneof(
	fc.string({ unit: "binary", maxLength: 30 }).map((text) => text.replaceAll("\0", "")),
	fc.constantFrom(...NASTY),
	fc.array(fc.constantFrom(...NASTY), { maxLength: 6 }).map((parts) => parts.join("")),
);

describe("words for sh", () => {
	it("come out of a real shell as they went in", () => {
		fc.assert(
			fc.property(fc.array(word, { minLength: 1, maxLength: 60 }), (words) => {
				const argv = words.map((text) => `${text}|`);
				const out = execFileSync("sh", ["-s"], { input: shCommand(["printf", "%s\\0", "--", ...argv]) });
				expect(
					out
						.toString("utf8")
						.split("\0")
						.slice(0, -1)
						.filter((_, at) => at >= 0),
				).to.deep.equal(["--", ...argv].slice(-argv.length - 1));
			}),
			{ numRuns: 40 },
		);
	});
	it("cannot hold a NUL", () => expect(() => shWord("a\0b")).to.throw(/NUL/));
	it("are quoted even when they are empty", () => expect(shWord("")).to.equal("''"));
});

describe("values for ovs-vsctl", () => {
	let folder: string;
	let db: string;
	before(function () {
		const schema = "/usr/share/openvswitch/vswitch.ovsschema";
		skipUnless(this, existsSync("/usr/bin/ovsdb-tool") && existsSync(schema) ? undefined : "Open vSwitch is not installed");
		folder = mkdtempSync(join(tmpdir(), "netplumb-ovsdb-"));
		db = `--db=unix:${folder}/sock`;
		execFileSync("ovsdb-tool", ["create", `${folder}/conf.db`, schema]);
		const options = [
			`--remote=punix:${folder}/sock`,
			`--pidfile=${folder}/pid`,
			`--unixctl=${folder}/ctl`,
			`--log-file=${folder}/log`,
		];
		execFileSync("ovsdb-server", [...options, "--detach", `${folder}/conf.db`], { stdio: "ignore" });
		execFileSync("ovs-vsctl", [db, "--no-wait", "--", "init", "--", "add-br", "br0"]);
	});
	after(() => {
		if (!folder) return;
		execFileSync("ovs-appctl", ["-t", `${folder}/ctl`, "exit"], { stdio: "ignore" });
		rmSync(folder, { recursive: true, force: true });
	});

	function roundTrip(pairs: [string, string][]): Record<string, string> {
		const set = pairs.map(([key, value]) => `other_config:${ovsString(key)}=${ovsValue(value)}`);
		const list = ["--format=json", "--", "--columns=other_config", "list", "Bridge", "br0"];
		const script = shCommand([
			"ovs-vsctl",
			db,
			"--no-wait",
			"--",
			"clear",
			"Bridge",
			"br0",
			"other_config",
			"--",
			"set",
			"Bridge",
			"br0",
			...set,
		]);
		execFileSync("sh", ["-s"], { input: script });
		const out = execFileSync("ovs-vsctl", [db, "--no-wait", ...list], { encoding: "utf8" });
		return Object.fromEntries(JSON.parse(out).data[0][0][1]);
	}

	it("come back from a real database as they went in", () => {
		fc.assert(
			fc.property(
				fc.uniqueArray(
					fc.tuple(
						word.filter((text) => text !== ""),
						word,
					),
					{ selector: ([key]) => key, minLength: 1, maxLength: 40 },
				),
				(pairs) => {
					expect(roundTrip(pairs)).to.deep.equal(Object.fromEntries(pairs));
				},
			),
			{ numRuns: 25 },
		);
	});

	it("keep the difference between a number and a text, and take sets", () => {
		expect(ovsValue(5)).to.equal("5");
		expect(ovsValue("5")).to.equal('"5"');
		expect(ovsValue([1, 2])).to.equal("[1,2]");
		expect(ovsValue([])).to.equal("[]");
		execFileSync("ovs-vsctl", [db, "--no-wait", "--", "set", "Port", "br0", `trunks=${ovsValue([7, 9])}`]);
		expect(execFileSync("ovs-vsctl", [db, "get", "Port", "br0", "trunks"], { encoding: "utf8" })).to.equal("[7, 9]\n");
	});
	it("cannot hold a NUL", () => expect(() => ovsString("\0")).to.throw(/NUL/));
});

describe("lines for ip -batch", () => {
	it("refuse every word with a character that its tokenizer knows", () => {
		for (const text of NASTY.filter((one) => !/^(--|-x|a,b=c|%s)$/.test(one)))
			expect(() => ipLine(["link", text]), JSON.stringify(text)).to.throw(/not a word/);
		fc.assert(
			fc.property(word, (text) => {
				if (/^[A-Za-z0-9_.:/@%+=,-]*$/.test(text)) expect(ipLine([text])).to.equal(text === "" ? '""' : text);
				else expect(() => ipLine([text])).to.throw(/not a word/);
			}),
			{ numRuns: 1000 },
		);
	});
	it("take names, addresses and marks", () =>
		expect(ipLine(["address", "replace", "fd00::1/64", "alias", "netplumb:a/b/c-1,netplumb-ip:x+v6", ""])).to.equal(
			'address replace fd00::1/64 alias netplumb:a/b/c-1,netplumb-ip:x+v6 ""',
		));
});
