import assert from "node:assert/strict";
import { StoreError } from "@brindle/api";
import { ControlError } from "@brindle/net";
import { describe, it } from "vitest";
import { failed, usage } from "./error.ts";
import { describeFailure } from "./failure.ts";

const refused = "etcd at http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1";

describe("describeFailure", () => {
  const known: { name: string; error: Error; text: RegExp; exitCode: number }[] = [
    { name: "a wrong command line", error: usage("no such kind"), text: /^no such kind$/, exitCode: 2 },
    { name: "what cannot be done", error: failed("no such pod"), text: /^no such pod$/, exitCode: 1 },
    {
      name: "a datastore that is away, with what to do",
      error: new StoreError({ code: "UNAVAILABLE", reason: refused }),
      text: /^the datastore is away: etcd at http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1; start it, or/,
      exitCode: 1,
    },
    {
      name: "settings that cannot work",
      error: new StoreError({ code: "MISCONFIGURED", reason: "an etcd endpoint is no URL" }),
      text: /^an etcd endpoint is no URL$/,
      exitCode: 2,
    },
    {
      name: "a datastore that does not know us",
      error: new StoreError({ code: "UNAUTHORIZED", reason: "user name is empty" }),
      text: /user name is empty; check the user of the kubeconfig, or of etcd ETCD_USERNAME, ETCD_PASSWORD/,
      exitCode: 1,
    },
    {
      name: "an agent that is away",
      error: new ControlError("NOT_LISTENING", "nothing listens at /run/a.sock: name the socket"),
      text: /name the socket \(--socket\); in Kubernetes .*kubectl exec -n brindle-system POD -c agent -- brindlectl/,
      exitCode: 1,
    },
  ];
  it.each(known)("tells of $name", ({ error, text, exitCode }) => {
    const failure = describeFailure(error);
    assert.match(failure?.text ?? "", text);
    assert.equal(failure?.exitCode, exitCode);
  });

  it("has no words for bugs", () => assert.equal(describeFailure(new TypeError("x is not a function")), null));
});
