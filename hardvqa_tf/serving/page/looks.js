// What a mixer looked at: one more end of the slider, and what a person chooses there.
//
// A look: {name, legend}, and either `values` of the cells with their `limits`, or what a person
// can choose from, cells or regions: `rows` and `columns` (how many cells each row of them is high
// and each column wide), `chosen` [row, column], `seen(from, to)`, whether one is clear when the
// other is chosen, and `describe`; of words also `words`, and `weights(from)` of them.

"use strict";

function lookOf({ cellWeights: weights, routes, wordWeights, words, ...row }) {
  if (weights) {
    const greatest = Math.max(...weights.flat().filter(Number.isFinite).map(Math.abs), 0);
    const below = weights.flat().some((value) => value < 0);
    return { name: "Weights", values: weights, limits: [below ? -greatest : 0, greatest],
      legend: below ? "weight of each cell in the mixer's sum, 0 in the middle"
        : "weight of each cell in the mixer's sum" };
  }
  const strongest = strongestCell(row);
  if (routes) {
    const side = Math.round(Math.sqrt(routes.length)), { mask } = row;
    const [rows, columns] = [cutEvenly(mask.length, side), cutEvenly(mask[0].length, side)];
    return { name: "Routes", rows, columns,
      chosen: [Math.floor(strongest[0] / rows[0]), Math.floor(strongest[1] / columns[0])],
      legend: "outlined: a region, clear: those it looks at. Choose another: click, arrow keys",
      seen: ([i, j], [k, l]) => routes[i * side + j][k * side + l],
      describe: describeRoutes };
  }
  if (wordWeights && words) {
    const shown = words.filter(Boolean);
    return { name: "Words", chosen: strongest, words: shown,
      rows: wordWeights.map(() => 1), columns: wordWeights[0].map(() => 1),
      legend: "outlined: a cell, below: how much it looks at each word. Choose: click, arrow keys",
      seen: ([i, j], [k, l]) => i === k && j === l,
      weights: ([i, j]) => wordWeights[i][j].slice(0, shown.length),
      describe: describeWords };
  }
  return null;
}

// The kept cell of greatest presence, [row, column].
function strongestCell({ mask, presence }) {
  let best = [0, 0], greatest = -Infinity;
  presence.forEach((row, i) => row.forEach((value, j) => {
    if (mask[i][j] && value > greatest) [best, greatest] = [[i, j], value];
  }));
  return best;
}

// Sizes of at most `parts` parts, the last one smaller where it does not go up evenly: what is
// then missing is padding, on the right and at the bottom (layers/bi_level_routing_attention.py).
function cutEvenly(size, parts) {
  const length = Math.ceil(size / parts);
  return Array.from({ length: Math.ceil(size / length) },
    (_, i) => Math.min(length, size - i * length));
}

// bool[h][w], the cells of those choices for which `is([row, column])`.
function cellsWhere({ rows, columns }, is) {
  return rows.flatMap((height, i) => Array.from({ length: height }, () =>
    columns.flatMap((width, j) => Array(width).fill(Boolean(is([i, j]))))));
}

function askingCells(look) {
  const [i, j] = look.chosen;
  return cellsWhere(look, ([k, l]) => i === k && j === l);
}

function makeLook(image, { look }) {
  if (!look) return null;
  if (look.values) return makeHeat(image, look.values, look.limits);
  return paint(image.width, image.height, (ctx) => {
    ctx.drawImage(image, 0, 0);
    ctx.drawImage(makeVeil(image, cellsWhere(look, (there) => look.seen(look.chosen, there))),
      0, 0);
  });
}

const lookStop = make("button", "", { type: "button", value: 3, onclick: () => glideTo(3) });

function showLook(reply) {
  const look = reply?.look;
  lookStop.remove();
  if (look) {
    lookStop.textContent = look.name;
    $("stops").append(lookStop);
  }
  $("slider").max = look ? 3 : 2;
  $("slider").ariaLabel = "What is drawn: "
    + (look ? `image, mask, presence or ${look.name.toLowerCase()}` : "image, mask or presence");
  $("cells").hidden = !look?.chosen;
  $("cells").replaceChildren();
  if (look?.chosen) showCells(look, reply.fields);
  showWords(look);
}

function showCells(look, fields) {
  const cells = $("cells"), tracks = (sizes, side) => {
    const edges = findEdges(fields, side, sizes.reduce((sum, n) => sum + n)), places = [0];
    sizes.forEach((n) => places.push(places.at(-1) + n));
    const lines = [0, ...places.map((i) => edges[i]), 1]; // Before and behind all cells: gaps.
    return lines.slice(1).map((line, i) => `minmax(0, ${1000 * (line - lines[i])}fr)`).join(" ");
  };
  cells.ariaLabel = look.words ? "Cells, and the words that each looks at"
    : "Regions, and the regions that each looks at";
  cells.style.gridTemplate = `${tracks(look.rows, 0)} / ${tracks(look.columns, 1)}`;
  cells.append(...look.rows.map((_, i) => {
    const row = make("div", "", { role: "row" });
    row.style.gridRow = i + 2;
    row.append(...look.columns.map((_, j) => {
      const cell = make("div", "", {
        role: "gridcell", ariaLabel: look.describe(look, [i, j]), onclick: () => choose([i, j]),
      });
      cell.style.gridColumn = j + 2;
      return cell;
    }));
    return row;
  }));
  markChosen(look);
}

// One choice is reached by Tab, the others by arrow keys.
function markChosen({ chosen: [i, j] }) {
  [...$("cells").children].forEach((row, k) => [...row.children].forEach((cell, l) => {
    const isChosen = i === k && j === l;
    cell.tabIndex = isChosen ? 0 : -1;
    cell.ariaSelected = String(isChosen);
  }));
}

function choose(place) {
  const { look } = state.reply;
  look.chosen = place;
  markChosen(look);
  showWords(look);
  if (layers) layers.look = makeLook(layers.image, state.reply);
  if (state.at < 3) glideTo(3);
  else moveTo(3);
}

function showWords(look) {
  $("words").hidden = !look?.words?.length;
  if ($("words").hidden) return;
  const weights = look.weights(look.chosen), greatest = Math.max(...weights, 1e-30);
  $("words").replaceChildren(...look.words.map((word, t) => {
    const bar = make("span", "", { className: "bar" });
    bar.style.height = `${100 * Math.max(0, weights[t]) / greatest}%`;
    const item = make("li");
    item.title = formatPercent(weights[t]);
    item.append(bar, make("span", word),
      make("span", ` ${formatPercent(weights[t])}`, { className: "unseen" }));
    return item;
  }));
}

const describeNumber = ([i, j]) => `row ${i + 1}, column ${j + 1}`;

function describeRoutes(look, place) {
  const looked = look.rows.flatMap((_, k) => look.columns.flatMap((_, l) =>
    (look.seen(place, [k, l]) ? [describeNumber([k, l])] : [])));
  return `Region in ${describeNumber(place)}, looks at ${looked.length}: ${looked.join("; ")}`;
}

function describeWords(look, place) {
  const weights = look.weights(place), best = weights.map((_, t) => t)
    .sort((a, b) => weights[b] - weights[a]).slice(0, 3);
  return `Cell in ${describeNumber(place)}, looks at `
    + best.map((t) => `${look.words[t]}, ${formatPercent(weights[t])}`).join("; ");
}

$("cells").onkeydown = (event) => {
  const { look } = state.reply, [i, j] = look.chosen;
  const last = [look.rows.length - 1, look.columns.length - 1];
  const step = { ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1],
    ArrowRight: [i, j + 1], Home: [i, 0], End: [i, last[1]], Enter: [i, j], " ": [i, j],
  }[event.key];
  if (!step) return;
  event.preventDefault();
  choose(step.map((n, k) => Math.min(last[k], Math.max(0, n))));
  $("cells").querySelector("[tabindex='0']").focus();
};
