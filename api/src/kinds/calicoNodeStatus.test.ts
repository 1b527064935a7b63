import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { decodeValue, encodeValue } from "../store/codec.ts";
import { documentOf, problemsOf, type RefusedCase, storedTextOf } from "./testing.ts";

const spec = { node: "n", classes: ["BGP"] };

const refused: RefusedCase[] = [
  {
    name: "nobody to ask and nothing asked",
    spec: {},
    problems: ["spec.node: is missing", "spec.classes: is missing"],
  },
  {
    name: "an empty list",
    spec: { ...spec, classes: [] },
    problems: ["spec.classes: has 0 entries, at least 1 are needed"],
  },
  {
    name: "a class twice",
    spec: { ...spec, classes: ["BGP", "BGP"] },
    problems: ["spec.classes: has an entry twice"],
  },
  {
    name: "a class that is none",
    spec: { ...spec, classes: ["Bgp"] },
    problems: ['spec.classes[0]: "Bgp" is none of Agent, BGP, Routes; did you mean BGP?'],
  },
  {
    name: "a period of more than a day",
    spec: { ...spec, updatePeriodSeconds: 86_401 },
    problems: ['spec.updatePeriodSeconds: "86401" is no whole number from 0 to 86400'],
  },
];

/** As the status of a node that answered has it. */
const answered =
  '"status":{"lastUpdated":"2026-01-01T00:00:00Z","agent":{"birdV4":{"state":"Ready","version":"v0.3.3","routerID":"192.0.2.11"},"birdV6":{}},' +
  '"bgp":{"numberEstablishedV4":1,"numberNotEstablishedV4":0,"numberEstablishedV6":0,"numberNotEstablishedV6":0,' +
  '"peersV4":[{"peerIP":"192.0.2.1","type":"GlobalPeer","state":"Established","since":"10:00:00"}]},' +
  '"routes":{"routesV4":[{"type":"FIB","destination":"0.0.0.0/0","gateway":"192.0.2.1","interface":"eth0","learnedFrom":{"sourceType":"BGPPeer","peerIP":"192.0.2.1"}}]}}}';
const unanswered =
  '"status":{"lastUpdated":null,"agent":{"birdV4":{},"birdV6":{}},' +
  '"bgp":{"numberEstablishedV4":0,"numberNotEstablishedV4":0,"numberEstablishedV6":0,"numberNotEstablishedV6":0},"routes":{}}}';

describe("a CalicoNodeStatus", () => {
  for (const { name, spec: given, problems } of refused) {
    it(`is refused with ${name}`, () => assert.deepEqual(problemsOf(documentOf("CalicoNodeStatus", given)), problems));
  }

  it("is stored with the status of a node that has not answered, its null included", () => {
    const text = storedTextOf(documentOf("CalicoNodeStatus", spec));
    assert.ok(text.endsWith(unanswered), text);
  });

  for (const [name, status] of Object.entries({ answered, unanswered })) {
    it(`is read and written back to the byte when it is ${name}`, () => {
      const text = `{"kind":"CalicoNodeStatus","apiVersion":"projectcalico.org/v3","metadata":{"name":"s"},"spec":{"node":"n","classes":["Agent"],"updatePeriodSeconds":10},${status}`;
      const decoded = decodeValue("CalicoNodeStatus", text);
      assert.ok(decoded.kind === "value");
      assert.equal(encodeValue({ kind: "CalicoNodeStatus", name: "s" }, decoded.value), text);
    });
  }
});
