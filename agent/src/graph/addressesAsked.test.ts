import assert from "node:assert/strict";
import { parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { AddressesAsked } from "./addressesAsked.ts";

const addresses = [parseAddress("192.0.2.9")].filter((address) => address !== null);

/** Who was before somebody that asks now, and does not go on. */
function before(asked: AddressesAsked): string[] {
  const own = asked.ask(addresses, "shop/late");
  const found = own.flatMap((one) => asked.before(one).map((each) => `${each.asked.endpoint} ${each.hasEnded}`));
  asked.end(own);
  return found;
}

describe("addresses that are asked for", () => {
  it("are kept once of an endpoint that is added again and again, and after one that was refused", () => {
    const asked = new AddressesAsked();
    for (let times = 0; times < 3; times++) {
      const web = asked.ask(addresses, "shop/web");
      asked.storing(web);
      asked.end(web);
    }
    assert.deepEqual(before(asked), ["shop/web true"]);
    asked.end(asked.ask(addresses, "shop/web"));
    assert.deepEqual(before(asked), ["shop/web true"]);
    asked.forgetEnded(({ text }) => text === "192.0.2.9");
    assert.deepEqual(before(asked), []);
  });

  it("are not forgotten before they have ended", () => {
    const asked = new AddressesAsked();
    asked.storing(asked.ask(addresses, "shop/web"));
    asked.forgetEnded(() => true);
    assert.deepEqual(before(asked), ["shop/web false"]);
  });
});
