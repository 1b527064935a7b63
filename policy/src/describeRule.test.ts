import type { Rule } from "@brindle/api";
import { describe, expect, it } from "vitest";
import { describeRule } from "./describeRule.ts";

const table: [Rule, string][] = [
  [{ action: "Allow" }, "Allow everything"],
  [{ action: "Log", ipVersion: 6, notProtocol: "TCP" }, "Log IPv6 not tcp"],
  [{ action: "Allow", protocol: "ICMP", icmp: { type: 8, code: 0 } }, "Allow icmp type 8 code 0"],
  [{ action: "Deny", protocol: "ICMP", notICMP: { type: 3 } }, "Deny icmp not type 3"],
  [
    { action: "Pass", source: { nets: ["10.0.0.0/8"], notNets: ["10.1.0.0/16"], notSelector: "has(a)" } },
    "Pass from 10.0.0.0/8 and none with has(a) and none of 10.1.0.0/16",
  ],
  [
    { action: "Allow", protocol: 6, destination: { selector: "has(a)", ports: [80, "8000:8080"], notPorts: [8001] } },
    "Allow 6 to endpoints with has(a) and port 80, 8000:8080 and no port of 8001",
  ],
  [
    {
      action: "Allow",
      source: { serviceAccounts: { names: ["a", "b"], selector: "c == 'd'" }, namespaceSelector: "all()" },
    },
    "Allow from service accounts a, b and service accounts with c == 'd' and namespaces with all()",
  ],
  [{ action: "Allow", destination: { services: { name: "dns" } } }, "Allow to service dns"],
];

describe("a rule in words", () => {
  it.each(table)("%j", (rule, words) => expect(describeRule(rule)).toBe(words));
});
