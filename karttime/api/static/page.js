"use strict";
// The live classification of one circuit, from the karting_data stream. What feeds send is only ever set as text.

const byId = (id) => document.getElementById(id);
const TEXT_COLUMNS = new Set(["Equipe", "Pilote", "Statut", "Categorie", "Penalites", "Information"]);

let socket = null;
let retry = null;
let wait = 1000;
let rows = new Map();
let columns = [];
let dataAt = null;
let connected = null;
let key = sessionStorage.getItem("key") ?? ""; // of this tab alone, and gone with it

async function call(path, method = "GET") {
  const answer = await fetch(path, { method, headers: key ? { Authorization: `Bearer ${key}` } : {} });
  if (answer.status === 401) askForKey();
  return answer;
}

function askForKey() {
  byId("ask").hidden = false;
  byId("connection").textContent = key ? "this key is not valid" : "an API key is needed";
}

function useKey() {
  key = byId("key").value.trim();
  sessionStorage.setItem("key", key);
  byId("key").value = "";
  byId("ask").hidden = true;
  byId("connection").textContent = "";
  begin();
}

function address(path) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${path}`;
}

function path(end) {
  return `/circuits/${encodeURIComponent(byId("circuit").value)}/${end}`;
}

function follow() {
  clearTimeout(retry);
  if (socket) {
    socket.onclose = null;
    socket.close();
  }
  rows = new Map();
  columns = [];
  dataAt = null;
  draw(new Set());
  showSession();
  socket = new WebSocket(address(path("live?format=karting_data")));
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onopen = () => {
    wait = 1000;
    if (key) socket.send(JSON.stringify({ type: "auth", token: key }));
  };
  socket.onclose = (event) => {
    connected = false;
    showAge();
    if (event.code === 4401) {
      askForKey();
      return;
    }
    retry = setTimeout(follow, wait);
    wait = Math.min(2 * wait, 15000);
  };
}

function take(message) {
  if (message.type === "status_update") {
    connected = message.timing_connected;
    dataAt = message.data_age_ms === null ? null : Date.now() - message.data_age_ms;
    byId("connection").textContent = message.reason || message.state;
    showAge();
  } else if (message.type === "karting_data") {
    columns = message.column_order;
    for (const [id, row] of Object.entries(message.drivers)) rows.set(id, row);
    dataAt = Date.now();
    draw(new Set(Object.keys(message.drivers)));
    showAge();
  }
}

function cell(kind, text, column) {
  const element = document.createElement(kind);
  element.textContent = text;
  if (TEXT_COLUMNS.has(column)) element.className = "text";
  return element;
}

function draw(changed) {
  const all = [...rows.entries()];
  const shown = columns.filter((column) => all.some(([, row]) => row[column]));
  byId("head").replaceChildren(...shown.map((column) => cell("th", column, column)));
  const place = ([, row]) => Number.parseInt(row["Classement"], 10) || 999;
  all.sort((one, other) => place(one) - place(other));
  byId("rows").replaceChildren(...all.map(([id, row]) => {
    const line = document.createElement("tr");
    if (changed.has(id) && changed.size < all.length) line.className = "changed";
    line.append(...shown.map((column) => cell("td", row[column] ?? "", column)));
    return line;
  }));
  byId("note").textContent = all.length ? "" : "No data yet: the circuit is not started, or no session is on track.";
}

function showAge() {
  const age = byId("age");
  const seconds = dataAt === null ? null : Math.round((Date.now() - dataAt) / 1000);
  age.textContent = seconds === null ? "no data yet" : `data ${seconds} s old`;
  age.className = connected === false || seconds > 75 ? "bad" : "";
}

async function showSession() {
  try {
    const answer = await call(path("classification"));
    if (!answer.ok) return;
    const board = await answer.json();
    const session = board.session;
    byId("title").textContent = session ? [session.event, session.title].filter(Boolean).join(" – ") || session.id : "No session yet";
    const flag = byId("flag");
    flag.textContent = board.flag === "none" ? "" : board.flag === "unknown" ? board.flag_text : board.flag;
    flag.className = `flag ${board.flag}`;
    const known = byId("title").dataset.session;
    byId("title").dataset.session = session ? session.id : "";
    if (known && session && session.id !== known) follow(); // the stream only adds: begin anew without the karts that left
  } catch {
    // the age of the data and the socket's state already say that the service is away
  }
}

async function command(name) {
  try {
    const answer = await call(path(name), "POST");
    const result = await answer.json();
    byId("connection").textContent = result.status === "kept_running" ? "kept running: others are watching" : result.detail ?? result.status;
  } catch {
    byId("connection").textContent = "the service does not answer";
  }
}

async function begin() {
  clearTimeout(retry);
  try {
    const answer = await call("/circuits");
    if (!answer.ok) {
      byId("note").textContent = (await answer.json()).detail ?? "The service does not answer.";
      if (answer.status !== 401) setTimeout(begin, 3000);
      return;
    }
    const circuits = await answer.json();
    const choice = byId("circuit");
    choice.replaceChildren(...circuits.map((circuit) => new Option(circuit.nom, circuit.id)));
    const wanted = decodeURIComponent(location.hash.slice(1));
    if (circuits.some((circuit) => circuit.id === wanted)) choice.value = wanted;
    if (circuits.length) follow();
    else byId("note").textContent = "No circuit is known: start with karttime serve --demo, or --circuit NAME=URL.";
  } catch {
    byId("note").textContent = "The service does not answer.";
    setTimeout(begin, 3000);
  }
}

byId("circuit").onchange = () => {
  byId("title").dataset.session = "";
  location.hash = encodeURIComponent(byId("circuit").value);
  follow();
};
byId("start").onclick = () => command("start-timing");
byId("stop").onclick = () => command("stop-timing");
byId("use").onclick = useKey;
byId("key").onkeydown = (event) => { if (event.key === "Enter") useKey(); };
setInterval(showAge, 1000);
setInterval(() => { if (byId("circuit").value && byId("ask").hidden) showSession(); }, 2000);
begin();
