// Pictures that a person gives, as they are shown and sent.
//
//   readPicture(blob, name, orientation)   resolves to what `state.pictures` of shell.js holds
//
// What is sent is what is shown, and what `predict` and training on own photographs see. A browser
// and the model's decoder do not read a file alike: a browser turns it by EXIF, applies its colour
// profile or gamma, and lays what is transparent on its own ground; the decoder does none of this.
// Therefore:
//
// - A JPEG or PNG file is taken apart, and the parts that make its pixels are put together again.
//   Whatever else it says (orientation, profile, gamma, place, time, previews) is left out, so
//   that every browser shows what the decoder decodes. The orientation was read before.
// - What has to be turned, what is transparent (on white), what decoders understand differently
//   (four colours, 16 bits), other formats and very large pictures are drawn anew. The copy is
//   both sent and shown.

"use strict";

// `orientation`: by which a JPEG or PNG is turned, 1 to 8 as in EXIF; default: what the file says.
async function readPicture(original, name, orientation) {
  const parts = takeApart(new Uint8Array(await original.arrayBuffer()));
  let blob = parts ? toBlob(parts.pixels, parts.type) : original, bitmap = await decode(blob);
  const isLarge = Math.max(bitmap.width, bitmap.height) > MAX_SIDE || blob.size > MAX_BYTES;
  const turn = parts ? orientation ?? parts.orientation : 1; // Others the browser has turned.
  const redrawn = [
    turn > 1 && "turned upright",
    !parts?.isOpaque && isTransparent(bitmap) && "on a white ground",
    !parts && "in another format",
    parts?.isOdd && "in the colours of a screen",
    isLarge && "smaller",
  ].filter(Boolean);
  const lacking = await losesColors(parts, bitmap) ? ["without its colour profile"] : [];
  if (redrawn.length) {
    blob = await drawAnew(isLarge ? await shrink(bitmap, 2048) : bitmap, turn);
    bitmap = await decode(blob);
  }
  return {
    name, blob, note: describe([...redrawn, ...lacking]),
    bitmap: await shrink(bitmap, 1600), // What is kept for drawing need not exceed a screen.
    sha256: await digest(new Uint8Array(await blob.arrayBuffer())), sent: false,
    url: URL.createObjectURL(blob),
  };
}

function describe(changes) {
  if (!changes.length) return "";
  return `The model gets the image as it is shown: ${changes.join(", ")}.`;
}

const toBlob = (parts, type) => new Blob(parts, { type });

// A phone's usual photograph (12 million pixels) is within; models look at a hundredth of that.
const MAX_SIDE = 4096, MAX_BYTES = 8e6;

async function decode(blob) {
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Error("This file is no image that can be shown. Choose a JPEG, PNG, BMP or GIF "
      + "file, or save it as one of these first.");
  }
}

async function shrink(bitmap, limit) {
  const scale = limit / Math.max(bitmap.width, bitmap.height);
  if (scale >= 1) return bitmap;
  const [resizeWidth, resizeHeight] = [bitmap.width, bitmap.height]
    .map((n) => Math.max(1, Math.round(n * scale)));
  return createImageBitmap(bitmap, { resizeWidth, resizeHeight, resizeQuality: "high" });
}

// Every pixel counts; in strips, for a large picture's at once are hundreds of megabytes.
function isTransparent(bitmap) {
  const { width, height } = bitmap, rows = 128;
  const strip = paint(width, rows, () => {}).getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < height; top += rows) {
    strip.clearRect(0, 0, width, rows);
    strip.drawImage(bitmap, 0, -top);
    const { data } = strip.getImageData(0, 0, width, Math.min(rows, height - top));
    for (let i = 3; i < data.length; i += 4) if (data[i] < 255) return true;
  }
  return false;
}

// Resolves to a file of a picture's pixels alone, turned and on white.
async function drawAnew(bitmap, orientation) {
  const { width, height } = bitmap, isLying = orientation > 4;
  const canvas = paint(isLying ? height : width, isLying ? width : height, (ctx) => {
    ctx.fillStyle = "#fff";
    ctx.fillRect(0, 0, ctx.canvas.width, ctx.canvas.height);
    ctx.setTransform(...turned(orientation, width, height));
    ctx.drawImage(bitmap, 0, 0);
  }, { alpha: false });
  // A photograph as PNG would be several times the file that it came from.
  const type = width * height > 1e6 ? "image/jpeg" : "image/png";
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, type, 0.95));
  if (!blob) throw new Error("This image is too large to show.");
  // Some browsers write a profile of their own into it.
  return toBlob(takeApart(new Uint8Array(await blob.arrayBuffer())).pixels, type);
}

// Where a pixel (x, y) goes: [a, b, c, d, e, f] of (a·x + c·y + e, b·x + d·y + f).
function turned(orientation, width, height) {
  return {
    1: [1, 0, 0, 1, 0, 0], 2: [-1, 0, 0, 1, width, 0],
    3: [-1, 0, 0, -1, width, height], 4: [1, 0, 0, -1, 0, height],
    5: [0, 1, 1, 0, 0, 0], 6: [0, 1, -1, 0, height, 0],
    7: [0, -1, -1, 0, height, width], 8: [0, -1, 1, 0, 0, width],
  }[orientation];
}

// Whether one sees, at a small size, that the pixels are shown as they are in the file.
async function losesColors(parts, bitmap) {
  if (!parts || parts.colored.length === parts.pixels.length) return false;
  const colored = await decode(toBlob(parts.colored, parts.type)).catch(() => bitmap);
  const [a, b] = [bitmap, colored].map((shown) => paint(32, 32, (ctx) =>
    ctx.drawImage(shown, 0, 0, 32, 32)).getContext("2d").getImageData(0, 0, 32, 32).data);
  return a.some((value, i) => Math.abs(value - b[i]) > 12);
}
