import { writeFileSync } from "node:fs";
import * as Mocha from "mocha";
import { inCi, skipReason } from "./skip";

const { Base } = Mocha.reporters;
const { EVENT_RUN_END, EVENT_SUITE_BEGIN, EVENT_SUITE_END, EVENT_TEST_FAIL, EVENT_TEST_PASS, EVENT_TEST_PENDING } =
	Mocha.Runner.constants;

/** Suites and tests as they run, then the failures in full and why tests were skipped, then one line that counts them. */
class Reporter extends Base {
	private depth = 0;
	private failed = 0;
	private passed = 0;
	private readonly skipped: { title: string; reason: string }[] = [];

	constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
		super(runner, options);
		runner.on(EVENT_SUITE_BEGIN, (suite) => {
			if (suite.root) return;
			if (this.depth === 0) Base.consoleLog();
			this.line(suite.title);
			this.depth++;
		});
		runner.on(EVENT_SUITE_END, (suite) => {
			if (!suite.root) this.depth--;
		});
		runner.on(EVENT_TEST_PASS, (test) => {
			this.passed++;
			const slow = test.speed === "fast" ? "" : ` (${test.duration} ms)`;
			this.line(`✔ ${test.title}${slow}`);
		});
		runner.on(EVENT_TEST_FAIL, (test) => {
			this.failed++;
			this.line(`✘ ${this.failed}) ${test.title}`);
		});
		runner.on(EVENT_TEST_PENDING, (test) => {
			const reason = skipReason(test) ?? "no reason given";
			this.skipped.push({ title: test.fullTitle(), reason });
			this.line(`- ${test.title}: ${reason}`);
		});
		runner.once(EVENT_RUN_END, () => this.finish());
	}

	private finish(): void {
		if (this.failures.length > 0) {
			Base.consoleLog("\nFailures:\n");
			Base.list(this.failures);
		}
		if (this.skipped.length > 0) {
			Base.consoleLog(inCi() ? "\nSkipped, which counts as failed in CI:\n" : "\nSkipped:\n");
			for (const { title, reason } of this.skipped) Base.consoleLog("  %s: %s", title, reason);
		}
		Base.consoleLog();
		const failed = this.failed + (inCi() ? this.skipped.length : 0);
		const skipped = inCi() ? 0 : this.skipped.length;
		const tally = process.env["NETPLUMB_TALLY"];
		// scripts/test.sh adds the lint to the tally and prints the line; a bare mocha run gets it from here.
		if (tally) writeFileSync(tally, `${this.passed} ${failed} ${skipped}\n`);
		else Base.consoleLog(`${this.passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
	}

	private line(text: string): void {
		Base.consoleLog("%s%s", "  ".repeat(this.depth), text);
	}
}

// Mocha wants the class itself, not a module that has it.
export = Reporter;
