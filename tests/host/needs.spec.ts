// Which look at a host answers whom, and what is recalled of an earlier one.
import { expect } from "chai";
import { answers, type Look, toldIn } from "../../provider/host/needs";
import { recalled } from "../../provider/host/recalled";
import type { Container, Link, RunningContainer, Snapshot } from "../../provider/host/snapshot";
import { bareHost, emptyContainer } from "../model/hosts";

const ago = (seconds: number) => performance.now() - seconds * 1000;

function look(told: number | undefined, more: Partial<Look> & { readAt?: number } = {}): Look {
	const { readAt = ago(0.1), ...rest } = more;
	const one = emptyContainer("a".repeat(64), "web");
	const web: RunningContainer = told === undefined ? one : { ...one, toldAt: told };
	return { snapshot: { ...bareHost(), readAt, containers: { web } }, crowd: false, past: false, ...rest };
}
const asks = (more: object = {}) => ({ containers: ["web"], ...more });

describe("what a container told", () => {
	it("is good for ten seconds to decide on, also where the rest is to be read again", () => {
		for (const [seconds, good] of [
			[0.5, true],
			[9, true],
			[11, false],
		] as const) {
			expect(answers(look(ago(seconds)), asks()), `${seconds} s`).to.equal(good);
			expect(toldIn(look(ago(seconds), { past: true }), [asks()]), `${seconds} s`).to.deep.equal(good ? ["web"] : []);
		}
	});

	it("is good for a second of its wave where Docker works in it too, or something in it goes", () => {
		const bridged = look(ago(2));
		bridged.snapshot.containers = { web: { ...(bridged.snapshot.containers["web"] as RunningContainer), networkMode: "bridge" } };
		expect(answers(bridged, asks())).to.equal(false);
		expect(answers(look(ago(0.5), { readAt: ago(0.6) }), asks({ keepOnFailure: true }))).to.equal(true);
		expect(answers(look(ago(0.5)), asks({ keepOnFailure: true })), "told before the rest").to.equal(false);
		expect(answers(look(ago(2)), asks({ keepOnFailure: true }))).to.equal(false);
		expect(toldIn(look(ago(0.5), { past: true }), [asks({ keepOnFailure: true })]), "of an earlier wave").to.deep.equal([]);
		expect(answers(look(ago(2)), asks({ keepOnFailure: true, presumes: true })), "by the host's end").to.equal(true);
	});

	it("is no part of a later look for those who only look", () => {
		const looks = { looks: true };
		expect(answers(look(ago(0.1), { readAt: ago(0.2) }), asks(looks))).to.equal(true);
		expect(answers(look(ago(2), { readAt: ago(0.2) }), asks(looks))).to.equal(false);
		expect(answers(look(ago(2), { readAt: ago(2.1), crowd: true, past: true }), asks(looks)), "of a crowd").to.equal(true);
		expect(answers(look(ago(2), { readAt: ago(2.1), past: true }), asks(looks)), "of an earlier wave").to.equal(false);
	});

	it("is presumed for those who may, where Docker gave it no network", () => {
		expect(answers(look(undefined), asks())).to.equal(false);
		expect(answers(look(undefined), asks({ presumes: true }))).to.equal(true);
		const bridged = look(undefined);
		bridged.snapshot.containers = { web: { ...(bridged.snapshot.containers["web"] as RunningContainer), networkMode: "bridge" } };
		expect(answers(bridged, asks({ presumes: true }))).to.equal(false);
	});
});

describe("what is recalled", () => {
	let web: RunningContainer;
	let db: RunningContainer;
	beforeEach(() => {
		web = { ...emptyContainer("a".repeat(64), "web"), toldAt: ago(1) };
		db = { ...emptyContainer("b".repeat(64), "db"), toldAt: ago(1) };
	});
	const hostWith = (containers: Record<string, Container>, host = bareHost().host): Snapshot => ({
		...bareHost(),
		host,
		containers,
	});
	const known = (containers: Record<string, Container>, left: string[] = []) => ({
		snapshot: hostWith(containers),
		outside: true,
		told: left,
	});

	it("is all that nobody asked about again", () => {
		expect(recalled(known({ web, db }), bareHost(), { web: "missing" })).to.deep.equal({ db });
	});

	it("ends after ten seconds, but for who was told it in time", () => {
		web.toldAt = ago(11);
		expect(recalled(known({ web, db }), bareHost(), {})).to.deep.equal({ db });
		expect(recalled(known({ web }, ["web"]), bareHost(), {})).to.deep.equal({ web });
	});

	it("is nothing of a container that tells by its id what is true now", () => {
		const now = { [web.id]: { ...web, toldAt: ago(0) } };
		expect(recalled(known({ web }), bareHost(), now)).to.deep.equal({});
		expect(recalled(known({ web }, ["web"]), bareHost(), now), "but for who needs it by its name").to.deep.equal({
			web: now[web.id],
		});
	});

	it("is nothing of a container whose name another one has now", () => {
		const now = { web: { ...db, name: "web" } };
		expect(recalled(known({ [web.id]: web }, [web.id]), bareHost(), now)).to.deep.equal({});
	});

	it("is nothing of a container that was only presumed, but for who presumes it", () => {
		const { toldAt: _, ...untold } = web;
		expect(recalled(known({ web: untold }), bareHost(), {})).to.deep.equal({});
		expect(recalled(known({ web: untold }, ["web"]), bareHost(), {})).to.deep.equal({ web: untold });
	});

	it("is without the end of a pair whose other end the host has lost", () => {
		const link = (name: string, index: number, peerIndex: number) =>
			({ name, index, peerIndex, addresses: [], mtu: 1500, mac: "", up: true }) as unknown as Link;
		const wired: RunningContainer = {
			...web,
			namespace: {
				...web.namespace,
				links: { eth1: link("eth1", 5, 42) },
				routes: [{ to: "0.0.0.0/0", dev: "eth1", metric: 0, protocol: "78", onlink: false }],
			},
		};
		const host = { ...bareHost().host, links: { web0: link("web0", 42, 5) } };
		const knows = { snapshot: hostWith({ web: wired }, host), outside: false, told: [] };
		expect(recalled(knows, { host }, {})).to.deep.equal({ web: wired });
		const { links, routes } = recalled(knows, bareHost(), {})["web"]!.namespace;
		expect({ links, routes }).to.deep.equal({ links: {}, routes: [] });
		const other = { ...bareHost().host, links: { db0: link("db0", 42, 7) } };
		const knowsAnother = { ...knows, snapshot: hostWith({ web: wired }, other) };
		expect(recalled(knowsAnother, bareHost(), {}), "a pair of other places").to.deep.equal({ web: wired });
	});
});
