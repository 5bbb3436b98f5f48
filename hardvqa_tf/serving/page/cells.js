// Draws cells over an image, in the colours of this project's pictures.
//
// A model's card says in its `fields` where the cells look, in pixels of the image as the model sees
// it: a cell is a box of `pitch` around its centre, which the image clips, and which here is as large
// as the image is shown, each side by itself, for the model resizes it so. What no box covers stays
// dim. Where a card says nothing, cells are equal parts of the image. `image` is a canvas of the size
// that is shown; its `fields` are those of the card, or null.

"use strict";

const FRAME = 3; // CSS pixels around the image, where the outline of cells at its edge is drawn
const ORANGE = [255, 150, 0], WHITE = [255, 255, 255];
const RAMP = [
  [24, 18, 66], [68, 44, 138], [156, 58, 142], [226, 102, 96], [250, 174, 84], [253, 240, 180],
];

function paint(width, height, draw, options = {}) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  draw(canvas.getContext("2d", { willReadFrequently: true, ...options }));
  return canvas;
}

// As large as there is room for, in the pixels of the screen, of which `ratio` make a CSS pixel.
function makeImage(bitmap, room, ratio) {
  const scale = ratio * Math.min(
    room / bitmap.width, Math.max(240, 0.62 * window.innerHeight) / bitmap.height);
  const [width, height] = [bitmap.width, bitmap.height]
    .map((n) => Math.max(1, Math.round(n * scale)));
  return paint(width, height, (ctx) => {
    ctx.imageSmoothingEnabled = scale < 2; // The pixels of small images stay square.
    ctx.imageSmoothingQuality = "high";
    ctx.drawImage(bitmap, 0, 0, width, height);
  });
}

// The image dim and grey, with holes where the model looked; half holes for half a weight.
function makeVeil(image, mask) {
  const { width, height } = image;
  const largest = Math.max(...mask.flat().map(Number), 1e-30);
  return paint(width, height, (ctx) => {
    const pixels = image.getContext("2d").getImageData(0, 0, width, height), { data } = pixels;
    for (let i = 0; i < data.length; i += 4) {
      const gray = 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
      data[i] = data[i + 1] = data[i + 2] = 34 + 0.3 * gray;
    }
    ctx.putImageData(pixels, 0, 0);
    ctx.globalCompositeOperation = "destination-out";
    eachCell(image, mask, (value, x, y, w, h) => {
      ctx.globalAlpha = Math.min(1, Math.max(0, Number(value) / largest)) || 0;
      ctx.fillRect(x, y, w, h);
    });
  });
}

function makeHeat(image, values, [low, high]) {
  return paint(image.width, image.height, (ctx) => {
    eachCell(image, values, (value, x, y, w, h) => {
      const share = Number.isFinite(value) ? (value - low) / (high - low || 1) : 0;
      ctx.fillStyle = `rgb(${heatColor(share)})`;
      ctx.fillRect(x, y, w, h);
    });
  });
}

// Around kept cells, outside of them, so that what was looked at stays as it is: `frame` pixels
// wide, on a canvas that is as much larger than the image on each side.
function makeOutline(image, frame, mask, color) {
  const [width, height] = [image.width, image.height].map((n) => n + 2 * frame);
  return paint(width, height, (ctx) => {
    if (typeof mask[0][0] === "number") return; // Weights have no border.
    ctx.fillStyle = `rgb(${color})`;
    eachCell(image, mask, (kept, x, y, w, h) => {
      if (kept) ctx.fillRect(x, y, w + 2 * frame, h + 2 * frame);
    });
    eachCell(image, mask, (kept, x, y, w, h) => {
      if (kept) ctx.clearRect(x + frame, y + frame, w, h);
    });
  });
}

function heatColor(share) {
  const place = share * (RAMP.length - 1), i = Math.min(Math.floor(place), RAMP.length - 2);
  return mix(RAMP[i], RAMP[i + 1], place - i);
}

function mix(from, to, share) {
  return from.map((value, i) => Math.round(value + share * (to[i] - value)));
}

function finiteRange(values) {
  const finite = values.flat().filter(Number.isFinite);
  return finite.length ? [Math.min(...finite), Math.max(...finite)] : [0, 0];
}

// The fields of a card, if they are those of a grid of h x w cells; else null.
function fieldsOf(card, height, width) {
  const { origin, pitch, image_size: size, grid } = card?.fields ?? {};
  const ofTwo = [origin, pitch, size, grid].every((pair) => Array.isArray(pair)
    && pair.length === 2 && pair.every(Number.isFinite));
  return ofTwo && grid[0] === height && grid[1] === width ? card.fields : null;
}

// Where rows (side 0) or columns (side 1) begin, and the last one ends: shares of the side, 0 to 1.
function findEdges(fields, side, count) {
  const { origin, pitch, image_size: size } = fields
    ?? { origin: [0.5, 0.5], pitch: [1, 1], image_size: [count, count] };
  return Array.from({ length: count + 1 }, (_, i) =>
    Math.min(1, Math.max(0, (origin[side] + pitch[side] * (i - 0.5)) / size[side])));
}

// Calls visit(value, x, y, width, height) with each cell's whole pixels.
function eachCell({ width, height, fields }, grid, visit) {
  const toPixels = (size) => (share) => {
    const place = Math.round(1e6 * share * size) / 1e6, rounded = Math.round(place);
    // A half goes to the even side, as NumPy rounds.
    return rounded - place === 0.5 && rounded % 2 ? rounded - 1 : rounded;
  };
  const rows = findEdges(fields, 0, grid.length).map(toPixels(height));
  const columns = findEdges(fields, 1, grid[0].length).map(toPixels(width));
  grid.forEach((row, i) => row.forEach((value, j) => {
    visit(value, columns[j], rows[i], columns[j + 1] - columns[j], rows[i + 1] - rows[i]);
  }));
}
