/**
 * What a network costs a cluster: ours beside the reference plugins `bridge`, `host-local` and `portmap`, each on a cluster
 * of its own of three nodes. Some ten minutes, on a machine that can make such clusters.
 */
import { openInstance } from "../fixtures/instance.ts";
import { buildPrograms } from "../fixtures/kube/build.ts";
import { clusterProgramNames } from "../fixtures/kube/programs.ts";
import { findHierarchies, lackIn } from "../fixtures/kubeadm/cgroups.ts";
import { brindleImage } from "../kubeadm/brindle.ts";
import {
  bridgeCluster,
  brindleCluster,
  type CrowdComparison,
  type CrowdFigures,
  compareCrowds,
} from "./kubernetesCluster.ts";
import { type IdleFigures, idleFigures } from "./kubernetesIdle.ts";
import { type UpdateFigures, updateFigures } from "./kubernetesUpdate.ts";
import type { Row } from "./row.ts";

interface BridgeFigures extends CrowdFigures {
  readonly nodesReadySeconds: number;
}

interface BrindleFigures extends BridgeFigures, IdleFigures, Pick<CrowdComparison, "requestsAnAdd" | "requestsADel"> {
  /** DaemonSet and controllers. */
  readonly allReadySeconds: number;
  readonly update: UpdateFigures;
}

interface Figures {
  readonly bridge: BridgeFigures;
  readonly brindle: BrindleFigures;
}

let measuredOnce: Promise<Figures> | undefined;

export const kubernetesRows: readonly Row[] = [
  beside("60 pods of one node at once, until all are Running", "s", (of) => of.upSeconds, atMostAnchorTimes(1.1)),
  beside("the same 60 deleted, until their addresses are free", "s", (of) => of.downSeconds, atMostAnchorTimes(1.1)),
  own("requests to the API server a pod, for its ADD", "requests", (of) => of.requestsAnAdd, 4),
  own("requests to the API server a pod, for its DELs", "requests", (of) => of.requestsADel, 4),
  own("requests to the API server of an idle node", "a minute", (of) => of.idleRequestsAMinute, 2),
  beside(
    "apply until all nodes are Ready",
    "s",
    (of) => of.nodesReadySeconds,
    () => 3,
  ),
  own("apply until DaemonSet and controllers are ready", "s", (of) => of.allReadySeconds, 6),
  undisturbed("packets lost by an update of the DaemonSet", "packets", "lost", 0),
  undisturbed("longest gap in UDP by an update of the DaemonSet", "ms", "udpGapMs", 20),
  undisturbed("longest gap in TCP by an update of the DaemonSet", "ms", "tcpGapMs", 20),
  own("memory of an agent, resident", "MB", (of) => of.agentMegabytes, 150),
  own("CPU of an idle agent", "% of a core", (of) => of.agentPercent, 0.5),
];

/** What the reference network has as well. */
function beside(
  name: string,
  unit: string,
  figureOf: (figures: BridgeFigures) => number,
  target: (anchor: number) => number,
): Row {
  return row(name, unit, target, ({ bridge, brindle }) => ({
    anchor: { name: "bridge + host-local", figure: figureOf(bridge) },
    ours: figureOf(brindle),
  }));
}

/** What a network without a program of its own has not. */
function own(name: string, unit: string, figureOf: (figures: BrindleFigures) => number, most: number): Row {
  return row(
    name,
    unit,
    () => most,
    ({ brindle }) => ({
      anchor: { name: "bridge + host-local", figure: 0 },
      ours: figureOf(brindle),
    }),
  );
}

/** Beside the same traffic of as long without an update, since the machine itself has gaps. */
function undisturbed(name: string, unit: string, of: "lost" | "udpGapMs" | "tcpGapMs", most: number): Row {
  return row(
    name,
    unit,
    () => most,
    ({ brindle: { update } }) => ({
      anchor: { name: "ours, without an update", figure: update.undisturbed[of] },
      ours: update.disturbed[of],
    }),
  );
}

function row(
  name: string,
  unit: string,
  target: (anchor: number) => number,
  pick: (figures: Figures) => Awaited<ReturnType<Row["measure"]>>,
): Row {
  const measure: Row["measure"] = async () => {
    measuredOnce ??= measureAll();
    return pick(await measuredOnce);
  };
  return { name: `Kubernetes: ${name}`, unit, better: "lower", target, lack, measure };
}

let lackOnce: Promise<string | null> | undefined;

/** Of Go, which builds Kubernetes the first time, or of what nodes are made with. */
function lack(): Promise<string | null> {
  lackOnce ??= (async () => {
    const built = await buildPrograms(console.log, clusterProgramNames);
    if (built.kind === "unavailable") return built.reason;
    return lackIn(await findHierarchies()) ?? null;
  })();
  return lackOnce;
}

function atMostAnchorTimes(times: number): (anchor: number) => number {
  return (anchor) => anchor * times;
}

async function measureAll(): Promise<Figures> {
  await using instance = await openInstance();
  const startMs = performance.now();
  const say = (line: string): void =>
    console.log(`[${((performance.now() - startMs) / 1_000).toFixed(1).padStart(5)} s] ${line}`);
  const image = await brindleImage(await instance.createDirectory("image"));
  const { cluster: ours, applied } = await brindleCluster(image, say);
  await using brindle = ours;
  const idle = await idleFigures(brindle, say);
  const update = await updateFigures(brindle, say);
  const { cluster: reference, nodesReadyMs } = await bridgeCluster(say);
  await using bridge = reference;
  const crowds = await compareCrowds(bridge, brindle, say);
  const { requestsAnAdd, requestsADel } = crowds;
  const allReadySeconds = Math.max(applied.agentsReadyMs, applied.controllersReadyMs) / 1_000;
  const nodesReadySeconds = applied.nodesReadyMs / 1_000;
  return {
    bridge: { ...crowds.bridge, nodesReadySeconds: nodesReadyMs / 1_000 },
    brindle: { ...crowds.brindle, nodesReadySeconds, allReadySeconds, requestsAnAdd, requestsADel, update, ...idle },
  };
}
