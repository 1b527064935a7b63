/** The validation of many policies, beside zod, which parses the rules of the same policies by the same schema and nothing else. */
import { kinds, validate } from "@brindle/api";
import { elapsedMs, median, type Row } from "./row.ts";

const count = 10_000;
const rounds = 7;
const budgetMs = 300;

export const validationRow: Row = {
  name: `store: validate ${count.toLocaleString("en")} policies (budget ${budgetMs} ms)`,
  unit: "ms",
  better: "lower",
  async measure() {
    const policies = Array.from({ length: count }, (_, i) => policy(i));
    const schema = kinds.NetworkPolicy.spec;
    const anchor = await medianMs(() => policies.every(({ spec }) => schema.safeParse(spec).success));
    const ours = await medianMs(() => policies.every((policy) => validate(policy).kind === "valid"));
    return { anchor: { name: "zod, the spec alone", figure: anchor }, ours };
  },
};

/** After a round that warms up. */
async function medianMs(areAllRight: () => boolean): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    times.push(
      await elapsedMs(async () => {
        if (!areAllRight()) throw new Error("a policy of the benchmark is wrong");
      }),
    );
  }
  return median(times.slice(1));
}

/** Five rules, each with selectors, networks and ports, of an application among 500 in a namespace among 100. */
function policy(i: number) {
  const rule = (number: number) => ({
    action: "Allow",
    protocol: "TCP",
    source: {
      selector: `app == 'app-${(i + number) % 500}' && tier in {'front', 'back'}`,
      namespaceSelector: `projectcalico.org/name == 'ns-${i % 100}'`,
      nets: [`10.${i % 256}.${number}.0/24`, "192.0.2.0/24"],
    },
    destination: { ports: [80, 443, "8000:8999", "http"] },
  });
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "NetworkPolicy",
    metadata: { name: `policy-${i}`, namespace: `ns-${i % 100}`, labels: { team: `team-${i % 20}` } },
    spec: {
      order: i,
      selector: `app == 'app-${i % 500}'`,
      types: ["Ingress", "Egress"],
      ingress: [rule(0), rule(1), rule(2)],
      egress: [rule(3), rule(4)],
    },
  };
}
