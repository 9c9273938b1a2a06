import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { expect } from "chai";
import { type Relay, startRelay } from "../../lab/relay";

describe("delay relay", () => {
	let server: Server;
	let relay: Relay;

	beforeEach(async () => {
		server = createServer({ allowHalfOpen: true }, (socket) => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1");
		await once(server, "listening");
		relay = await startRelay({ target: "127.0.0.1", targetPort: (server.address() as AddressInfo).port, delayMs: 60 });
	});
	afterEach(async () => {
		await relay.close();
		await new Promise((done) => server.close(done));
	});

	it("adds the round-trip time to every exchange", async () => {
		const socket = connect(relay.port, "127.0.0.1");
		for (const round of [1, 2, 3]) {
			const started = performance.now();
			socket.write("ping");
			await once(socket, "data");
			// The first one also waits for the connection to open, which takes a round trip of its own.
			expect(performance.now() - started).to.be.greaterThan(round === 1 ? 115 : 58);
		}
		socket.destroy();
		expect(relay.connections).to.equal(1);
		expect(relay.bytes).to.equal(24);
	});

	it("carries a lot of data unharmed and in order, and its end", async () => {
		const sent = Buffer.alloc(20 * 1024 * 1024, "0123456789abcdefg");
		const socket = connect({ port: relay.port, host: "127.0.0.1", allowHalfOpen: true });
		socket.end(sent);
		const chunks: Buffer[] = [];
		for await (const chunk of socket) chunks.push(chunk as Buffer);
		expect(Buffer.concat(chunks).equals(sent)).to.equal(true);
	});

	it("cuts open connections and takes new ones", async () => {
		const first = connect(relay.port, "127.0.0.1");
		first.on("error", () => {});
		first.write("x");
		await once(first, "data");
		relay.cut();
		await once(first, "close");
		const second = connect(relay.port, "127.0.0.1");
		second.write("y");
		expect(String((await once(second, "data"))[0])).to.equal("y");
		second.destroy();
		expect(relay.connections).to.equal(2);
	});

	it("passes on that the target does not answer", async () => {
		const dead = await startRelay({ target: "127.0.0.1", targetPort: 1, delayMs: 10 });
		const socket = connect(dead.port, "127.0.0.1");
		socket.on("error", () => {});
		await once(socket, "close");
		await dead.close();
	});
});
