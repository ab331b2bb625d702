import { type DecodedPng, decode, encode } from "fast-png";

/** What a thumbnail's longer side has, in pixels. */
const SIDE = 160;

export interface Thumbnail {
  width: number;
  height: number;
  png: Uint8Array;
}

/** A small copy of a picture: each of its pixels is the mean of those that it stands for. */
export function thumbnail(bytes: Uint8Array): Thumbnail {
  const picture = decode(bytes);
  const { width, height } = picture;
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const small = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const data = new Uint8Array(small.width * small.height * 4);
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      const from = { x: Math.floor(x / scale), y: Math.floor(y / scale) };
      const to = { x: Math.min(width, Math.ceil((x + 1) / scale)), y: Math.min(height, Math.ceil((y + 1) / scale)) };
      data.set(mean(picture, from, to), (y * small.width + x) * 4);
    }
  }
  return { width, height, png: encode({ ...small, data, channels: 4, depth: 8 }) };
}

type Point = { x: number; y: number };

function mean(picture: DecodedPng, from: Point, to: Point): number[] {
  const sum = [0, 0, 0, 0];
  let count = 0;
  for (let y = from.y; y < to.y; y++) {
    for (let x = from.x; x < to.x; x++) {
      const pixel = pixelAt(picture, y * picture.width + x);
      for (let i = 0; i < 4; i++) sum[i] += pixel[i];
      count++;
    }
  }
  return sum.map((part) => Math.round(part / count));
}

/** Red, green, blue and opacity, from 0 to 255. */
function pixelAt({ data, channels, depth, palette }: DecodedPng, at: number): number[] {
  if (palette !== undefined) {
    const [red, green, blue, alpha = 255] = palette[data[at]];
    return [red, green, blue, alpha];
  }
  const parts = Array.from(data.subarray(at * channels, (at + 1) * channels), (part) => depth === 16 ? part >> 8 : part);
  const [first, second] = parts;
  if (channels === 1) return [first, first, first, 255];
  if (channels === 2) return [first, first, first, second];
  return channels === 3 ? [...parts, 255] : parts;
}
