// A small program of all sorts of wiring on one lab host, for faults that do not belong to one operation: what `up` and `destroy` say
// while the fault lasts, and that they come to the goal when it is over.
import { expect } from "chai";
import type { HostSettings } from "../../provider/validate/host";
import { type Declared, Engine, type Run } from "../fuzz/engine";
import { hostDump } from "../support/dump";
import { useForeign } from "../support/foreign";
import { labHost, makeContainer, on, useLab } from "../support/lab";
import { pings, removeContainers } from "../support/wiring";

export const WEB = "fault-web";
export const BRIDGE = "br-fault";

/** `second` changes a part of each resource, in place. */
export function wiring(container = WEB, second = false): Declared {
	const address = second ? "10.66.0.6" : "10.66.0.5";
	return {
		lan: {
			kind: "OvsBridge",
			args: { name: BRIDGE, addresses: ["10.66.0.1/24"], ...(second ? { otherConfig: { "mac-aging-time": "60" } } : {}) },
		},
		wire: { kind: "VethAttachment", args: { container, bridge: BRIDGE, interface: "eth1", ...(second ? { mtu: 1400 } : {}) } },
		ip: { kind: "StaticContainerIp", args: { container, interface: "eth1", addresses: [`${address}/24`] } },
		port: { kind: "NatPublish", args: { hostPorts: 8066, target: address, targetPort: 80 } },
		net: { kind: "IsolatedNetwork", args: { name: "net-fault", subnet: "10.67.0.0/24", egress: second ? "none" : "internet" } },
	};
}

/** What a boot and a restart of Docker or Open vSwitch leave as it is: their own links get new addresses, a new container another id. */
export async function remains(): Promise<unknown> {
	const { ovs, files, containers, firewall, links } = await hostDump("h1");
	const ours = (firewall as string[]).filter((line) => /netplumb/.test(line));
	return {
		ovs,
		files,
		containers: (containers as string[]).length,
		ours,
		marked: (links as string[]).filter((line) => line.includes('"netplumb')),
	};
}

export class Program {
	readonly engine: Engine;
	private constructor(
		readonly host: HostSettings,
		private readonly before: unknown,
	) {
		this.engine = new Engine(host);
	}

	/** Only `up` mends the host, unless `more` says otherwise: healing has its own tests. */
	static async begin(more: Partial<HostSettings> = {}): Promise<Program> {
		return new Program(labHost("h1", { heal: false, ...more }), await remains());
	}

	/** An `up` during which things may fail: each with one sentence. */
	async tries(declared: Declared = wiring()): Promise<Run> {
		const run = await this.engine.up(declared);
		for (const [name, text] of Object.entries(run.errors)) expect(text, name).to.match(/^[a-z-]+: [^\n]+$/);
		return run;
	}

	/** The sentences of an `up` in which something must fail. */
	async fails(declared: Declared = wiring()): Promise<string> {
		const { errors } = await this.tries(declared);
		expect(errors).to.not.deep.equal({});
		return Object.values(errors).join("\n");
	}

	/** The next `up` after a look at the host reaches the goal; after it there is nothing to do. */
	async reaches(declared: Declared = wiring()): Promise<void> {
		await this.engine.refresh();
		expect((await this.engine.up(declared)).errors).to.deep.equal({});
		expect(await this.engine.refresh(), "drift").to.deep.equal({});
		expect((await this.engine.up(declared)).changed, "a second up").to.equal(0);
		if ("wire" in declared) expect(await pings(declared["wire"]!.args["container"] as string, "10.66.0.1")).to.equal(true);
	}

	/** Destroy leaves no trace. */
	async ends(): Promise<void> {
		expect((await this.engine.up({})).errors).to.deep.equal({});
		expect(await remains()).to.deep.equal(this.before);
	}
}

/** In a describe block: the lab, foreign things, and the container. */
export function useProgram(): void {
	useLab(1);
	useForeign();
	before(async () => {
		await removeContainers(WEB);
		await makeContainer("h1", WEB);
	});
	after(() => removeContainers(WEB));
}

export const startContainer = (): Promise<string> => on("h1", "docker", "start", WEB);
