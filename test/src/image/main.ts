/** `npm run image`: writes the image of Brindle, and says what its parts weigh. */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { buildImage } from "./buildImage.ts";
import { weightTable } from "./weights.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

await new Command("image")
  .description(
    "Writes the image as an OCI archive, without Docker. The same tree on the same packages: the same bytes.",
  )
  .option("--out <file>", "where the archive goes", join(root, "dist/brindle.tar"))
  .option("--name <reference>", "what a runtime calls it; without a tag it gets the version", "localhost/brindle")
  .action(async ({ out, name }: { out: string; name: string }) => {
    const startMs = performance.now();
    const image = await buildImage({ root, name, out: resolve(out) });
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(weightTable(image.weights));
    console.log(`${image.reference}  ${image.digest}\n${resolve(out)}, ${image.sbom} (${seconds} s)`);
  })
  .parseAsync()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
