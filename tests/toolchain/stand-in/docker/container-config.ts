// Never published. Inputs of docker.Container in the words of the Docker Engine API.
import type { Json } from "./api";
import { type Input, labelsToRecord } from "./kind";

const MEGABYTE = 1024 * 1024;

export const CONTAINER_INPUTS: Record<string, Input> = {
	image: { required: true },
	name: {},
	command: {},
	entrypoints: {},
	envs: { set: true },
	hostname: {},
	domainname: {},
	user: {},
	workingDir: {},
	labels: { set: true, fields: ["label", "value"] },
	tty: {},
	stdinOpen: {},
	stopSignal: {},
	stopTimeout: {},
	healthcheck: { fields: ["tests", "interval", "timeout", "startPeriod", "retries"] },
	networkMode: {},
	networksAdvanced: { set: true, fields: ["name", "aliases", "ipv4Address", "ipv6Address"] },
	ports: { fields: ["internal", "external", "ip", "protocol"] },
	publishAllPorts: {},
	hosts: { set: true, fields: ["host", "ip"] },
	dns: { set: true },
	dnsOpts: { set: true },
	dnsSearches: { set: true },
	capabilities: { set: true, fields: ["adds", "drops"] },
	privileged: {},
	securityOpts: { set: true },
	sysctls: {},
	pidMode: {},
	ipcMode: {},
	usernsMode: {},
	readOnly: {},
	init: {},
	runtime: {},
	volumes: { set: true, fields: ["containerPath", "hostPath", "volumeName", "fromContainer", "readOnly"] },
	tmpfs: {},
	shmSize: {},
	logDriver: {},
	logOpts: {},
	restart: { update: true },
	maxRetryCount: { update: true },
	memory: { update: true },
	memorySwap: { update: true },
	cpuShares: { update: true },
	cpuSet: { update: true },
	// These steer the provider, not the container.
	rm: { update: true },
	start: { update: true },
	mustRun: { update: true },
	wait: { update: true },
	waitTimeout: { update: true },
	destroyGraceSeconds: { update: true },
	removeVolumes: { update: true },
	containerReadRefreshTimeoutMilliseconds: { update: true },
};

export function createBody(inputs: Json): Json {
	const ports = (inputs["ports"] as Port[] | undefined) ?? [];
	const volumes = (inputs["volumes"] as Volume[] | undefined) ?? [];
	const capabilities = (inputs["capabilities"] as { adds?: string[]; drops?: string[] } | undefined) ?? {};
	return defined({
		Image: inputs["image"],
		Cmd: inputs["command"],
		Entrypoint: inputs["entrypoints"],
		Env: inputs["envs"],
		Hostname: inputs["hostname"],
		Domainname: inputs["domainname"],
		User: inputs["user"],
		WorkingDir: inputs["workingDir"],
		Labels: labelsToRecord(inputs["labels"]),
		Tty: inputs["tty"],
		OpenStdin: inputs["stdinOpen"],
		StopSignal: inputs["stopSignal"],
		StopTimeout: inputs["stopTimeout"],
		Healthcheck: healthcheck(inputs["healthcheck"] as Healthcheck | undefined),
		ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])),
		Volumes: Object.fromEntries(volumes.filter(isAnonymous).map((volume) => [volume.containerPath, {}])),
		HostConfig: defined({
			...updateBody(inputs),
			NetworkMode: inputs["networkMode"] ?? "bridge",
			PortBindings: portBindings(ports),
			PublishAllPorts: inputs["publishAllPorts"],
			AutoRemove: inputs["rm"],
			ExtraHosts: (inputs["hosts"] as { host: string; ip: string }[] | undefined)?.map(({ host, ip }) => `${host}:${ip}`),
			Dns: inputs["dns"],
			DnsOptions: inputs["dnsOpts"],
			DnsSearch: inputs["dnsSearches"],
			CapAdd: capabilities.adds,
			CapDrop: capabilities.drops,
			Privileged: inputs["privileged"],
			SecurityOpt: inputs["securityOpts"],
			Sysctls: inputs["sysctls"],
			PidMode: inputs["pidMode"],
			IpcMode: inputs["ipcMode"],
			UsernsMode: inputs["usernsMode"],
			ReadonlyRootfs: inputs["readOnly"],
			Init: inputs["init"],
			Runtime: inputs["runtime"],
			Binds: volumes.filter((volume) => !isAnonymous(volume) && !volume.fromContainer).map(bind),
			VolumesFrom: volumes.flatMap((volume) => volume.fromContainer ?? []),
			Tmpfs: inputs["tmpfs"],
			ShmSize: megabytes(inputs["shmSize"]),
			LogConfig:
				inputs["logDriver"] || inputs["logOpts"]
					? { Type: inputs["logDriver"] ?? "", Config: inputs["logOpts"] ?? {} }
					: undefined,
		}),
	});
}

/** What `docker update` can change. */
export function updateBody(inputs: Json): Json {
	return defined({
		RestartPolicy: { Name: inputs["restart"] ?? "no", MaximumRetryCount: inputs["maxRetryCount"] ?? 0 },
		Memory: megabytes(inputs["memory"]),
		MemorySwap: Number(inputs["memorySwap"] ?? 0) > 0 ? megabytes(inputs["memorySwap"]) : inputs["memorySwap"],
		CpuShares: inputs["cpuShares"],
		CpusetCpus: inputs["cpuSet"],
	});
}

interface Port {
	internal: number;
	external?: number;
	ip?: string;
	protocol?: string;
}

interface Volume {
	containerPath?: string;
	hostPath?: string;
	volumeName?: string;
	fromContainer?: string;
	readOnly?: boolean;
}

interface Healthcheck {
	tests?: string[];
	interval?: string;
	timeout?: string;
	startPeriod?: string;
	retries?: number;
}

const portKey = (port: Port) => `${port.internal}/${port.protocol ?? "tcp"}`;
const isAnonymous = (volume: Volume) => !volume.hostPath && !volume.volumeName && !volume.fromContainer;
const bind = (volume: Volume) =>
	`${volume.hostPath ?? volume.volumeName}:${volume.containerPath}${volume.readOnly ? ":ro" : ":rw"}`;
const megabytes = (value: unknown) => (value === undefined ? undefined : Number(value) * MEGABYTE);

function portBindings(ports: Port[]): Record<string, { HostIp: string; HostPort: string }[]> {
	const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
	for (const port of ports) {
		bindings[portKey(port)] ??= [];
		bindings[portKey(port)]?.push({
			HostIp: port.ip ?? "0.0.0.0",
			HostPort: port.external === undefined ? "" : String(port.external),
		});
	}
	return bindings;
}

function healthcheck(check: Healthcheck | undefined): Json | undefined {
	if (!check) return undefined;
	return defined({
		Test: check.tests,
		Interval: nanoseconds(check.interval),
		Timeout: nanoseconds(check.timeout),
		StartPeriod: nanoseconds(check.startPeriod),
		Retries: check.retries,
	});
}

function nanoseconds(duration: string | undefined): number | undefined {
	if (duration === undefined) return undefined;
	const units: Record<string, number> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
	let total = 0;
	for (const [, amount, unit] of duration.matchAll(/([\d.]+)(ms|s|m|h)/g)) total += Number(amount) * (units[unit ?? ""] ?? 0);
	return total;
}

function defined(object: Json): Json {
	return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
