import { join } from "node:path";
import type { Instance } from "../fixtures/instance.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { elapsedMs, type Measured, median, type Row } from "./row.ts";

const pods = 20;
const debianPlugins = "/usr/lib/cni";

/** ADD and DEL of Debian's reference plugins with host-local, one after the other, as a runtime executes them. */
export const cniRows: readonly Row[] = ["bridge", "ptp"].flatMap((type) => {
  // Both figures come of one measurement: a DEL needs its ADD.
  let measured: Promise<{ add: number; del: number }> | undefined;
  return (["ADD", "DEL"] as const).map((command) => ({
    name: `CNI ${command}, one at a time (${type})`,
    unit: "ms, median",
    better: "lower" as const,
    async measure(instance: Instance): Promise<Measured> {
      measured ??= measureReference(instance, type);
      const { add, del } = await measured;
      return { anchor: { name: `${type} + host-local`, figure: command === "ADD" ? add : del } };
    },
  }));
});

async function measureReference(instance: Instance, type: string): Promise<{ add: number; del: number }> {
  const directory = await instance.createDirectory("cni");
  await using host = await createNamespace(`cnihost-${type}`, { instance });
  const config = JSON.stringify({
    cniVersion: "1.0.0",
    name: `bench-${type}`,
    type,
    ...(type === "bridge" ? { bridge: "cni0", isGateway: true } : {}),
    ipam: { type: "host-local", ranges: [[{ subnet: "10.88.0.0/16" }]], dataDir: join(directory, "ipam") },
  });
  const adds: number[] = [];
  const dels: number[] = [];
  for (let pod = 0; pod < pods; pod += 1) {
    await using namespace = await createNamespace(`cni-${type}-${pod}`, { instance });
    const call = (command: string): Promise<string> => execute(host, { command, type, config, namespace });
    adds.push(await elapsedMs(() => call("ADD")));
    dels.push(await elapsedMs(() => call("DEL")));
  }
  return { add: median(adds), del: median(dels) };
}

interface Call {
  readonly command: string;
  readonly type: string;
  readonly config: string;
  readonly namespace: Namespace;
}

function execute(host: Namespace, { command, type, config, namespace }: Call): Promise<string> {
  const env = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: namespace.name,
    CNI_NETNS: namespace.path,
    CNI_IFNAME: "eth0",
    CNI_PATH: debianPlugins,
  };
  return host.exec(join(debianPlugins, type), [], { env, input: config });
}
