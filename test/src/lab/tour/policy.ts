import { ingressPolicy } from "../resources.ts";
import type { Pod } from "../runtime.ts";
import { connectCommand } from "./pods.ts";
import type { Step, Tour } from "./step.ts";

export const policyStep: Step = {
  title: "A NetworkPolicy cuts web off, an allow opens it again",
  async run(tour) {
    const [web, api, batch] = await Promise.all(["web", "api", "batch"].map((name) => tour.lab.runtime.pod(name)));
    if (!web || !api || !batch) throw new TypeError("the pods of the tour are there");
    const selector = "app == 'web'";

    await tour.type("node1", "brindlectl apply -f -", ingressPolicy({ name: "web", selector }));
    await answers(tour, api, web, []);
    await answers(tour, batch, web, []);
    await tour.inPod(api, connectCommand(web.addresses[0] ?? ""));
    await tour.type("node1", "brindlectl policy explain --from default/api --to default/web --port 8080/tcp");

    await tour.type("node1", "brindlectl apply -f -", ingressPolicy({ name: "web", selector, from: "app == 'api'" }));
    const openMs = await timed(() => answers(tour, api, web, web.addresses));
    await answers(tour, batch, web, []);

    await tour.inPod(api, connectCommand(web.addresses[0] ?? ""));
    await tour.type("node1", "brindlectl delete networkpolicy web");
    await answers(tour, batch, web, web.addresses);
    return [
      { what: "a policy that allows nothing cuts pods off", figure: "no answer in 2 s, both families" },
      { what: "an allow opens to its pod and not to the other", figure: `seen after ${openMs} ms` },
    ];
  },
};

/** The addresses of `to` at which `from` is greeted are these. */
async function answers(tour: Tour, from: Pod, to: Pod, expected: readonly string[]): Promise<void> {
  await tour.expect(`${from.name} reaches ${to.name} at these addresses`, expected, async () => {
    const greeted = await Promise.all(
      to.addresses.map(async (address) => {
        const output = await tour.quietly(from, connectCommand(address));
        return output === `hello from ${to.name}\n` ? [address] : [];
      }),
    );
    return greeted.flat();
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  await work();
  return Math.round(performance.now() - startMs);
}
