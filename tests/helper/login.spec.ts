// Logins without root on a real host: through its sshd with a forced command, and with a shell of their own.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { removeScript } from "../../cli/helper";
import { hostInfo } from "../../lab/index";
import { SUDOERS } from "../../provider/helper/program";
import { applyRequest, readRequest, STATUS_REQUEST } from "../../provider/helper/request";
import { type Change, HOST } from "../../provider/host/change";
import { EXIT } from "../../provider/host/script";
import { connect } from "../../provider/transport/index";
import { HELPER } from "../../provider/transport/privilege";
import { bareHost } from "../model/hosts";
import { labDir, on, useLab } from "../support/lab";
import { helperLogin, type Login, loginHost, prepareLogin } from "../support/login";
import { failure, Resource, useResources } from "../support/resource";
import { everything, link, sh } from "../support/wiring";

const MARK = "@0123456789abcdef01234567";
const NEEDS = { containers: [], facts: [], destinations: [] };
const ROOT = path.resolve(__dirname, "../..");
const TRAP = "/root/netplumb-trap";

/** Those of these commands that the login's own shell can carry out; each has a shell of its own. */
const succeeding = (login: Login, commands: readonly string[]): Promise<string> =>
	sh(
		'login=$1; shift; for one; do ! timeout 20 su -s /bin/sh "$login" -c "$one" </dev/null >/dev/null 2>&1 || printf "%s\\n" "$one"; done',
		login,
		...commands,
	);

/** OpenSSH's own client, with the login's key and a question to the helper on its standard input. */
function ssh(login: Login, options: string[], ...words: string[]) {
	const { identityFile = "", address } = loginHost(login);
	const known = `UserKnownHostsFile=${hostInfo("h1", { dir: labDir }).knownHostsFile}`;
	const argv = ["-F", "none", "-i", identityFile, "-o", known, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", ...options];
	const input = "hello np-0123456789abcdef0123456789abcdef\n";
	return spawnSync("ssh", [...argv, `${login}@${address}`, ...words], { input, encoding: "utf8", timeout: 20_000 });
}

async function ask(login: Login, request: string) {
	const [answer] = await askAll(login, [request]);
	return answer!;
}

/** One after the other, over one connection. */
async function askAll(login: Login, requests: readonly string[]) {
	const transport = connect(loginHost(login));
	try {
		const answers = [];
		for (const request of requests) answers.push(await transport.run(request));
		return answers;
	} finally {
		transport.close();
	}
}

/** The request for one change, on a host of which nothing is known. */
const requestFor = (change: Change) =>
	applyRequest(MARK, [{ operation: { change, describe: "x" }, undo: false, onlyInside: false }], bareHost(), NEEDS, new Map());

/** The package with what it depends on, in a folder that a lab host sees; it has a /tmp of its own. */
function installation(): string {
	const folder = mkdtempSync("/var/tmp/netplumb-cli-");
	for (const part of ["dist", "package.json", "provider"])
		cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
	const add = (name: string): void => {
		const [from, to] = [ROOT, folder].map((at) => path.join(at, "node_modules", name)) as [string, string];
		if (existsSync(to)) return;
		cpSync(from, to, { recursive: true });
		const { dependencies = {} } = JSON.parse(readFileSync(path.join(from, "package.json"), "utf8")) as { dependencies?: object };
		for (const dependency of Object.keys(dependencies))
			if (existsSync(path.join(ROOT, "node_modules", dependency))) add(dependency);
	};
	add("execa");
	return folder;
}

describe("logins without root", () => {
	useLab(1);
	useResources();
	before(async () => {
		await prepareLogin("h1");
		await sh(`rm -f ${TRAP}`);
	});
	after(async () => {
		if (!helperLogin) await sh(removeScript());
	});

	it("may run one program each, which is root's, and sudo's own checker agrees", async () => {
		expect(await sh(`stat -c '%a %U %G' ${HELPER} ${HELPER}-read /usr/local/lib/netplumb /etc/sudoers.d/netplumb`)).to.equal(
			"755 root root\n755 root root\n755 root root\n440 root root",
		);
		expect(await sh("visudo -c")).to.contain("/etc/sudoers.d/netplumb: parsed OK");
		const allowed = async (login: Login) => (await sh('sudo -l -U "$1"', login)).match(/NOPASSWD: .*/g);
		expect(await allowed("netplumb")).to.deep.equal([`NOPASSWD: ${HELPER} ""`]);
		expect(await allowed("netplumb-read")).to.deep.equal([`NOPASSWD: ${HELPER}-read ""`]);
	});

	it("come with one command, which says what is left to do, and go with another", async () => {
		const installed = installation();
		const netplumb = (...argv: string[]) =>
			sh('cd "$1"; shift; node=$1; shift; exec "$node" dist/cli/main.js "$@"', installed, process.execPath, ...argv);
		await sh(removeScript());
		expect(await failure(netplumb("status", "local", "--helper"))).to.contain("the helper did not start");
		const said = await netplumb("helper", "install", "local");
		expect(said).to.match(/^localhost: helper [0-9a-f]{16} installed/);
		expect(said)
			.to.contain(`restrict,command="sudo -n -- ${HELPER}" `)
			.and.contain(`restrict,command="sudo -n -- ${HELPER}-read" `);
		expect(await netplumb("status", "local", "--helper")).to.equal("localhost: nothing is healed here");
		expect(await netplumb("helper", "print", "helper")).to.equal(await sh(`cat ${HELPER}`));
		await netplumb("helper", "remove", "local");
		expect(await sh(`ls -d /usr/local/lib/netplumb ${SUDOERS} 2>/dev/null || echo gone`)).to.equal("gone");
		await prepareLogin("h1");
		rmSync(installed, { recursive: true });
	});

	it("get the helper by their key, whatever they ask sshd for", () => {
		for (const login of ["netplumb", "netplumb-read"] as const) {
			for (const words of [[], ["id"], ["sudo", "-n", "sh"], ["sh", "-c", "id"]]) {
				const { stdout } = ssh(login, ["-T"], ...words);
				expect(stdout, words.join(" ")).to.match(/^np-0123456789abcdef0123456789abcdef 0 root 1 [0-9a-f]{16}\n$/);
			}
			expect(ssh(login, ["-tt"], "id").stderr).to.match(/PTY allocation request failed/);
			expect(ssh(login, ["-T", "-s"], "sftp").stdout).to.match(/^np-|^$/);
			expect(ssh(login, ["-W", "127.0.0.1:22"]).stderr).to.match(/administratively prohibited|open failed/);
			expect(ssh(login, ["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:22", "-N"]).status).to.equal(255);
		}
	});

	const escapes = (own: string, other: string) => [
		...[
			"sh",
			"-i",
			"-s",
			"bash -c id",
			"id",
			"ip link",
			"nft list ruleset",
			"ovs-vsctl show",
			"docker ps",
			"nsenter -t 1 -n id",
		].map((words) => `sudo -n ${words}`),
		...["cat /etc/shadow", "tee /etc/sudoers.d/x", "-u nobody id", "-e /etc/shadow", "-l /bin/sh", "env", "su"].map(
			(words) => `sudo -n ${words}`,
		),
		...["read", "once write 1 1 '' x", "block do", "--help", "''", "-c id"].map((words) => `sudo -n ${own} ${words}`),
		...[`sudo -n ${other}`, `sudo -n sh ${own}`, `sudo -n ${own}/../sh`, `sudo -n -u nobody ${own}`, `sudo -n PATH=/tmp ${own}`],
		...[`sudo -n LD_PRELOAD=/tmp/x.so ${own}`, `sudo -n BASH_ENV=/tmp/x ${own}`, `sudo -n -E ${own} x`, `sudo -n -D /tmp ${own}`],
		...[`ln -sf ${own} /tmp/helper-$$ && sudo -n /tmp/helper-$$`, `cp /bin/sh /tmp/helper; sudo -n /tmp/helper -c id`],
		...[
			`echo id >>${own}`,
			`rm -f ${own} && true`,
			`mv ${own} /tmp/x`,
			`touch /usr/local/lib/netplumb/x`,
			`chmod u+s ${own}`,
			`chmod 777 ${own}`,
		],
		...[
			"touch /etc/sudoers.d/x",
			"cat /etc/sudoers.d/netplumb",
			"ls /run/netplumb/",
			"touch /run/netplumb/x",
			"touch /var/lib/netplumb/x",
		],
		...[
			"docker ps",
			"ovs-vsctl --timeout=2 show",
			"nft list ruleset",
			"ip link add x type dummy",
			"nsenter -t 1 -n true",
			"su -c id root",
		],
		...["cat /var/lib/netplumb/desired/*", "kill -9 1", "echo 1 >/proc/sys/net/ipv4/ip_forward"],
	];

	it("have no other way to root: 50 attempts each, all denied", async () => {
		await sh("mkdir -p -m 700 /run/netplumb");
		try {
			for (const [login, own, other] of [
				["netplumb", HELPER, `${HELPER}-read`],
				["netplumb-read", `${HELPER}-read`, HELPER],
			] as const) {
				const attempts = escapes(own, other);
				expect(attempts.length).to.be.at.least(50);
				expect(await succeeding(login, attempts)).to.equal("");
			}
		} finally {
			await sh("rmdir /run/netplumb");
		}
		expect(await succeeding("netplumb", ["id", "ls /"])).to.equal("id\nls /"); // the attempts above did run
	});

	it("cannot make the helper run text, or anything that it does not know", async () => {
		const before = await everything();
		for (const request of [
			`touch ${TRAP}`,
			`status\n$(touch ${TRAP})`,
			`read\t${MARK}\ncontainer\t$(touch ${TRAP})`,
			`read\t${MARK}; touch ${TRAP}`,
			"",
		]) {
			const { exitCode, stderr, stdout } = await ask("netplumb", request);
			expect({ exitCode, stdout }, request).to.deep.equal({ exitCode: EXIT.denied, stdout: "" });
			expect(stderr).to.match(/^line \d+: |^not a request/);
		}
		expect(await sh(`[ ! -e ${TRAP} ] && echo none`)).to.equal("none");
		expect(await everything()).to.deep.equal(before);
	});

	it("cannot change what is not netplumb's through the helper", async () => {
		await sh("ip link add np-theirs type veth peer name np-theirs2; ip link set np-theirs up");
		try {
			const before = await everything();
			const device = { where: HOST, name: "np-theirs" };
			for (const change of [
				{ verb: "link.delete", ...device },
				{ verb: "link.set", ...device, up: false },
				{ verb: "address.add", where: HOST, dev: "np-theirs", cidr: "192.0.2.99/24" },
				{ verb: "port.add", bridge: "br-phy", name: "np-theirs" },
				{ verb: "port.delete", bridge: "br-phy", name: "eth0" },
				{ verb: "bridge.delete", name: "br-phy" },
				{ verb: "row.set", table: "Bridge", row: "br-phy", columns: { fail_mode: "secure" } },
				{ verb: "sysctl.set", where: HOST, path: ["ipv4", "conf", "eth0", "forwarding"], value: "0" },
			] as Change[]) {
				const { exitCode, stderr } = await ask("netplumb", requestFor(change));
				expect(exitCode, `${JSON.stringify(change)} ${stderr}`).to.equal(EXIT.denied);
				expect(stderr).to.contain("is not netplumb's");
			}
			expect(await everything()).to.deep.equal(before);
		} finally {
			await sh("ip link delete np-theirs");
		}
	});

	// One of each: a new verb does not compile without its line.
	// Those of OVN are refused before anything is sent.
	const verbs: Record<Exclude<Change["verb"], "desired.set" | `record.${string}` | `chassis.${string}`>, Change> = {
		"link.add": {
			verb: "link.add",
			where: HOST,
			name: "a",
			mac: "02:00:00:00:00:01",
			mtu: 1500,
			alias: "x",
			peer: { name: "b", mtu: 1500 },
		},
		"link.delete": { verb: "link.delete", where: HOST, name: "a" },
		"link.set": { verb: "link.set", where: HOST, name: "a", up: true },
		"offload.disable": { verb: "offload.disable", where: HOST, name: "a" },
		"address.add": { verb: "address.add", where: HOST, dev: "a", cidr: "192.0.2.1/24" },
		"address.delete": { verb: "address.delete", where: HOST, dev: "a", cidr: "192.0.2.1/24" },
		"route.add": { verb: "route.add", where: HOST, route: { to: "default", dev: "a", metric: 0, protocol: "78", onlink: false } },
		"route.delete": {
			verb: "route.delete",
			where: HOST,
			route: { to: "default", dev: "a", metric: 0, protocol: "78", onlink: false },
		},
		"sysctl.set": { verb: "sysctl.set", where: HOST, path: ["ipv6", "conf", "a", "disable_ipv6"], value: "1" },
		announce: { verb: "announce", where: HOST, dev: "a", mac: "02:00:00:00:00:01" },
		"bridge.add": { verb: "bridge.add", name: "a" },
		"bridge.delete": { verb: "bridge.delete", name: "a" },
		"port.add": { verb: "port.add", bridge: "a", name: "b" },
		"port.delete": { verb: "port.delete", bridge: "a", name: "b" },
		"row.set": { verb: "row.set", table: "Bridge", row: "a", columns: { fail_mode: "secure" } },
		"flows.set": { verb: "flows.set", bridge: "a", owner: "01234567", flows: [] },
		"fdb.flush": { verb: "fdb.flush", bridge: "a" },
		"mtu.release": { verb: "mtu.release", name: "a", mtu: 1500 },
		"controller.set": { verb: "controller.set", bridge: "a", targets: [] },
		"ruleset.write": { verb: "ruleset.write", chains: [] },
		"ruleset.delete": { verb: "ruleset.delete" },
		"element.add": { verb: "element.add", element: { set: "net", key: ["a"], comment: "netplumb:x" } },
		"element.delete": { verb: "element.delete", element: { set: "net", key: ["a"], comment: "netplumb:x" } },
		"docker-user.add": { verb: "docker-user.add", family: 4, tool: "iptables" },
		"docker-user.delete": { verb: "docker-user.delete", family: 4, tool: "iptables" },
		"conntrack.flush": { verb: "conntrack.flush", family: 4, source: "192.0.2.1" },
		"desired.remove": { verb: "desired.remove", name: `0-${"a".repeat(32)}` },
	};

	it("that may look are refused each verb", async () => {
		const before = await everything();
		const answers = await askAll("netplumb-read", Object.values(verbs).map(requestFor));
		answers.forEach(({ exitCode, stderr }, index) => {
			const verb = Object.keys(verbs)[index];
			expect({ exitCode, stderr }, verb).to.deep.equal({ exitCode: EXIT.readOnly, stderr: "this login may only read\n" });
		});
		const blank = await ask("netplumb-read", applyRequest(MARK, [], bareHost(), NEEDS, new Map()));
		expect(blank.exitCode).to.equal(EXIT.readOnly);
		expect(await everything()).to.deep.equal(before);
	});

	it("that may look can refresh, see drift and ask for the status, and cannot mend it", async () => {
		const made = await new Resource("OvsBridge", "watched").create({ name: "lg-br", addresses: ["10.64.7.1/24"] });
		const mine = made.state["host"];
		made.state["host"] = loginHost("netplumb-read");
		try {
			expect(await made.read()).to.deep.equal([]);
			await sh("ip address delete 10.64.7.1/24 dev lg-br");
			expect(await made.read()).to.include("add address 10.64.7.1/24 to bridge lg-br");
			const wanted = { name: "lg-br", addresses: ["10.64.7.1/24"], host: loginHost("netplumb-read") };
			const message = await failure(made.update(wanted));
			expect(message).to.match(/^host netplumb-read@[^:]+: the helper on the host refuses it: this login may only read$/);
			expect((await ask("netplumb-read", STATUS_REQUEST)).exitCode).to.equal(0);
			expect(await link("lg-br")).to.not.equal(undefined);
		} finally {
			made.state["host"] = mine;
		}
	});

	it("read the same as root does", async () => {
		const { exitCode, stdout } = await ask(
			"netplumb-read",
			readRequest(MARK, { ...NEEDS, facts: ["firewall", "ports"] }, new Map()),
		);
		expect(exitCode).to.equal(0);
		for (const section of ["generation", "host", "ovs", "nft", "listeners", "end"])
			expect(stdout).to.contain(`${MARK} ${section}`);
	});

	it("are told when the helper is missing, or another version's", async () => {
		await sh(`mv ${HELPER} ${HELPER}.away`);
		try {
			const missing = await failure(ask("netplumb", STATUS_REQUEST));
			expect(missing).to.contain("helper: true is set, but the helper did not start").and.contain("netplumb helper install");
			await sh(`sed 's/^id=.*/id=0123456789abcdef/' ${HELPER}.away >${HELPER}; chmod 755 ${HELPER}`);
			const other = await failure(ask("netplumb", STATUS_REQUEST));
			expect(other).to.contain("found helper 0123456789abcdef on the host, expected");
		} finally {
			await sh(`mv ${HELPER}.away ${HELPER}`);
		}
		expect((await on("h1", "sh", "-c", `head -n 1 ${HELPER}`)).trim()).to.equal("#!/bin/sh");
	});
});
