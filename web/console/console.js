/* The first console: what the API tells, and nothing else. Whatever comes from outside goes into the page as text (textContent), never as markup. */
"use strict";

const POLL_MS = 2000, MAX_ALERTS = 200, MAX_RULES = 300;
const SEVERITIES = ["info", "low", "medium", "high", "critical"];
const byId = (id) => document.getElementById(id);
let last = null;            /* the status before, for rates */
let rules = [];
let feedStop = null;        /* ends the feed that runs */
let newest = 0;             /* position of the newest entry that is shown */
const shown = new Map();    /* alert id -> its element */

/* ---- the server ---- */

function headers(more) {
  const token = sessionStorage.getItem("token");
  return token ? { Authorization: "Bearer " + token, ...more } : { ...more };
}

class Refused extends Error {
  constructor(status, text) { super(text); this.status = status; }
}

async function get(path) {
  const answer = await fetch(path, { headers: headers(), cache: "no-store" });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, problem.detail || problem.title || "status " + answer.status);
}

/* ---- making elements ---- */

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined && text !== null) element.textContent = String(text);
  return element;
}

function number(n) {
  return Number(n || 0).toLocaleString("en-US");
}

function bytes(n) {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  for (n = Number(n || 0); n >= 1024 && at < units.length - 1; n /= 1024) at++;
  return (at === 0 ? n : n.toFixed(1)) + " " + units[at];
}

function instant(text) {
  return text ? text.replace("T", " ").replace("Z", "") : "none yet";
}

function badge(element, text, good) {
  element.textContent = text;
  element.className = "badge " + (good === undefined ? "" : good ? "good" : "bad");
}

/* ---- overview ---- */

function tile(name, value, small) {
  const box = make("div"), term = make("dt", "", name), text = make("dd", "", value);
  if (small) text.append(make("small", "", small));
  box.append(term, text);
  return box;
}

function showStatus(status) {
  const now = performance.now(), engine = status.engine;
  const rate = last ? Math.max(0, (engine.events - last.events) / ((now - last.at) / 1000)) : null;
  last = { events: engine.events, at: now };
  byId("version").textContent = status.version;
  badge(byId("state"), status.ready ? "ready" : status.trouble || "not ready", status.ready);
  byId("tiles").replaceChildren(
    tile("Events evaluated", number(engine.events), rate === null ? " " : number(Math.round(rate)) + " a second"),
    tile("Alerts told", number(engine.alerts), number(engine.matches) + " matches"),
    tile("Keys with state", number(engine.keys), bytes(engine.state_bytes)),
    tile("Waiting for the engine", number(status.queue.records), "of " + number(status.queue.limit)),
    tile("Journal", bytes(status.store.journal_bytes), number(status.store.commits) + " commits"),
    tile("Clock of the engine", engine.clock ? engine.clock.slice(11, 19) : "–", engine.clock ? engine.clock.slice(0, 10) : "no event yet"));
}

/* ---- rules ---- */

function ruleRow(rule) {
  const row = make("tr"), name = make("td"), c = rule.counters || {};
  name.append(make("span", "rule", rule.name));
  if (rule.text) name.append(make("span", "sentence", rule.text));
  row.append(name, cell(rule.mode, "Mode"), cell(rule.severity, "Severity"), cell(number(c.events), "Events", "n"), cell(number(c.matches), "Matches", "n"),
             cell(number(c.alerts), "Alerts", "n"), cell(number(c.held_back), "Held back", "n"));
  return row;
}

function cell(text, name, className) {
  const element = make("td", className || "", text);
  element.dataset.name = name;
  return element;
}

function showRules() {
  const part = byId("rule-filter").value.toLowerCase();
  const fitting = rules.filter((rule) => rule.name.toLowerCase().includes(part));
  byId("rule-count").textContent = fitting.length > MAX_RULES ? "the first " + MAX_RULES + " of " + number(fitting.length) : number(fitting.length);
  byId("rule-table").tBodies[0].replaceChildren(...fitting.slice(0, MAX_RULES).map(ruleRow));
  byId("rule-table").hidden = fitting.length === 0;
  byId("no-rules").hidden = fitting.length > 0;
}

/* ---- flow ---- */

function fill(id, rows) {
  byId(id).tBodies[0].replaceChildren(...rows);
}

function plainRow(...cells) {
  const row = make("tr");
  for (const [text, className] of cells) row.append(make("td", className || "", text));
  return row;
}

function showFlow(streams, sources, sinks) {
  fill("stream-table", streams.map((s) => plainRow([s.name], [number(s.accepted), "n"], [number(s.late), "n"], [number(s.rejected), "n"])));
  fill("source-table", sources.map((s) => plainRow([s.name], [s.stopped ? "stopped" : s.connected === false ? "not connected" : "open"], [instant(s.watermark)])));
  fill("sink-table", sinks.map((s) => plainRow([s.name], [s.paused ? "paused" : s.gone ? "gone" : "open"], [number(s.sent), "n"], [number(s.backlog), "n"],
                                               [number(s.failed), "n"])));
}

/* ---- alerts ---- */

function keyText(key) {
  return Object.entries(key || {}).map(([name, value]) => name + " " + (typeof value === "string" ? value : JSON.stringify(value))).join(", ");
}

function says(entry) {
  const fields = (entry.alert && entry.alert.fields) || {};
  const message = typeof fields.message === "string" ? fields.message : "";
  return message || keyText(entry.key);
}

function fact(list, name, value) {
  if (value === undefined || value === null || value === "") return;
  list.append(make("dt", "", name), make("dd", "", typeof value === "string" ? value : JSON.stringify(value)));
}

function eventRow(event) {
  const row = make("div", "event");
  row.append(make("span", "when", instant(event.time)), make("span", "", (event.step ? event.step + " · " : "") + (event.stream || "")),
             make("code", "", event.event === undefined ? "not kept any more" : JSON.stringify(event.event)));
  return row;
}

function evidence(entry) {
  const box = make("div", "evidence"), facts = make("dl", "facts"), alert = entry.alert || {};
  fact(facts, "State", entry.state);
  fact(facts, "Key", keyText(entry.key));
  fact(facts, "Began", instant(alert.started));
  for (const [name, value] of Object.entries(alert.fields || {})) fact(facts, name, value);
  fact(facts, "Id", entry.id);
  box.append(facts);
  if (Array.isArray(alert.events)) {
    box.append(make("h3", "", alert.events.length + " events led to it" + (alert.events_total ? ", of " + alert.events_total : "")));
    box.append(...alert.events.map(eventRow));
  }
  return box;
}

function alertElement(entry) {
  const severity = Math.max(0, SEVERITIES.indexOf(entry.severity));
  const item = make("li", "s" + severity), details = make("details"), summary = make("summary");
  item.dataset.severity = severity;
  summary.append(make("span", "when", instant(entry.time)), make("span", "severity", entry.severity), make("span", "rule", entry.rule),
                 make("span", "says", says(entry)), make("span", "quiet", entry.kind === "alert" ? entry.state || "" : entry.kind));
  details.append(summary);
  details.addEventListener("toggle", () => { if (details.open && details.children.length === 1) details.append(evidence(entry)); });
  item.append(details);
  details.open = location.hash === "#" + entry.id;      /* a link to one alert shows it open */
  return item;
}

function hideBySeverity(item) {
  item.hidden = Number(item.dataset.severity) < Number(byId("severity").value);
}

/* An entry of the feed or of the list; the newest stands at the top. */
function takeEntry(entry, atTop) {
  newest = Math.max(newest, entry.position || 0);
  const known = shown.get(entry.id), list = byId("alert-list");
  if (known && !entry.alert) {        /* somebody did something about it: its state changes, its place does not */
    known.querySelector("summary").lastChild.textContent = entry.state || entry.kind;
    return;
  }
  const item = alertElement(entry);
  hideBySeverity(item);
  if (known) known.remove();
  if (atTop) list.prepend(item);
  else list.append(item);
  shown.set(entry.id, item);
  while (list.children.length > MAX_ALERTS) {
    for (const [id, element] of shown) if (element === list.lastChild) shown.delete(id);
    list.lastChild.remove();
  }
  byId("no-alerts").hidden = true;
}

async function firstAlerts() {
  const page = await get("v1/alerts?limit=50&full=true");
  byId("alert-list").replaceChildren();
  shown.clear();
  for (const entry of page.alerts) takeEntry(entry, false);
  newest = Math.max(newest, page.newest || 0);
  byId("no-alerts").hidden = page.alerts.length > 0;
}

/* Server-sent events over fetch, as EventSource cannot send a token. */
function takeBlock(block) {
  let data = "", id = null;
  for (const line of block.split("\n")) {
    if (line.startsWith("data:")) data += line.slice(5).trim();
    else if (line.startsWith("id:")) id = Number(line.slice(3));
  }
  if (id) newest = Math.max(newest, id);
  if (data) takeEntry(JSON.parse(data), true);
}

async function follow(signal) {
  const answer = await fetch("v1/alerts/feed", { headers: headers({ "Last-Event-ID": String(newest) }), cache: "no-store", signal });
  if (!answer.ok) throw new Refused(answer.status, "the feed was refused: status " + answer.status);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  badge(byId("feed"), "live", true);
  for (let text = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) takeBlock(text.slice(0, end));
  }
}

async function keepFollowing() {
  const stop = feedStop = new AbortController();
  for (let wait = 500; !stop.signal.aborted; wait = Math.min(wait * 2, 15000)) {
    try {
      await follow(stop.signal);
      wait = 500;
    } catch (error) {
      if (error.status === 401 || error.status === 403) return;
    }
    if (stop.signal.aborted) return;
    badge(byId("feed"), "reconnecting", false);
    await new Promise((done) => setTimeout(done, wait));
  }
}

/* ---- life ---- */

function askForToken(text) {
  if (feedStop) feedStop.abort();
  byId("inside").hidden = byId("forget").hidden = true;
  byId("sign-in").hidden = false;
  byId("sign-in-trouble").textContent = text || "";
  badge(byId("state"), "signed out");
  byId("token").focus();
}

/* A part that is not to be had leaves the others as they are; its trouble is told. */
async function refresh() {
  const answers = await Promise.allSettled(["v1/status", "v1/rules", "v1/streams", "v1/sources", "v1/sinks"].map(get));
  const [status, ruleList, streams, sources, sinks] = answers.map((answer) => answer.value);
  const troubles = answers.filter((answer) => answer.reason).map((answer) => answer.reason);
  const refused = troubles.find((error) => !error.status || error.status === 401 || error.status === 403);
  if (refused) throw refused;
  if (status) showStatus(status);
  if (ruleList) {
    rules = ruleList.rules;
    showRules();
  }
  if (streams && sources && sinks) showFlow(streams.streams, sources.sources, sinks.sinks);
  byId("trouble").hidden = troubles.length === 0;
  byId("trouble").textContent = troubles.map((error) => error.message).join("; ");
}

async function poll() {
  try {
    await refresh();
  } catch (error) {
    if (error.status === 401) {
      sessionStorage.removeItem("token");
      askForToken("This token does not hold any more.");
      return;
    }
    byId("trouble").hidden = false;
    byId("trouble").textContent = error.status ? error.message : "The appliance does not answer.";
    if (!error.status) badge(byId("state"), "no answer", false);
  }
  setTimeout(poll, POLL_MS);
}

async function begin() {
  try {
    await refresh();
    await firstAlerts();
  } catch (error) {
    const had = sessionStorage.getItem("token");
    if (error.status === 401) sessionStorage.removeItem("token");
    askForToken(error.status === 401 ? (had ? "This token is not known, has expired, or was revoked." : "") : error.message);
    return;
  }
  byId("sign-in").hidden = true;
  byId("inside").hidden = false;
  byId("forget").hidden = !sessionStorage.getItem("token");
  keepFollowing();
  setTimeout(poll, POLL_MS);
}

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value.trim());
  byId("token").value = "";
  begin();
});
byId("forget").addEventListener("click", () => {
  sessionStorage.removeItem("token");
  location.reload();
});
byId("rule-filter").addEventListener("input", showRules);
byId("severity").addEventListener("change", () => { for (const item of byId("alert-list").children) hideBySeverity(item); });
begin();
