// Pictures that a person gives, as they are shown and sent.
//
//   readPicture(blob, name)   resolves to what `state.pictures` of shell.js holds

"use strict";

// What is sent is what is shown: bytes that the model would see otherwise than the browser does
// (turned by EXIF, transparent, another format), or that a server may find too large, are drawn
// anew, and the copy is sent.
async function readPicture(blob, name) {
  let bitmap = await decode(blob), note = "";
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const reasons = [
    isTurned(bytes) && "turned upright",
    isTransparent(bitmap) && "on a white ground",
    !isReadable(bytes) && "in another format",
    isLarge(bitmap, bytes) && "smaller",
  ].filter(Boolean);
  if (reasons.length) {
    blob = await drawAnew(isLarge(bitmap, bytes) ? await shrink(bitmap, 2048) : bitmap);
    bitmap = await decode(blob);
    note = `The model gets the image as it is shown: ${reasons.join(", ")}.`;
  }
  const sha256 = await digest(reasons.length ? new Uint8Array(await blob.arrayBuffer()) : bytes);
  bitmap = await shrink(bitmap, 1600); // What is kept for drawing need not exceed a screen.
  return { name, blob, bitmap, note, sha256, sent: false, url: URL.createObjectURL(blob) };
}

async function shrink(bitmap, limit) {
  const scale = limit / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return bitmap;
  const [resizeWidth, resizeHeight] = [bitmap.width, bitmap.height]
    .map((n) => Math.max(1, Math.round(n * scale)));
  return createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
}

async function decode(blob) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Error("This file is no image that can be shown. Choose a JPEG, PNG, BMP or GIF "
      + "file.");
  }
}

// The formats that the model decodes, by their first bytes; BMP only of some kinds, so not here.
function isReadable(bytes) {
  const start = String.fromCharCode(...bytes.slice(0, 4));
  return ["\xff\xd8\xff", "\x89PNG", "GIF8"].some((magic) => start.startsWith(magic));
}

// A phone's usual photograph (12 million pixels) is not; models look at a hundredth of that.
function isLarge(bitmap, bytes) {
  return Math.max(bitmap.width, bitmap.height) > 4096 || bytes.length > 8e6;
}

// Whether a JPEG's EXIF orientation (tag 0x112 of its first directory) turns or mirrors it.
function isTurned(bytes) {
  const data = new DataView(bytes.buffer);
  try {
    if (data.getUint16(0) !== 0xffd8) return false;
    const [START_OF_PIXELS, APP1, EXIF] = [0xffda, 0xffe1, 0x45786966];
    let at = 2;
    for (; data.getUint16(at) !== START_OF_PIXELS; at += 2 + data.getUint16(at + 2)) {
      if (data.getUint16(at) !== APP1 || data.getUint32(at + 4) !== EXIF) continue;
      const tiff = at + 10, little = data.getUint16(tiff) === 0x4949;
      const directory = tiff + data.getUint32(tiff + 4, little);
      for (let i = 0; i < data.getUint16(directory, little); i++) {
        const entry = directory + 2 + 12 * i;
        if (data.getUint16(entry, little) === 0x112) {
          return data.getUint16(entry + 8, little) > 1;
        }
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // The end of the file: no orientation.
  }
  return false;
}

function isTransparent(bitmap) {
  const scale = Math.min(1, 256 / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((n) => Math.ceil(n * scale));
  const canvas = paint(width, height, (ctx) => ctx.drawImage(bitmap, 0, 0, width, height));
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return data.some((value, i) => i % 4 === 3 && value < 255);
}

function drawAnew(bitmap) {
  const { width, height } = bitmap;
  const canvas = paint(width, height, (ctx) => {
    ctx.fillStyle = "#fff";
    ctx.fillRect(0, 0, width, height);
    ctx.drawImage(bitmap, 0, 0);
  });
  // A photograph as PNG would be several times the file that it came from.
  const type = width * height > 1e6 ? "image/jpeg" : "image/png";
  return new Promise((resolve, reject) => canvas.toBlob(
    (blob) => (blob ? resolve(blob) : reject(new Error("This image is too large to show."))),
    type, 0.95));
}
