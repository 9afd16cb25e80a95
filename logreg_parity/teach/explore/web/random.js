/**
 * The Mersenne Twister, seeded and read as NumPy's RandomState does it: a seed names the same data in both languages.
 * random() and permutation() are exact. normal() is exact but for the last bit of Math.log, in which libraries differ.
 */

const SIZE = 624;
const SHIFT = 397;

/** @param {number} seed 0 ... 2³² - 1; @returns {random(), normal(), permutation(n)} */
export function randomState(seed) {
  const words = seeded(seed);
  let at = SIZE;
  let kept = null;

  function word() {
    if (at === SIZE) {
      twist(words);
      at = 0;
    }
    let bits = words[at++];
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  }

  /** A number of 53 bits in [0, 1). */
  function random() {
    const high = word() >>> 5;
    const low = word() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** A standard normal number, by the polar method, which makes two at a time: the second one comes first. */
  function normal() {
    if (kept !== null) {
      const second = kept;
      kept = null;
      return second;
    }
    for (;;) {
      const u = 2 * random() - 1;
      const v = 2 * random() - 1;
      const square = u * u + v * v;
      if (square > 0 && square < 1) {
        const factor = Math.sqrt((-2 * Math.log(square)) / square);
        kept = factor * u;
        return factor * v;
      }
    }
  }

  /** A whole number from 0 to most: words of as many bits as that needs, until one is not above it. */
  function below(most) {
    const mask = 2 ** (32 - Math.clz32(most)) - 1;
    for (;;) {
      const value = (word() & mask) >>> 0;
      if (value <= most) return value;
    }
  }

  /** The numbers 0 ... n - 1 in a drawn order. */
  function permutation(n) {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = below(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  return { random, normal, permutation };
}

/** The state (624,) that a seed stands for. */
function seeded(seed) {
  const words = new Uint32Array(SIZE);
  words[0] = seed;
  for (let i = 1; i < SIZE; i++) {
    words[i] = Math.imul(1812433253, words[i - 1] ^ (words[i - 1] >>> 30)) + i;
  }
  return words;
}

/** The next 624 words, in place. */
function twist(words) {
  for (let i = 0; i < SIZE; i++) {
    const bits = (words[i] & 0x80000000) | (words[(i + 1) % SIZE] & 0x7fffffff);
    words[i] = words[(i + SHIFT) % SIZE] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
  }
}
