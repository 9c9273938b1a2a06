// Being root, or saying clearly why not: through ssh2 and on this machine, with a PATH that plays each kind of host.

import { expect } from "chai";
import { connect } from "../../provider/transport/index.js";
import { type FakeSshd, startFake } from "./fake-sshd.js";
import { Fixture, failure } from "./fixture.js";

const NOBODY = '#!/bin/sh\nexec setpriv --reuid 65534 --regid 65534 --clear-groups /bin/sh "$@"\n';
const SUDO = '#!/bin/sh\n[ "$1" = -n ] && [ "$2" = -H ] && [ "$3" = -- ] || exit 9\nshift 3\nexec "$@"\n';
const WANTS = "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n";
const DENIES = "#!/bin/sh\necho 'root is not allowed to execute sh on this host' >&2\nexit 1\n";

for (const transport of ["local", "ssh2"] as const) {
	describe(`privilege through transport ${transport}`, () => {
		let fixture: Fixture;
		beforeEach(function () {
			if (process.getuid?.() !== 0) {
				if (process.env.CI) throw new Error("this test must run as root in CI");
				console.log("      skipped: these tests change users, which needs root");
				this.skip();
			}
			fixture = new Fixture();
		});
		afterEach(() => fixture?.end());

		async function host(programs: Record<string, string>, sudo?: boolean) {
			const path = fixture.programs(programs);
			if (transport === "local") {
				fixture.env("PATH", `${path}:${process.env.PATH}`);
				return { host: { address: "localhost", transport, sudo }, secrets: {}, server: undefined };
			}
			const hostKey = fixture.key();
			const server: FakeSshd = await startFake(fixture, { hostKeys: [hostKey], path });
			const { readFileSync } = await import("node:fs");
			const secrets = { privateKey: readFileSync(fixture.key(), "utf8") };
			return { host: { address: "127.0.0.1", port: server.port, hostKey: fixture.pub(hostKey), sudo }, secrets, server };
		}

		it("refuses a user who is not root", async () => {
			const made = await host({ sh: NOBODY });
			const error = await failure(connect(made.host, made.secrets).run("true"));
			expect(error.code).to.equal("privilege");
			expect(error.message).to.contain("not root (uid 65534)").and.contain("set sudo: true or log in as root");
		});

		it("becomes root through sudo -n", async () => {
			const made = await host({ sudo: SUDO }, true);
			const connected = connect(made.host, made.secrets);
			expect((await connected.run("id -u")).stdout).to.equal("0\n");
			connected.close();
		});

		it("refuses a sudo that leads to somebody else", async () => {
			const made = await host({ sudo: SUDO, sh: NOBODY }, true);
			const error = await failure(connect(made.host, made.secrets).run("true"));
			expect(error.code).to.equal("privilege");
			expect(error.message).to.contain("sudo gave a shell of user");
		});

		for (const [name, program, words] of [
			["wants a password", WANTS, "sudo wants a password"],
			["denies", DENIES, "sudo refused and said"],
			["is missing", "#!/bin/sh\nexit 127\n", "has no sudo"],
		] as const)
			it(`says that sudo ${name}`, async () => {
				const made = await host({ sudo: program }, true);
				const error = await failure(connect(made.host, made.secrets).run("true"));
				expect(error.code, error.message).to.equal("privilege");
				expect(error.message).to.contain(words);
			});

		it("says it when the login shell is none", async () => {
			const made = await host({ sh: "#!/bin/sh\necho 'This account is currently not available.'\nexit 1\n" });
			const error = await failure(connect(made.host, made.secrets).run("true"));
			expect(error.code).to.equal("unsupported");
			expect(error.message).to.contain("This account is currently not available.").and.contain("exit code 1");
		});

		it("does not mind a login profile that prints", async () => {
			const made = await host({ sh: "#!/bin/sh\necho noise; echo more >&2\nprintf 'np-x 0 root 1'\nexec /bin/sh \"$@\"\n" });
			const connected = connect(made.host, made.secrets);
			// The scripts' own sh comes from the fixed PATH, so the noise is the profile's alone.
			expect(await connected.run("echo clean")).to.deep.equal({ stdout: "clean\n", stderr: "", exitCode: 0 });
			connected.close();
		});
	});
}
