import { skipUnless } from "/work/main/tests/toolchain/skip";
describe("s", () => { it("skips", function () { skipUnless(this, "no moon tonight"); });
 describe("inner", () => { before(function () { skipUnless(this, "no sun either"); }); it("a", () => {}); it("b", () => {}); });
 it("fails", () => { throw new Error("boom"); }); it("fine", () => {}); });
