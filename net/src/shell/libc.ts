/**
 * The few system calls that Node lacks, by koffi. Every call but `sendAside` is synchronous and on the calling thread,
 * which `setns` depends on. This is the only file of the project that reaches into C. Typed arrays are passed by
 * reference, so that what the kernel writes is there afterwards.
 */
import koffi from "koffi";
import { KernelError, refusal } from "../kernelError.ts";
import { encodeValue, u32 } from "../netlink/value.ts";

type Call<A extends readonly unknown[]> = (...args: A) => number;

const libc = koffi.load(null);
const setnsCall: Call<[number, number]> = libc.func("int setns(int, int)");
const unshareCall: Call<[number]> = libc.func("int unshare(int)");
const socketCall: Call<[number, number, number]> = libc.func("int socket(int, int, int)");
const setOptionCall: Call<[number, number, number, Uint8Array, number]> = libc.func(
  "int setsockopt(int, int, int, const void *, uint32_t)",
);
const getOptionCall: Call<[number, number, number, Uint8Array, Uint8Array]> = libc.func(
  "int getsockopt(int, int, int, void *, void *)",
);
const closeCall: Call<[number]> = libc.func("int close(int)");
const bindCall: Call<[number, Uint8Array, number]> = libc.func("int bind(int, const void *, uint32_t)");
const getNameCall: Call<[number, Uint8Array, Uint8Array]> = libc.func("int getsockname(int, void *, void *)");

const sendCall: { async(fd: number, bytes: Uint8Array, length: number, flags: number, done: Done): void } = libc.func(
  "intptr_t send(int, const void *, size_t, int)",
);
const sendNowCall: Call<[number, Uint8Array, number, number]> = libc.func(
  "intptr_t send(int, const void *, size_t, int)",
);
const receiveCall: Call<[number, Uint8Array, number, number]> = libc.func("intptr_t recv(int, void *, size_t, int)");

const sendToCall: Call<[number, Uint8Array, number, number, Uint8Array, number]> = libc.func(
  "intptr_t sendto(int, const void *, size_t, int, const void *, uint32_t)",
);
const receiveFromCall: Call<[number, Uint8Array, number, number, Uint8Array, Uint8Array]> = libc.func(
  "intptr_t recvfrom(int, void *, size_t, int, void *, void *)",
);

/** struct sock_fprog of linux/filter.h: how many instructions of 8 bytes, and where. */
const filterProgram = koffi.struct({ length: "uint16_t", instructions: "const void *" });
const attachFilterCall: Call<[number, number, number, object, number]> = libc.func("setsockopt", "int", [
  "int",
  "int",
  "int",
  koffi.pointer(filterProgram),
  "uint32_t",
]);

const setSchedulerCall: Call<[number, number, Uint8Array]> = libc.func(
  "int sched_setscheduler(int, int, const void *)",
);

const interfaceNameCall: (index: number, name: Uint8Array) => string | null = libc.func(
  "const char *if_indextoname(unsigned int, void *)",
);

/** `null` where the C library has no such call: glibc alone has. */
const trimCall: ((kept: number) => number) | null = optional("int malloc_trim(size_t)");

type Done = (error: Error | null, sent: number) => void;

/** sys/socket.h */
export const socketDomain: { readonly inet: 2; readonly inet6: 10; readonly netlink: 16; readonly packet: 17 } = {
  inet: 2,
  inet6: 10,
  netlink: 16,
  packet: 17,
};
export const socketType: {
  readonly stream: 1;
  readonly datagram: 2;
  readonly raw: 3;
  readonly nonBlocking: 0x800;
  readonly closeOnExec: 0x80000;
} = { stream: 1, datagram: 2, raw: 3, nonBlocking: 0x800, closeOnExec: 0x80000 };

const cloneNewNet = 0x40000000;
const dontWait = 0x40;

/** Moves the calling thread into the network namespace of an open descriptor. Not exported from the package: see `insideNamespace`. */
export function setNetworkNamespace(fd: number): void {
  check("setns", setnsCall(fd, cloneNewNet));
}

/** Moves the calling thread into a network namespace that is made for it. Not exported from the package: see `makeNamespace`. */
export function leaveForNewNamespace(): void {
  check("unshare", unshareCall(cloneNewNet));
}

/** A new socket's descriptor. The caller owns it: `closeSync` of node:fs closes it. */
export function openSocket(domain: number, type: number, protocol = 0): number {
  return check("socket", socketCall(domain, type, protocol));
}

/** In a worker `closeSync` of node:fs warns of descriptors that Node did not open. */
export function closeSocket(fd: number): void {
  check("close", closeCall(fd));
}

/** `value` is a number for the usual int, or the bytes of the option's structure. */
export function setSocketOption(fd: number, level: number, option: number, value: number | Uint8Array): void {
  const bytes = typeof value === "number" ? encodeValue(u32, value >>> 0) : value;
  check("setsockopt", setOptionCall(fd, level, option, bytes, bytes.length));
}

/** A classic packet filter (SO_ATTACH_FILTER of asm-generic/socket.h): `count` instructions of 8 bytes. */
export function attachSocketFilter(fd: number, instructions: Uint8Array, count: number): void {
  const program = { length: count, instructions };
  check("setsockopt", attachFilterCall(fd, 1, 26, program, koffi.sizeof(filterProgram)));
}

/** The first `size` bytes of an option's value; or as many as the bytes with which the kernel is asked, into these. */
export function getSocketOption(fd: number, level: number, option: number, size: number | Uint8Array): Uint8Array {
  const value = typeof size === "number" ? new Uint8Array(size) : size;
  const length = encodeValue(u32, value.length);
  check("getsockopt", getOptionCall(fd, level, option, value, length));
  return value.subarray(0, u32.decode(length) ?? 0);
}

/** `name` is a struct sockaddr. */
export function bindSocket(fd: number, name: Uint8Array): void {
  check("bind", bindCall(fd, name, name.length));
}

/** The struct sockaddr that a socket is bound to. */
export function getSocketName(fd: number): Uint8Array {
  const value = new Uint8Array(128);
  const length = encodeValue(u32, value.length);
  check("getsockname", getNameCall(fd, value, length));
  return value.subarray(0, u32.decode(length) ?? 0);
}

/**
 * Sends on a thread of libuv's pool, for messages that keep the kernel busy before the call returns. Why it failed
 * cannot be told: errno is the other thread's.
 */
export function sendAside(fd: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    sendCall.async(fd, bytes, bytes.length, 0, (error, sent) => {
      if (sent === bytes.length) resolve();
      else reject(error ?? new KernelError({ code: "CLOSED", object: "send" }));
    });
  });
}

/** Sends on this thread, which the kernel may keep busy for as long as the request takes. */
export function sendNow(fd: number, bytes: Uint8Array): void {
  check("send", sendNowCall(fd, bytes, bytes.length, 0));
}

/** What is there to be read at this moment; nothing there is an error. */
export function receiveNow(fd: number, bytesMax: number): Uint8Array {
  return receiveInto(fd, new Uint8Array(bytesMax));
}

/** The same, as a part of `bytes`: whoever uses these again is done with it by then. */
export function receiveInto(fd: number, bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, check("recv", receiveCall(fd, bytes, bytes.length, dontWait)));
}

/** One datagram to a struct sockaddr; without room in the socket's buffer it is an error. */
export function sendTo(fd: number, bytes: Uint8Array, name: Uint8Array): void {
  check("sendto", sendToCall(fd, bytes, bytes.length, dontWait, name, name.length));
}

/** The next datagram and the struct sockaddr that it came from, or `null` while there is none. */
export function receiveFrom(
  fd: number,
  bytesMax: number,
): { readonly bytes: Uint8Array; readonly from: Uint8Array } | null {
  const bytes = new Uint8Array(bytesMax);
  const from = new Uint8Array(28);
  const received = receiveFromCall(fd, bytes, bytes.length, dontWait, from, encodeValue(u32, from.length));
  if (received < 0 && koffi.errno() === againErrno) return null;
  return { bytes: bytes.subarray(0, check("recvfrom", received)), from };
}

const againErrno = 11;

/** linux/if.h: IFNAMSIZ. */
const interfaceNameBytes = 16;

/** What the interface is called now, in the namespace of the thread; `null` where it is gone. */
export function interfaceNameOf(index: number): string | null {
  return interfaceNameCall(index, new Uint8Array(interfaceNameBytes));
}

/** Gives free memory of the C library back to the kernel. It does so by itself only at the end of its heap. */
export function trimHeap(): void {
  trimCall?.(0);
}

/**
 * The calling thread comes before all that are not of the kind (SCHED_FIFO, the lowest of its priorities), whatever they
 * are and in whatever cgroup or session; threads that it starts do not (SCHED_RESET_ON_FORK). Throws a `KernelError`
 * where that is not allowed: it takes CAP_SYS_NICE.
 */
export function scheduleFirst(): void {
  const firstInFirstOut = 1;
  const resetOnFork = 0x4000_0000;
  check("sched_setscheduler", setSchedulerCall(0, firstInFirstOut | resetOnFork, encodeValue(u32, 1)));
}

function optional(declaration: string): ((argument: number) => number) | null {
  try {
    return libc.func(declaration);
  } catch {
    return null;
  }
}

function check(call: string, result: number): number {
  if (result < 0) throw systemCallError(call);
  return result;
}

function systemCallError(call: string): KernelError {
  return new KernelError(refusal(koffi.errno(), call));
}
