// Makes a screenshot small: 256 of its colours as a palette (PNG, W3C recommendation, colour type 3).

import { deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
const BYTES_PER_PIXEL = { 2: 3, 6: 4 }; // truecolour, and with alpha: what a browser writes
const MOST = 256;

/** The same picture with at most 256 colours; `png` is a Buffer with 8 bits a channel. */
export function reduced(png) {
  const { width, height, bytes, pixels } = decoded(png);
  const colours = new Uint32Array(width * height);
  const counts = new Map();
  for (let i = 0; i < colours.length; i += 1) {
    const colour = (pixels[i * bytes] << 16) | (pixels[i * bytes + 1] << 8) | pixels[i * bytes + 2];
    colours[i] = colour;
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const { palette, places } = chosen(counts);
  const rows = Buffer.alloc(height * (width + 1)); // each row begins with its filter: 0, none
  for (let i = 0; i < colours.length; i += 1) {
    rows[Math.floor(i / width) * (width + 1) + 1 + (i % width)] = places.get(colours[i]);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8); // 8 bits, palette
  const table = Buffer.from(palette.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  const parts = [chunk('IHDR', header), chunk('PLTE', table), chunk('IDAT', deflateSync(rows, { level: 9 }))];
  return Buffer.concat([SIGNATURE, ...parts, chunk('IEND', Buffer.alloc(0))]);
}

/** A palette, and the place in it for each colour: each entry is where the picture so far is most wrong. */
function chosen(counts) {
  const colours = [...counts.keys()];
  const weights = colours.map((colour) => Math.sqrt(counts.get(colour))); // a legend's few dots count, too
  const errors = colours.map(() => Infinity);
  const nearest = colours.map(() => 0);
  const palette = [];
  while (palette.length < Math.min(MOST, colours.length)) {
    const worst = errors.reduce((best, error, i) => (error * weights[i] > errors[best] * weights[best] ? i : best), 0);
    colours.forEach((colour, i) => {
      const error = distance(colour, colours[worst]);
      if (error < errors[i]) {
        [errors[i], nearest[i]] = [error, palette.length];
      }
    });
    palette.push(colours[worst]);
  }
  return { palette, places: new Map(colours.map((colour, i) => [colour, nearest[i]])) };
}

function distance(one, other) {
  return (
    ((other >> 16) - (one >> 16)) ** 2 +
    (((other >> 8) & 255) - ((one >> 8) & 255)) ** 2 +
    ((other & 255) - (one & 255)) ** 2
  );
}

function decoded(png) {
  const found = chunks(png);
  const header = found.find(({ kind }) => kind === 'IHDR').body;
  const [width, height, bytes] = [header.readUInt32BE(0), header.readUInt32BE(4), BYTES_PER_PIXEL[header[9]]];
  if (header[8] !== 8 || !bytes || header[12] !== 0) {
    throw new Error(`a PNG of ${header[8]} bits and colour type ${header[9]} was not expected`);
  }
  const raw = inflateSync(Buffer.concat(found.filter(({ kind }) => kind === 'IDAT').map(({ body }) => body)));
  return { width, height, bytes, pixels: unfiltered(raw, width * bytes, height, bytes) };
}

function chunks(png) {
  const found = [];
  for (let at = SIGNATURE.length; at < png.length; ) {
    const size = png.readUInt32BE(at);
    found.push({ kind: png.toString('latin1', at + 4, at + 8), body: png.subarray(at + 8, at + 8 + size) });
    at += size + 12;
  }
  return found;
}

/** Section 9 of the recommendation: each byte was written as a difference from its neighbours. */
function unfiltered(raw, line, height, bytes) {
  const pixels = new Uint8Array(line * height);
  for (let y = 0; y < height; y += 1) {
    const filter = raw[y * (line + 1)];
    for (let x = 0; x < line; x += 1) {
      const at = y * line + x;
      const left = x >= bytes ? pixels[at - bytes] : 0;
      const above = y > 0 ? pixels[at - line] : 0;
      const corner = x >= bytes && y > 0 ? pixels[at - line - bytes] : 0;
      pixels[at] = raw[y * (line + 1) + 1 + x] + [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter];
    }
  }
  return pixels;
}

function paeth(left, above, corner) {
  const guess = left + above - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

function chunk(kind, body) {
  const named = Buffer.concat([Buffer.from(kind, 'latin1'), body]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(body.length, 0);
  frame.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
}

/** Annex D of the recommendation; node:zlib has it only from Node 20.15 on. */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    }
  }
  return (crc ^ 0xffffffff) >>> 0;
}
