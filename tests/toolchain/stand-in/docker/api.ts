// Never published. Requests to the Docker Engine API, without a version in the path: the daemon's own is right.
import * as http from "node:http";
import type { Connection } from "./connection";

const REQUEST_TIMEOUT_MS = 120_000;

export class DockerError extends Error {
	constructor(
		readonly status: number,
		message: string,
	) {
		super(message);
	}
}

export type Json = Record<string, unknown>;

export class Docker {
	constructor(private readonly connection: Connection) {}

	get<T = Json>(path: string): Promise<T> {
		return this.call<T>("GET", path);
	}

	post<T = Json>(path: string, body?: unknown): Promise<T> {
		return this.call<T>("POST", path, body);
	}

	delete(path: string): Promise<unknown> {
		return this.call("DELETE", path);
	}

	/** `undefined` when the daemon says that there is no such thing. Any other failure stays one. */
	async find<T = Json>(path: string): Promise<T | undefined> {
		try {
			return await this.get<T>(path);
		} catch (error) {
			if (error instanceof DockerError && error.status === 404) return undefined;
			throw error;
		}
	}

	private call<T>(method: string, path: string, body?: unknown): Promise<T> {
		const text = body === undefined ? undefined : JSON.stringify(body);
		const headers: http.OutgoingHttpHeaders = { Host: "docker" };
		if (text !== undefined)
			Object.assign(headers, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) });
		return new Promise((resolve, reject) => {
			const request = http.request(
				{ ...this.connection.request, agent: this.connection.agent, method, path, headers },
				(response) => {
					let answer = "";
					response.setEncoding("utf8");
					response.on("data", (chunk) => {
						answer += chunk;
					});
					response.on("error", reject);
					response.on("end", () => {
						clearTimeout(timer);
						const status = response.statusCode ?? 0;
						if (status >= 400) reject(new DockerError(status, messageIn(answer) ?? `${method} ${path}: HTTP ${status}`));
						else resolve(parse(answer) as T);
					});
				},
			);
			const timer = setTimeout(
				() => request.destroy(new Error(`${method} ${path}: no answer in ${REQUEST_TIMEOUT_MS / 1000} s`)),
				REQUEST_TIMEOUT_MS,
			);
			request.on("error", (error) => {
				clearTimeout(timer);
				reject(new Error(`docker daemon: ${error.message}`));
			});
			request.end(text);
		});
	}
}

/** A pull answers with one JSON document a line; the last one tells how it ended. */
function parse(answer: string): unknown {
	const last = answer.trim().split("\n").pop() ?? "";
	if (!answer.trim()) return {};
	try {
		return JSON.parse(answer);
	} catch {
		return JSON.parse(last);
	}
}

function messageIn(answer: string): string | undefined {
	try {
		return (JSON.parse(answer) as { message?: string }).message;
	} catch {
		return answer.trim() || undefined;
	}
}
