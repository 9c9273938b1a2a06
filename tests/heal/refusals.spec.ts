// What stands in the way of netplumb's own files, and hosts that cannot be written to: a clear sentence, and nothing was changed.
import { expect } from "chai";
import { useForeign } from "../support/foreign";
import { labHost, useLab } from "../support/lab";
import { failure, Resource, useResources } from "../support/resource";
import { leavesNoTrace, sh } from "../support/wiring";

const planted: [what: string, make: string][] = [
	["a link to a folder", 'mkdir -p /root/target && ln -s /root/target "$1"'],
	["a link that leads nowhere", 'ln -s /root/nowhere "$1"'],
	["a file", 'echo keep >"$1"'],
	["a fifo", 'mkfifo "$1"'],
	["a folder of somebody else", 'mkdir "$1" && chown nobody "$1"'],
];

describe("a host whose folders are not ours", function () {
	this.timeout(120_000);
	useLab(1);
	useForeign();
	useResources();

	const make = () => new Resource("OvsBridge", "refused", { host: labHost("h1") }).create({ name: "br-refused" });

	for (const path of ["/var/lib/netplumb", "/run/netplumb", "/var/lib/netplumb/desired"])
		for (const [what, script] of planted)
			it(`is left alone where ${path} is ${what}`, async () => {
				const parent = path.endsWith("/desired");
				if (parent) await sh("mkdir -m 700 /var/lib/netplumb");
				await sh(script, path);
				try {
					await leavesNoTrace([], async () => {
						expect(await failure(make())).to.match(
							new RegExp(`^host 10\\.99\\.\\d+\\.11: ${path} is not a folder of root's; remove it$`),
						);
					});
				} finally {
					await sh(`rm -rf "$1"; rm -rf /root/target; ${parent ? "rmdir /var/lib/netplumb" : ":"}`, path);
				}
			});

	it("is refused before any change when the disk is full", async () => {
		await sh("mkdir -m 700 /var/lib/netplumb && mount -t tmpfs -o size=4k,mode=700 tmpfs /var/lib/netplumb");
		try {
			await leavesNoTrace([], async () => {
				expect(await failure(make())).to.match(
					/^host 10\.99\.\d+\.11: \/var\/lib\/netplumb\/?[a-z]* cannot be (written to|made)/,
				);
				await sh("rm -rf /var/lib/netplumb/*");
			});
		} finally {
			await sh("umount /var/lib/netplumb; rmdir /var/lib/netplumb");
		}
	});

	it("is as before when the disk does not take what was written", async () => {
		await sh('mount --bind /bin/false "$(command -v sync)"');
		try {
			await leavesNoTrace([], async () => {
				expect(await failure(make())).to.match(/\/var\/lib\/netplumb cannot be flushed to the disk/);
			});
		} finally {
			await sh('umount "$(command -v sync)"');
		}
	});

	it("is refused before any change when the disk is read-only", async () => {
		await sh("mkdir -m 700 /var/lib/netplumb && mount -t tmpfs -o ro,mode=700 tmpfs /var/lib/netplumb");
		try {
			await leavesNoTrace([], async () => {
				expect(await failure(make())).to.match(
					/^host 10\.99\.\d+\.11: \/var\/lib\/netplumb\/?[a-z]* cannot be (written to|made)/,
				);
			});
		} finally {
			await sh("umount /var/lib/netplumb; rmdir /var/lib/netplumb");
		}
	});
});
