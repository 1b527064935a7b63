/** Types the commands of a page on machines, as an operator at each of them would. */
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Outcome, run } from "../fixtures/command.ts";
import { testImage } from "../fixtures/kubeadm/images.ts";
import type { OwnMachines } from "../fixtures/kubeadm/machines.ts";
import type { Command } from "../page/page.ts";
import { withNames } from "../page/shown.ts";

export interface Walk {
  /** What a page calls a thing, and what it is called here. */
  names: ReadonlyMap<string, string>;
  /** What both streams showed, and how it ended. */
  type(command: Pick<Command, "place" | "text">): Promise<Pick<Outcome, "exitCode" | "stdout">>;
}

/** Where the page says `build#`. */
const tree = fileURLToPath(new URL("../../..", import.meta.url));
const deadlineMs = 240_000;

/** The image that the page's pods are made of: machines have no way to a registry, so it is there already. */
const pulled = "docker.io/library/busybox:1";

export async function startWalk(machines: OwnMachines): Promise<Walk> {
  const { nodes, tor } = machines;
  for (const node of nodes) await node.exec("ctr", ["-n", "k8s.io", "images", "tag", testImage, pulled]);
  const walk: Walk = {
    names: new Map(),
    async type({ place, text }) {
      const command = withNames(text, walk.names);
      const copied = /^scp (.+) (node\d):$/.exec(command);
      if (copied !== null) return copy(machines, place, (copied[1] ?? "").split(" "), copied[2] ?? "");
      const script = `exec 2>&1\n${command}`;
      const node = nodes.find(({ name }) => name === place);
      if (node !== undefined) {
        return node.run("sh", ["-c", `cd /root\n${script}`], { deadlineMs, env: { HOME: "/root" } });
      }
      if (place === "tor") return tor.namespace.run("unshare", atRouter(tor.birdcCommand, script), { deadlineMs });
      if (place === "build") return run("sh", ["-c", script], { cwd: tree, deadlineMs });
      throw new RangeError(`the page has a machine that is not here: ${place}`);
    },
  };
  return walk;
}

/** There is no ssh between namespaces: this is all that stands in for something. */
async function copy(
  { nodes }: OwnMachines,
  from: string,
  paths: readonly string[],
  to: string,
): Promise<Pick<Outcome, "exitCode" | "stdout">> {
  const target = nodes.find(({ name }) => name === to);
  const source = nodes.find(({ name }) => name === from);
  if (target === undefined) throw new RangeError(`the page copies to ${to}, which is not here`);
  for (const path of paths) {
    const text = await readFile(source === undefined ? join(tree, path) : source.outside(join("/root", path)));
    await writeFile(target.outside(join("/root", path.replace(/^.*\//, ""))), text);
  }
  return { exitCode: 0, stdout: "" };
}

/** BIRD's folder and socket are where its own package has them, in a mount namespace. */
function atRouter(birdc: readonly string[], script: string): string[] {
  const socket = birdc[birdc.indexOf("-s") + 1] ?? "";
  const prepare = `mount --bind ${dirname(socket)} /etc/bird\nbirdc() { command birdc -s ${socket} "$@"; }`;
  return ["--mount", "sh", "-c", `${prepare}\n${script}`];
}
