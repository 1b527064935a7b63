/** The image of Brindle as an OCI archive, and beside it the list of what it is made of. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { writeImage } from "../oci/archive.ts";
import { gatherParts } from "./parts.ts";
import { type Weight, weigh } from "./weights.ts";

export interface ImageOptions {
  readonly root: string;
  /** Where the archive is to be; the list of parts is beside it, its name ending in `.cdx.json`. */
  readonly out: string;
  /** Without a tag it gets the version. */
  readonly name: string;
}

export interface BuiltImage {
  readonly reference: string;
  readonly digest: string;
  readonly sbom: string;
  readonly weights: readonly Weight[];
}

export async function buildImage({ root, out, name }: ImageOptions): Promise<BuiltImage> {
  await mkdir(dirname(out), { recursive: true });
  const scratch = await mkdtemp(join(dirname(out), ".parts-"));
  try {
    const { version, parts, sbom } = await gatherParts(root, scratch);
    const reference = /:[^/]*$/.test(name) ? name : `${name}:${version}`;
    const { digest, layers } = await writeImage(
      {
        name: reference,
        layers: parts.map(({ entries }) => entries),
        entrypoint: ["/usr/bin/brindle"],
        command: ["agent"],
        labels: {
          "org.opencontainers.image.title": "Brindle",
          "org.opencontainers.image.version": version,
          "org.opencontainers.image.licenses": "Apache-2.0",
        },
        compression: "zstd",
      },
      out,
    );
    const sbomFile = `${out.replace(/\.tar$/, "")}.cdx.json`;
    await writeFile(sbomFile, sbom);
    return { reference, digest, sbom: sbomFile, weights: weigh(parts, layers) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
