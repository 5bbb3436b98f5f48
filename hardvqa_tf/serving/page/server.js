// Talks to the server: its REST protocol, and the token where it wants one. Every page begins with
// this file.
//
//   call(path, options)                       a request
//   predict(model, picture, inputs, signal)   what a model says about a picture

"use strict";

const $ = (id) => document.getElementById(id);

function make(tag, text = "", properties = {}) {
  const element = Object.assign(document.createElement(tag), properties);
  if (typeof text !== "string") element.append(text);
  else if (text) write(element, text);
  return element;
}

// Puts words into an element, as text: nothing that was typed or sent becomes markup. Browsers end
// a line within "yes/no" or "7 ms", too; these stay whole as long as a line holds them.
function write(element, text) {
  const words = text.split(/(\d\S* × \d\S*|\d\S* (?:ms|s|%)(?!\S)|\S+)/);
  element.replaceChildren(...words.map((word) => {
    if (!/[^\p{L}\p{N}]\S/u.test(word)) return word;
    return Object.assign(document.createElement("span"), { className: "word", textContent: word });
  }));
}

// Resolves to a Response that is ok; throws an Error whose message is a sentence to show.
async function call(path, options = {}) {
  for (;;) {
    const sentToken = token();
    const headers = { ...options.headers };
    if (sentToken) headers.Authorization = `Bearer ${utf8(sentToken)}`;
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The server does not answer. It may have stopped, or the image may be "
        + "larger than it takes.");
    }
    if (response.ok) return response;
    // Of several requests that were refused at once, one asks for the token.
    if (response.status === 401 && (token() !== sentToken || (await askToken(sentToken)))) {
      continue;
    }
    throw Object.assign(new Error(await sentence(response)), { status: response.status });
  }
}

async function sentence(response) {
  if (response.status === 401) {
    return "This server answers only with a token. Ask the person who runs it for one, then "
      + "reload this page and enter it.";
  }
  const body = await response.json().catch(() => null);
  if (typeof body?.error === "string") return body.error;
  return `The server answered with status ${response.status}.`;
}

// Resolves to the outputs of the one row {image, ...inputs}; they may be anything that a model
// gives. Uploads the picture's bytes the first time only; afterwards its name, the SHA-256, is
// enough.
async function predict(model, picture, inputs, signal) {
  const ask = async (image) => {
    const body = { instances: [{ image, ...inputs }] };
    const path = `v1/models/${encodeURIComponent(model.name)}:predict`;
    const response = await call(path, {
      method: "POST", signal, body: JSON.stringify(body),
      headers: { "Content-Type": "application/json" },
    });
    return (await response.json().catch(() => null))?.predictions?.[0];
  };
  if (picture.sent) {
    try {
      return await ask({ sha256: picture.sha256 });
    } catch (error) {
      if (error.status !== 404) throw error;
      picture.sent = false; // The server has forgotten it, or was started again.
    }
  }
  const row = await ask({ b64: await toBase64(picture.blob) });
  picture.sent = true;
  return row;
}

function toBase64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error("The image file can no longer be read."));
    reader.readAsDataURL(blob);
  });
}

// The token.

// A header holds bytes: each as the letter of its number.
function utf8(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function token() {
  try { return sessionStorage.getItem("token") || ""; } catch { return keptToken; }
}
let keptToken = ""; // Where the browser allows no storage.

function keepToken(value) {
  keptToken = value;
  try { sessionStorage.setItem("token", value); } catch { /* Kept in memory. */ }
}

let asking = null;

// Resolves to whether a token was given. `refused`: the token that did not open, or "".
function askToken(refused) {
  asking ??= new Promise((resolve) => {
    if (refused) write($("door-problem"), "The server did not accept that token.");
    const close = (given) => { asking = null; $("door").close(); resolve(given); };
    $("door-form").onsubmit = (event) => {
      event.preventDefault();
      keepToken($("token").value.trim());
      $("token").value = "";
      close(true);
    };
    $("door-cancel").onclick = () => close(false);
    $("door").oncancel = () => close(false);
    $("door").showModal();
    $("token").focus();
  });
  return asking;
}
