/** `bgp dump`: the speaker's table as a file of MRT. */
import type { ExitCode } from "../command.ts";
import type { Ports } from "../ports.ts";

interface Slice {
  readonly mrt: string;
  readonly next: number | null;
}

export async function dumpTable({ mrt: path }: { readonly mrt: string }, ports: Ports): Promise<ExitCode> {
  let bytes = 0;
  async function* slices(): AsyncGenerator<Uint8Array> {
    for (let from: number | null = 1; from !== null; ) {
      const slice = (await ports.callAgent("bgp.dump", { from })) as Slice; // What is promised to answer.
      const chunk = Buffer.from(slice.mrt, "base64");
      bytes += chunk.length;
      yield chunk;
      from = slice.next;
    }
  }
  await ports.writeNewFile(path, slices());
  ports.print(`${path}: ${bytes} bytes`);
  return 0;
}
