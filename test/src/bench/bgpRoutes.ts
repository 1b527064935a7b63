import { fileURLToPath } from "node:url";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type Namespace } from "../fixtures/namespace.ts";
import { startBird } from "../fixtures/routers/bird.ts";
import type { Router } from "../fixtures/routers/router.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { elapsedMs, median, type Row } from "./row.ts";

const count = 100_000;
const repetitions = 3;
const feederAddress = "10.99.1.1";
const receiverAddress = "10.99.1.2";
const receiver = fileURLToPath(new URL("bgpReceiver.ts", import.meta.url));

/**
 * Routes from a BIRD into the receiver's table, from the moment the feeder is told to announce until the receiver holds
 * all. Feeder and command are the same for both, so both figures hold the feeder's own time.
 */
export const bgpRoutesRow: Row = {
  name: `${count.toLocaleString("en")} BGP routes into the RIB`,
  unit: "ms",
  better: "lower",
  async measure(instance) {
    const anchor: number[] = [];
    const ours: number[] = [];
    for (let repetition = 0; repetition < repetitions; repetition += 1) {
      anchor.push(await withFeeder(instance, intoBird));
      ours.push(await withFeeder(instance, intoOurs));
    }
    return { anchor: { name: "BIRD", figure: median(anchor) }, ours: median(ours) };
  },
};

type Receive = (at: Namespace, announce: () => Promise<unknown>, instance: Instance) => Promise<number>;

async function withFeeder(instance: Instance, receive: Receive): Promise<number> {
  await using feeder = await createNamespace("feeder", { instance });
  await using at = await createNamespace("receiver", { instance });
  await linkNamespaces(
    { namespace: feeder, name: "eth0", addresses: [`${feederAddress}/24`] },
    { namespace: at, name: "eth0", addresses: [`${receiverAddress}/24`] },
  );
  await using bird = await startBird({ namespace: feeder, config: feederConfig(), instance });
  return await receive(at, () => bird.show("enable fed"), instance);
}

async function intoBird(at: Namespace, announce: () => Promise<unknown>, instance: Instance): Promise<number> {
  await using bird = await startBird({ namespace: at, config: birdReceiverConfig, instance });
  await waitFor(async () => (await bird.sessions()).some(({ established }) => established), { what: "BIRD is fed" });
  // Awaited here: what `await using` holds must outlive the measurement.
  return await elapsedMs(async () => {
    await announce();
    await holdsAll(bird);
  });
}

function holdsAll(bird: Router): Promise<true> {
  return waitFor(
    async () => (await bird.show("show route count")).includes(`${count} of ${count} routes`) || undefined,
    {
      what: `BIRD holds ${count} routes`,
      deadlineMs: 60_000,
      intervalMs: 1,
    },
  );
}

async function intoOurs(at: Namespace, announce: () => Promise<unknown>): Promise<number> {
  const args = ["--conditions=brindle-source", receiver, receiverAddress, feederAddress, String(count)];
  await using ours = at.spawn(process.execPath, args);
  const says = (word: string): Promise<true> =>
    waitFor(
      () => {
        ours.assertRunning();
        return ours.output().includes(word) || undefined;
      },
      { what: `our speaker is ${word}`, deadlineMs: 60_000, intervalMs: 1 },
    );
  await says("established");
  // Awaited here: what `await using` holds must outlive the measurement.
  return await elapsedMs(async () => {
    await announce();
    await says("complete");
  });
}

function feederConfig(): string {
  const routes = Array.from({ length: count }, (_, index) => {
    return `route ${20 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}.0/24 blackhole;`;
  });
  return `
router id ${feederAddress};
log stderr { error, fatal, bug };
protocol device {}
protocol static fed { disabled; ipv4; ${routes.join("\n")} }
protocol bgp receiver {
  local ${feederAddress} as 65001;
  neighbor ${receiverAddress} as 64512;
  connect delay time 1; connect retry time 1; error wait time 1, 1;
  ipv4 { import none; export all; next hop self; };
}
`;
}

const birdReceiverConfig = `
router id ${receiverAddress};
log stderr { error, fatal, bug };
protocol device {}
protocol bgp feeder {
  local ${receiverAddress} as 64512;
  neighbor ${feederAddress} as 65001;
  connect delay time 1; connect retry time 1; error wait time 1, 1;
  ipv4 { import all; export none; };
}
`;
