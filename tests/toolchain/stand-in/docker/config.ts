// Never published. The provider configuration of the docker stand-in.
import { Docker, type Json } from "./api";
import type { Failure } from "./check";
import { connect } from "./connection";
import { hasUnknown } from "./kind";

const KNOWN = ["host", "sshOpts", "disableDockerDaemonCheck", "version"];

export function configMistakes(config: Json): Failure[] {
	return Object.keys(config)
		.filter((key) => !KNOWN.includes(key) && !key.startsWith("__"))
		.map((property) => ({ property, reason: `the docker stand-in does not know the provider setting ${property}` }));
}

/** A way to the daemon, opened at its first use: a preview needs none, and may not know the host yet. */
export function configure(args: Json, variables: Record<string, string>): () => Docker {
	const setting = (name: string): unknown => args[name] ?? variables[`docker:config:${name}`];
	const host = String(setting("host") || process.env["DOCKER_HOST"] || "unix:///var/run/docker.sock");
	const sshOpts = list(setting("sshOpts"));
	let docker: Docker | undefined;
	return () => {
		if (hasUnknown([host, sshOpts])) throw new Error("the docker host is not known yet");
		docker ??= new Docker(connect(host, sshOpts));
		return docker;
	};
}

/** The engine hands lists over as JSON text. */
function list(value: unknown): string[] {
	const parsed: unknown = typeof value === "string" && value !== "" ? JSON.parse(value) : value;
	return Array.isArray(parsed) ? parsed.map(String) : [];
}
