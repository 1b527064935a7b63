/**
 * Which notifications of links the kernel is to keep for itself. A pod comes and goes with a dozen, of a kilobyte and a half
 * each, and a datagram costs four system calls to be heard.
 */
import { type FilterInstruction, filterCode } from "./socketFilter.ts";

/** linux/rtnetlink.h */
const newLink = 16;
const deletedLink = 17;
/** Of struct nlmsghdr. */
const typeOffset = 4;
/** Of struct ifinfomsg. A port that leaves its bridge is told as the deletion of a link of that family, and stays. */
const familyOffset = 16;
const anyFamily = 0;
/** Behind struct nlmsghdr and struct ifinfomsg. */
const attributesOffset = 32;
const attributeHeaderBytes = 4;
const nameAttribute = 3; // IFLA_IFNAME
/** SKF_AD_OFF + SKF_AD_NLATTR: where, from the accumulator's offset on, the attribute is that the index says; 0 is nowhere. */
const attributeOffset = 0xfffff000 + 12;
const wholeMessage = 0xffffffff;

const pass: FilterInstruction = { code: filterCode.answer, value: wholeMessage };
const drop: FilterInstruction = { code: filterCode.answer, value: 0 };

export const deletedLinksAlone: readonly FilterInstruction[] = [
  { code: filterCode.loadHalf, value: typeOffset },
  { code: filterCode.jumpIfEqual, ifTrue: 0, ifFalse: 3, value: asLoaded(deletedLink) },
  { code: filterCode.loadByte, value: familyOffset },
  { code: filterCode.jumpIfEqual, ifTrue: 0, ifFalse: 1, value: anyFamily },
  pass,
  drop,
];

/** All but links whose names begin with these four characters. */
export function linksExcept(prefix: string): readonly FilterInstruction[] {
  const bytes = Buffer.from(prefix, "latin1");
  if (bytes.length !== 4) throw new RangeError(`${prefix} has not four characters`);
  return [
    { code: filterCode.loadHalf, value: typeOffset },
    { code: filterCode.jumpIfEqual, ifTrue: 1, ifFalse: 0, value: asLoaded(newLink) },
    { code: filterCode.jumpIfEqual, ifTrue: 0, ifFalse: 7, value: asLoaded(deletedLink) },
    { code: filterCode.set, value: attributesOffset },
    { code: filterCode.setIndex, value: nameAttribute },
    { code: filterCode.loadWord, value: attributeOffset },
    { code: filterCode.jumpIfEqual, ifTrue: 3, ifFalse: 0, value: 0 },
    { code: filterCode.copyToIndex, value: 0 },
    { code: filterCode.loadWordBehindIndex, value: attributeHeaderBytes },
    { code: filterCode.jumpIfEqual, ifTrue: 1, ifFalse: 0, value: bytes.readUInt32BE() },
    pass,
    drop,
  ];
}

/** Netlink's numbers are little-endian on all that we run on; a filter reads them as if they were not. */
function asLoaded(type: number): number {
  return ((type & 0xff) << 8) | (type >> 8);
}
