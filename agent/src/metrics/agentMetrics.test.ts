import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type AgentFacts, agentMetrics } from "./agentMetrics.ts";
import { CniTally } from "./cniTally.ts";
import { tell } from "./metric.ts";
import { PolicyTally } from "./policyMetrics.ts";

const beginning: AgentFacts = {
  version: "1.2.3",
  parts: [
    { part: "store", state: "ready", sinceMs: 0, reason: null },
    { part: "cni", state: "failing", sinceMs: 0, reason: "it is broken" },
  ],
  mistakes: [],
  cni: new CniTally(),
  cluster: null,
  blocks: null,
  policy: null,
  routes: null,
  bgpAnswerSeconds: null,
};

function told(facts: Partial<AgentFacts>): string[] {
  return tell(agentMetrics, { ...beginning, ...facts }).flatMap(({ name, samples }) =>
    samples.map(({ labels, value, suffix }) => {
      const text = Object.entries(labels).map(([label, of]) => ` ${label}=${of}`);
      return `${name.replace("brindle_", "")}${suffix ? `_${suffix}` : ""}${text.join("")} ${value}`;
    }),
  );
}

const fault = { part: "store", effect: "noticed", text: "", remedy: "", sinceMs: 0 } as const;
const flows = { hits: { allow: 7, deny: 2, pass: 1 }, flows: { heard: 5, held: 3, lost: 1, ended: 4 } };
const counters = { applied: 7, failed: 1, readBacks: 2, tableWrites: 5, setWrites: 9 };

const cases: { name: string; facts: Partial<AgentFacts>; lines: readonly string[] }[] = [
  {
    name: "mistakes by their codes",
    facts: {
      mistakes: [
        { ...fault, code: "CrdMissing" },
        { ...fault, code: "CrdMissing" },
        { ...fault, code: "NodeMissing" },
      ],
    },
    lines: ["mistakes code=CrdMissing 2", "mistakes code=NodeMissing 1"],
  },
  {
    name: "how old the datastore's last word is, in seconds",
    facts: { cluster: { isInSync: true, stalenessMs: 1_500, pods: 3, problems: 2 } },
    lines: ["datastore_in_sync 1", "datastore_staleness_seconds 1.5", "resource_problems 2", "pods 3"],
  },
  {
    name: "no age before the first word",
    facts: { cluster: { isInSync: false, stalenessMs: null, pods: 0, problems: 0 } },
    lines: ["datastore_in_sync 0", "resource_problems 0", "pods 0"],
  },
  {
    name: "free addresses of all blocks together",
    facts: {
      blocks: [
        { cidr: "10.0.0.0/26", pool: "a", size: 64, inUse: 4 },
        { cidr: "fd00::/122", pool: null, size: 64, inUse: 10 },
      ],
    },
    lines: ["ipam_blocks 2", "ipam_addresses state=in_use 14", "ipam_addresses state=free 114"],
  },
  {
    name: "routes of both kinds",
    facts: { routes: { held: 4, learned: { writes: 6, failures: 1 }, pods: { writes: 2, failures: 0 } } },
    lines: [
      "routes 4",
      ...["route_writes_total kind=learned 6", "route_writes_total kind=pods 2"],
      ...["route_failures_total kind=learned 1", "route_failures_total kind=pods 0"],
    ],
  },
  {
    name: "what the enforcer did, while it is not known what it is to do",
    facts: { policy: { counters, tally: new PolicyTally(), desired: null, ...flows } },
    lines: [
      "policy_applies_total 7",
      "policy_apply_failures_total 1",
      "policy_read_backs_total 2",
      "policy_table_commits_total 5",
      "policy_set_changes_total 9",
      ...["policy_hits_total action=allow 7", "policy_hits_total action=deny 2", "policy_hits_total action=pass 1"],
      "policy_denied_packets_total result=heard 5",
      "policy_denied_packets_total result=held 3",
      "policy_denied_packets_total result=lost 1",
      "policy_ended_flows_total 4",
    ],
  },
];

const always = [
  "build_info version=1.2.3 1",
  "part_ready part=store 1",
  "part_ready part=cni 0",
  "datastore_connected 1",
];

describe("metrics of an agent tell", () => {
  it("nothing that is not known yet", () => assert.deepEqual(told({}), always));

  for (const { name, facts, lines } of cases) {
    it(name, () => {
      assert.deepEqual(
        told(facts).filter((line) => !always.includes(line)),
        lines,
      );
    });
  }

  it("the sizes of policy for each family, also where it has none", () => {
    const table = (family: 4 | 6, rules: number) => ({
      family,
      table: "filter" as const,
      content: { chains: [{ name: "x", rules: Array.from({ length: rules }, () => ({})) }], hooks: [] },
    });
    const policy = {
      counters,
      tally: new PolicyTally(),
      desired: {
        tables: [table(4, 2), table(4, 3), table(6, 1)],
        sets: new Map([
          [
            "s",
            {
              name: "s",
              family: 4,
              type: "net",
              growth: "allow",
              members: new Map([
                ["a", {}],
                ["b", {}],
              ]),
            },
          ],
        ]),
        endpoints: new Map([["pod", []]]),
        problems: new Map([["NetworkPolicy a/b", "it is closed"]]),
      },
      ...flows,
    };
    const lines = told({ policy: policy as unknown as AgentFacts["policy"] });
    for (const line of [
      ...["policy_chains family=ipv4 2", "policy_chains family=ipv6 1"],
      ...["policy_rules family=ipv4 5", "policy_rules family=ipv6 1"],
      ...["policy_sets family=ipv4 1", "policy_sets family=ipv6 0"],
      ...["policy_set_members family=ipv4 2", "policy_set_members family=ipv6 0"],
      ...["policy_endpoints 1", "policy_problems 1"],
    ]) {
      assert(lines.includes(line), `${line} in ${lines.join("\n")}`);
    }
  });

  it("when policy was last in force, and how long that took", () => {
    const tally = new PolicyTally();
    tally.inForce({ seconds: 0.02, nowMs: 1_700_000_000_500 });
    const lines = told({ policy: { counters, tally, desired: null, ...flows } });
    assert(lines.includes("policy_last_apply_timestamp_seconds 1700000000.5"));
    assert(lines.includes("policy_apply_duration_seconds_bucket le=0.01 0"));
    assert(lines.includes("policy_apply_duration_seconds_bucket le=0.025 1"));
    assert(lines.includes("policy_apply_duration_seconds_count 1"));
  });

  it("how long pods of other nodes waited, but for those that wait still", () => {
    const tally = new PolicyTally();
    for (const heardMs of [1_000, 1_010, 1_030]) tally.newcomer(heardMs);
    tally.admitted({ upToMs: 1_010, nowMs: 1_025 });
    const lines = told({ policy: { counters, tally, desired: null, ...flows } });
    assert(lines.includes("policy_newcomer_duration_seconds_bucket le=0.01 0"));
    assert(lines.includes("policy_newcomer_duration_seconds_bucket le=0.025 2"));
    assert(lines.includes("policy_newcomer_duration_seconds_count 2"));
    tally.admitted({ upToMs: 1_040, nowMs: 1_040 });
    assert(
      told({ policy: { counters, tally, desired: null, ...flows } }).includes(
        "policy_newcomer_duration_seconds_count 3",
      ),
    );
  });

  it("requests of runtimes by command and number of the error, whatever a runtime sends", () => {
    const cni = new CniTally();
    const ok = { exitCode: 0, stdout: "" };
    cni.answered({ command: "ADD", answer: ok, seconds: 0.02 });
    cni.answered({ command: "ADD", answer: { exitCode: 1, stdout: '{"code":11,"msg":"later"}\n' }, seconds: 1 });
    for (const command of ["x", "y", undefined]) cni.answered({ command, answer: ok, seconds: 0 });
    const lines = told({ cni });
    for (const line of [
      "cni_requests_total command=ADD result=ok 1",
      "cni_requests_total command=ADD result=11 1",
      "cni_requests_total command=unknown result=ok 3",
      "cni_request_duration_seconds_count command=ADD 2",
    ]) {
      assert(lines.includes(line), line);
    }
  });
});
