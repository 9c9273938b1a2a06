import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { lifecycle } from "../../provider/v1";
import { hostSchema, validate } from "../../provider/validate/index";
import { Host, type HostArgs, type HostProperties } from "../../sdk/host";
import { OvsBridge } from "../../sdk/ovs-bridge";
import { dockerSettings, sshOptions } from "../../sdk/ssh-options";
import { skipUnless } from "../toolchain/skip";

const ED = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

function resolved<T>(output: pulumi.Output<T>): Promise<T> {
	return new Promise((resolve) => output.apply(resolve));
}

const argsOf = (target: string | HostArgs) => resolved(new Host(target).args);

describe("Host", () => {
	for (const [text, args] of [
		["ssh://root@10.0.0.1:22", { address: "10.0.0.1", user: "root", port: 22 }],
		["ssh://10.0.0.1", { address: "10.0.0.1" }],
		["ssh://ops@web-1.example.com/", { address: "web-1.example.com", user: "ops" }],
		["ssh://root@[fd00::1]:2222", { address: "fd00::1", user: "root", port: 2222 }],
		["local", { address: "localhost", transport: "local" }],
	] as const) {
		it(`reads ${text}`, async () => {
			expect(await argsOf(text)).to.deep.equal(args);
			expect(validate(hostSchema, await argsOf(text)).failures).to.deep.equal([]);
		});
	}

	for (const text of [
		"10.0.0.1",
		"root@10.0.0.1",
		"http://x",
		"ssh://",
		"ssh://a/b",
		"ssh://a b",
		"ssh://a?x",
		"ssh://[::1",
		"ssh://a:b",
		"Local",
		"",
	]) {
		it(`refuses ${JSON.stringify(text)}`, () => {
			expect(() => new Host(text)).to.throw(TypeError, 'expected "ssh://user@address:port" or "local"');
		});
	}

	it("refuses a password, without repeating it", () => {
		for (const text of ["ssh://root:hunter2@10.0.0.1", "ssh://root:hunter2@10.0.0.1/path"]) {
			expect(() => new Host(text))
				.to.throw(TypeError)
				.with.property("message")
				.not.include("hunter2");
		}
	});

	it("keeps what was given and nothing else, so that the state stays small", async () => {
		const args: HostArgs = { address: "web", port: undefined, sudo: false, via: { address: "jump", user: undefined } };
		const plain = await argsOf(args);
		expect(plain).to.deep.equal({ address: "web", sudo: false, via: { address: "jump" } });
		expect(Object.keys(plain)).to.deep.equal(["address", "sudo", "via"]);
	});

	it("takes an Output for every field, and for the jump host", async () => {
		const args: HostArgs = {
			address: pulumi.output("web"),
			port: pulumi.output(Promise.resolve(2222)),
			via: pulumi.output({ address: pulumi.output("jump") }),
			transport: pulumi.output("openssh" as const),
			heal: pulumi.output(false),
			onUnreachable: pulumi.output("forget" as const),
		};
		expect(await argsOf(args)).to.deep.equal({
			address: "web",
			port: 2222,
			via: { address: "jump" },
			transport: "openssh",
			heal: false,
			onUnreachable: "forget",
		});
	});

	it("stays secret when a field is secret", async () => {
		expect(await pulumi.isSecret(new Host({ address: pulumi.secret("web") }).args)).to.equal(true);
	});

	it("is recognised across copies of the package", () => {
		expect(Host.isInstance(new Host("local"))).to.equal(true);
		for (const value of [undefined, null, "local", {}, pulumi.output("x")]) expect(Host.isInstance(value)).to.equal(false);
	});
});

describe("the host of a resource", () => {
	let sent: unknown;

	before(async () => {
		await pulumi.runtime.setMocks({
			newResource: ({ name, inputs }) => {
				sent = inputs["host"];
				return { id: name, state: inputs };
			},
			call: () => ({}),
		});
	});

	async function made(host: unknown): Promise<OvsBridge> {
		const bridge = new OvsBridge("lan", { host: host as Host });
		await resolved(bridge.urn);
		return bridge;
	}

	it("reaches the provider as one text, and the program has its fields", async () => {
		const bridge = await made(new Host("ssh://ops@10.0.0.1:2222"));
		expect(JSON.parse(sent as string)).to.deep.equal({ address: "10.0.0.1", port: 2222, user: "ops" });
		expect(await resolved(bridge.host)).to.deep.equal({ address: "10.0.0.1", port: 2222, user: "ops" });
	});

	// JSON has no NaN: as text the port would be absent, and another machine meant.
	for (const [what, host, says] of [
		["a number that is none", { address: "10.0.0.1", port: Number("none") }, "host.port: found "],
		["a number beyond JSON", { address: "10.0.0.1", port: Number.POSITIVE_INFINITY }, "host.port: found "],
		["a word", "10.0.0.1", 'host: found "10.0.0.1"'],
		["a list", ["10.0.0.1"], "host: found "],
		["nothing", undefined, "host: found nothing"],
	] as const)
		it(`is refused for what it is when it is, or has, ${what}`, async () => {
			await made(host);
			const { failures } = await lifecycle("OvsBridge").check({}, { host: sent, owner: "p/s/lan", name: "br0" });
			expect(failures.map(({ reason }) => reason).join("; ")).to.contain(says);
		});
});

describe("Host.docker", () => {
	interface Made {
		name: string;
		type: string;
		inputs: { host?: string; sshOpts?: string };
	}
	let made: Made[] = [];

	before(async () => {
		await pulumi.runtime.setMocks({
			newResource: ({ name, type, inputs }) => {
				made.push({ name, type, inputs });
				return { id: name, state: inputs };
			},
			call: () => ({}),
		});
	});
	beforeEach(() => {
		made = [];
	});

	/** The one provider that was registered. */
	async function only(provider: pulumi.ProviderResource): Promise<Made> {
		await resolved(provider.urn);
		await resolved(provider.id);
		expect(made).to.have.length(1);
		return made[0]!;
	}

	it("makes a provider with the same host and credentials", async () => {
		const host = new Host({ address: "10.0.0.1", port: 2222, user: "ops", identityFile: "~/.ssh/id" });
		const { name, type, inputs } = await only(host.docker());
		expect({ name, type, host: inputs.host }).to.deep.equal({
			name: "docker-10.0.0.1-2222",
			type: "pulumi:providers:docker",
			host: "ssh://ops@10.0.0.1:2222",
		});
		expect(JSON.parse(inputs.sshOpts!)).to.include.members([
			'IdentityFile="~/.ssh/id"',
			"IdentitiesOnly=yes",
			"BatchMode=yes",
			"StrictHostKeyChecking=yes",
		]);
	});

	it("uses the socket of this machine for a local host", async () => {
		const { name, inputs } = await only(new Host("local").docker());
		expect(name).to.equal("docker-local");
		expect(inputs).to.deep.include({ host: "unix:///var/run/docker.sock" }).and.not.have.property("sshOpts");
	});

	it("gives the same provider every time, and another for a name", async () => {
		const host = new Host("ssh://root@[fd00::1]");
		const provider = host.docker();
		expect(host.docker()).to.equal(provider);
		expect((await only(provider)).name).to.equal("docker-fd00--1");
		const other = host.docker("other");
		await resolved(other.urn);
		expect(other).not.to.equal(provider);
		expect(made.map(({ name }) => name)).to.deep.equal(["docker-fd00--1", "other"]);
		expect(() => host.docker(undefined, { protect: true })).to.throw(TypeError, "give a name to make another");
	});

	it("wants a name while the address is not known", async () => {
		const host = new Host({ address: pulumi.output("10.0.0.1") });
		expect(() => host.docker()).to.throw(TypeError, "pass a name");
		expect((await only(host.docker("web"))).inputs.host).to.equal("ssh://root@10.0.0.1");
	});
});

describe("ssh options of a Host", () => {
	const settings = (host: HostProperties) => sshOptions(host).join(" ");

	it("refuse fields that could be read as something else", () => {
		expect(() => dockerSettings({ address: "-oProxyCommand=x" })).to.throw(TypeError, "address");
		expect(() => dockerSettings({ address: "web", user: "-l" })).to.throw(TypeError, "user");
		expect(() => dockerSettings({ address: "web", via: { address: "$(x)" } })).to.throw(TypeError, "address");
		for (const hostKey of ["x", "a b; touch /tmp/x", `${ED}\nx y`, "%H AAAA", ""]) {
			expect(() => dockerSettings({ address: "web", hostKey }), hostKey).to.throw(TypeError, "hostKey");
		}
	});

	it("never leave the host key unchecked, except where that is asked for", () => {
		expect(settings({ address: "web" })).to.include("StrictHostKeyChecking=yes");
		expect(settings({ address: "web", knownHostsFile: "~/k" })).to.match(
			/StrictHostKeyChecking=yes .*UserKnownHostsFile="~\/k" .*GlobalKnownHostsFile=\/dev\/null/,
		);
		expect(settings({ address: "web", hostKey: ED }))
			.to.include(`StrictHostKeyChecking=yes`)
			.and.include(`KnownHostsCommand=/usr/bin/env echo %H ${ED}`);
		expect(settings({ address: "web", insecureIgnoreHostKey: true })).to.include("StrictHostKeyChecking=no");
		expect(settings({ address: "web", via: { address: "jump" } })).to.match(/ProxyCommand='ssh' .*'StrictHostKeyChecking=yes'/);
	});
});

describe("ssh options of a Host, with a real sshd", function () {
	this.timeout(60_000);
	const sshd = ["/usr/sbin/sshd", "/usr/bin/sshd"].find((path) => existsSync(path));
	const env = () => ({ ...process.env, SSH_AUTH_SOCK: "", HOME: dir });
	let dir = "";
	let port = 0;
	let server: ReturnType<typeof spawn> | undefined;
	let pin = "";
	let other = "";

	before(async function () {
		skipUnless(this, sshd ? undefined : "sshd is not installed");
		skipUnless(this, process.getuid?.() === 0 ? undefined : "sshd needs root here");
		// A space, a quote and a percent sign in every path: all three mean something to ssh or to the shell of ProxyCommand.
		dir = mkdtempSync(join(tmpdir(), "np it's 5% "));
		for (const name of ["host", "other", "id"])
			execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(dir, name)]);
		pin = readFileSync(join(dir, "host.pub"), "utf8").trim();
		other = readFileSync(join(dir, "other.pub"), "utf8").trim();
		port = await freePort();
		writeFileSync(join(dir, "known"), `[127.0.0.1]:${port},[::1]:${port} ${pin}\n`);
		const config = [
			"StrictModes no",
			"PermitRootLogin yes",
			"PidFile none",
			`Port ${port}`,
			"ListenAddress 127.0.0.1",
			"ListenAddress ::1",
		];
		config.push(`HostKey "${join(dir, "host")}"`, `AuthorizedKeysFile "${join(dir, "id.pub").replaceAll("%", "%%")}"`);
		writeFileSync(join(dir, "config"), `${config.join("\n")}\n`);
		server = spawn(sshd!, ["-D", "-e", "-f", join(dir, "config")], { stdio: ["ignore", "ignore", "pipe"] });
		await new Promise<void>((resolve, reject) => {
			let log = "";
			server!.stderr!.on("data", (data) => {
				log += data;
				if (log.split("Server listening").length > 2) resolve();
			});
			server!.once("exit", () => reject(new Error(`sshd ended: ${log}`)));
		});
	});
	after(() => {
		server?.removeAllListeners("exit").kill();
		if (dir) rmSync(dir, { recursive: true });
	});

	/** Runs ssh as Docker's client does: the options, then user, port and address from the URL. */
	function ssh(host: HostProperties) {
		const { host: target, sshOpts = [] } = dockerSettings(host);
		const { username, hostname, port: at } = new URL(target);
		const words = [
			"-F",
			"none",
			...sshOpts,
			"-T",
			"-l",
			username,
			"-p",
			at,
			"--",
			hostname.replace(/^\[|\]$/g, ""),
			"echo it is $SSH_CONNECTION",
		];
		const { status, stdout, stderr } = spawnSync("ssh", words, { encoding: "utf8", env: env(), timeout: 30_000 });
		return { status, stdout, stderr };
	}
	const base = (): HostProperties => ({ address: "127.0.0.1", port, user: "root", identityFile: join(dir, "id") });
	const works = (host: HostProperties) => {
		const { status, stdout, stderr } = ssh(host);
		expect(status, stderr).to.equal(0);
		expect(stdout).to.match(/^it is /);
	};
	const refused = (host: HostProperties) => {
		const { status, stdout, stderr } = ssh(host);
		expect({ status, stdout }).to.deep.equal({ status: 255, stdout: "" });
		expect(stderr).to.match(/host key|Host key/);
	};

	it("accept the pinned key without any file, in IPv4 and IPv6", () => {
		works({ ...base(), hostKey: pin });
		works({ ...base(), hostKey: pin, address: "::1" });
	});
	it("refuse a host with another key than the pinned one", () => refused({ ...base(), hostKey: other }));
	it("refuse an unknown host", () => refused(base()));
	it("accept what the known_hosts file says", () => works({ ...base(), knownHostsFile: join(dir, "known") }));
	it("accept any key where that is asked for, and nothing is written", () => {
		works({ ...base(), insecureIgnoreHostKey: true });
		expect(existsSync(join(dir, ".ssh", "known_hosts"))).to.equal(false);
	});
	it("go through a jump host, and through two, with their own keys and host keys", () => {
		const jump = { ...base(), address: "::1", knownHostsFile: join(dir, "known") };
		works({ ...base(), hostKey: pin, via: jump });
		works({ ...base(), hostKey: pin, via: { ...jump, via: { ...base(), hostKey: pin } } });
	});
	it("refuse a jump host with another key", () => {
		expect(ssh({ ...base(), hostKey: pin, via: { ...base(), hostKey: other } }).status).to.equal(255);
		expect(
			ssh({ ...base(), hostKey: pin, via: { ...base(), via: { ...base(), hostKey: other }, hostKey: pin } }).status,
		).to.equal(255);
	});
});

async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	await new Promise((resolve) => server.close(resolve));
	return port;
}
