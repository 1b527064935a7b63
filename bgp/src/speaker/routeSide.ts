/**
 * The routes of one peer, both ways, over all its sessions: what it announced, what becomes of that when the session
 * is lost (RFC 4724, the helper's side), and what it has been told.
 */
import assert from "node:assert/strict";
import { type Address, type Family, formatAddress, isLinkLocal } from "@brindle/net";
import type { GroupTerms, OutSink } from "../out/exportGroup.ts";
import type { PeerOut } from "../out/exportGroups.ts";
import type { ExportView } from "../out/exportView.ts";
import type { Rehearsed } from "../out/rehearsal.ts";
import type { PeerId, RibPeer } from "../rib/peerTable.ts";
import { PrefixFilter } from "../rib/prefixFilter.ts";
import type { Rib } from "../rib/rib.ts";
import type { Negotiated } from "../session/negotiate.ts";
import type { Announcement, GracefulRestart, LongLivedFamily, PathAttributes, Update } from "../wire/message.ts";
import type { UpdateScanner } from "../wire/updateScan.ts";
import { anyOtherAs, type PeerConfig, type SpeakerConfig } from "./config.ts";
import { clusterIdOf, filtersOf, type KnownRules, presentRules } from "./importRules.ts";
import { ownNextHops } from "./ownNextHops.ts";
import { addressOf } from "./peerPlace.ts";
import type { SpeakerPorts } from "./ports.ts";
import { boundsOf } from "./prefixLimits.ts";
import { keepsMarked, markedOnImport, marksOnExport } from "./routeLeak.ts";

/** How long after its return a restarted peer may take to send its table, whatever it does. */
const staleAfterReturnSeconds = 360;

export interface RouteSideConfig {
  readonly speaker: Pick<SpeakerConfig, "asn" | "bgpId" | "clusterId" | "gracefulShutdown">;
  readonly peer: PeerConfig;
}

/** What the two sides agreed on, as far as routes are concerned. */
export interface Agreement {
  readonly remoteAsn: number;
  readonly negotiated: Negotiated;
  readonly remoteBgpId: number;
  readonly localAddress: Address | null;
}

/** As far as it concerns what the peer is told. */
type AgreedOnExport = Pick<Negotiated, "families" | "extendedNextHop" | "longLived">;

export class RouteSide {
  readonly #ports: SpeakerPorts;
  readonly #ribPeer: PeerId;
  /** As the operator has it, and with the AS that a peer of any other AS says. */
  #given: RouteSideConfig;
  #config: RouteSideConfig;
  #bgpId = 0;
  #rules: KnownRules | null = null;
  #agreement: Agreement | null = null;
  #out: PeerOut | null = null;
  /** Of which routes may be kept beyond the restart time. */
  #longLived: readonly LongLivedFamily[] = [];
  /** Whose routes are kept from a session that was lost. */
  #stale: readonly Family[] = [];
  #endOfRib: readonly Family[] = [];
  /** Of which the peer is telling everything again (RFC 7313). */
  readonly #refreshing = new Set<Family>();
  #faults: { readonly count: number; readonly lastText: string } | null = null;
  #treatedAsWithdrawal = 0;

  constructor(config: RouteSideConfig, ports: SpeakerPorts) {
    this.#given = config;
    this.#config = config;
    this.#ports = ports;
    this.#ribPeer = ports.rib.peers.add(this.#ribPeerFacts());
  }

  get ribPeer(): PeerId {
    return this.#ribPeer;
  }

  get out(): PeerOut | null {
    return this.#out;
  }

  /** What this session survived (RFC 7606). */
  get faults(): { readonly count: number; readonly lastText: string } | null {
    return this.#faults;
  }

  /** UPDATEs of this session whose routes were treated as withdrawn (RFC 7606). */
  get treatedAsWithdrawal(): number {
    return this.#treatedAsWithdrawal;
  }

  /** Whether routes of a session that was lost are kept for its return. */
  get keepsStale(): boolean {
    return this.#stale.length > 0;
  }

  get agreement(): Agreement | null {
    return this.#agreement;
  }

  /**
   * Whether the peer's table has been heard to its end, or waiting for that end is in vain (RFC 4724 §4.1): it cannot
   * tell it, or it is restarting too and waits for ours. A helper alone names no family and waits for nobody; FRR is
   * one, and sets the R bit in the first two minutes after any start.
   */
  get hasAllRoutes(): boolean {
    const restart = this.#agreement?.negotiated.gracefulRestart;
    return this.hasToldAll || (restart?.restarting === true && restart.families.length > 0);
  }

  /** Whether the peer's table has been heard to its end, or no end of it is ever told. */
  get hasToldAll(): boolean {
    if (!this.#agreement) return false;
    const { families, gracefulRestart } = this.#agreement.negotiated;
    return !gracefulRestart || families.every((family) => this.#endOfRib.includes(family));
  }

  /** Other rules by the same session: what is known is judged anew, what was sent is sent anew. */
  reconfigure(config: RouteSideConfig, changed: { readonly import: boolean; readonly export: boolean }): void {
    this.#given = config;
    this.#config = withAsnOf(this.#agreement, config);
    const { rib } = this.#ports;
    rib.peers.set(this.#ribPeer, this.#ribPeerFacts());
    if (changed.import) rib.reimport(this.#ribPeer);
    if (changed.export && this.#out && this.#agreement) this.#out.setTerms(this.#terms(this.#agreement));
  }

  established(agreement: Agreement, sink: OutSink): void {
    const { rib } = this.#ports;
    // What is kept was decided by the identifier of before, which the decision compares: another one, another peer.
    if (this.#bgpId !== agreement.remoteBgpId) this.dropStale();
    this.#bgpId = agreement.remoteBgpId;
    this.#agreement = agreement;
    this.#config = withAsnOf(agreement, this.#given);
    this.#endOfRib = [];
    this.#refreshing.clear();
    this.#faults = null;
    this.#treatedAsWithdrawal = 0;
    rib.peers.set(this.#ribPeer, this.#ribPeerFacts());
    const address = addressOf(this.#config.peer.address);
    this.#out = this.#ports.groups.join({ peer: this.#ribPeer, address, terms: this.#terms(agreement), sink });
    this.#keepStale(agreement.negotiated.gracefulRestart);
  }

  /** `gracefully` where the transport was lost and neither side said why. */
  lost({ gracefully }: { readonly gracefully: boolean }): void {
    const { rib } = this.#ports;
    this.#out?.leave();
    this.#out = null;
    // RFC 4724 §4.2: what was stale already does not outlive a second restart.
    rib.sweep(this.#ribPeer, [4, 6]);
    rib.endEpoch(this.#ribPeer);
    const restart = gracefully && this.#agreement ? this.#agreement.negotiated.gracefulRestart : null;
    this.#longLived = restart && this.#agreement ? this.#agreement.negotiated.longLived : [];
    this.#agreement = null;
    this.#stale = restart?.families.map(({ family }) => family) ?? [];
    this.#sweepAllBut(this.#stale);
    if (restart && this.#stale.length > 0) this.#armStale(restart.restartSeconds);
    else this.#disarmStale();
  }

  /** RFC 9494 §4.2: the restart time is over, and the peer wished that its routes be kept for longer, as a last resort. */
  staleTimerFired(): void {
    const longLived = this.#longLived.filter(({ family }) => this.#stale.includes(family));
    this.#longLived = [];
    if (this.#agreement || longLived.length === 0) {
      this.dropStale();
      return;
    }
    this.#stale = longLived.map(({ family }) => family);
    this.#sweepAllBut(this.#stale);
    this.#ports.rib.outlive(this.#ribPeer, this.#stale);
    this.#armStale(Math.max(...longLived.map(({ staleSeconds }) => staleSeconds)));
  }

  /** The peer took too long to come back, or to tell everything again. */
  dropStale(): void {
    this.#stale = [];
    this.#ports.rib.sweep(this.#ribPeer, [4, 6]);
  }

  update(update: Update): void {
    const { rib } = this.#ports;
    for (const { name, reason, done } of update.faults) {
      const result = done === "withdrawRoutes" ? "its routes are treated as withdrawn" : "ignored";
      this.#faults = { count: (this.#faults?.count ?? 0) + 1, lastText: `${name}: ${reason}; ${result}` };
    }
    if (update.faults.some(({ done }) => done === "withdrawRoutes")) this.#treatedAsWithdrawal += 1;
    for (const prefixes of update.withdrawn) {
      const inVain = rib.withdraw(this.#ribPeer, prefixes);
      // Prefixes of a route with a fault are among them, which the peer did not withdraw.
      if (inVain > 0 && update.faults.length === 0) rib.peers.vain.withdrawnTwice.add(this.#ribPeer, inVain);
    }
    if (update.attributes) {
      const attributes = this.#marked(update.attributes);
      for (const each of update.announced) rib.announce(this.#ribPeer, this.#onInterface(each), attributes);
    }
    if (update.endOfRib !== null) this.#onEndOfRib(update.endOfRib);
  }

  /** A link-local next hop is on the link of the session. */
  #onInterface(announcement: Announcement): Announcement {
    const name = this.#config.peer.interface;
    if (name === undefined || !isLinkLocal(announcement.nextHop)) return announcement;
    return { ...announcement, interface: name };
  }

  #marked(attributes: PathAttributes): PathAttributes {
    const { localRole, asn } = this.#config.peer;
    return localRole ? markedOnImport(attributes, localRole, asn) : attributes;
  }

  /** As `update`, of an ordinary one. */
  applyScanned(scan: UpdateScanner, bytes: Uint8Array): void {
    this.#ports.rib.applyScanned(this.#ribPeer, bytes, scan);
  }

  /** Behind the last of several ordinary ones. */
  takeIn(): void {
    this.#ports.rib.takeIn();
  }

  /** RFC 7313 §4.2: what the peer does not name again between the two is gone. An end without a beginning means nothing. */
  refreshed(family: Family, demarcation: "begin" | "end"): void {
    const { rib } = this.#ports;
    if (demarcation === "begin") {
      rib.beginRefresh(this.#ribPeer, family);
      this.#refreshing.add(family);
    } else if (this.#refreshing.delete(family)) {
      rib.sweep(this.#ribPeer, [family]);
    }
  }

  /** Next hops are reached through other interfaces than before, which filters may ask for. */
  interfacesChanged(): void {
    const { rib } = this.#ports;
    if (rib.peers.get(this.#ribPeer).importRules.filters?.usesInterfaces) rib.reimport(this.#ribPeer);
    if (this.#out?.view.filters?.usesInterfaces) this.#out.markAll();
  }

  /** The peer is no longer configured. */
  remove(): void {
    this.#out?.leave();
    this.#out = null;
    this.#disarmStale();
    this.#ports.rib.removePeer(this.#ribPeer);
  }

  #onEndOfRib(family: Family): void {
    if (!this.#endOfRib.includes(family)) this.#endOfRib = [...this.#endOfRib, family];
    if (!this.#stale.includes(family)) return;
    this.#ports.rib.sweep(this.#ribPeer, [family]);
    this.#stale = this.#stale.filter((other) => other !== family);
    if (this.#stale.length === 0) this.#disarmStale();
  }

  /** RFC 4724 §4.2: after its return, the routes of a family stay only if the peer went on forwarding by them. */
  #keepStale(restart: GracefulRestart | null): void {
    if (this.#stale.length === 0) return;
    const kept = restart?.families.filter(({ forwardingKept }) => forwardingKept).map(({ family }) => family) ?? [];
    this.#stale = this.#stale.filter((family) => kept.includes(family));
    this.#sweepAllBut(this.#stale);
    if (this.#stale.length > 0) this.#armStale(staleAfterReturnSeconds);
    else this.#disarmStale();
  }

  #sweepAllBut(kept: readonly Family[]): void {
    const swept = ([4, 6] as const).filter((family) => !kept.includes(family));
    if (swept.length > 0) this.#ports.rib.sweep(this.#ribPeer, swept);
  }

  #armStale(seconds: number): void {
    this.#ports.emit({ type: "arm", timer: { of: "peer", peer: this.#config.peer.name, timer: "stale" }, seconds });
  }

  #disarmStale(): void {
    this.#ports.emit({ type: "disarm", timer: { of: "peer", peer: this.#config.peer.name, timer: "stale" } });
  }

  #ribPeerFacts(): RibPeer {
    this.#rules = presentRules(this.#rules, this.#config, this.#agreement?.localAddress ?? null, this.#ports.rib);
    return this.#factsBy(this.#config, this.#rules);
  }

  /** The peer under another configuration, in another table. */
  imagined(config: RouteSideConfig, rib: Rib): RibPeer {
    return this.#factsBy(config, presentRules(null, config, this.#agreement?.localAddress ?? null, rib));
  }

  #factsBy({ peer, speaker }: RouteSideConfig, { rules: importRules }: KnownRules): RibPeer {
    return {
      name: peer.name,
      external: peer.asn !== speaker.asn,
      bgpId: this.#bgpId,
      address: addressOf(peer.address),
      importRules,
      ...boundsOf(peer),
      ...(peer.routeReflectorClient && { isClient: true as const }),
    };
  }

  /** By which the peer is told routes. */
  terms(): GroupTerms {
    assert(this.#agreement, "a session that stands");
    return this.#terms(this.#agreement);
  }

  /** All that another peer must have in common with this one to be told together with it. */
  #terms({ negotiated, localAddress }: Agreement): GroupTerms {
    const { exportPolicy, exportFilters } = this.#config.peer;
    const { fourOctetAs, messageBytesMax } = negotiated;
    const context = { fourOctetAs, messageBytesMax };
    const sendsPaths = negotiated.addPath.filter(({ send }) => send).map(({ family }) => family);
    const view = this.#exportView({ negotiated, localAddress });
    const { filter: _, filters: __, ownNextHop, ...rest } = view;
    const hops = ([4, 6] as const).map((family) => (ownNextHop[family] ? formatAddress(ownNextHop[family]) : null));
    const { sendMax: pathsMax } = this.#config.peer.addPath ?? {};
    const key = JSON.stringify([
      rest,
      hops,
      exportPolicy,
      exportFilters ?? null,
      context,
      sendsPaths,
      pathsMax ?? null,
    ]);
    if (sendsPaths.length === 0) return { key, view, context };
    return { key, view, context, sendsPaths, ...(pathsMax !== undefined && { pathsMax }) };
  }

  /** What the peer would be told under another configuration, or is told under the present one. */
  rehearsed(config: RouteSideConfig = this.#config): Rehearsed {
    const { families, localAddress, extendedNextHop = false } = config.peer;
    const local = localAddress === undefined ? null : addressOf(localAddress);
    const agreed = this.#agreement ?? {
      negotiated: { families, extendedNextHop, longLived: [] },
      localAddress: local,
    };
    return {
      view: this.#exportView(agreed, config),
      peer: this.#ribPeer,
      peerAddress: addressOf(config.peer.address),
    };
  }

  #exportView(
    { negotiated, localAddress }: { negotiated: AgreedOnExport; localAddress: Address | null },
    { peer, speaker }: RouteSideConfig = this.#config,
  ): ExportView {
    const external = peer.asn !== speaker.asn;
    return {
      peer: 0,
      external,
      localAsn: speaker.asn,
      peerAddress: null,
      families: negotiated.families,
      ownNextHop: ownNextHops(peer, negotiated, localAddress),
      nextHopMode: peer.nextHopMode ?? (external ? "self" : "keep"),
      ...(negotiated.longLived.length > 0 && { takesLongLived: true as const }),
      ...(keepsMarked(peer.localRole) && { keepsOnlyToCustomer: true }),
      ...(marksOnExport(peer.localRole) && { marksOnlyToCustomer: true, changesAttributes: true }),
      ...filtersOf(peer.exportFilters, { external }),
      filter: new PrefixFilter(peer.exportPolicy),
      ...(!external && {
        reflection: { clusterId: clusterIdOf(speaker), toClient: peer.routeReflectorClient === true },
      }),
      ...((speaker.gracefulShutdown || peer.gracefulShutdown) && {
        shutsDown: true as const,
        changesAttributes: true as const,
      }),
    };
  }
}

/** Who may be of any AS is of the one that its OPEN says. */
function withAsnOf(agreement: Agreement | null, config: RouteSideConfig): RouteSideConfig {
  if (config.peer.asn !== anyOtherAs || !agreement) return config;
  return { ...config, peer: { ...config.peer, asn: agreement.remoteAsn } };
}
