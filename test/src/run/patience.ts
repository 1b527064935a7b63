/**
 * What a unit test waits for comes at once, but not within vitest's one second on a machine that is busy elsewhere, and
 * unit tests are not tried again. So `vi.waitFor` waits nearly as long as its test may take; `expect.poll` is told so by
 * the configuration.
 */
import { vi } from "vitest";

const patienceMs = 20_000;

const patient = Symbol.for("brindle.patience");
const { waitFor } = vi;

// Test files share one `vi` where they are not isolated, and this is run before each.
if (!(patient in waitFor)) {
  vi.waitFor = Object.assign(
    ((callback, options = {}) =>
      waitFor(callback, typeof options === "number" ? options : { timeout: patienceMs, ...options })) as typeof waitFor,
    { [patient]: true },
  );
}
