/**
 * What ADD makes of a configuration, kept by its text: a runtime sends the same for nearly all pods of a network. What is refused is
 * not kept, and neither is what is long.
 */
import { type PluginConfig, parseConfig, refusePrevResult } from "./config.ts";

/** Of the networks of a node, and of pods with wishes of their own, which come and go. */
const configsMax = 8;
const charactersMax = 16_384;

export class KnownConfigs {
  readonly #configs = new Map<string, PluginConfig>();

  /** Throws a `CniError` for what ADD refuses. */
  ofAdd(stdin: string): PluginConfig {
    const known = this.#configs.get(stdin);
    if (known) return known;
    const config = parseConfig(stdin);
    refusePrevResult(stdin);
    if (stdin.length > charactersMax) return config;
    this.#configs.set(stdin, config);
    const [oldest] = this.#configs.keys();
    if (oldest !== undefined && this.#configs.size > configsMax) this.#configs.delete(oldest);
    return config;
  }
}
