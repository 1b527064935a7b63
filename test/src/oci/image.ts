/** An image as the OCI image specification 1.1 writes it down. Pure: digests go in, documents come out. */
import { createHash } from "node:crypto";
import type { TarEntry } from "./tar.ts";

/** zstd is read by containerd 1.5, Docker 23, Podman 4 and later. */
export type Compression = "none" | "gzip" | "zstd";

export interface ImageSpec {
  /** The full reference under which a runtime keeps it: `localhost/brindle:1`. */
  readonly name: string;
  readonly layers: readonly (readonly TarEntry[])[];
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly compression?: Compression;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A layer as it is stored, and what its tar alone digests to. */
export interface LayerBlob extends Descriptor {
  readonly diffId: string;
}

export interface Blob {
  readonly digest: string;
  readonly bytes: Buffer;
}

export interface ImageDocuments {
  readonly index: Buffer;
  readonly manifest: Blob;
  readonly config: Blob;
}

const mediaType = "application/vnd.oci.image";
export const layerMediaTypes: Readonly<Record<Compression, string>> = {
  none: `${mediaType}.layer.v1.tar`,
  gzip: `${mediaType}.layer.v1.tar+gzip`,
  zstd: `${mediaType}.layer.v1.tar+zstd`,
};
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Architectures by the names that Node and Go have for them. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

export function imageDocuments(spec: ImageSpec, layers: readonly LayerBlob[], machine: string): ImageDocuments {
  const platform = { architecture: architectures[machine] ?? machine, os: "linux" };
  const config = blob(configDocument(spec, layers, platform));
  const manifest = blob({
    schemaVersion: 2,
    mediaType: `${mediaType}.manifest.v1+json`,
    config: describeBlob(config, `${mediaType}.config.v1+json`),
    layers: layers.map(({ diffId: _, ...descriptor }) => descriptor),
  });
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${mediaType}.index.v1+json`,
      manifests: [
        { ...describeBlob(manifest, `${mediaType}.manifest.v1+json`), platform, annotations: annotations(spec.name) },
      ],
    }),
  );
  return { index, manifest, config };
}

function configDocument(spec: ImageSpec, layers: readonly LayerBlob[], platform: object): object {
  const { entrypoint, command, environment, labels } = spec;
  return {
    ...platform,
    config: {
      Env: Object.entries({ PATH: searchPath, ...environment }).map(([name, value]) => `${name}=${value}`),
      ...(entrypoint === undefined ? {} : { Entrypoint: entrypoint }),
      ...(command === undefined ? {} : { Cmd: command }),
      ...(labels === undefined ? {} : { Labels: labels }),
      WorkingDir: "/",
    },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
  };
}

/** containerd takes the whole reference from its own annotation, other tools the tag from OCI's. */
function annotations(name: string): Record<string, string> {
  return {
    "io.containerd.image.name": name,
    "org.opencontainers.image.ref.name": name.slice(name.lastIndexOf(":") + 1),
  };
}

function blob(document: object): Blob {
  const bytes = Buffer.from(JSON.stringify(document));
  return { bytes, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
}

function describeBlob({ digest, bytes }: Blob, type: string): Descriptor {
  return { mediaType: type, digest, size: bytes.length };
}
