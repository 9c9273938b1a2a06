import { expect } from "chai";
import { labHost, on, useLab } from "../support/lab";
import { address, central, chassis, leavesNoTrace, sbctl, useOvn } from "../support/ovn";
import { failure, Resource, useResources } from "../support/resource";
import { eventually } from "../support/wiring";

const FOLDER = "/root/tls";
const files = { privateKey: `${FOLDER}/key.pem`, certificate: `${FOLDER}/cert.pem`, caCert: `${FOLDER}/ca.pem` };

/** A CA of its own, and a key and certificate of it: the certificates' texts in base64. */
const MAKE_CA = `mkdir -p ${FOLDER} && cd ${FOLDER}
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -keyout ca.key -out ca.pem 2>/dev/null`;
const MAKE_CERT = `cd ${FOLDER}
openssl req -newkey rsa:2048 -nodes -subj "/CN=$1" -keyout key.pem -out request.pem 2>/dev/null
openssl x509 -req -days 2 -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem 2>/dev/null`;

describe("OVN with TLS", function () {
	this.timeout(60_000);
	useLab(2);
	useOvn("h1", "h2");
	useResources();

	before(async () => {
		await on("h1", "sh", "-ec", MAKE_CA, "-", "netplumb lab");
		const ca = await on("h1", "sh", "-c", `cd ${FOLDER} && tar -c ca.pem ca.key | base64 -w 0`);
		await on("h2", "sh", "-ec", `mkdir -p ${FOLDER}; cd ${FOLDER}; printf %s "$1" | base64 -d | tar -x`, "-", ca);
		for (const host of ["h1", "h2"]) await on(host, "sh", "-ec", MAKE_CERT, "-", host);
	});
	after(() => Promise.all(["h1", "h2"].map((host) => on(host, "rm", "-rf", FOLDER))));

	const secured = (more: Record<string, unknown> = {}) => central().create({ address: address("h1"), tls: files, ...more });
	const member = (tls: object) => ({ southbound: `ssl:${address("h1")}:6642`, encapIp: address("h2"), tls });

	it("connects a chassis and writes from another host, and leaves no trace", () =>
		leavesNoTrace(["h1", "h2"], async () => {
			const databases = await secured({ northboundPort: 6641 });
			expect(databases.state["southbound"]).to.equal(`ssl:${address("h1")}:6642`);
			const one = await chassis("h2").create(member(files));
			await eventually(async () => (await sbctl("--bare", "--columns=name", "list", "Chassis")).trim(), "h2");
			expect([await databases.read(), await one.read()]).to.deep.equal([[], []]);
			const far = new Resource("OvnSwitch", "far", { host: labHost("h2", { heal: false }) });
			await far.create({ name: "far", northbound: databases.state["northbound"], tls: files });
			expect(await far.read()).to.deep.equal([]);
			for (const each of [far, one, databases]) await each.delete();
		}));

	it("refuses who has a certificate of another CA, or none", async () => {
		await secured();
		const other = { privateKey: `${FOLDER}/other/key.pem`, certificate: `${FOLDER}/other/cert.pem`, caCert: files.caCert };
		const elsewhere = (script: string) => script.replaceAll(FOLDER, `${FOLDER}/other`);
		await on("h2", "sh", "-ec", `${elsewhere(MAKE_CA)}\n${elsewhere(MAKE_CERT)}`, "-", "somebody");
		expect(await failure(chassis("h2").create(member(other)))).to.contain("ovn-controller is not connected after 10 s");
		expect(
			await on("h2", "sh", "-c", `timeout 5 ovn-sbctl --timeout=3 --db=tcp:${address("h1")}:6642 show 2>&1 || echo refused`),
		).to.contain("refused");
		expect(await on("h2", "ovs-vsctl", "--timeout=5", "list", "SSL")).to.equal("");
	});

	it("comes to a cloud that had none, and goes again, in place", async () => {
		const databases = await central().create({ address: address("h1"), tls: false });
		const plain = { southbound: `tcp:${address("h1")}:6642`, encapIp: address("h2") };
		const one = await chassis("h2").create(plain);
		await databases.update({ address: address("h1"), tls: files });
		await one.update(member(files));
		expect([await databases.read(), await one.read()]).to.deep.equal([[], []]);
		await databases.update({ address: address("h1"), tls: false });
		await one.update(plain);
		expect([await databases.read(), await one.read()]).to.deep.equal([[], []]);
	});
});
