// What a transport does: run a shell script on one host and give back what it printed. ssh2, openssh and local implement it.

/** Where a host is and how to reach it. Validated by the time it gets here; the same fields as the public `HostArgs`. */
export interface HostAddress {
	address: string;
	port?: number;
	user?: string;
	/** "ssh-ed25519 AAAA…": the only key accepted for this host; known_hosts is then not read. */
	hostKey?: string;
	knownHostsFile?: string;
	insecureIgnoreHostKey?: boolean;
	identityFile?: string;
	via?: HostAddress;
	sudo?: boolean;
	/** The far end is the helper (provider/helper), not a shell: what is run are its requests. */
	helper?: boolean;
	transport?: "ssh2" | "openssh" | "local";
	timeoutSeconds?: number;
}

/** Key material that arrived with the stack configuration. Never stored, never logged. */
export interface Secrets {
	privateKey?: string;
	passphrase?: string;
}

export interface ScriptResult {
	stdout: string;
	stderr: string;
	exitCode: number;
}

export interface Transport {
	/**
	 * Runs a POSIX shell script on the host, as root (through `sudo -n` when the host says so), with a fixed PATH and LC_ALL=C.
	 * The script text may hold any bytes but NUL. Calls may overlap. A non-zero exit code is a result, not an error.
	 *
	 * Throws NetplumbError: host-unreachable, host-key, authentication, privilege, unsupported (nothing ran);
	 * timeout, outcome-unknown (something may have run).
	 */
	run(script: string, options?: { timeoutSeconds?: number }): Promise<ScriptResult>;
	/** Ends the connection. The next `run` would open a new one. */
	close(): void;
	/** Counts since the start, for tests and `bench/`. */
	readonly counters: TransportCounters;
}

export interface TransportCounters {
	/** Completed SSH handshakes (0 for local). */
	handshakes: number;
	/** Scripts sent. */
	roundTrips: number;
	bytesSent: number;
	bytesReceived: number;
}
