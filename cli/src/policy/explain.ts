/** `policy explain`: what policy says of a connection, and which rule decides. */
import { explain } from "@brindle/policy";
import type { ExitCode } from "../command.ts";
import type { Ports } from "../ports.ts";
import { type ClusterOptions, readClusterAloud } from "./cluster.ts";
import { askedNamed, endNamed, packetsToAll, parseService } from "./ends.ts";
import { withHostPods } from "./hostPods.ts";

export interface ExplainOptions extends ClusterOptions {
  readonly from: string;
  readonly to: string;
  readonly port: string;
}

export async function explainPolicy(options: ExplainOptions, ports: Ports): Promise<ExitCode> {
  const service = parseService(options.port);
  const asked = { names: [options.from, options.to], namespace: options.namespace };
  const read = await withHostPods(await readClusterAloud(options, ports), asked, ports);
  const { cluster, problems } = read;
  const from = endNamed(options.from, read, options);
  const packets = packetsToAll(from, askedNamed(options.to, service, read, options));
  const explained = packets.map(({ packet, via }) => {
    const { lines } = explain(cluster, packet);
    const notes = [from.note, via].flatMap((note) => note ?? []);
    return [...(notes.length > 0 ? [`${notes.join("; ")}:`] : []), ...lines].join("\n");
  });
  ports.print(explained.join("\n\n"));
  return problems.length > 0 ? 1 : 0;
}
