// The page of visual question answering: a question about a picture, the answer, and what the model
// looked at.

"use strict";

// The names that a model's answers and its card use: `outputs` of its signature, by the names that
// this page gives them, and the parts in the `slots` of the card, in a person's words.
const NAMES = {
  outputs: {
    answer: "answer", probability: "answer_probability",
    best: "top_answers", bestProbabilities: "top_probabilities",
    mask: "mask", presence: "presence", weights: "weights", numCells: "num_cells",
    cellWeights: "cell_weights", routes: "routes", wordWeights: "word_weights", words: "words",
    status: "status",
  },
  slots: {
    mixer: {
      additive: "additive mixer", bilevel_routing: "bi-level routing",
      query_guided: "query-guided mixer", none: "",
    },
    attention: {
      han: "hard attention (HAN)", adahan: "adaptive hard attention (AdaHAN)",
      soft: "soft attention", none: "no attention: all cells",
    },
    aggregator: {
      sum: "sum pooling", pairwise: "pairwise interaction", relation: "relation network",
    },
  },
};

// Beside what every page has. A reply: what the model said, with `question`, the milliseconds it
// `took`, and, where the model has a mixer, the `look` of it (`lookOf`). `at`: the slider's place.
Object.assign(state, { reply: null, at: 0 });

// The model and the picture.

function describeModel({ name, card }) {
  if (!card) return name;
  const [height, width] = card.image_size ?? [];
  const [rows, columns] = card.grid ?? [];
  return [
    name,
    card.data && `trained on ${card.data}`,
    ...Object.entries(NAMES.slots).map(([slot, parts]) => parts[card[slot]] ?? card[slot]),
    rows && `${rows} × ${columns} cells`
      + (height ? ` of an image of ${width} × ${height} pixels` : ""),
    card.num_answers && `${card.num_answers} answers`,
  ].filter(Boolean).join(" · ");
}

function refuse({ name, task, card }) {
  if ((task ?? "vqa") !== "vqa") {
    return `${name} is not asked with a question, so it cannot be asked here. Choose another model, `
      + `or ask ${name} through the server's REST protocol: docs/serving.md says how.`;
  }
  if (card?.input !== "features") return "";
  return `${name} answers about feature maps that were made of images before, so it `
    + "cannot be asked about an image here. Choose another model, or send it maps through "
    + "the server's REST protocol.";
}

// An example's own questions; about another image, one of each type that the examples have.
function showQuestions() {
  const own = state.picture?.model === state.model ? state.picture?.example?.questions : null;
  const byType = new Map();
  for (const { type, question } of own ?? (state.model?.card?.examples ?? [])
    .flatMap(({ questions }) => questions ?? [])) {
    if (!byType.has(type)) byType.set(type, new Set());
    if (own || !byType.get(type).size) byType.get(type).add(question);
  }
  $("try").hidden = !byType.size || $("send").disabled;
  $("questions").replaceChildren(...[...byType].flatMap(([type, questions]) => [
    make("dt", type),
    makeRow([...questions].map((question) => make("button", question, {
      type: "button",
      onclick: () => { $("question").value = question; ask(); },
    }))),
  ]));
}

function makeRow(buttons) {
  const row = make("dd");
  row.append(...buttons);
  return row;
}

// Question and answer.

let underway = null;

async function ask() {
  const { model, picture } = state, question = $("question").value.trim();
  if ($("send").disabled) return;
  if (!picture) return tell("Choose an image first, or drop or paste one.");
  if (!question) {
    $("question").focus();
    return tell("Type a question first.");
  }
  underway?.abort();
  const mine = underway = new AbortController();
  const isLatest = () => underway === mine && state.model === model && state.picture === picture;
  tell("");
  $("spoken").textContent = ""; // So that the same answer twice is spoken twice.
  $("reply").classList.add("waiting");
  $("send").textContent = "Asking";
  const begin = performance.now();
  try {
    const row = readRow(await predict(model, picture, { question }, mine.signal));
    const took = performance.now() - begin;
    if (!isLatest()) return;
    if (row.status !== undefined && row.status !== "ok") throw new Error(row.status);
    // Soft attention looks at all cells, more or less: its weights say more than its mask.
    const mask = row.weights ?? row.mask;
    const fields = fieldsOf(model.card, mask.length, mask[0].length);
    showReply({ ...row, mask, question, took, fields, look: lookOf(row) });
  } catch (error) {
    if (!isLatest() || error.name === "AbortError") return;
    showReply(null);
    tell(error.message);
  } finally {
    if (underway === mine) {
      $("reply").classList.remove("waiting");
      $("send").textContent = "Ask";
    }
  }
}

// The outputs by this page's names.
function readRow(row) {
  const entries = Object.entries(NAMES.outputs).map(([own, name]) => [own, row?.[name]]);
  const outputs = Object.fromEntries(entries);
  if (outputs.answer === undefined || !outputs.mask || !outputs.presence) {
    throw new Error("This page shows answers with a mask and presence, which the model did "
      + "not give. Choose a model that --mode=export wrote.");
  }
  return outputs;
}

function showReply(reply) {
  state.reply = reply;
  cancelAnimationFrame(gliding);
  $("reply").hidden = !reply;
  $("blend").hidden = !state.picture;
  showLook(reply);
  for (const part of [$("slider"), ...$("stops").children]) part.disabled = !reply;
  if (reply) {
    const percent = formatPercent(reply.probability);
    const looked = describeCells(reply);
    write($("asked"), reply.question);
    write($("said"), reply.answer);
    showVerdict(reply);
    showBest(reply);
    write($("looked"), `${looked} · answered in ${formatTime(reply.took)}`);
    $("spoken").textContent = `${reply.answer}, ${percent}. ${looked}.`;
  }
  layOut();
  if (!reply) return moveTo(0);
  if (state.at === 0) glideTo(1);
  else moveTo(Math.min(state.at, Number($("slider").max)));
  const { bottom, top } = $("said").getBoundingClientRect();
  if (top < 0 || bottom > window.innerHeight) $("stage").scrollIntoView();
}

function showVerdict({ question, answer }) {
  const known = state.picture.example?.questions.find((row) => row.question === question);
  const isRight = known?.answer === answer;
  $("verdict").hidden = !known;
  $("verdict").className = isRight ? "right" : "wrong";
  write($("verdict"), !known ? "" : isRight ? `✓ ${answer} is right`
    : `✗ ${answer} is wrong, ${known.answer} is right`);
}

function showBest({ best: answers = [], bestProbabilities: probabilities = [] }) {
  $("best").replaceChildren(...answers.flatMap((answer, i) => {
    if (answer === "") return []; // Fewer answers than five are filled up with these.
    const bar = make("span");
    bar.style.width = `${100 * Math.min(1, Math.max(0, probabilities[i]))}%`;
    const row = make("li", make("span", answer, { className: "answer" }));
    row.append(make("span", bar, { className: "track" }),
      make("span", "", { className: "percent", textContent: formatPercent(probabilities[i]) }));
    return [row];
  }));
}

function describeCells({ mask, numCells: kept }) {
  const weighted = typeof mask[0][0] === "number" ? ", weighted" : "";
  return `Looked at ${kept} of ${mask.length * mask[0].length} cells${weighted}`;
}

const formatPercent = (share) => `${(100 * share).toFixed(1)} %`;
const formatNumber = (value, digits = 3) => String(Number(value.toPrecision(digits)));
const formatTime = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

// Drawing.

let layers = null; // {frame, image, veil, heat, look}: canvases of the size that is shown

function layOut() {
  const { picture, reply } = state, view = $("view");
  if (!picture) return;
  const ratio = window.devicePixelRatio || 1, room = $("stage").clientWidth - 2 * FRAME;
  const image = makeImage(picture.bitmap, room, ratio);
  const frame = Math.round(FRAME * ratio);
  layers = { frame, image };
  if (reply) {
    image.fields = reply.fields;
    layers.veil = makeVeil(image, reply.mask);
    layers.heat = makeHeat(image, reply.presence, finiteRange(reply.presence));
    layers.look = makeLook(image, reply);
  }
  view.width = image.width + 2 * frame;
  view.height = image.height + 2 * frame;
  view.style.width = `${view.width / ratio}px`;
  $("blend").style.maxWidth = `max(18rem, ${view.style.width})`; // As wide as the image.
  view.dataset.frame = frame;
  view.ariaLabel = describeView(picture, reply);
  draw();
}

function draw() {
  const view = $("view"), ctx = view.getContext("2d"), { frame, image, veil, heat } = layers;
  const { look, mask } = state.reply ?? {};
  ctx.globalAlpha = 1;
  ctx.fillStyle = getComputedStyle(view).getPropertyValue("--line");
  ctx.fillRect(0, 0, view.width, view.height);
  ctx.drawImage(image, frame, frame);
  if (!veil) return;
  const [toMask, toPresence, toLook] = [0, 1, 2]
    .map((from) => Math.min(1, Math.max(0, state.at - from)));
  $("cells").classList.toggle("lined", toLook > 0);
  ctx.globalAlpha = toMask;
  ctx.drawImage(veil, frame, frame);
  ctx.globalAlpha = toPresence;
  ctx.drawImage(heat, frame, frame);
  if (layers.look) {
    ctx.globalAlpha = toLook;
    ctx.drawImage(layers.look, frame, frame);
  }
  ctx.globalAlpha = look?.chosen ? toMask * (1 - toLook) : toMask;
  ctx.drawImage(makeOutline(image, frame, mask, mix(ORANGE, WHITE, toPresence)), 0, 0);
  if (!look?.chosen) return;
  ctx.globalAlpha = toLook;
  ctx.drawImage(makeOutline(image, frame, askingCells(look), ORANGE), 0, 0);
}

function describeView(picture, reply) {
  if (!reply) return picture.name;
  const rows = reply.mask.flatMap((row, i) => {
    const columns = row.flatMap((kept, j) => (kept ? [j + 1] : []));
    return columns.length ? [`row ${i + 1}: column ${columns.join(", ")}`] : [];
  });
  return `${picture.name}. ${describeCells(reply)}. ${rows.join("; ")}.`;
}

// The slider.

function moveTo(at) {
  state.at = at;
  $("slider").value = at;
  $("slider").ariaValueText = describePlace(at);
  for (const stop of $("stops").children) {
    stop.ariaPressed = String(Math.round(at) === Number(stop.value));
  }
  showLegend();
  if (layers && state.picture) draw();
}

function describePlace(at) {
  const names = ["image", "mask", "presence", state.reply?.look?.name.toLowerCase()];
  const from = Math.floor(at);
  const share = Math.round(100 * (at - from));
  return share ? `${share} % from ${names[from]} to ${names[from + 1]}` : names[from];
}

function showLegend() {
  const { reply, at } = state, look = at > 2 ? reply?.look : null;
  const isPresence = at > 1 && !look && Boolean(reply);
  const limits = isPresence ? finiteRange(reply.presence) : look?.limits;
  const meaning = look?.legend ?? (isPresence ? "norm of each cell"
    : reply ? "clear: looked at, dim: dropped"
    : "Ask, and the cells that the model looks at are shown here.");
  const [low, high] = limits ? formatRange(limits) : [];
  const isRange = low !== high;
  for (const id of ["low", "ramp", "high"]) $(id).hidden = !isRange;
  write($("meaning"), limits && !isRange ? `${meaning}: all are ${low}` : meaning);
  if (isRange) [$("low").textContent, $("high").textContent] = [low, high];
}

// Three digits each, or as many as tell them apart.
function formatRange([low, high]) {
  for (let digits = 3; ; digits++) {
    const ends = [low, high].map((value) => formatNumber(value, digits));
    if (ends[0] !== ends[1] || low === high) return ends;
  }
}

let gliding = 0;

function glideTo(target) {
  cancelAnimationFrame(gliding);
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return moveTo(target);
  const from = state.at, begin = performance.now();
  const step = (now) => {
    const share = Math.min(1, Math.max(0, (now - begin) / 450));
    moveTo(share < 1 ? from + (target - from) * share * (2 - share) : target);
    if (share < 1) gliding = requestAnimationFrame(step);
  };
  gliding = requestAnimationFrame(step);
}

// What a person does.

$("ask").onsubmit = (event) => { event.preventDefault(); ask(); };
$("slider").oninput = () => { cancelAnimationFrame(gliding); moveTo($("slider").valueAsNumber); };
$("slider").onkeydown = (event) => {
  const step = { ArrowLeft: -0.1, ArrowDown: -0.1, ArrowRight: 0.1, ArrowUp: 0.1 }[event.key];
  if (!step) return; // Home, End and the page keys are the browser's.
  event.preventDefault();
  cancelAnimationFrame(gliding);
  const end = Number($("slider").max);
  moveTo(Math.min(end, Math.max(0, Math.round(10 * (state.at + step)) / 10)));
};
for (const stop of $("stops").children) stop.onclick = () => glideTo(Number(stop.value));

new ResizeObserver(() => layOut()).observe($("stage"));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => layOut());

$("ramp").style.background =
  `linear-gradient(to right, ${RAMP.map((color) => `rgb(${color})`).join()})`;
start({
  controls: ["question", "send"], describe: describeModel, refuse,
  clear: () => showReply(null), offer: showQuestions, begin: () => $("question").focus(),
});
