// Programs that ask for the same thing twice: a preview says so in one sentence that names both resources, and asks no host.
import { expect } from "chai";
import { errorsOf, fixtureStack, succeed } from "../support/stacks";

const sentences: Record<string, RegExp> = {
	"duplicate-address":
		/^StaticContainerIp "(?:web|api)": addresses\[0\]: found 10\.60\.0\.10 on bridge br-lan of host 192\.0\.2\.1, which StaticContainerIp "(?:web|api)" has there too, expected an address of its own; choose another one$/,
	"gateway-address":
		/^\w+ "(?:web|lan)": addresses\[0\]: found 10\.60\.0\.1 on bridge br-lan of host 192\.0\.2\.1, which \w+ "(?:web|lan)" has there too/,
	"duplicate-mac":
		/^VethAttachment "api": mac: found 02:60:00:00:00:10 on bridge br-lan of host 192\.0\.2\.1, which VethAttachment "web" has there too, expected a MAC address of its own; choose another one, or leave it out to have one derived$/,
	"logical-address":
		/^Ovn(?:Port "web"|Router "edge"): (?:ports\[0\]\.)?addresses\[0\]: found 10\.72\.0\.1 on logical switch apps-\w{7} of host 192\.0\.2\.1, which Ovn(?:Port "web"|Router "edge") has there too, expected an address of its own; choose another one$/,
	"logical-mac":
		/^OvnPort "(?:web|api)": mac: found 02:60:00:00:00:10 on logical switch apps of host 192\.0\.2\.1, which OvnPort "(?:web|api)" has there too, expected a MAC address of its own; choose another one, or leave it out to have one derived$/,
	"bridge-name":
		/^OvsBridge "back": name: found br-lan on host 192\.0\.2\.1, which is the name of OvsBridge "front", expected a name of its own; set name to another name$/,
	"derived-names":
		/^VethAttachment "service-240505": hostInterface: found service-k38e3vr on host 192\.0\.2\.1, which is the hostInterface of VethAttachment "service-193808", expected a derived name of its own; set hostInterface to another name$/,
	"shared-tag":
		/^StaticContainerIp "\w+": addresses\[0\]: found the subnet 10\.6[01]\.0\.0\/24 on VLAN 10 of bridge br-lan of host 192\.0\.2\.1, where StaticContainerIp "\w+" has 10\.6[01]\.0\.0\/24, expected one subnet on a VLAN; correct the tag or the address, or set netplumb:accept to \["shared-tags"\]$/,
	"overlapping-subnets":
		/^OvsBridge "back": addresses\[0\]: found the subnet 10\.60\.7\.0\/24 on host 192\.0\.2\.1, which overlaps 10\.60\.0\.0\/16 of OvsBridge "front", expected subnets that share no address; choose another one, or set netplumb:accept to \["overlapping-subnets"\]$/,
	"docker-pools":
		/^OvsBridge "lan": addresses\[0\]: found the subnet 172\.21\.0\.0\/24, which overlaps 172\.20\.0\.0\/14 of Docker's default address pools, expected a subnet that Docker does not give to its own networks; choose another one, or set netplumb:accept to \["docker-pools"\] where Docker's default-address-pools are others$/,
	"duplicate-host-port":
		/^NatPublish "(?:db|web)": hostPorts: found (?:3306|3000-4000)\/tcp on host 192\.0\.2\.1, of which NatPublish "(?:db|web)" has (?:3306|3000-4000), expected host ports of its own; choose other ports, or another hostIp for each of the two$/,
	"overlapping-networks":
		/^\w+ "(?:lan|data)": (?:addresses\[0\]|subnet): found the subnet 10\.60\.\d\.0\/\d+ on host 192\.0\.2\.1, which overlaps 10\.60\.\d\.0\/\d+ of \w+ "(?:lan|data)", expected subnets that share no address; choose another one, or set netplumb:accept to \["overlapping-subnets"\]$/,
	"network-name":
		/^\w+ "(?:lan|data)": name: found data on host 192\.0\.2\.1, which is the name of \w+ "(?:lan|data)", expected a name of its own; set name to another name$/,
	"same-owner":
		/^VethAttachment "wire": name: found a second VethAttachment "wire" on host 192\.0\.2\.1, expected one of a kind and name, because it is the owner mark on the host; give one of the two another name$/,
};

describe("a program that asks for the same thing twice", function () {
	this.timeout(60_000);

	const stack = fixtureStack("clashes");
	after(() => stack.remove());

	for (const [name, sentence] of Object.entries(sentences)) {
		it(`fails in preview with one sentence: ${name}`, async () => {
			await stack.setConfig({ case: name });
			const result = await stack.preview();
			expect(result.exitCode).to.not.equal(0);
			const said = errorsOf(result);
			expect(said).to.have.length(1);
			expect(said[0]).to.match(sentence);
		});
	}

	it("is not one that has alike things in different places", async () => {
		await stack.setConfig({ case: "nothing-wrong" });
		expect((await succeed(stack, "preview")).summary.create).to.be.greaterThan(15);
	});

	it("can be told to accept what is right on some networks", async () => {
		await stack.setConfig({ case: "docker-pools", "netplumb:accept": ["docker-pools"] });
		await succeed(stack, "preview");
		await stack.setConfig({ "netplumb:accept": ["everything"] });
		expect(errorsOf(await stack.preview())).to.deep.equal([
			'netplumb:accept: found "everything", expected a list of docker-pools, overlapping-subnets, shared-tags; correct it with pulumi config set',
		]);
	});
});
