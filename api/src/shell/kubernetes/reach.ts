/**
 * A TCP connection to an API server, by several attempts beside each other.
 *
 * From a pod the server has the address of a Service, and who asks before kube-proxy has written its rules is sent
 * nowhere: the kernel keeps the way that it has found for a connection (conntrack), so that repeating its SYN does not help
 * when the rules are there. An attempt from another port does.
 */
import { connect, type Socket } from "node:net";

export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** Begins a connection, and tells when it is there. */
type Dial = (destination: Destination, onConnected: () => void) => Socket;

/** After which time the next attempt joins those before. */
const attemptsAtMs: readonly number[] = [0, 250, 750, 1_750, 3_500];

/** The first that is there; the others are closed. Rejects with the error of whichever is refused, or after `timeoutMs`. */
export function reach(destination: Destination, timeoutMs: number, dial: Dial = connect): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const sockets: Socket[] = [];
    const timers: NodeJS.Timeout[] = [];
    const end = (winner: Socket | null, error?: Error): void => {
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) if (socket !== winner) socket.destroy();
      if (winner) resolve(winner.off("error", onError));
      else reject(error);
    };
    const onError = (error: Error): void => end(null, error);
    const attempt = (): void => {
      const socket = dial(destination, () => end(socket));
      // What is destroyed may still tell an error.
      sockets.push(socket.on("error", onError).on("error", () => {}));
    };
    for (const ms of attemptsAtMs) if (ms < timeoutMs) timers.push(setTimeout(attempt, ms));
    timers.push(setTimeout(() => end(null, new Error(`no connection in ${timeoutMs} ms`)), timeoutMs));
  });
}
