import { spawn } from "node:child_process";

export interface Finished {
	code: number;
	stdout: string;
	stderr: string;
}

/** Runs a command to its end, killing it (and what it started) after `timeoutMs`. Never throws. */
export function run(
	command: string,
	args: string[],
	options: { timeoutMs: number; env?: NodeJS.ProcessEnv; cwd?: string },
): Promise<Finished> {
	return new Promise((resolve) => {
		const child = spawn(command, args, {
			cwd: options.cwd,
			env: options.env ?? process.env,
			stdio: ["ignore", "pipe", "pipe"],
			detached: true,
		});
		let stdout = "";
		let stderr = "";
		child.stdout.setEncoding("utf8").on("data", (text: string) => {
			stdout += text;
		});
		child.stderr.setEncoding("utf8").on("data", (text: string) => {
			stderr += text;
		});
		const timer = setTimeout(() => {
			stderr += `\nstopped after ${options.timeoutMs / 1000} s`;
			if (child.pid) process.kill(-child.pid, "SIGKILL");
		}, options.timeoutMs);
		const finish = (code: number) => {
			clearTimeout(timer);
			resolve({ code, stdout, stderr });
		};
		child.on("error", (error) => {
			stderr += error.message;
			finish(-1);
		});
		child.on("close", (code) => finish(code ?? -1));
	});
}
