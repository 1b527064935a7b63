/** The hostile peer of `fuzz/` over TCP, against whatever speaker listens there. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { formatAddress, type Prefix } from "@brindle/net";
import { generateMessage, type Random, randomOpen } from "../fuzz/generate.ts";
import { encodeMessage } from "../wire/codec.ts";

export interface LiveTarget {
  readonly host: string;
  readonly port: number;
  /**
   * Each session comes from another address of it, so that none waits for what the one before it did. They are this
   * host's, and of a range of the speaker's.
   */
  readonly from: Prefix;
  readonly asn: number;
}

export interface LiveResult {
  readonly messages: number;
  readonly sessions: number;
  /** In which the speaker said something before it was over. */
  readonly answered: number;
}

const messagesPerSession = 200;

/** Rejects where the speaker cannot be reached any more. */
export async function fuzzLive(target: LiveTarget, messages: number, random: Random): Promise<LiveResult> {
  const result = { messages: 0, sessions: 0, answered: 0 };
  while (result.messages < messages) {
    const limit = Math.min(messagesPerSession, messages - result.messages);
    const { sent, answered } = await attack(target, { number: result.sessions, limit }, random);
    result.messages += sent;
    result.sessions += 1;
    if (answered) result.answered += 1;
  }
  return result;
}

/** One session, until the speaker ends it or the messages are out. */
async function attack(
  { host, port, from, asn }: LiveTarget,
  { number, limit }: { readonly number: number; readonly limit: number },
  random: Random,
): Promise<{ readonly sent: number; readonly answered: boolean }> {
  const socket = connect({ host, port, localAddress: addressOf(from, number) });
  socket.setNoDelay(true);
  await once(socket, "connect");
  const isOver = watch(socket);
  let sent = 0;
  const say = async (bytes: Uint8Array): Promise<void> => {
    if (!socket.write(bytes)) await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
    sent += 1;
  };
  const context = { fourOctetAs: true };
  if (random(20) > 0) {
    await say(encodeMessage(randomOpen(random, asn), context));
    await say(encodeMessage({ type: "keepalive" }, context));
  }
  while (sent < limit && !isOver()) {
    await say(generateMessage(random));
    if (random(4) === 0) await nextTurn(); // What was sent until then goes in one piece.
  }
  socket.destroy();
  return { sent: Math.max(sent, 1), answered: socket.bytesRead > 0 };
}

/** Reads all that comes, and tells whether the speaker has hung up. */
function watch(socket: Socket): () => boolean {
  let over = false;
  const end = (): void => {
    over = true;
  };
  socket.on("error", end).on("end", end).on("close", end).resume();
  return () => over;
}

/** Neither the first nor the last of the range. */
function addressOf({ address, length }: Prefix, number: number): string {
  const bits = (address.family === 4 ? 32 : 128) - length;
  const place = 1n + (BigInt(number) % (2n ** BigInt(bits) - 2n));
  return formatAddress({ ...address, value: address.value + place });
}
