// The state and the host that each released version left: this one takes them over as they are, changes them in place, and clears them away.
import { readdirSync, readFileSync } from "node:fs";
import * as path from "node:path";
import { expect } from "chai";
import { kinds } from "../../provider/kinds/registry";
import { type World, withoutWaiting, worldOn } from "../fuzz/run";
import { essence } from "../model/compare";
import { edited, HOST, program, type Recorded } from "./program";

const FOLDER = path.join(__dirname, "recorded");

for (const file of readdirSync(FOLDER)) {
	const text = readFileSync(path.join(FOLDER, file), "utf8");
	const { version, start, resources: recorded } = JSON.parse(text) as Recorded;

	describe(`what netplumb ${version} left`, () => {
		let waiting: () => void;
		let world: World;
		before(() => {
			waiting = withoutWaiting();
		});
		after(() => waiting());
		beforeEach(() => {
			world = worldOn((JSON.parse(text) as Recorded).host);
			// Each has a session of its own, which the address names.
			const mine = JSON.parse(text.replaceAll(HOST, world.engine.host.address)) as Recorded;
			for (const [name, one] of mine.resources) world.engine.live.set(name, one as never);
		});

		const ids = () => [...world.engine.live].map(([name, { id }]) => `${name} ${id}`).sort();

		it("has every kind but those of OVN, which the model programs leave out", () => {
			const all = Object.keys(kinds).filter((name) => !name.startsWith("Ovn"));
			expect([...new Set(recorded.map(([, { kind }]) => kind))].sort()).to.deep.equal(all.sort());
		});

		it("is as declared: a preview has nothing to do, a refresh finds nothing but what the agent goes by, and up makes nothing anew", async () => {
			const before = ids();
			expect((await world.engine.up(program)).changed, "up").to.equal(0);
			const drift = Object.values(await world.engine.refresh()).flat();
			// A newer version may keep something else on the host for its agent: that is an update in place.
			expect(drift.filter((text) => text !== "keep the desired state on the host")).to.deep.equal([]);
			expect((await world.engine.up(program)).errors).to.deep.equal({});
			expect((await world.engine.up(program)).changed, "a second up").to.equal(0);
			expect(ids()).to.deep.equal(before);
		});

		it("is changed in place", async () => {
			const before = ids();
			const run = await world.engine.up(edited);
			expect(run).to.deep.equal({ errors: {}, changed: recorded.length });
			expect(ids()).to.deep.equal(before);
			expect(world.exchange.log.filter((line) => /^(create|delete) /.test(line))).to.deep.equal([]);
			expect(await world.engine.refresh()).to.deep.equal({});
		});

		it("is destroyed without a trace", async () => {
			expect((await world.engine.up({})).errors).to.deep.equal({});
			expect(essence(world.exchange.snapshot)).to.deep.equal(essence(start));
			expect(world.exchange.snapshot.desired ?? {}).to.deep.equal({});
		});
	});
}
