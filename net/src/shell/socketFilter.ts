/** Classic packet filters (linux/filter.h), by which the kernel throws away what a socket does not want to hear. */
import { attachSocketFilter } from "./libc.ts";

/** A code, two jumps over so many instructions, and a value. */
export interface FilterInstruction {
  readonly code: number;
  readonly ifTrue?: number;
  readonly ifFalse?: number;
  readonly value: number;
}

type Operation =
  | "loadByte"
  | "loadHalf"
  | "loadWord"
  | "loadWordBehindIndex"
  | "set"
  | "setIndex"
  | "copyToIndex"
  | "jumpIfEqual"
  | "answer";

/** What is loaded of a packet goes to the accumulator, as a big-endian number. There is one index register beside it. */
export const filterCode: Readonly<Record<Operation, number>> = {
  loadByte: 0x30, // BPF_LD | BPF_B | BPF_ABS
  loadHalf: 0x28, // BPF_LD | BPF_H | BPF_ABS
  loadWord: 0x20, // BPF_LD | BPF_W | BPF_ABS: also what the kernel works out, at the offsets SKF_AD_*
  loadWordBehindIndex: 0x40, // BPF_LD | BPF_W | BPF_IND
  set: 0x00, // BPF_LD | BPF_IMM
  setIndex: 0x01, // BPF_LDX | BPF_IMM
  copyToIndex: 0x07, // BPF_MISC | BPF_TAX
  jumpIfEqual: 0x15, // BPF_JMP | BPF_JEQ | BPF_K
  answer: 0x06, // BPF_RET | BPF_K: how many bytes pass
};

/** struct sock_filter: u16 code, u8 jt, u8 jf, u32 k, in the order of the machine, which is little-endian on all that we run on. */
export function attachFilter(fd: number, instructions: readonly FilterInstruction[]): void {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, { code, ifTrue = 0, ifFalse = 0, value }] of instructions.entries()) {
    view.setUint16(i * 8, code, true);
    bytes[i * 8 + 2] = ifTrue;
    bytes[i * 8 + 3] = ifFalse;
    view.setUint32(i * 8 + 4, value, true);
  }
  attachSocketFilter(fd, bytes, instructions.length);
}
