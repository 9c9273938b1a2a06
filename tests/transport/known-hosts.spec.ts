// known_hosts, by the rules of sshd(8) and against ssh-keygen as the judge.

import { execFileSync, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { expect } from "chai";
import { fingerprint, judge, linesFor, parseKnownHosts } from "../../provider/transport/known-hosts.js";
import { Files } from "./fixture.js";

describe("known_hosts", () => {
	const files = new Files();
	const a = files.key();
	const b = files.key();
	const rsa = files.key({ type: "rsa", bits: 2048 });
	const [A, B, RSA] = [a, b, rsa].map((file) => files.pub(file)) as [string, string, string];
	const blob = (pub: string) => Buffer.from(pub.split(" ")[1]!, "base64");
	after(() => files.end());

	const verdict = (text: string, name: string, port: number, pub: string) =>
		judge(linesFor(parseKnownHosts(text, "f"), name, port), blob(pub)).kind;
	const hash = (name: string) => {
		const salt = Buffer.alloc(20, 7);
		return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
	};

	const cases: [string, string, string, number, string, string][] = [
		["a plain name", `h ${A}`, "h", 22, A, "accepted"],
		["letter case of names", `h ${A}`, "H", 22, A, "accepted"],
		["another name", `h ${A}`, "x", 22, A, "unknown"],
		["a name that only starts alike", `h ${A}`, "h2", 22, A, "unknown"],
		["another key", `h ${A}`, "h", 22, B, "changed"],
		["another key type", `h ${RSA}`, "h", 22, A, "changed"],
		["one of several keys", `h ${RSA}\nh ${A}`, "h", 22, A, "accepted"],
		["a port", `[h]:2222 ${A}`, "h", 2222, A, "accepted"],
		["a port that is not the line's", `[h]:2222 ${A}`, "h", 22, A, "unknown"],
		["a line of port 22 for another port", `h ${A}`, "h", 2222, A, "unknown"],
		["an IPv6 address", `[fe80::1]:2222 ${A}`, "fe80::1", 2222, A, "accepted"],
		["a list", `x,h,10.0.0.1 ${A}`, "h", 22, A, "accepted"],
		["a wildcard", `*.example.org ${A}`, "a.example.org", 22, A, "accepted"],
		["a question mark", `h? ${A}`, "h1", 22, A, "accepted"],
		["a question mark for two", `h? ${A}`, "h12", 22, A, "unknown"],
		["a negation", `*.example.org,!bad.example.org ${A}`, "bad.example.org", 22, A, "unknown"],
		["a negation before the match", `!h,* ${A}`, "h", 22, A, "unknown"],
		["only a negation", `!h ${A}`, "x", 22, A, "unknown"],
		["a hashed name", `${hash("h")} ${A}`, "h", 22, A, "accepted"],
		["a hashed name with a port", `${hash("[h]:2222")} ${A}`, "h", 2222, A, "accepted"],
		["another hashed name", `${hash("x")} ${A}`, "h", 22, A, "unknown"],
		["a comment", `# h ${A}\n   # h ${A}`, "h", 22, A, "unknown"],
		["a comment at the end of a line", `h ${A} some words`, "h", 22, A, "accepted"],
		["tabs and CRLF", `h\t${A.replace(" ", "\t")}\r\n`, "h", 22, A, "accepted"],
		["a revoked key", `@revoked * ${A}\nh ${A}`, "h", 22, A, "revoked"],
		["a revoked key after the accepting line", `h ${A}\n@revoked h ${A}`, "h", 22, A, "revoked"],
		["a key beside a revoked one", `@revoked * ${A}\nh ${B}`, "h", 22, B, "accepted"],
		["a certificate authority, which is no host key", `@cert-authority * ${A}`, "h", 22, A, "unknown"],
		["an unknown marker", `@trusted h ${A}`, "h", 22, A, "unknown"],
		["a damaged key", `h ${A.slice(0, 20)}`, "h", 22, A, "unknown"],
		["a type that is not the key's", `h ssh-rsa ${A.split(" ")[1]}`, "h", 22, A, "unknown"],
	];
	for (const [name, text, host, port, key, expected] of cases)
		it(`judges ${name}: ${expected}`, () => {
			expect(verdict(text, host, port, key)).to.equal(expected);
		});

	it("finds the same lines as ssh-keygen -F, hashed by ssh-keygen -H", () => {
		const text = `h ${A}\n[h]:2222 ${B}\n*.example.org ${RSA}\n`;
		files.setKnownHosts(text);
		execFileSync("ssh-keygen", ["-q", "-H", "-f", files.knownHosts], { stdio: "ignore" });
		const hashed = execFileSync("cat", [files.knownHosts], { encoding: "utf8" });
		expect(hashed).to.contain("|1|");
		for (const [name, port] of [
			["h", 22],
			["h", 2222],
			["h", 23],
			["a.example.org", 22],
		] as const) {
			const said = spawnSync("ssh-keygen", ["-F", port === 22 ? name : `[${name}]:${port}`, "-f", files.knownHosts], {
				encoding: "utf8",
			});
			const theirs = said.stdout
				.split("\n")
				.filter((line) => line && !line.startsWith("#"))
				.map((line) => line.split(" ")[2]);
			const ours = linesFor(parseKnownHosts(hashed, "f"), name, port).map((line) => line.key.toString("base64"));
			expect(ours, `${name}:${port}`).to.deep.equal(theirs);
		}
	});

	it("prints the fingerprint that ssh-keygen prints", () => {
		const said = execFileSync("ssh-keygen", ["-lf", `${a}.pub`], { encoding: "utf8" });
		expect(said.split(" ")[1]).to.equal(fingerprint(blob(A)));
	});

	it("takes no long time for a hostile pattern", () => {
		const started = process.cpuUsage().user;
		expect(verdict(`${"*a".repeat(200)}*b ${A}`, "a".repeat(2000), 22, A)).to.equal("unknown");
		expect(process.cpuUsage().user - started).to.be.lessThan(2_000_000);
	});
});
