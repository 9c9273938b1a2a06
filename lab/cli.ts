#!/usr/bin/env node
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { labDown } from "./down";
import { hostShell } from "./exec";
import { type LabStatus, labStatus, labUp } from "./lab";
import { hostPaths, labPaths } from "./options";
import { labReboot } from "./power";
import { labProblem } from "./problem";
import { startRelay } from "./relay";
import { stateOf } from "./state";

const usage = `Usage: netplumb-lab [--dir <folder>] <command>
  up [N] [--subnet 10.99.0.0/24]   start N hosts (default 2), or add hosts to a running lab
  down                             remove the lab and everything that up made
  status [--json]                  show the hosts
  reboot <host>                    power loss and a new boot; the disk stays
  shell <host> [command…]          a root shell, or one command, on a host
  logs <host>                      the end of every log of a host
  delay <ms>                       relays on 127.0.0.1 that add this round-trip time, until Ctrl-C
The folder is --dir, else NETPLUMB_LAB, else /var/tmp/netplumb-lab.`;

class UsageError extends Error {}

function show(status: LabStatus): void {
	if (status.subnet === undefined) {
		console.log(`no lab in ${status.dir}`);
		return;
	}
	for (const host of status.hosts) console.log(`${host.name}  ${host.address}  ${host.running ? "running" : "off"}`);
	const first = status.hosts[0]!;
	console.log(`shell: netplumb-lab shell ${first.name}`);
	console.log(`ssh:   ssh -i ${first.identityFile} -o UserKnownHostsFile=${first.knownHostsFile} root@${first.address}`);
}

async function tailLogs(name: string, dir?: string): Promise<void> {
	const paths = labPaths({ dir });
	stateOf(paths, name);
	const { bootLog, logs } = hostPaths(paths, name);
	const others = ["dockerd.log", "sshd.log", "openvswitch/ovsdb-server.log", "openvswitch/ovs-vswitchd.log"];
	const files = [bootLog, ...others.map((file) => join(logs, file))].filter((file) => existsSync(file));
	const { execa } = await import("execa");
	await execa("tail", ["-n", "40", "--", ...files], { stdio: "inherit", reject: false });
}

async function delay(ms: number, dir?: string): Promise<void> {
	for (const host of labStatus({ dir }).hosts) {
		const relay = await startRelay({ target: host.address, delayMs: ms });
		console.log(`${host.name}  127.0.0.1:${relay.port} → ${host.address}:22, ${ms} ms more for a round trip`);
	}
	console.log("Ctrl-C ends it.");
}

function count(text: string | undefined, what: string): number | undefined {
	if (text !== undefined && !/^\d+$/.test(text)) throw new UsageError(`${what} must be a whole number, not ${text}.`);
	return text === undefined ? undefined : Number(text);
}

async function main(argv: string[]): Promise<number> {
	// What follows `shell <host>` belongs to the command on the host, options included.
	const at = argv.indexOf("shell");
	const command = at < 0 ? [] : argv.slice(at + 2);
	const { values, positionals } = parseArgs({
		args: at < 0 ? argv : argv.slice(0, at + 2),
		allowPositionals: true,
		options: {
			dir: { type: "string" },
			subnet: { type: "string" },
			json: { type: "boolean" },
			help: { type: "boolean", short: "h" },
		},
	});
	const [verb, argument, ...more] = positionals;
	const { dir } = values;
	if (values.help || verb === "help") {
		console.log(usage);
		return 0;
	}
	const takes: Record<string, boolean | undefined> = {
		up: undefined,
		down: false,
		status: false,
		reboot: true,
		shell: true,
		logs: true,
		delay: true,
	};
	if (verb === undefined || !(verb in takes))
		throw new UsageError(verb === undefined ? "A command is missing." : `Unknown command ${verb}.`);
	if (takes[verb] === true && argument === undefined)
		throw new UsageError(`${verb} needs ${verb === "delay" ? "milliseconds" : "a host"}.`);
	if (more.length > 0 || (takes[verb] === false && argument !== undefined)) throw new UsageError(`Too much after ${verb}.`);
	const problem = labProblem();
	if (problem !== undefined) throw new Error(problem);
	if (verb === "up") show(await labUp({ dir, subnet: values.subnet, hosts: count(argument, "The number of hosts") }));
	if (verb === "down") console.log((await labDown({ dir })) ? "the lab is gone" : "there was no lab");
	if (verb === "status" && values.json) console.log(JSON.stringify(labStatus({ dir }), null, 2));
	if (verb === "status" && !values.json) show(labStatus({ dir }));
	if (verb === "reboot") await labReboot(argument!, { dir });
	if (verb === "reboot") console.log(`${argument} has booted again`);
	if (verb === "shell") return await hostShell(argument!, command[0] === "--" ? command.slice(1) : command, { dir });
	if (verb === "logs") await tailLogs(argument!, dir);
	if (verb === "delay") await delay(count(argument, "The delay")!, dir);
	return 0;
}

main(process.argv.slice(2)).then(
	(code) => {
		process.exitCode = code;
	},
	(error: Error & { code?: string }) => {
		const wrongUse = error instanceof UsageError || error.code?.startsWith("ERR_PARSE_ARGS");
		console.error(`netplumb-lab: ${error.message}${wrongUse ? `\n${usage}` : ""}`);
		process.exitCode = wrongUse ? 2 : 1;
	},
);
