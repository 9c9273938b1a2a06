// What tests of whole stacks need besides `Stack`: an operation that must succeed, and what a host looks like from outside.
import * as path from "node:path";
import { expect } from "chai";
import { type Operation, type Result, Stack, type StackOptions } from "../toolchain/pulumi";
import { inContainer, on } from "./lab";

const root = path.resolve(__dirname, "..", "..");

export const exampleStack = (name: string): Stack => new Stack({ dir: path.join(root, "examples", name) });

export const fixtureStack = (name: string, options: Partial<StackOptions> = {}): Stack =>
	new Stack({ dir: path.join(root, "tests", "end-to-end", "fixtures", name), ...options });

/** Runs an operation that must succeed. */
export async function succeed(stack: Stack, operation: Operation, args: string[] = []): Promise<Result> {
	const result = await stack.operate(operation, args);
	expect(result.exitCode, `pulumi ${operation}: ${result.stdout}${result.stderr}`).to.equal(0);
	return result;
}

/** For `after`: whatever a failed test left in the stack is destroyed, so that the next file finds the hosts clean. */
export async function discard(stack: Stack): Promise<void> {
	const { resources } = await stack.exportState().then(({ deployment }) => deployment);
	if (resources?.length) await stack.destroy();
	stack.remove();
}

/** Runs an operation that must fail, and gives the error messages that people see, without the engine's own closing lines. */
export async function fail(stack: Stack, operation: Operation, args: string[] = []): Promise<string[]> {
	const result = await stack.operate(operation, args);
	expect(result.exitCode, `pulumi ${operation}: ${result.stdout}${result.stderr}`).to.not.equal(0);
	return errorsOf(result);
}

export function errorsOf(result: Result): string[] {
	const engine = /^(resource plugin|update failed|preview failed|destroy failed|refresh failed|one or more)/;
	return result.diagnostics
		.filter(({ severity, message }) => severity === "error" && !engine.test(message))
		.map(({ message }) => message);
}

/** The preview that must find nothing to do, with or without a look at the hosts. */
export async function expectNoChanges(stack: Stack, args: string[] = []): Promise<void> {
	const { summary } = await succeed(stack, "preview", ["--expect-no-changes", ...args]);
	expect(summary).to.include({ create: 0, update: 0, replace: 0, delete: 0 });
	expect(summary.same).to.be.greaterThan(1);
}

/** TCP connections that the host's sshd has seen since the host's disk was made, whoever made them. */
export async function connections(host: string): Promise<number> {
	return Number(await on(host, "sh", "-c", 'grep -c "^Connection from" /var/log/sshd.log || true'));
}

/** SSH logins since the host's disk was made. */
export async function logins(host: string): Promise<number> {
	return Number(await on(host, "sh", "-c", 'grep -c "^Accepted publickey" /var/log/sshd.log || true'));
}

/** When the containers were started, by name: unchanged as long as nobody restarts or replaces them. */
export async function starts(host: string, ...containers: string[]): Promise<string> {
	return on(host, "docker", "inspect", "-f", "{{.Id}} {{.State.StartedAt}}", ...containers);
}

/** What a client in a container gets from a web server, over TCP; undefined when nothing answers. */
export async function fetchFrom(
	host: string,
	container: string,
	address: string,
	file = "/",
	port = 80,
): Promise<string | undefined> {
	const script = `printf 'GET ${file} HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${address} ${port}`;
	const answer = await inContainer(host, container, "sh", "-c", script).catch(() => "");
	return answer.includes("\r\n\r\n") ? answer.split("\r\n\r\n")[1]!.trim() : undefined;
}

export async function pings(host: string, container: string, address: string): Promise<boolean> {
	return (
		(await inContainer(host, container, "sh", "-c", `ping -c 1 -W 2 ${address} >/dev/null && echo yes || echo no`)) === "yes"
	);
}
