/** The process that reads the daemon's file: what to read comes in, what it says goes out, as JSON. */
import { text as textOf } from "node:stream/consumers";
import { BgpError } from "../../error.ts";
import type { FromWishProcess, WishText } from "./readWish.ts";
import { wishOf } from "./wishOf.ts";

async function answer({ text, path }: WishText): Promise<FromWishProcess> {
  try {
    return { type: "read", wish: await wishOf(text, path) };
  } catch (error) {
    if (error instanceof BgpError) return { type: "failed", failure: error.failure };
    throw error;
  }
}

const asked: WishText = JSON.parse(await textOf(process.stdin));
process.stdout.write(JSON.stringify(await answer(asked)));
