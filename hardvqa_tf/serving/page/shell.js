// What every page has around its task: the models to choose from, the strip of pictures, and the
// ways in which a person brings one.
//
// A page has the elements that are named here, and ends its own script with `start(page)`:
//
//   controls         ids of what cannot be used with a model that is refused
//   describe(model)  words about it, below the page
//   refuse(model)    a sentence, why the page cannot ask it; or ""
//   clear()          forgets what was shown: another model or picture was chosen
//   offer()          shows what can be asked about the picture
//   begin()          puts a person who brought a picture where asking begins

"use strict";

// A picture: {name, blob, bitmap, note, sha256, sent, url, model, example}; `sent` tells that the
// server has its bytes; one of a model's own examples alone has `model`, and `example`, what the
// model's card says about it. A page may keep more in the state.
const state = { models: [], model: null, pictures: [], picture: null };
const MAX_OWN_PICTURES = 6;
let page = null;

async function start(ownPage) {
  page = ownPage;
  $("page").hidden = false;
  try {
    state.models = (await (await call("v1/models")).json()).models;
  } catch (error) {
    tell(error.message);
    return;
  }
  if (!state.models.length) return tell("This server has no model to ask yet.");
  $("model").replaceChildren(...state.models.map(({ name }) => make("option", "", { textContent: name })));
  $("models").hidden = state.models.length < 2;
  const first = state.models.find((model) => !page.refuse(model)) ?? state.models[0];
  $("model").selectedIndex = state.models.indexOf(first);
  await chooseModel(first);
}

async function chooseModel(model) {
  state.model = model;
  page.clear();
  write($("facts"), page.describe(model));
  const refusal = page.refuse(model);
  for (const id of ["choose", ...page.controls]) $(id).disabled = Boolean(refusal);
  tell(refusal);
  await (model.loading ??= refusal ? null : loadExamples(model));
  if (state.model !== model) return; // Another was chosen meanwhile.
  showStrip();
  page.offer();
  if (!state.picture || (state.picture.model ?? model) !== model) {
    const [example, own] = [model, undefined].map((of) =>
      state.pictures.find((picture) => picture.model === of));
    choosePicture(example ?? own ?? null);
  }
}

// An example is turned as it was for training, which its card says, whatever its EXIF says.
async function loadExamples(model) {
  const path = `v1/models/${encodeURIComponent(model.name)}/examples/`;
  const found = await Promise.all((model.card?.examples ?? []).map(async (example, i) => {
    try {
      const blob = await (await call(path + i)).blob();
      const picture = await readPicture(blob, `Example ${i + 1}`, example.orientation ?? 1);
      return { ...picture, model, example };
    } catch {
      return null; // An example that cannot be had is no reason to ask nothing.
    }
  }));
  state.pictures.push(...found.filter(Boolean));
}

async function addOwn(file) {
  if ($("choose").disabled) return;
  tell("");
  try {
    const picture = await readPicture(file, file.name || "pasted image");
    const own = state.pictures.filter((other) => !other.model);
    const known = own.find((other) => other.sha256 === picture.sha256);
    if (!known) state.pictures.unshift(picture);
    if (!known && own.length === MAX_OWN_PICTURES) {
      state.pictures.splice(state.pictures.indexOf(own.at(-1)), 1);
    }
    choosePicture(known ?? picture);
    page.begin();
  } catch (error) {
    tell(error.message);
  }
}

function choosePicture(picture) {
  state.picture = picture;
  $("hint").hidden = Boolean(picture);
  $("framed").hidden = !picture;
  $("stage").className = picture ? "filled" : "empty";
  $("note").hidden = !picture?.note;
  write($("note"), picture?.note ?? "");
  page.clear();
  showStrip();
  page.offer();
}

function showStrip() {
  const shown = state.pictures.filter(({ model }) => !model || model === state.model);
  const focused = document.activeElement?.picture;
  for (const thumb of document.querySelectorAll(".thumb")) thumb.remove();
  const thumbs = shown.map((picture) =>
    make("button", make("img", "", { src: picture.url, alt: "" }), {
      type: "button", className: "thumb", title: picture.name, picture,
      ariaLabel: picture.name, ariaPressed: String(picture === state.picture),
      onclick: () => { tell(""); choosePicture(picture); },
    }));
  $("strip").append(...thumbs);
  thumbs.find((thumb) => thumb.picture === focused)?.focus();
}

function tell(problem) {
  // Words as a sentence, whether the server wrote a full stop or not.
  const end = problem && !/[.!?…]$/.test(problem) ? "." : "";
  write($("problem"), problem && problem[0].toUpperCase() + problem.slice(1) + end);
}

// What a person does.

$("model").onchange = () => chooseModel(state.models[$("model").selectedIndex]);
$("choose").onclick = () => $("file").click();
$("stage").onclick = () => { if (!state.picture && !$("choose").disabled) $("file").click(); };
$("file").onchange = () => {
  if ($("file").files.length) addOwn($("file").files[0]);
  $("file").value = ""; // So that the same file can be chosen again.
};

// Of several files the first picture; a file of no known type may be one.
function pickImage(files) {
  return files.find(({ type }) => type.startsWith("image/")) ?? files.find(({ type }) => !type);
}

document.addEventListener("paste", (event) => {
  const file = pickImage([...event.clipboardData.files]);
  if (file) addOwn(file);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return; // Text goes into the question.
    event.preventDefault(); // Else the browser leaves the page and shows the file.
    $("stage").classList.toggle("over", kind === "dragover");
    const files = [...event.dataTransfer.files]; // Text that comes with a picture is left.
    if (kind === "drop" && files.length) addOwn(pickImage(files) ?? files[0]);
  });
}
