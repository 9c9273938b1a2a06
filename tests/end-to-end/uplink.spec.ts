import { expect } from "chai";
import { useLab } from "../support/lab";
import { discard, expectNoChanges, fail, fixtureStack, succeed } from "../support/stacks";
import { answersAfter, armed, BRIDGE, clean, expectAsBefore, facts, noHarm, onPlain, plain } from "../uplinks/fixture";

describe("an uplink that carries the host's address", function () {
	this.timeout(120_000);
	useLab(1, 1);

	const stack = fixtureStack("uplink");
	const bridge = { name: BRIDGE, uplinks: ["eth0"] };
	const consent = { ...bridge, acceptRisk: ["ssh-path"] };
	const block = () =>
		onPlain(`nft 'table inet harm { chain input { type filter hook input priority 0; iifname ${BRIDGE} tcp dport 22 drop; }; }'`);
	let start: string[];

	before(async () => {
		await clean();
		start = await facts();
		await stack.setConfig({ host: plain(), bridge });
	});
	after(async () => {
		await clean();
		await discard(stack);
	});

	it("needs consent, of which the preview speaks and which up asks for", async () => {
		const { stdout, stderr } = await succeed(stack, "preview");
		expect(stdout + stderr).to.contain(
			'netplumb: lan: uplinks: acceptRisk: ["ssh-path"] is needed if eth0 carries an address of the host; a preview does not look there',
		);
		expect((await fail(stack, "up")).join()).to.match(
			/uplinks: found address 10\.99\.\d+\.211\/24 on "eth0", expected acceptRisk/,
		);
		await expectAsBefore(start);
	});

	it("fails the up that locks it out, with the reason", async () => {
		await stack.setConfig({ bridge: consent });
		await block();
		const failed = fail(stack, "up");
		expect(await answersAfter(await armed())).to.be.lessThan(2);
		expect((await failed).join()).to.match(/could not move .* afterwards a new login failed .*, so the host has taken it back/);
		await noHarm();
		await expectAsBefore(start);
	});

	it("comes back when the provider is killed, and the next up says so and goes on", async () => {
		await block();
		const running = await stack.start("up");
		const deadline = await armed();
		running.kill("all");
		await running.done;
		await stack.unlock();
		expect(await answersAfter(deadline)).to.be.lessThan(2);
		await noHarm();
		const { stdout, stderr } = await succeed(stack, "up");
		expect(stdout + stderr).to.match(
			/netplumb: host \S+: an earlier run was not confirmed and was taken back \(netplumb-uplink\//,
		);
		await expectNoChanges(stack, ["--refresh"]);
		expect(await onPlain("ip route show default")).to.contain(`dev ${BRIDGE}`);
	});

	it("goes back with consent only, which the preview asks for", async () => {
		await stack.setConfig({ bridge: { name: BRIDGE } });
		const { stdout, stderr } = await succeed(stack, "preview");
		expect(stdout + stderr).to.match(
			/acceptRisk: \["ssh-path"\] is needed to take eth0 out, which brought 10\.99\.\d+\.211\/24 to the bridge/,
		);
		expect((await fail(stack, "up")).join()).to.contain('because the address has to move back to "eth0"');
		await stack.setConfig({ bridge: { ...consent, uplinks: [] } });
		await succeed(stack, "up");
		expect(await onPlain("ip route show default")).to.contain("dev eth0");
		await stack.setConfig({ bridge: consent });
		await succeed(stack, "up");
	});

	it("leaves nothing to clear up", async () => {
		await succeed(stack, "destroy");
		await expectAsBefore(start);
	});
});
