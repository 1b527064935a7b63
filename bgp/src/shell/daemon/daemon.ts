/** `brindle-bgp`: a speaker that does what its file says, until it is told to end. */
import type { AdvertisedRoute } from "../../control.ts";
import { type PlannedChange, planLines, planReload, type ReloadPlan } from "../../daemon/plan.ts";
import { BgpError, messageOf } from "../../error.ts";
import { firstRecording, type RecordedPiece } from "../../recording/tap.ts";
import { practise } from "../../speaker/practice.ts";
import type { RunningSpeaker } from "../runningSpeaker.ts";
import { type StartOptions, startSpeaker } from "../startSpeaker.ts";
import { EarlierRun, restartDeadlineSeconds } from "./earlierRun.ts";
import type { Endpoints, EndpointWish } from "./endpoints.ts";
import { readWish, readWishFile } from "./readWish.ts";
import { sessionLog } from "./sessionLog.ts";
import type { ReadWish } from "./wishOf.ts";

export interface DaemonOptions {
  readonly path: string;
  /** A file for a recording of all that happens; it must not exist. */
  readonly recordTo?: string;
}

interface Rehearsal {
  readonly text: string;
  readonly file: string;
  readonly limit: number;
}

export interface DaemonPorts {
  /** One line for the operator. */
  readonly log: (line: string) => void;
  /** There is no speaker any more, and nothing brings one back but a new process. */
  readonly onFailed: (error: Error) => void;
  /** Where the daemon is asked: open before anybody is dialled, since a process that ends at once is to disturb no session. */
  readonly endpoints: Endpoints;
}

interface DaemonParts {
  readonly options: DaemonOptions;
  readonly ports: DaemonPorts;
  readonly speaker: RunningSpeaker;
  readonly known: ReadWish;
  readonly run: EarlierRun;
}

/** While another process reads the file. */
const sessionsPractised = 300;

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #ports: DaemonPorts;
  #speaker: RunningSpeaker;
  #run: EarlierRun;
  #known: ReadWish;
  /** One reload, or other change of the speaker, after the other. */
  #reloading: Promise<unknown> = Promise.resolve();

  static async start(options: DaemonOptions, ports: DaemonPorts): Promise<Daemon> {
    const reading = readWishFile(options.path);
    reading.catch(() => {}); // It is told below.
    practise(sessionsPractised);
    const known = await reading;
    (await ports.endpoints.change(known.endpoints)).commit();
    const run = new EarlierRun(known.endpoints.controlSocket);
    const { gracefulRestart } = known.wish.config;
    const isRestart = gracefulRestart !== undefined && (await run.isFollowed(gracefulRestart));
    const { recordTo } = options;
    const recording = recordTo === undefined ? {} : { recordTo };
    const speaker = await startAlone({ ports, known, isRestart, recording });
    await speaker.originate(known.wish.originated);
    const daemon = new Daemon({ options, ports, speaker, known, run });
    await daemon.#noteRun();
    return daemon;
  }

  private constructor(parts: DaemonParts) {
    this.#options = parts.options;
    this.#ports = parts.ports;
    this.#speaker = parts.speaker;
    this.#known = parts.known;
    this.#run = parts.run;
  }

  get speaker(): RunningSpeaker {
    return this.#speaker;
  }

  get controlSocket(): string {
    return this.#known.endpoints.controlSocket;
  }

  /** What a file of this text would change, without changing anything. */
  async plan(text: string, name: string): Promise<ReloadPlan> {
    return this.#planOf(await readWish(text, name));
  }

  /** What a peer would be told otherwise, were this text in the file. */
  async rehearse(peer: string, { text, file, limit }: Rehearsal): Promise<readonly AdvertisedRoute[]> {
    const { wish } = await readWish(text, file);
    const routes = await this.#speaker.advertised(peer, { ...wish, limit });
    if (!routes)
      throw new BgpError({ code: "FILE_INVALID", file, problems: [`there is no peer "${peer}" here or now`] });
    return routes;
  }

  /** Reads the file anew and does what it says, or throws and goes on as before. */
  reload(): Promise<ReloadPlan> {
    return this.#inTurn(() => this.#reload());
  }

  /**
   * Another speaker takes the place of this one, as another process would, and all that happens to it is recorded. Peers
   * that restart gracefully with us keep our routes meanwhile; others hear Cease. Maintenance that was wished for ends.
   */
  recordAfresh(): Promise<RecordedPiece> {
    return this.#inTurn(() => this.#recordAfresh());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#reloading.then(work);
    this.#reloading = done.catch(() => {});
    return done;
  }

  /** For a signal, which nobody waits for. */
  async reloadAndLog(): Promise<void> {
    try {
      await this.reload();
    } catch (error) {
      for (const line of messageOf(error).split("\n")) this.#ports.log(line);
      this.#ports.log("nothing has changed");
    }
  }

  /**
   * A planned end. Peers that restart gracefully with us keep our routes, so they hear nothing (RFC 4724 §4.1); others
   * hear Cease/Administrative Shutdown.
   */
  async end(): Promise<void> {
    await this.#reloading;
    await this.#run.end({ keeps: this.#keepsRoutes });
    await this.#speaker.stop({ keepForwarding: this.#keepsRoutes });
  }

  async #recordAfresh(): Promise<RecordedPiece> {
    const [ports, known, isRestart] = [this.#ports, this.#known, this.#keepsRoutes];
    ports.log("the speaker starts anew, for a recording");
    await this.#speaker.stop({ keepForwarding: isRestart, text: "starts anew for a recording" });
    try {
      this.#speaker = await startAlone({ ports, known, isRestart, recording: { recordsFromStart: true } });
      await this.#speaker.originate(known.wish.originated);
      return await this.#speaker.record(firstRecording);
    } catch (error) {
      ports.onFailed(error instanceof Error ? error : new Error(String(error))); // There is no speaker any more.
      throw error;
    }
  }

  get #keepsRoutes(): boolean {
    return this.#known.wish.config.gracefulRestart !== undefined;
  }

  /** Whoever follows this process, also one that is killed, is to know of it. */
  async #noteRun(): Promise<void> {
    try {
      await (this.#keepsRoutes ? this.#run.begin() : this.#run.end({ keeps: false }));
    } catch (error) {
      this.#ports.log(`peers will not be told that a successor of this process is one: ${messageOf(error)}`);
    }
  }

  async #reload(): Promise<ReloadPlan> {
    const next = await readWishFile(this.#options.path);
    const plan = await this.#planOf(next);
    for (const line of planLines(plan)) this.#ports.log(line);
    const change = await this.#ports.endpoints.change(next.endpoints);
    try {
      await this.#speaker.configure(next.wish.config);
      await this.#speaker.originate(next.wish.originated);
    } catch (error) {
      await change.abort();
      throw error;
    }
    change.commit();
    await this.#moveRun(next);
    this.#known = next;
    await this.#noteRun();
    return plan;
  }

  /** What a successor looks for lies beside the control socket. */
  async #moveRun(next: ReadWish): Promise<void> {
    const { controlSocket } = next.endpoints;
    if (controlSocket === this.controlSocket) return;
    await this.#run.end({ keeps: false });
    this.#run = new EarlierRun(controlSocket);
  }

  async #planOf(next: ReadWish): Promise<ReloadPlan> {
    const { peers } = await this.#speaker.summary();
    const up = peers.filter(({ state }) => state === "established").map(({ name }) => name);
    // A peer of a range bears its name before its own address.
    const isUp = (peer: string): boolean => up.some((name) => name === peer || name.startsWith(`${peer}/`));
    const plan = planReload(this.#known.wish, next.wish, isUp);
    return { ...plan, changes: [...movesOf(this.#known.endpoints, next.endpoints), ...plan.changes] };
  }
}

interface SpeakerParts extends Pick<DaemonParts, "ports" | "known"> {
  /** Peers keep what an earlier speaker told them. */
  readonly isRestart: boolean;
  readonly recording: StartOptions;
}

/**
 * In this thread, which has nothing else to do: the file is read in another one, answers on the control socket are
 * bounded, and lines for the operator wait for nobody. One more thread would be twenty megabytes.
 */
function startAlone({ ports, known, isRestart, recording }: SpeakerParts): Promise<RunningSpeaker> {
  const restarting = isRestart ? { restarting: { deadlineSeconds: restartDeadlineSeconds } } : {};
  return startSpeaker({ ...known.wish.config, ...restarting }, { peerChanged: sessionLog(ports.log) }, recording);
}

function movesOf(before: EndpointWish, after: EndpointWish): PlannedChange[] {
  const moves = [
    { field: "controlSocket", from: before.controlSocket, to: after.controlSocket },
    { field: "metrics", from: endpointText(before.metrics), to: endpointText(after.metrics) },
  ];
  const effect = "answers there from now on";
  return moves
    .filter(({ from, to }) => from !== to)
    .map((move) => ({ peer: null, ...move, cost: "nothing", effect }) as const);
}

function endpointText(at: EndpointWish["metrics"]): string {
  return at ? `${at.address} ${at.port}` : "(none)";
}
