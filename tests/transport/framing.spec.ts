// The framing against real shells: no script may break it, and every byte comes back.

import { execFileSync } from "node:child_process";
import { expect } from "chai";
import fc from "fast-check";
import { FrameReader, frame, readFacts } from "../../provider/transport/framing.js";
import { startProcess } from "../../provider/transport/process.js";
import { Shell } from "../../provider/transport/shell.js";
import { Files, failure } from "./fixture.js";

const counters = () => ({ handshakes: 0, roundTrips: 0, bytesSent: 0, bytesReceived: 0 });

/** A shell whose PATH begins with `bin`: the folder of programs that play another kind of host. */
async function shell(argv: string[], bin?: string): Promise<Shell> {
	const stream = await startProcess(argv);
	const { write } = stream;
	stream.write = (data) => {
		stream.write = write;
		write(bin ? Buffer.from(data.toString().replace("PATH=", `PATH=${bin}:`)) : data);
	};
	const made = new Shell(stream, "test", counters());
	await made.start(10_000);
	return made;
}

function installed(program: string): boolean {
	try {
		execFileSync("which", [program], { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

for (const argv of [["dash"], ["bash"], ["bash", "--posix"], ["busybox", "sh"]]) {
	describe(`framing through ${argv.join(" ")}`, () => {
		let sh: Shell;
		// The script's own child must be the same kind of shell.
		const files = new Files();
		const bin = files.programs({ sh: `#!/bin/sh\nexec ${argv.join(" ")} "$@"\n` });
		before(async function () {
			if (!installed(argv[0]!)) {
				if (process.env.CI) throw new Error(`${argv[0]} must be installed in CI`);
				console.log(`      skipped: ${argv[0]} is not installed`);
				this.skip();
			}
			sh = await shell(argv, bin);
		});
		after(() => {
			sh?.close();
			files.end();
		});
		// A script may cost the shell, and then the next test gets a new one, as the pool would do it.
		beforeEach(async () => {
			if (!sh.usable) sh = await shell(argv, bin);
		});

		it("keeps stdout, stderr and the exit code apart", async () => {
			expect(await sh.run("echo out; echo err >&2; exit 7", 10)).to.deep.equal({ stdout: "out\n", stderr: "err\n", exitCode: 7 });
		});

		it("gives random text back unchanged", async () => {
			await fc.assert(
				fc.asyncProperty(
					fc.string({ unit: "binary", maxLength: 200 }).map((text) => text.replaceAll("\0", "").replace(/[\ud800-\udfff]/g, "")),
					async (text) => {
						const { stdout, stderr, exitCode } = await sh.run(`printf %s ${quoted(text)}; printf %s ${quoted(text)} >&2`, 10);
						expect([stdout, stderr, exitCode]).to.deep.equal([text, text, 0]);
					},
				),
				{ numRuns: 60 },
			);
		});

		it("carries a script of 500 kB and an answer of 1 MB", async () => {
			const text = "é\n".repeat(170_000);
			const { stdout } = await sh.run(`x=${quoted(text)}; printf %s "$x"; printf %s "$x"`, 30);
			expect(stdout === text + text).to.equal(true);
		});

		const cases: [string, string, string, number][] = [
			["an empty script", "", "", 0],
			["no newline at the end", "printf x", "x", 0],
			["a backslash at the end", "printf y \\", "y", 0],
			["a comment at the end", "printf z # end", "z", 0],
			[
				"words that look like markers",
				"echo 'np-0123456789abcdef0123456789abcdef>0 0'",
				"np-0123456789abcdef0123456789abcdef>0 0\n",
				0,
			],
			["a here-document", "cat <<'EOF'\n$a `b`\nEOF", "$a `b`\n", 0],
			["closed outputs", "exec >&- 2>&-; exit 4", "", 4],
			["its own death", "kill -9 $$", "", 137],
			["exec of another program", "exec printf w", "w", 0],
			["set -e", "set -e; false; echo no", "", 1],
			["stdin at its end", "cat; read x || echo none", "none\n", 0],
			["no arguments", 'echo "$#"', "0\n", 0],
		];
		for (const [name, script, stdout, exitCode] of cases)
			it(`survives ${name}`, async () => {
				const result = await sh.run(script, 10);
				expect([result.stdout, result.exitCode]).to.deep.equal([stdout, exitCode]);
				expect((await sh.run("echo next", 10)).stdout).to.equal("next\n");
			});

		it("survives a syntax error", async () => {
			const result = await sh.run("if then 'unclosed", 10);
			expect(result.exitCode).to.equal(2 - Number(argv[0] === "bash" && result.exitCode === 1));
			expect(result.stderr).to.not.equal("");
			expect((await sh.run("echo next", 10)).stdout).to.equal("next\n");
		});

		it("fixes PATH, locale, umask and folder", async () => {
			const { stdout } = await sh.run('echo "$PATH"; echo "$LC_ALL"; umask; pwd', 10);
			expect(stdout.split("\n").slice(0, 4)).to.deep.equal([
				`${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin`,
				"C",
				"0077",
				"/",
			]);
		});

		it("does not wait for a background child, and does not use that shell again", async () => {
			const started = Date.now();
			const result = await sh.run("sleep 20 & echo done", 10);
			expect(result).to.deep.equal({ stdout: "done\n", stderr: "", exitCode: 0 });
			expect(Date.now() - started).to.be.lessThan(10_000);
			expect(sh.usable).to.equal(false);
			sh.close();
		});

		it("ends a script at its limit, on the host too", async () => {
			const word = `limit-${process.pid}-${argv.length}-${argv[0]}`;
			const error = await failure(sh.run(`echo $$ >/tmp/${word}; sleep 300`, 1));
			expect(error.code).to.equal("timeout");
			expect(error.message).to.match(/^test: .*limit of 1 s/);
			const pid = Number(execFileSync("cat", [`/tmp/${word}`], { encoding: "utf8" }));
			execFileSync("rm", [`/tmp/${word}`]);
			expect(() => process.kill(pid, 0)).to.throw("ESRCH");
		});

		it("does not run a script that was cut off", async () => {
			const stream = await startProcess(argv);
			const cut = new Shell(stream, "test", counters());
			await cut.start(10_000);
			const file = `/tmp/npt-cut-${process.pid}`;
			const bytes = frame("np-cut", `touch ${file}\n${"# filler\n".repeat(1000)}`, 10);
			let stderr = "";
			stream.onData((which, chunk) => {
				if (which === "stderr") stderr += chunk;
			});
			const ended = new Promise<void>((resolve) => stream.onClose(() => resolve()));
			stream.write(bytes.subarray(0, bytes.length - 20));
			stream.end();
			await ended;
			expect(stderr).to.contain("did not arrive whole");
			expect(() => execFileSync("ls", [file], { stdio: "ignore" })).to.throw();
		});
	});
}

describe("framing, without a shell", () => {
	it("finds the end wherever the chunks are cut", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 80 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (body, cuts) => {
				const wire = Buffer.concat([Buffer.from(body), Buffer.from("np-m>12 1\n")]);
				const reader = new FrameReader("np-m");
				for (let at = 0, turn = 0; at < wire.length; turn += 1) {
					const size = cuts[turn % cuts.length]!;
					reader.push(wire.subarray(at, at + size));
					at += size;
				}
				expect(reader.result).to.deep.equal({ exitCode: 12, busy: true });
				expect(reader.body().equals(Buffer.from(body))).to.equal(true);
			}),
		);
	});

	it("has no result before the whole end line is there", () => {
		const reader = new FrameReader("np-m");
		reader.push(Buffer.from("text np-m>1"));
		expect(reader.result).to.equal(undefined);
		reader.push(Buffer.from("2 0\n"));
		expect(reader.result).to.deep.equal({ exitCode: 12, busy: false });
		expect(reader.body().toString()).to.equal("text ");
	});

	it("finds the ready line behind a noisy login profile", () => {
		expect(readFacts("Welcome!\n\x1b[1m np-x np-a 0 root 1\n", "np-a")).to.deep.equal({ uid: 0, user: "root", limits: true });
		expect(readFacts("np-a 0 root", "np-a")).to.equal(undefined);
	});

	it("works with a dd that knows no fullblock, and without timeout", async () => {
		const files = new Files();
		try {
			const bin = files.programs({
				dd: '#!/bin/sh\nfor a; do case $a in iflag=*) exit 1;; esac; done\nexec /bin/dd "$@"\n',
				timeout: "#!/bin/sh\nexit 127\n",
			});
			const sh = await shell(["sh"], bin);
			expect(sh.facts).to.include({ limits: false });
			expect(await sh.run(`printf %s ${quoted("é".repeat(500))}; exit 3`, 10)).to.deep.equal({
				stdout: "é".repeat(500),
				stderr: "",
				exitCode: 3,
			});
			expect((await failure(sh.run("sleep 30", 0.3))).code).to.equal("timeout");
		} finally {
			files.end();
		}
	});
});
