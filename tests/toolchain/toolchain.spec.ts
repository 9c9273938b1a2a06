import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { ensurePulumi, Stack } from "./pulumi";

describe("toolchain", function () {
	this.timeout(120_000);

	const stack = new Stack({ dir: path.join(__dirname, "fixtures", "thing") });

	before(async function () {
		this.timeout(0); // the first time on a machine, the CLI may have to be built
		await ensurePulumi();
	});

	after(async () => {
		await stack.destroy();
		stack.remove();
	});

	it("runs a TypeScript program with a dynamic resource", async () => {
		const up = await stack.up();
		expect(up.exitCode, up.stdout + up.stderr).to.equal(0);
		expect(up.summary.create).to.equal(2); // the stack and the thing
		expect(await stack.outputs()).to.deep.equal({ echo: "hoho" });
	});

	it("finds nothing to do the second time", async () => {
		const preview = await stack.preview(["--expect-no-changes"]);
		expect(preview.exitCode, preview.stdout + preview.stderr).to.equal(0);
		expect(preview.summary).to.include({ same: 2, create: 0, update: 0, replace: 0, delete: 0 });
	});

	it("hands over configuration, decrypted", async () => {
		await stack.setConfig({ said: "sesame" }, { secret: true });
		const up = await stack.up();
		expect(up.exitCode, up.stdout + up.stderr).to.equal(0);
		expect(await stack.outputs()).to.deep.equal({ echo: "sesamesesame" });
	});

	it("ends in the middle on demand, and carries on", async () => {
		await stack.setConfig({ said: "slow" });
		const running = await stack.start("up");
		while (!running.provider() && running.child.exitCode === null) await sleep(20);
		running.kill("all");
		expect((await running.done).exitCode).to.equal(-1);

		expect((await stack.up()).stderr).to.contain("locked"); // by the run that was killed
		await stack.unlock();
		const up = await stack.up();
		expect(up.exitCode, up.stdout + up.stderr).to.equal(0);
		expect(await stack.outputs()).to.deep.equal({ echo: "slowslow" });
	});

	it("destroys", async () => {
		const destroy = await stack.destroy();
		expect(destroy.exitCode, destroy.stdout + destroy.stderr).to.equal(0);
		expect(destroy.summary.delete).to.equal(2);
		expect((await stack.exportState()).deployment.resources ?? []).to.deep.equal([]);
	});
});
