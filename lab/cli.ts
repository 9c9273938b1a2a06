#!/usr/bin/env node
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { labDown } from "./down";
import { hostShell } from "./exec";
import { type LabStatus, labStatus, labUp } from "./lab";
import { hostPaths, labPaths } from "./options";
import { labOvnStart, labOvnStop, type OvnPart } from "./ovn";
import { labReboot } from "./power";
import { labProblem } from "./problem";
import { startRelay } from "./relay";
import { stateOf } from "./state";

const usage = `Usage: netplumb-lab [--dir <folder>] <command>
  up [N] [--plain N] [--subnet 10.99.0.0/24]
                                   start N hosts (default 2), or add hosts to a running lab; plain
                                   ones have their address on eth0 itself, not on a bridge
  down                             remove the lab and everything that up made
  status [--json]                  show the hosts
  reboot <host>                    power loss and a new boot; the disk stays
  shell <host> [command…]          a root shell, or one command, on a host
  logs <host>                      the end of every log of a host
  ovn <host> [central|controller|off …]
                                   starts OVN's daemons on a host (default: controller), now and at
                                   every boot; off ends them and removes what they made
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

function wholeNumber(text: string, what: string): number | undefined {
	if (!/^\d*$/.test(text)) throw new UsageError(`${what} must be a whole number, not ${text}.`);
	return text === "" ? undefined : Number(text);
}

interface Call {
	argument: string;
	/** The words after it. */
	more: string[];
	command: string[];
	dir?: string;
	subnet?: string;
	plain?: string;
	json?: boolean;
}

interface Verb {
	/** What the verb must be told; a verb without takes nothing, except `up`. */
	needs?: string;
	optional?: boolean;
	/** The words that may follow. */
	more?: string[];
	/** A number is the exit code. */
	run(call: Call): Promise<unknown>;
}

const verbs: Record<string, Verb> = {
	up: {
		optional: true,
		run: async ({ argument, dir, subnet, plain }) => {
			const hosts = wholeNumber(argument, "The number of hosts");
			show(await labUp({ dir, subnet, hosts, plain: wholeNumber(plain ?? "", "The number of plain hosts") }));
		},
	},
	down: { run: async ({ dir }) => console.log((await labDown({ dir })) ? "the lab is gone" : "there was no lab") },
	status: {
		run: async ({ dir, json }) => (json ? console.log(JSON.stringify(labStatus({ dir }), null, 2)) : show(labStatus({ dir }))),
	},
	reboot: {
		needs: "a host",
		run: async ({ argument, dir }) => {
			await labReboot(argument, { dir });
			console.log(`${argument} has booted again`);
		},
	},
	shell: { needs: "a host", run: ({ argument, command, dir }) => hostShell(argument, command, { dir }) },
	logs: { needs: "a host", run: ({ argument, dir }) => tailLogs(argument, dir) },
	ovn: {
		needs: "a host",
		more: ["central", "controller", "off"],
		run: async ({ argument, more, dir }) => {
			if (more.includes("off")) await labOvnStop(argument, { dir });
			else await labOvnStart(argument, more.length > 0 ? (more as OvnPart[]) : ["controller"], { dir });
		},
	},
	delay: { needs: "milliseconds", run: ({ argument, dir }) => delay(wholeNumber(argument, "The delay")!, dir) },
};

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
			plain: { type: "string" },
			json: { type: "boolean" },
			help: { type: "boolean", short: "h" },
		},
	});
	const { help, ...options } = values;
	const [name, argument, ...more] = positionals;
	if (help || name === "help") {
		console.log(usage);
		return 0;
	}
	if (name === undefined) throw new UsageError("A command is missing.");
	const verb = Object.hasOwn(verbs, name) ? verbs[name]! : undefined;
	if (verb === undefined) throw new UsageError(`Unknown command ${name}.`);
	if (verb.needs && argument === undefined) throw new UsageError(`${name} needs ${verb.needs}.`);
	const excess = more.find((word) => !verb.more?.includes(word));
	if (excess !== undefined || (argument !== undefined && !verb.needs && !verb.optional))
		throw new UsageError(`Too much after ${name}.`);
	const problem = labProblem();
	if (problem !== undefined) throw new Error(problem);
	const afterHost = command[0] === "--" ? command.slice(1) : command;
	const result = await verb.run({ ...options, argument: argument ?? "", more, command: afterHost });
	return typeof result === "number" ? result : 0;
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
