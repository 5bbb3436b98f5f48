// Takes JPEG and PNG files apart: what makes their pixels, and what else they say.
//
//   takeApart(bytes)   null for other formats, and for files that are not built as they should be;
//                      else {type, pixels, colored, orientation, isOdd, isOpaque}
//
// `pixels`: the parts of the file, in their order, that its pixels are decoded from. `colored`: these,
// and the parts that say how their colours are to be shown. `orientation`: 1 to 8, as in EXIF.
// `isOdd`: decoders understand its numbers differently. `isOpaque`: nothing in it can be transparent.

"use strict";

function takeApart(bytes) {
  if (startsWith(bytes, "\xff\xd8\xff")) return takeJpegApart(bytes);
  if (startsWith(bytes, "\x89PNG\r\n\x1a\n")) return takePngApart(bytes);
  return null;
}

function keep(parts, piece, isPixels = true) {
  parts.colored.push(piece);
  if (isPixels) parts.pixels.push(piece);
}

// JPEG (ITU-T T.81, B.1.1): segments of FF, marker, length and content; after the start of a scan
// the coded pixels, in which FF is followed by 00 or by a restart marker.
const EOI = 0xd9, SOS = 0xda, APP0 = 0xe0, APP1 = 0xe1, APP2 = 0xe2, APP14 = 0xee, COM = 0xfe;
const TABLES = [0xc4, 0xcc, 0xdb, 0xdc, 0xdd];
const isFrame = (marker) => marker >= 0xc0 && marker <= 0xcf && !TABLES.includes(marker);
const isExtra = (marker) => marker === COM || (marker >= APP0 && marker <= 0xef);

function takeJpegApart(bytes) {
  const parts = { type: "image/jpeg", pixels: [], colored: [], orientation: null,
    isOdd: false, isOpaque: true };
  let hasScan = false;
  keep(parts, bytes.subarray(0, 2));
  for (let at = 2; at < bytes.length;) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff) at += 1; // Fill bytes.
    const marker = bytes[at] === 0xff ? bytes[at + 1] : 0;
    let end = at + 2 + (marker === EOI ? 0 : bigEndian(bytes, at + 2, 2));
    const isKnown = [EOI, SOS, ...TABLES].includes(marker) || isFrame(marker) || isExtra(marker);
    if (!isKnown || !(end <= bytes.length)) {
      if (!hasScan) return null;
      keep(parts, bytes.subarray(at)); // Damaged, or cut off: that is for the decoder to say.
      break;
    }
    if (isExtra(marker)) keepExtra(parts, marker, bytes, at, end);
    if (isFrame(marker)) parts.isOdd = ![1, 3].includes(bytes[at + 9]); // Four: as printers mix.
    if (marker === SOS) [hasScan, end] = [true, endOfScan(bytes, end)];
    if (!isExtra(marker)) keep(parts, bytes.subarray(at, end));
    if (marker === EOI) break; // Behind it, cameras leave previews, depths and films.
    at = end;
  }
  parts.orientation ??= 1;
  return hasScan ? parts : null;
}

function keepExtra(parts, marker, bytes, at, end) {
  const body = bytes.subarray(at + 4, end), piece = bytes.subarray(at, end);
  // Both of these say how the numbers become red, green and blue; decoders heed them.
  const isPixels = (marker === APP0 && startsWith(body, "JFIF\0"))
    || (marker === APP14 && startsWith(body, "Adobe"));
  if (isPixels || (marker === APP2 && startsWith(body, "ICC_PROFILE\0"))) {
    keep(parts, piece, isPixels);
  } else if (marker === APP1 && startsWith(body, "Exif\0")) {
    parts.orientation ??= readOrientation(body);
  }
}

function endOfScan(bytes, at) {
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at < 0 || at + 1 === bytes.length) return bytes.length;
    const next = bytes[at + 1];
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at;
    at += next === 0xff ? 1 : 2;
  }
}

// PNG (third edition, 5.3): chunks of length, type, content and checksum.
const PIXEL_CHUNKS = ["IHDR", "PLTE", "tRNS", "IDAT", "IEND"];
const COLOR_CHUNKS = ["iCCP", "gAMA", "cHRM", "sRGB", "cICP", "mDCV", "cLLI"];

function takePngApart(bytes) {
  const [depth, colorType] = [bytes[24], bytes[25]];
  const parts = { type: "image/png", pixels: [], colored: [], orientation: 1,
    isOdd: depth === 16, isOpaque: ![4, 6].includes(colorType) };
  keep(parts, bytes.subarray(0, 8));
  for (let at = 8; at < bytes.length;) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const end = at + 12 + bigEndian(bytes, at, 4);
    if (!(end <= bytes.length)) {
      keep(parts, bytes.subarray(at)); // Cut off: that is for the decoder to say.
      break;
    }
    const isPixels = PIXEL_CHUNKS.includes(type);
    if (isPixels || COLOR_CHUNKS.includes(type)) keep(parts, bytes.subarray(at, end), isPixels);
    else if (/^[A-Z]/.test(type)) return null; // One that has to be understood.
    if (type === "eXIf") parts.orientation = readOrientation(bytes.subarray(at + 8, end - 4));
    if (type === "tRNS") parts.isOpaque = false;
    if (type === "IEND") break;
    at = end;
  }
  return parts;
}

// EXIF (CIPA DC-008, 4.6.2): a TIFF header, and at the place that it names a directory of entries of
// twelve bytes: tag, type, count, value. Returns 1, upright, for what is no orientation.
function readOrientation(exif) {
  const tiff = startsWith(exif, "Exif\0") ? exif.subarray(6) : exif; // Some PNGs have both heads.
  const data = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const [ORIENTATION, SHORT, LONG] = [0x112, 3, 4];
  try {
    const little = data.getUint16(0) === 0x4949;
    const directory = data.getUint32(4, little);
    for (let i = 0; i < data.getUint16(directory, little); i++) {
      const entry = directory + 2 + 12 * i;
      if (data.getUint16(entry, little) !== ORIENTATION) continue;
      const value = {
        [SHORT]: () => data.getUint16(entry + 8, little),
        [LONG]: () => data.getUint32(entry + 8, little),
      }[data.getUint16(entry + 2, little)]?.();
      return value >= 1 && value <= 8 ? value : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // It points beyond its end.
  }
  return 1;
}

// NaN beyond the end.
function bigEndian(bytes, at, count) {
  return bytes.subarray(at, at + count).reduce((sum, byte) => 256 * sum + byte,
    at + count <= bytes.length ? 0 : NaN);
}

function startsWith(bytes, text) {
  return [...text].every((letter, i) => bytes[i] === letter.charCodeAt(0));
}
