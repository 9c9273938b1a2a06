// The second transport: the system's ssh, for what ssh2 cannot do (certificates, FIDO keys, Kerberos, ProxyCommand, newer algorithms).
//
// One master process holds the connection; every shell is a client of its control socket and can open no connection of its own.

import { access, constants, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NetplumbError } from "../errors.js";
import { retrying } from "./dial.js";
import { ChannelRefused, type Link } from "./link.js";
import { processLink } from "./local.js";
import { hopArgs, pinLine, type SshHop } from "./openssh-args.js";
import { explainSsh } from "./openssh-errors.js";
import { checkPrivateDir, makePrivateDir, removePrivateDir } from "./private-dir.js";
import { runProcess, startProcess } from "./process.js";
import { expandHome, resolveHost } from "./ssh-config.js";
import { reason, shown, whereIs } from "./text.js";
import type { HostAddress, Secrets, TransportCounters } from "./transport.js";

/** How long the master outlives the last shell, should this process be killed. */
const PERSIST_SECONDS = 10;

/** Opens a master connection to the host within the time. */
export async function openOpenSsh(
	host: HostAddress,
	secrets: Secrets,
	milliseconds: number,
	counters: TransportCounters,
): Promise<Link> {
	const where = whereIs({ ...(await resolveHost(host)), address: host.address });
	if (secrets.privateKey !== undefined)
		throw new NetplumbError(
			"unsupported",
			`${where}: transport "openssh" does not take netplumb:privateKey, because a key must not be written to disk: use an SSH agent or identityFile, or transport "ssh2".`,
		);
	const deadline = performance.now() + milliseconds;
	const folder = makePrivateDir();
	try {
		const hops = await prepareHops(host, folder);
		const link = await retrying(deadline, () => startMaster(hops, folder, where, deadline));
		counters.handshakes += 1;
		return link;
	} catch (error) {
		removePrivateDir(folder);
		throw error;
	}
}

async function prepareHops(target: HostAddress, folder: string): Promise<SshHop[]> {
	const hops: SshHop[] = [];
	for (let host: HostAddress | undefined = target; host; host = host.via) {
		const { user, port } = await resolveHost(host);
		const where = whereIs({ address: host.address, user, port });
		let pinFile: string | undefined;
		if (host.hostKey !== undefined) {
			pinFile = join(folder, `k${hops.length}`);
			await writeFile(pinFile, pinLine(host.hostKey, where), { mode: 0o600, flag: "wx" });
		}
		if (host.identityFile !== undefined) await checkReadable(expandHome(host.identityFile), where);
		hops.unshift({ host, user, port, pinFile });
	}
	return hops;
}

async function checkReadable(file: string, where: string): Promise<void> {
	await access(file, constants.R_OK).catch((error: NodeJS.ErrnoException) => {
		const what =
			error.code === "ENOENT"
				? "does not exist; correct the path"
				: `cannot be read (${reason(error.code)}); make it readable for this user`;
		throw new NetplumbError("authentication", `${where}: the identity file ${shown(file)} ${what}.`);
	});
}

async function startMaster(hops: SshHop[], folder: string, where: string, deadline: number): Promise<Link> {
	checkPrivateDir(folder);
	const socket = join(folder, "c");
	const left = Math.max(1000, deadline - performance.now());
	const options = hopArgs(hops, Math.ceil(left / 1000));
	const { address } = hops.at(-1)!.host;
	const master = [
		"-o",
		"ControlMaster=yes",
		"-o",
		`ControlPath=${socket}`,
		"-o",
		`ControlPersist=${PERSIST_SECONDS}`,
		"-f",
		"-N",
	];
	const { exitCode, stderr } = await runProcess(["ssh", ...master, ...options, "--", address], left + 1000);
	if (exitCode === 127 && /is not installed/.test(stderr))
		throw new NetplumbError(
			"unsupported",
			`${where}: transport "openssh" needs the program ssh on this machine: install it, or use transport "ssh2".`,
		);
	if (exitCode === 0) return masterLink(socket, folder, where);
	const again = async (...more: string[]) =>
		(await runProcess(["ssh", ...more, "-o", "ControlPath=none", ...options, "--", address, "exit"], 10_000)).stderr;
	// ssh hides what the ssh of a jump host says while it opens a control socket, so the failure is repeated without one.
	const words = hops.length > 1 || /UNKNOWN port/.test(stderr) ? `${stderr}\n${await again()}` : stderr;
	// Only aloud does ssh name the key that it saw. It refuses that key again, so no authentication is sent.
	const seen = async () => /Server host key: (\S+ SHA256:\S+)/.exec(await again("-v", "-o", "LogLevel=DEBUG1"))?.[1];
	throw await explainSsh(words, where, seen);
}

function masterLink(socket: string, folder: string, where: string): Link {
	// A client that finds no master must not connect by itself: the ProxyCommand makes that fail at once.
	const client = [
		"ssh",
		"-F",
		"/dev/null",
		"-S",
		socket,
		"-o",
		"ControlMaster=no",
		"-o",
		"BatchMode=yes",
		"-o",
		"LogLevel=ERROR",
	];
	const alone = ["-o", "ProxyCommand=false", "-o", "EscapeChar=none", "-T"];
	const alive = async () => (await runProcess([...client, "-O", "check", "--", "master"], 5000)).exitCode === 0;
	const link: Link = processLink(
		where,
		async (argv) => {
			const stream = await startProcess([...client, ...alone, "--", "master", argv.join(" ")]);
			stream.onClose(async ({ code }) => {
				// 255 is a killed shell, or the end of the connection with all other shells.
				if (code === 255 && !(await alive())) link.close();
			});
			return stream;
		},
		() => {
			// It is asked to go; should it not hear, it goes by itself when its last shell is gone.
			runProcess([...client, "-O", "exit", "--", "master"], 5000)
				.catch(() => {})
				.finally(() => removePrivateDir(folder));
		},
	);
	link.explain = async (died) => {
		if (died.exitCode !== 255) return undefined;
		if (await alive()) return new ChannelRefused(shown(died.stderr) || "no channel");
		link.close();
		return new Error(`the connection was lost and ssh said "${shown(died.stderr)}"`);
	};
	return link;
}
