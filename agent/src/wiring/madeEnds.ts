/** The node's ends of pairs that this agent has wired itself: what goes by its index need not be looked at before. */
import { type Attachment, attachmentKey } from "@brindle/cni";

interface MadeEnd {
  readonly attachment: string;
  readonly index: number;
}

/**
 * By name and by index. The kernel gives an index anew only after all others, but whoever moves an interface in from another namespace
 * brings its index along: so what is gone has to be forgotten.
 */
export class MadeEnds {
  readonly #byName = new Map<string, MadeEnd>();
  readonly #names = new Map<number, string>();

  add(attachment: Attachment, index: number): void {
    this.#forgetName(attachment.hostInterface);
    this.forget(index);
    this.#byName.set(attachment.hostInterface, { attachment: attachmentKey(attachment), index });
    this.#names.set(index, attachment.hostInterface);
  }

  /** Its index, once; `null` where it was not made here, or is gone, or a newer container of the same pod has the name by now. */
  take(attachment: Attachment): number | null {
    const made = this.#byName.get(attachment.hostInterface);
    if (made?.attachment !== attachmentKey(attachment)) return null;
    this.#forgetName(attachment.hostInterface);
    return made.index;
  }

  /** The interface of that index is gone, whatever it was. */
  forget(index: number): void {
    const name = this.#names.get(index);
    if (name !== undefined) this.#forgetName(name);
  }

  #forgetName(name: string): void {
    const made = this.#byName.get(name);
    if (!made) return;
    this.#byName.delete(name);
    this.#names.delete(made.index);
  }
}
