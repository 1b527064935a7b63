/** Random histories of a fabric, as plain data: what is left out of one is a history too. */
import type { Random } from "../oracle/random.ts";
import { type Fabric, type Link, randomTreatment, type Treatment } from "./fabric.ts";

export type Incident = { readonly atMs: number } & (
  | { readonly kind: "originate"; readonly router: string; readonly prefixes: readonly string[] }
  | { readonly kind: "treat"; readonly router: string; readonly neighbor: string; readonly treatment: Treatment }
  /** Packets are lost, and nobody is told. */
  | { readonly kind: "cut" | "mend"; readonly a: string; readonly b: string }
  /** The TCP connection is reset. */
  | { readonly kind: "lose"; readonly a: string; readonly b: string }
  /** The process dies, with its kernel or without, or says that it goes; whatever it was, a new one starts. */
  | { readonly kind: "kill" | "vanish" | "stop" | "start"; readonly router: string }
  /** An operator's. */
  | { readonly kind: "reset" | "refresh"; readonly router: string; readonly neighbor: string }
);

const prefixes = [
  ...Array.from({ length: 24 }, (_, i) => `203.0.${i}.0/24`),
  ...Array.from({ length: 8 }, (_, i) => `2001:db8:${(i + 1).toString(16)}::/48`),
];

export function randomHistory(
  random: Random,
  { routers, links }: Fabric,
  { incidents, forMs }: { readonly incidents: number; readonly forMs: number },
): Incident[] {
  const some = (): { atMs: number; router: string; link: Link | undefined } => ({
    atMs: random.integer(forMs),
    router: routers[random.integer(routers.length)]?.address ?? "",
    link: links[random.integer(links.length)],
  });
  const first = routers.map(({ address: router }): Incident => {
    return { atMs: 0, kind: "originate", router, prefixes: random.some(prefixes, 0.06) };
  });
  const rest = random.list(incidents, () => incidentOf(random, some()));
  return [...first, ...rest.flat()].sort((one, other) => one.atMs - other.atMs);
}

/** What has an end has it some seconds later. */
function incidentOf(
  random: Random,
  { atMs, router, link }: { atMs: number; router: string; link: Link | undefined },
): Incident[] {
  if (!link) return [];
  const { a, b } = link;
  const laterMs = atMs + 100 + random.integer(random.pick(2_000, 60_000));
  const isOutside = link.relation === "customer" || link.relation === "peer";
  switch (random.integer(isOutside ? 9 : 7)) {
    case 0:
    case 1:
      return [{ atMs, kind: "originate", router, prefixes: random.some(prefixes, 0.06) }];
    case 2:
      return [
        { atMs, kind: "cut", a, b },
        { atMs: laterMs, kind: "mend", a, b },
      ];
    case 3:
      return [{ atMs, kind: "lose", a, b }];
    case 4:
    case 5:
      return [
        { atMs, kind: random.pick<"kill" | "vanish" | "stop">("kill", "vanish", "stop"), router },
        { atMs: laterMs, kind: "start", router },
      ];
    case 6:
      return [{ atMs, kind: random.pick<"reset" | "refresh">("reset", "refresh"), router: a, neighbor: b }];
    default: {
      const [at, neighbor] = random.chance(0.5) ? [a, b] : [b, a];
      return [{ atMs, kind: "treat", router: at, neighbor, treatment: randomTreatment(random) }];
    }
  }
}
