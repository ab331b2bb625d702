'use strict';
// Addresses, and lists of them.
const { ArrayPrototypeUnshift, BigInt, NumberParseInt, RegExpPrototypeExec, StringPrototypeIncludes, StringPrototypeSplit } = primordials;
const AF_INET = 2;
const AF_INET6 = 10;

const V4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function numberOf4(text) {
  const match = RegExpPrototypeExec(V4, text);
  let value = 0n;
  for (let i = 1; i <= 4; i++) value = value << 8n | BigInt(match[i]);
  return value;
}

function numberOf6(text) {
  const bare = StringPrototypeSplit(text, '%')[0];
  const { 0: before, 1: after } = StringPrototypeSplit(bare, '::');
  const groups = (part) => {
    const list = [];
    if (part === undefined || part === '') return list;
    for (const piece of StringPrototypeSplit(part, ':')) {
      if (StringPrototypeIncludes(piece, '.')) {
        const value = numberOf4(piece);
        list.push(value >> 16n, value & 0xffffn);
      } else {
        list.push(BigInt(NumberParseInt(piece, 16)));
      }
    }
    return list;
  };
  const head = groups(before);
  const tail = groups(after);
  while (head.length + tail.length < 8) head.push(0n);
  let value = 0n;
  for (const group of head.concat(tail)) value = value << 16n | group;
  return value;
}

const MAPPED = 0xffffn << 32n;

class SocketAddress {
  constructor(address, port, family, flowlabel) {
    const { isIPv4, isIPv6 } = require('internal/net');
    if (family === AF_INET ? !isIPv4(address) : !isIPv6(address)) {
      const { ERR_INVALID_ADDRESS } = require('internal/errors').codes;
      throw new ERR_INVALID_ADDRESS();
    }
    this.parts = { address, port, family, flowlabel };
    this.number = family === AF_INET ? numberOf4(address) : numberOf6(address);
  }

  detail(target) {
    return Object.assign(target, this.parts);
  }

  flowlabel() {
    return this.parts.flowlabel;
  }

  /** The address as a number of IPv6. */
  get wide() {
    return this.parts.family === AF_INET ? MAPPED | this.number : this.number;
  }

  get isMapped() {
    return this.parts.family === AF_INET || this.number >> 32n === 0xffffn;
  }
}

class BlockList {
  #rules = [];

  #add(text, contains) {
    ArrayPrototypeUnshift(this.#rules, { text, contains });
  }

  addAddress(address) {
    const family = address.parts.family === AF_INET ? 'IPv4' : 'IPv6';
    this.#add(`Address: ${family} ${address.parts.address}`, (other) => other.wide === address.wide);
  }

  addRange(start, end) {
    if (start.wide > end.wide) return false;
    const family = start.parts.family === AF_INET ? 'IPv4' : 'IPv6';
    this.#add(`Range: ${family} ${start.parts.address}-${end.parts.address}`, (other) => other.wide >= start.wide && other.wide <= end.wide);
    return true;
  }

  addSubnet(network, prefix) {
    const is4 = network.parts.family === AF_INET;
    const bits = BigInt(is4 ? 32 - prefix : 128 - prefix);
    this.#add(
      `Subnet: ${is4 ? 'IPv4' : 'IPv6'} ${network.parts.address}/${prefix}`,
      (other) => is4 === other.isMapped && other.wide >> bits === network.wide >> bits,
    );
  }

  check(address) {
    return this.#rules.some((rule) => rule.contains(address));
  }

  getRules() {
    return this.#rules.map((rule) => rule.text);
  }
}

module.exports = { AF_INET, AF_INET6, BlockList, FLOW_LABEL_MASK: 0xfffff, SocketAddress };
