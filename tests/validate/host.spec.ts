import { expect } from "chai";
import { validHostKey } from "../../provider/validate/host";
import { hostSchema, UNKNOWN, validate } from "../../provider/validate/index";

const ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
const check = (value: unknown) => validate(hostSchema, value, "host").failures;
const at = (value: object) => check({ address: "web", ...value }).map(({ property }) => property);

describe("a host", () => {
	it("may have every field, and none is filled in", () => {
		const full = {
			address: "fd00::1",
			port: 2222,
			user: "ops",
			hostKey: ED,
			knownHostsFile: "~/.ssh/known",
			insecureIgnoreHostKey: false,
			identityFile: "/home/me/my keys/id",
			via: { address: "jump", via: { address: "10.0.0.1", port: 22 } },
			sudo: true,
			transport: "openssh",
			heal: false,
			onUnreachable: "forget",
			timeoutSeconds: 30,
		};
		expect(validate(hostSchema, full)).to.deep.equal({ value: full, failures: [] });
		expect(validate(hostSchema, { address: "web" })).to.deep.equal({ value: { address: "web" }, failures: [] });
		expect(check({ address: UNKNOWN, port: UNKNOWN, hostKey: UNKNOWN, via: { address: UNKNOWN } })).to.deep.equal([]);
	});

	it("is checked in every field, jump hosts included", () => {
		const bad = {
			address: "-oProxyCommand=x",
			port: 0,
			user: "-l",
			hostKey: "ssh-ed25519 AAAA",
			knownHostsFile: "relative",
			insecureIgnoreHostKey: "yes",
			identityFile: "id",
			via: { address: "a b", via: { address: "x", port: 99999 } },
			sudo: 1,
			transport: "telnet",
			heal: "no",
			onUnreachable: "ignore",
			timeoutSeconds: 0,
		};
		expect(check(bad).map(({ property }) => property)).to.deep.equal([
			"host.address",
			"host.port",
			"host.user",
			"host.hostKey",
			"host.knownHostsFile",
			"host.insecureIgnoreHostKey",
			"host.identityFile",
			"host.via.address",
			"host.via.via.port",
			"host.sudo",
			"host.transport",
			"host.heal",
			"host.onUnreachable",
			"host.timeoutSeconds",
		]);
	});

	it("never shows a key, wherever it was put", () => {
		const body = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQ";
		for (const key of [
			`-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----`,
			body,
			`${body.slice(0, 20)}\n${body.slice(20)}`,
		]) {
			const [failure] = check({ address: "web", identityFile: key });
			expect(failure?.reason)
				.to.match(/netplumb:privateKey$/)
				.and.not.to.include(body.slice(0, 12));
		}
		const pem = `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}`;
		for (const field of ["address", "user", "hostKey", "knownHostsFile", "identityFile", "privateKey"]) {
			const [failure] = check({ address: "web", [field]: pem });
			expect(failure?.reason, field).to.be.a("string").and.not.to.include(body.slice(0, 12));
		}
		expect(check({ address: "web", identityFile: pem })[0]?.reason).to.equal(
			"host.identityFile: found key material, which is not shown, expected the path of a private key file, absolute or beginning with " +
				"~/; keep the key itself in a file, in the SSH agent, or in the secret configuration value netplumb:privateKey",
		);
	});

	it("takes paths that ssh reads as they stand", () => {
		for (const path of ["/a b/c", "~/.ssh/id_ed25519", "/a%b", "/é"]) expect(at({ identityFile: path }), path).to.deep.equal([]);
		for (const path of ["a", "-F", "~me/x", "/a\nb", '/a"b', "/a\\b", "/$" + "{HOME}", ""])
			expect(at({ identityFile: path }), path).to.deep.equal(["host.identityFile"]);
	});

	it("knows what does not go together", () => {
		expect(at({ transport: "local" })).to.deep.equal(["host.address"]);
		expect(at({ transport: "local", address: "localhost", via: { address: "jump" } })).to.deep.equal(["host.via"]);
		expect(at({ transport: "local", address: "localhost" })).to.deep.equal([]);
		expect(at({ via: { address: "localhost", transport: "local" } })).to.deep.equal(["host.via.transport"]);
		expect(at({ hostKey: ED, insecureIgnoreHostKey: true })).to.deep.equal(["host.insecureIgnoreHostKey"]);
		expect(at({ hostKey: ED, insecureIgnoreHostKey: false })).to.deep.equal([]);
	});
});

describe("host keys", () => {
	it("are accepted whole, with or without a comment", () => {
		expect(validHostKey(ED)).to.equal(true);
		expect(validHostKey(`${ED} root@web`)).to.equal(true);
	});
	for (const [what, text] of [
		["a cut one", ED.slice(0, -4)],
		["one of another type", ED.replace("ssh-ed25519", "ssh-rsa")],
		["a known_hosts line", `10.0.0.1 ${ED}`],
		["a bare type", "ssh-ed25519"],
		["a DSA key", "ssh-dss AAAAB3NzaC1kc3M="],
		["two lines", `${ED}\n${ED}`],
		["a fingerprint", "SHA256:abcdef"],
	] as const) {
		it(`${what} is refused`, () => expect(validHostKey(text)).to.equal(false));
	}
});
