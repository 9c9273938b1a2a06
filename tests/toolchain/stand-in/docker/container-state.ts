// Never published. A container as the daemon describes it, in the output names of docker.Container.
import type { Json } from "./api";

const MEGABYTE = 1024 * 1024;

export interface Inspected {
	Id: string;
	Name: string;
	Platform: string;
	State: { Running: boolean; ExitCode: number; FinishedAt: string; Error: string; Health?: { Status: string } };
	Config: {
		Cmd: string[] | null;
		Entrypoint: string[] | null;
		Env: string[] | null;
		Hostname: string;
		StopSignal?: string;
		StopTimeout?: number;
	};
	HostConfig: {
		RestartPolicy: { Name: string; MaximumRetryCount: number };
		Memory: number;
		MemorySwap: number;
		CpuShares: number;
		CpusetCpus: string;
		Init?: boolean | null;
		IpcMode: string;
		LogConfig: { Type: string };
		Runtime: string;
		SecurityOpt: string[] | null;
		ShmSize: number;
		NetworkMode: string;
	};
	NetworkSettings: {
		Bridge: string;
		Ports: Record<string, { HostIp: string; HostPort: string }[] | null> | null;
		Networks: Record<string, Endpoint>;
	};
}

interface Endpoint {
	IPAddress: string;
	IPPrefixLen: number;
	Gateway: string;
	GlobalIPv6Address: string;
	GlobalIPv6PrefixLen: number;
	IPv6Gateway: string;
	MacAddress: string;
}

/** Outputs that only the daemon knows. */
export const CONTAINER_COMPUTED = [
	"bridge",
	"command",
	"containerLogs",
	"entrypoints",
	"exitCode",
	"healthcheck",
	"hostname",
	"init",
	"ipcMode",
	"logDriver",
	"networkDatas",
	"platform",
	"runtime",
	"securityOpts",
	"shmSize",
	"stopSignal",
	"stopTimeout",
];

export function containerOutputs(inspected: Inspected, inputs: Json): Json {
	const { Config, HostConfig, NetworkSettings, State } = inspected;
	const live: Json = {
		bridge: NetworkSettings.Bridge,
		command: Config.Cmd ?? [],
		containerLogs: "",
		entrypoints: Config.Entrypoint ?? [],
		envs: [],
		exitCode: State.Running ? 0 : State.ExitCode,
		hostname: Config.Hostname,
		init: HostConfig.Init ?? false,
		ipcMode: HostConfig.IpcMode,
		labels: [],
		logDriver: HostConfig.LogConfig.Type,
		networkDatas: Object.entries(NetworkSettings.Networks).map(([name, endpoint]) => networkData(name, endpoint)),
		networkMode: HostConfig.NetworkMode,
		platform: inspected.Platform,
		runtime: HostConfig.Runtime,
		securityOpts: HostConfig.SecurityOpt ?? [],
		shmSize: HostConfig.ShmSize / MEGABYTE,
		stopSignal: Config.StopSignal ?? "",
		stopTimeout: Config.StopTimeout ?? 0,
	};
	const { __defaults: _, ...given } = inputs;
	return {
		...live,
		...given,
		...(inputs["ports"] ? { ports: withLivePorts(inputs["ports"] as Json[], NetworkSettings.Ports ?? {}) } : {}),
		mustRun: inputs["mustRun"] ?? true,
		start: inputs["start"] ?? true,
		rm: inputs["rm"] ?? false,
		restart: HostConfig.RestartPolicy.Name || "no",
		name: inspected.Name.replace(/^\//, ""),
	};
}

/** The inputs that would make the container as it is now: where somebody changed it by hand, the next diff sees it. */
export function containerInputs(inspected: Inspected, inputs: Json): Json {
	const { HostConfig } = inspected;
	const live: Json = {
		name: inspected.Name.replace(/^\//, ""),
		restart: HostConfig.RestartPolicy.Name || "no",
		maxRetryCount: HostConfig.RestartPolicy.MaximumRetryCount,
		memory: HostConfig.Memory / MEGABYTE,
		memorySwap: HostConfig.MemorySwap > 0 ? HostConfig.MemorySwap / MEGABYTE : HostConfig.MemorySwap,
		cpuShares: HostConfig.CpuShares,
		cpuSet: HostConfig.CpusetCpus,
	};
	const refreshed = Object.fromEntries(Object.entries(live).filter(([key]) => inputs[key] !== undefined));
	return { ...inputs, ...refreshed };
}

function networkData(networkName: string, endpoint: Endpoint): Json {
	return {
		networkName,
		ipAddress: endpoint.IPAddress,
		ipPrefixLength: endpoint.IPPrefixLen,
		gateway: endpoint.Gateway,
		globalIpv6Address: endpoint.GlobalIPv6Address,
		globalIpv6PrefixLength: endpoint.GlobalIPv6PrefixLen,
		ipv6Gateway: endpoint.IPv6Gateway,
		macAddress: endpoint.MacAddress,
	};
}

function withLivePorts(ports: Json[], live: Record<string, { HostPort: string }[] | null>): Json[] {
	return ports.map((port) => {
		const protocol = port["protocol"] ?? "tcp";
		const bound = live[`${port["internal"]}/${protocol}`]?.[0]?.HostPort;
		return { ...port, protocol, ip: port["ip"] ?? "0.0.0.0", external: port["external"] ?? (bound ? Number(bound) : undefined) };
	});
}
