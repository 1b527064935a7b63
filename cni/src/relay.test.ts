import assert from "node:assert/strict";
import { describe, it } from "vitest";
import {
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  frameBytesMax,
  type RelayedRequest,
  requestState,
} from "./relay.ts";

/** A request and its bytes, in hexadecimal. */
const requests: { name: string; request: RelayedRequest; bytes: string }[] = [
  {
    name: "nothing but stdin",
    request: { variables: {}, stdin: "" },
    bytes: `42525131 0000000d 00000005 737464696e 00000000`,
  },
  {
    name: "a variable and a configuration",
    request: { variables: { CNI_IFNAME: "eth0" }, stdin: "{}" },
    bytes: `42525131 00000025 0000000a 434e495f49464e414d45 00000004 65746830 00000005 737464696e 00000002 7b7d`,
  },
  {
    name: "text beyond ASCII",
    request: { variables: {}, stdin: "é" },
    bytes: `42525131 0000000f 00000005 737464696e 00000002 c3a9`,
  },
];

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

describe("a relayed request", () => {
  for (const { name, request, bytes } of requests) {
    it(`with ${name} is these bytes, both ways`, () => {
      assert.equal(Buffer.from(encodeRequest(request)).toString("hex"), hex(bytes).toString("hex"));
      assert.deepEqual(decodeRequest(hex(bytes)), request);
    });

    it(`with ${name} is incomplete wherever it is cut`, () => {
      const whole = hex(bytes);
      for (let length = 0; length < whole.length; length++) {
        assert.equal(requestState(whole.subarray(0, length)).kind, "incomplete");
        assert.equal(decodeRequest(whole.subarray(0, length)), null);
      }
    });
  }

  const malformed: { name: string; bytes: string }[] = [
    { name: "another beginning", bytes: "42525132 00000000" },
    { name: "a length over the limit", bytes: "42525131 00100000" },
    { name: "something behind it", bytes: "42525131 00000000 00" },
    { name: "a field that leads outside", bytes: "42525131 00000008 00000005 73746469" },
    { name: "a name without a value", bytes: "42525131 00000009 00000005 737464696e" },
    { name: "a field that nobody knows", bytes: "42525131 0000000a 00000002 4142 00000000" },
    { name: "text that is not UTF-8", bytes: "42525131 0000000e 00000005 737464696e 00000001 ff" },
  ];
  for (const { name, bytes } of malformed) {
    it(`with ${name} is refused`, () => assert.equal(decodeRequest(hex(bytes)), null));
  }

  it("over the limit is refused by its header alone", () => {
    const header = hex("42525131 00000000");
    header.writeUInt32BE(frameBytesMax - 7, 4);
    assert.equal(requestState(header).kind, "malformed");
  });
});

it("an answer is its exit code and what to print", () => {
  const bytes = Buffer.from(encodeAnswer({ exitCode: 1, stdout: "{}\n" })).toString("hex");
  assert.equal(bytes, hex("42524131 00000007 00000001 7b7d0a").toString("hex"));
});
