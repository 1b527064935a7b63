import type { Instance } from "../../fixtures/instance.ts";
import { createNamespace, linkNamespaces, type NamespaceView } from "../../fixtures/namespace.ts";
import { birdConfig, startBird } from "../../fixtures/routers/bird.ts";
import { frrConfig, startFrr } from "../../fixtures/routers/frr.ts";
import { goBgpConfig, startGoBgp } from "../../fixtures/routers/gobgp.ts";
import { fibConfig, openBgpdConfig, startOpenBgpd } from "../../fixtures/routers/openbgpd.ts";
import type { Router, RouterOptions, RouterSpec } from "../../fixtures/routers/router.ts";
import type { RouterDaemon } from "./fabric.ts";
import { holdMounts, type Machine, machineAt } from "./machine.ts";
import type { FabricPlan, LinkEndPlan, LinkPlan, MachinePlan } from "./plan.ts";

export interface BuiltFabric {
  readonly plan: FabricPlan;
  machine(name: string): Machine;
  readonly machines: readonly BuiltMachine[];
  router(name: string): Router;
  readonly routers: readonly (Router & { readonly name: string })[];
}

export interface BuiltMachine extends Machine {
  readonly holderPid: number | undefined;
}

/** Makes a plan real. Everything belongs to the instance, whose end removes it. */
export async function buildFabric(plan: FabricPlan, instance: Instance): Promise<BuiltFabric> {
  const nodeNames = new Set(plan.nodes.map((node) => node.name));
  const machines = new Map<string, BuiltMachine>();
  await Promise.all(
    plan.machines.map(async (machine) => {
      const namespace = await createNamespace(machine.name, { instance, forwarding: machine.forwarding });
      const holder = nodeNames.has(machine.name)
        ? await holdMounts(namespace, await instance.createDirectory(machine.name))
        : undefined;
      machines.set(machine.name, { ...machineAt(machine.name, namespace, holder?.pid), holderPid: holder?.pid });
    }),
  );
  const namespaceOf = (name: string): NamespaceView => found(machines, name).namespace;

  await Promise.all(plan.machines.map((machine) => addAddresses(machine, namespaceOf(machine.name))));
  await Promise.all(plan.links.map((link) => addLink(link, namespaceOf)));
  await Promise.all(plan.machines.map((machine) => addRoutes(machine, namespaceOf(machine.name))));

  const routers = new Map<string, Router & { readonly name: string }>();
  await Promise.all(
    plan.routers.map(async ({ daemon, spec }) => {
      const router = await starters[daemon](spec, { namespace: namespaceOf(spec.name), instance });
      routers.set(spec.name, Object.assign(router, { name: spec.name }));
    }),
  );
  return {
    plan,
    machine: (name) => found(machines, name),
    machines: [...machines.values()],
    router: (name) => found(routers, name),
    routers: [...routers.values()],
  };
}

type Place = Omit<RouterOptions, "config">;

const starters: Record<RouterDaemon, (spec: RouterSpec, place: Place) => Promise<Router>> = {
  BIRD: (spec, place) => startBird({ ...place, config: birdConfig(spec) }),
  FRR: (spec, place) => startFrr({ ...place, config: frrConfig(spec) }),
  GoBGP: (spec, place) => startGoBgp({ ...place, config: goBgpConfig(spec) }),
  async OpenBGPD(spec, place) {
    const router = await startOpenBgpd({ ...place, config: openBgpdConfig(spec) });
    await startBird({ ...place, config: fibConfig(spec) });
    return router;
  },
};

async function addAddresses(machine: MachinePlan, namespace: NamespaceView): Promise<void> {
  for (const bridge of machine.bridges) {
    await namespace.ip(`link add ${bridge.name} type bridge`);
    await namespace.ip(`link set ${bridge.name} up`);
    for (const address of bridge.addresses) await namespace.ip(`address add ${address} dev ${bridge.name}`);
  }
  for (const address of machine.loopback) await namespace.ip(`address add ${address} dev lo`);
}

async function addLink({ ends: [a, b] }: LinkPlan, namespaceOf: (name: string) => NamespaceView): Promise<void> {
  const end = ({ machine, name, addresses }: LinkEndPlan): Parameters<typeof linkNamespaces>[0] => {
    return { namespace: namespaceOf(machine), name, addresses };
  };
  await linkNamespaces(end(a), end(b));
  for (const { machine, name, bridge } of [a, b]) {
    if (bridge) await namespaceOf(machine).ip(`link set ${name} master ${bridge}`);
  }
}

async function addRoutes(machine: MachinePlan, namespace: NamespaceView): Promise<void> {
  for (const route of machine.routes) {
    const [family, rest] = route.startsWith("-6 ") ? ["-6 ", route.slice(3)] : ["", route];
    await namespace.ip(`${family}route add ${rest}`);
  }
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new TypeError(`nothing is called "${name}"; there are ${[...map.keys()].join(", ")}`);
  return value;
}
