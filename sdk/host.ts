import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";
import { dockerSettings } from "./ssh-options";
import { parseTarget } from "./target";

/**
 * Where a Linux host is, and how it is reached. Only `address` is required. Another `address` or `port` is another host, and
 * replaces the resources on it. A change of any other field is an update; only `heal` and `helper` change something on the host.
 */
export interface HostArgs {
	/** The host's name, IPv4 or IPv6 address, without user, port or brackets. An alias from `~/.ssh/config` works too. */
	address: pulumi.Input<string>;
	/** The SSH port, 1 to 65535. Default: the one in `~/.ssh/config`, else 22. */
	port?: pulumi.Input<number>;
	/** The login name. Default: that of `~/.ssh/config`, else root. Any other user needs `sudo: true` or `helper: true`. */
	user?: pulumi.Input<string>;
	/**
	 * The host's public key, `"ssh-ed25519 AAAA…"`, the content of its `/etc/ssh/ssh_host_ed25519_key.pub`. It pins the host: no
	 * other key is accepted, and no known_hosts file is read. Default: known_hosts decides, and an unknown or changed key is refused.
	 */
	hostKey?: pulumi.Input<string>;
	/** The only known_hosts file to read: an absolute path, or one that begins with `~/`. Default: those that ssh reads. */
	knownHostsFile?: pulumi.Input<string>;
	/**
	 * Accepts any host key. Whoever stands between you and the host can then take it over: for throw-away machines only.
	 * Default: false.
	 */
	insecureIgnoreHostKey?: pulumi.Input<boolean>;
	/**
	 * The path of a private key file on the machine that runs Pulumi, absolute or beginning with `~/`. Of the files, only this one is offered.
	 * Default: the SSH agent and the files that `~/.ssh/config` names. The key itself is never an input: keep it in the agent, in
	 * a file, or in the stack configuration (`pulumi config set --secret netplumb:privateKey`), which never reaches the state.
	 */
	identityFile?: pulumi.Input<string>;
	/** A jump host: the connection to this host is made from there. It may have a `via` of its own. Default: none. */
	via?: pulumi.Input<HostArgs>;
	/** Runs everything through `sudo -n`, for users other than root; sudo must not ask for a password. Default: false. */
	sudo?: pulumi.Input<boolean>;
	/**
	 * Works through the helper that `netplumb helper install` has put on the host, for a login that shall not be root: it takes typed
	 * changes, no shell text, and changes nothing that is not netplumb's. Not beside `sudo`. With it there is no adopting, no `uplinks` with the host's own
	 * address and no healing by the host; a login for readers can refresh only. Default: false.
	 */
	helper?: pulumi.Input<boolean>;
	/**
	 * How the host is reached. Default: `"ssh2"`, an SSH client inside the provider, the fastest.
	 * `"openssh"`: the system's `ssh`, for certificates, FIDO keys, Kerberos and everything else in `~/.ssh/config`.
	 * `"local"`: this machine, without SSH; `address` is then `"localhost"`.
	 */
	transport?: pulumi.Input<"ssh2" | "openssh" | "local">;
	/** Whether the host itself puts the wiring back after restarts of containers, daemons and the host. Default true, with `helper` false. An update. */
	heal?: pulumi.Input<boolean>;
	/**
	 * What a delete does when the host cannot be reached. `"fail"` stops, and nothing is forgotten. `"forget"` takes the resource
	 * out of the state although its wiring may still be there: for hosts that are gone for good. Default: `"fail"`.
	 */
	onUnreachable?: pulumi.Input<"fail" | "forget">;
	/**
	 * Within how many seconds a change that can cut the way to this host (`acceptRisk: ["ssh-path"]`) has to be confirmed over a new
	 * connection, 5 to 90. Otherwise the host takes it back by itself. Default: 30.
	 */
	confirmSeconds?: pulumi.Input<number>;
	/** The time limit of each remote step, connecting included, in seconds, 1 to 3600. Default: 30 to connect, 120 for a step. */
	timeoutSeconds?: pulumi.Input<number>;
}

/** The fields of a `HostArgs` when all are known; absent ones are left out. This is what resources keep in the state. */
export interface HostProperties {
	address: string;
	port?: number;
	user?: string;
	hostKey?: string;
	knownHostsFile?: string;
	insecureIgnoreHostKey?: boolean;
	identityFile?: string;
	via?: HostProperties;
	sudo?: boolean;
	helper?: boolean;
	transport?: "ssh2" | "openssh" | "local";
	heal?: boolean;
	onUnreachable?: "fail" | "forget";
	confirmSeconds?: number;
	timeoutSeconds?: number;
}

/**
 * A Linux host with Docker and Open vSwitch, reached over SSH, or the machine that Pulumi runs on. It is no resource: it
 * creates nothing and makes no connection. Every netplumb resource takes one as `host`.
 *
 * ```ts
 * const web = new Host("ssh://root@10.0.0.1");
 * const lab = new Host({ address: "10.0.0.2", user: "ops", sudo: true, hostKey: "ssh-ed25519 AAAA…" });
 * const here = new Host("local");
 *
 * const db = new docker.Container("db", { image: "mysql:8" }, { provider: web.docker() });
 * ```
 */
export class Host {
	/** The fields that were given, in plain form; resources take it as their `host` input. */
	readonly args: pulumi.Output<HostProperties>;

	/** Tells a Host apart when two copies of this package are loaded. */
	readonly __netplumbHost = true;

	readonly #label: string | undefined;
	#docker: pulumi.ProviderResource | undefined;

	/**
	 * @param target `"ssh://user@address:port"` (user and port may be left out), `"local"`, or an object with more fields.
	 */
	constructor(target: string | HostArgs) {
		const given = typeof target === "string" ? parseTarget(target) : target;
		this.#label = label(given);
		this.args = pulumi.output(given as pulumi.Input<HostProperties>).apply(withoutUndefined);
	}

	/** True when the value is a Host, of this copy of the package or another. */
	static isInstance(value: unknown): value is Host {
		return (value as Partial<Host> | null | undefined)?.__netplumbHost === true;
	}

	/**
	 * A `docker.Provider` for the same host, for the `provider` option of `@pulumi/docker` resources. It logs in as this Host
	 * does: same user, port, host key, identity file and jump host. Called without a name, it gives the same provider every time.
	 *
	 * Docker's client runs the system's `ssh`, whatever `transport` says, and so there are four differences: a key in the stack
	 * configuration (`netplumb:privateKey`) is out of its reach, so have it in the SSH agent or a file; `sudo` does not apply, so
	 * the user must be allowed to use Docker; `user` is root when absent, even when `~/.ssh/config` has another; and `hostKey`
	 * needs OpenSSH 8.5 or newer on the machine that runs Pulumi.
	 *
	 * @param name The name of the provider resource. Default: `docker-` and the address, which must then be known text.
	 * @param opts Options of the provider resource.
	 */
	docker(name?: string, opts?: pulumi.ResourceOptions): pulumi.ProviderResource {
		if (name === undefined && this.#docker !== undefined) {
			if (opts === undefined) return this.#docker;
			throw new TypeError(
				"Host.docker: this host's provider exists already, so options come too late; give a name to make another",
			);
		}
		if (name === undefined && this.#label === undefined) {
			throw new TypeError("Host.docker: the address is not known yet, so no name can be made from it; pass a name");
		}
		const { Provider } = loadDocker();
		const settings = this.args.apply(dockerSettings);
		const args = { host: settings.host, sshOpts: settings.apply(({ sshOpts }) => sshOpts) };
		const provider = new Provider(name ?? `docker-${this.#label}`, args, opts);
		if (name === undefined) this.#docker = provider;
		return provider;
	}
}

/** A part of a resource name, from what is known before the program has run. */
function label({ address, port, transport }: HostArgs): string | undefined {
	if (transport === "local") return "local";
	if (typeof address !== "string" || (port !== undefined && typeof port !== "number")) return undefined;
	return `${address}${port === undefined ? "" : `-${port}`}`.replaceAll(":", "-");
}

function withoutUndefined(host: HostProperties): HostProperties {
	const entries = Object.entries(host).filter(([, value]) => value !== undefined && value !== null);
	const via = host.via ? { via: withoutUndefined(host.via) } : {};
	return { ...(Object.fromEntries(entries) as unknown as HostProperties), ...via };
}

type DockerModule = {
	Provider: new (name: string, args: object, opts?: pulumi.ResourceOptions) => pulumi.ProviderResource;
};

/** The program's own copy of @pulumi/docker: it is optional, and this package may be linked in from another folder. */
function loadDocker(): DockerModule {
	for (const from of [`${process.cwd()}/index.js`, __filename]) {
		try {
			return createRequire(from)("@pulumi/docker");
		} catch (error) {
			const absent = error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND";
			if (!absent || !error.message.includes("'@pulumi/docker'")) throw error;
		}
	}
	throw new Error("Host.docker: the package @pulumi/docker is not installed; run npm install @pulumi/docker");
}
