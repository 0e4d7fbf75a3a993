// The page of a report: unpacks its data, draws charts as they come into view, and lets tables be
// sorted, filtered and leafed through. Nothing is loaded from anywhere.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const meta = JSON.parse($("#meta").textContent);
const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: false });
const count = new Intl.NumberFormat("en");
const state = { problem: "", hidden: new Set(), suite: "", ending: "", text: "" };

function node(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

async function unpack(id) {
  const holder = $(id);
  const bytes = Uint8Array.from(atob(holder.textContent), (c) => c.charCodeAt(0));
  holder.remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

// ---------------------------------------------------------------- columns

// Texts come as codes into a list of distinct texts, everything else as plain values.
class Column {
  constructor(data) {
    this.of = Array.isArray(data) ? null : data.of;
    this.at = Array.isArray(data) ? data : data.at;
  }
  get length() { return this.at.length; }
  get(i) {
    if (!this.of) return this.at[i];
    return this.at[i] < 0 ? null : this.of[this.at[i]];
  }
  code(text) { return this.of ? this.of.indexOf(text) : -2; }
  // Distinct texts that hold a needle, as a mask over codes.
  matching(needle) {
    const mask = new Uint8Array(this.of.length);
    this.of.forEach((text, i) => { if (text.toLowerCase().includes(needle)) mask[i] = 1; });
    return mask;
  }
  // Keys by which rows sort; missing values come last.
  keys() {
    if (!this.of) return this.at.map((v) => (v == null ? NaN : Number(v)));
    const order = this.of.map((_, i) => i).sort((a, b) => (this.of[a] < this.of[b] ? -1 : 1));
    const place = new Float64Array(this.of.length);
    order.forEach((code, i) => { place[code] = i; });
    return this.at.map((code) => (code < 0 || this.of[code] === "" ? NaN : place[code]));
  }
}

const unpacked = (rows) => Object.fromEntries(Object.entries(rows).map(([k, v]) => [k, new Column(v)]));

// ---------------------------------------------------------------- tables

const tables = {};
const SEARCHED = ["cells", "failures", "contradictions"];

class Table {
  constructor(holder, spec) {
    this.spec = spec;
    this.rows = unpacked(spec.rows);
    this.size = Object.values(this.rows)[0].length;
    this.page = 0;
    this.per = Number(holder.dataset.page);
    this.sort = null;
    this.body = node("tbody");
    this.status = node("span", { "aria-live": "polite" });
    this.back = node("button", { type: "button", onclick: () => this.turn(-1) }, "Previous");
    this.next = node("button", { type: "button", onclick: () => this.turn(1) }, "Next");
    this.heads = spec.head.map((column) => this.head(column));
    const table = node("table", {}, node("caption", {}, spec.title),
      node("thead", {}, node("tr", {}, ...this.heads)), this.body);
    holder.classList.add("table");
    holder.append(node("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": spec.title }, table),
      node("div", { class: "pager" }, this.back, this.next, this.status));
    this.filter();
  }
  head(column) {
    const figures = ["number", "percent", "interval"].includes(column.kind);
    const button = node("button", { type: "button", title: column.about, onclick: () => this.order(column.key) },
      column.title);
    return node("th", { scope: "col", class: figures && "number", "aria-sort": "none" }, button);
  }
  order(key) {
    const down = this.sort?.key === key && !this.sort.down;
    this.sort = { key, down };
    this.heads.forEach((th, i) => {
      const mine = this.spec.head[i].key === key;
      th.setAttribute("aria-sort", !mine ? "none" : down ? "descending" : "ascending");
    });
    this.arrange();
  }
  filter() {
    const keep = new Uint8Array(this.size).fill(1);
    const drop = (column, wanted) => {
      for (let i = 0; i < keep.length; i++) if (!wanted(column.at[i])) keep[i] = 0;
    };
    const { problem, method, suite, ending } = this.rows;
    const searched = SEARCHED.includes(this.spec.name);
    if (state.problem && problem) { const c = problem.code(state.problem); drop(problem, (v) => v === c); }
    if (state.hidden.size && method?.of && this.spec.name !== "published") {
      const hidden = new Set([...state.hidden].map((m) => method.code(m)));
      drop(method, (v) => !hidden.has(v));
    }
    if (searched && state.suite && suite) { const c = suite.code(state.suite); drop(suite, (v) => v === c); }
    if (searched && state.ending && ending) { const c = ending.code(state.ending); drop(ending, (v) => v === c); }
    if (searched && state.text) this.search(keep, state.text.toLowerCase());
    this.kept = [];
    for (let i = 0; i < keep.length; i++) if (keep[i]) this.kept.push(i);
    this.arrange();
  }
  search(keep, needle) {
    const masks = Object.entries(this.rows).filter(([key, c]) => c.of && !["shared", "info"].includes(key))
      .map(([, c]) => [c.at, c.matching(needle)]);
    for (let i = 0; i < keep.length; i++) {
      if (keep[i] && !masks.some(([at, mask]) => at[i] >= 0 && mask[at[i]])) keep[i] = 0;
    }
  }
  arrange() {
    this.shown = this.kept;
    if (this.sort) {
      const keys = this.rows[this.sort.key].keys();
      const sign = this.sort.down ? -1 : 1;
      this.shown = this.kept.slice().sort((a, b) => {
        const x = keys[a], y = keys[b];
        if (x !== x || y !== y) return (x !== x) - (y !== y) || a - b;
        return sign * (x - y) || a - b;
      });
    }
    this.page = 0;
    this.draw();
  }
  turn(step) {
    this.page += step;
    this.draw();
  }
  draw() {
    const begin = this.page * this.per;
    const end = Math.min(begin + this.per, this.shown.length);
    this.body.replaceChildren(...this.shown.slice(begin, end).map((i) => this.row(i)));
    if (!this.shown.length) {
      this.body.append(node("tr", {}, node("td", { colspan: this.heads.length }, "Nothing to show.")));
    }
    this.back.disabled = !this.page;
    this.next.disabled = end >= this.shown.length;
    const of = this.shown.length < this.size ? `${count.format(this.shown.length)} of ${count.format(this.size)} rows` :
      `${count.format(this.size)} rows`;
    this.status.textContent = this.shown.length ? `${count.format(begin + 1)} to ${count.format(end)}, ${of}` : of;
  }
  row(i) {
    return node("tr", {}, ...this.spec.head.map((column) => this.cell(column, i)));
  }
  cell(column, i) {
    const value = this.rows[column.key].get(i);
    if (column.kind === "cell") return node("td", {}, value ? cellLink(value) : "");
    if (column.kind === "ending") {
      return node("td", { class: value === "ok" ? "end-ok" : "end-bad" }, value ?? "");
    }
    if (column.kind === "number" || column.kind === "percent") {
      const shown = column.kind === "percent" && value != null ? value * 100 : value;
      return node("td", { class: "number" }, figure(shown));
    }
    if (column.kind === "interval") return this.interval(column.key, value, i);
    const text = value ?? "";
    if (column.kind === "long" && text.length > 48) {
      return node("td", { class: "long" }, node("details", {}, node("summary", {}, `${text.slice(0, 42)}…`), text));
    }
    return node("td", { class: text.length > 36 && "words-cell" }, text);
  }
  interval(key, value, i) {
    const low = this.rows[`${key}_low`].get(i), high = this.rows[`${key}_high`].get(i);
    const range = value == null || (low === value && high === value) ? null :
      node("span", { class: "range" }, `${low == null ? "no end" : figure(low)} to ${high == null ? "no end" : figure(high)}`);
    return node("td", { class: "number interval" }, figure(value), range);
  }
}

function figure(value) {
  if (value == null) return "–";
  return typeof value === "boolean" ? (value ? "yes" : "no") : number.format(value);
}

// ---------------------------------------------------------------- one record

const cellLink = (id) => node("a", { href: `#cell-${id}` }, node("code", {}, id.slice(0, 10)));

function openCell() {
  const id = location.hash.startsWith("#cell-") && location.hash.slice(6);
  const table = tables.cells;
  if (!id || !table) return;
  const at = table.rows.id.of.findIndex((text) => text.startsWith(id));
  const i = at < 0 ? -1 : table.rows.id.at.indexOf(at);
  if (i < 0) return;
  const record = {};
  for (const [key, column] of Object.entries(table.rows)) {
    const value = column.get(i);
    if (value != null && value !== "") record[key] = value;
  }
  for (const key of ["proved", "reference"]) record[key] = Boolean(record[key]);
  if (record.created) record.created = new Date(record.created * 1000).toISOString();
  if (record.info) record.info = JSON.parse(record.info);
  const { shared, ...own } = record;
  const whole = { ...own, ...JSON.parse(shared) };
  $("#details-title").textContent = `${record.method}, seed ${record.seed}`;
  const short = record.id.slice(0, 12);
  $("#details-body").replaceChildren(
    node("p", {}, record.problem),
    ...(record.contradiction ? [node("p", { class: "warning" }, record.contradiction)] : []),
    node("p", {}, "Run it again, or see all of it with trace and log:"),
    command(`bnnbench replay ${short} --store ${meta.store}`), command(`bnnbench show ${meta.store} ${short}`),
    node("p", {}, "The record in compact form:"),
    node("pre", { tabindex: 0, id: "details-json" }, JSON.stringify(whole, null, 1)));
  const dialog = $("#details");
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

function command(text) {
  const copy = node("button", { type: "button", onclick: () => navigator.clipboard?.writeText(text) }, "Copy");
  return node("div", { class: "command" }, node("pre", {}, text), copy);
}

// ---------------------------------------------------------------- charts

class Figure {
  constructor(spec) {
    this.spec = spec;
    this.rows = unpacked(spec.rows);
    this.size = Object.values(this.rows)[0]?.length ?? 0;
    this.canvas = node("div", { class: "canvas waiting" });
    this.note = node("p", { class: "note" }, spec.note);
    this.where = node("p", { class: "fine" });
    this.data = node("div", {});
    const shown = node("details", { ontoggle: () => this.list(shown) }, node("summary", {}, "Data as a table"), this.data);
    const tools = node("div", { class: "figure-tools" }, shown,
      node("button", { type: "button", onclick: () => this.save() }, "Save as CSV"));
    this.element = node("figure", { id: `chart-${spec.name}`, "aria-labelledby": `title-${spec.name}` },
      node("h3", { id: `title-${spec.name}` }, spec.title), this.picker(), this.canvas,
      node("figcaption", {}, this.note, this.where,
        node("details", { class: "about" }, node("summary", {}, "How to read this"), node("p", {}, spec.about)),
        tools));
    this.element.figure = this;
  }
  picker() {
    if (this.spec.scope !== "pair" || !this.size) return null;
    const options = this.rows.pair.of.map((text) => node("option", {}, text));
    this.pair = node("select", { onchange: () => this.draw() }, ...options);
    return node("label", { class: "pick" }, "Pair", this.pair);
  }
  // Indices of the rows that are shown at once.
  chosen() {
    const { problem, method, pair } = this.rows;
    const at = this.spec.scope === "problem" ? problem.code(shownProblem()) : null;
    const two = this.spec.scope === "pair" ? pair.code(this.pair.value) : null;
    const hidden = new Set(two == null ? [...state.hidden].map((m) => method.code(m)) : []);
    const found = [];
    for (let i = 0; i < this.size; i++) {
      if ((at == null || problem.at[i] === at) && (two == null || pair.at[i] === two) && !hidden.has(method.at[i])) {
        found.push(i);
      }
    }
    return found;
  }
  objects() {
    const columns = Object.entries(this.rows);
    return this.chosen().map((i) => Object.fromEntries(columns.map(([key, column]) => [key, column.get(i)])));
  }
  async draw() {
    const rows = this.size ? this.objects() : [];
    const drawing = (this.drawing = {});
    this.where.textContent = !this.size || this.spec.scope === "all" ? "" :
      this.spec.scope === "problem" ? `Problem: ${shownProblem()}` : `${count.format(rows[0].n)} instances of this pair`;
    this.view?.finalize();
    this.view = null;
    if (!rows.length) {
      this.canvas.replaceChildren(node("p", { class: "empty" }, this.size ? "Nothing of what is chosen is here." : "No data in this store."));
    } else {
      const present = new Set(rows.map((row) => row.method));
      const spec = resolve(this.spec.spec, looks(meta.methods.filter((m) => present.has(m))));
      spec.data = { name: "rows", values: rows };
      const words = `${this.spec.title}: ${present.size} methods. ${this.spec.note}`;
      spec.description = words;
      if (spec.height.step) spec.height = spec.height.step * present.size;
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      this.canvas.replaceChildren();
      const made = await window.vegaEmbed(this.canvas, spec, {
        mode: "vega-lite", renderer: "svg", downloadFileName: `bnnbench-${this.spec.name}`,
        actions: { export: true, source: false, compiled: false, editor: false },
        tooltip: { theme: dark ? "dark" : "light" },
      });
      if (drawing !== this.drawing) return made.finalize();
      this.view = made;
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", words);
    }
    this.canvas.classList.remove("waiting");
    this.element.dataset.drawn = rows.length ? "yes" : "empty";
    times.first ??= performance.now();
    if ($$("figure").every((f) => f.dataset.drawn)) times.all ??= performance.now();
  }
  list(details) {
    if (!details.open) return;
    const rows = this.objects().slice(0, 500);
    const keys = Object.keys(this.rows);
    const cells = (row) => keys.map((key) => node("td", {}, typeof row[key] === "string" ? row[key] : figure(row[key])));
    this.data.replaceChildren(node("div", { class: "scroll", tabindex: 0 }, node("table", {},
      node("thead", {}, node("tr", {}, ...keys.map((key) => node("th", { scope: "col" }, key)))),
      node("tbody", {}, ...rows.map((row) => node("tr", {}, ...cells(row)))))));
  }
  save() {
    const keys = Object.keys(this.rows);
    const quote = (v) => (v == null ? "" : /[",\n]/.test(v) ? `"${String(v).replaceAll('"', '""')}"` : v);
    const lines = [keys, ...this.objects().map((row) => keys.map((key) => row[key]))];
    const blob = new Blob([lines.map((line) => line.map(quote).join(",")).join("\n") + "\n"], { type: "text/csv" });
    const link = node("a", { href: URL.createObjectURL(blob), download: `bnnbench-${this.spec.name}.csv` });
    link.click();
    URL.revokeObjectURL(link.href);
  }
}

const shownProblem = () => state.problem || meta.problems[0] || "";

// A method keeps its colour, dash and shape whatever else is hidden.
function looks(drawn) {
  const places = drawn.map((method) => meta.methods.indexOf(method));
  const found = { [meta.marks.methods]: drawn };
  for (const [mark, values] of Object.entries(meta.looks)) found[mark] = places.map((i) => values[i % values.length]);
  return found;
}

function resolve(spec, look) {
  if (Array.isArray(spec)) {
    return spec.length === 1 && typeof spec[0] === "string" && spec[0] in look ? look[spec[0]] : spec.map((v) => resolve(v, look));
  }
  if (spec === null || typeof spec !== "object") return spec;
  return Object.fromEntries(Object.entries(spec).map(([key, value]) => [key, resolve(value, look)]));
}

// Charts are drawn one after the other, those in view first, so that the page stays quick.
const waiting = new Set();
let working = false;
async function work() {
  if (working) return;
  working = true;
  while (waiting.size) {
    const inView = (f) => { const box = f.element.getBoundingClientRect(); return box.top < innerHeight + 300 && box.bottom > -300; };
    const next = [...waiting].find(inView) ?? [...waiting][0];
    waiting.delete(next);
    try { await next.draw(); } catch (error) { console.error(next.spec.name, error); }
    await new Promise((go) => setTimeout(go));
  }
  working = false;
}
function redraw(figures) {
  figures.forEach((f) => waiting.add(f));
  return work();
}

// ---------------------------------------------------------------- filters

const figures = [];

function choose() {
  $("#f-problem").append(...meta.problems.map((text) => node("option", {}, text)));
  $("#f-suite").append(...meta.suites.map((text) => node("option", { value: text }, text || "(none)")));
  $("#f-ending").append(...meta.endings.map((text) => node("option", {}, text)));
  $("#f-methods .choices").append(...meta.methods.map((method) => node("label", {},
    node("input", { type: "checkbox", checked: true, value: method }), method)));
  const form = $("#filters");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  let pending;
  $("#f-text").addEventListener("input", () => { clearTimeout(pending); pending = setTimeout(apply, 150); });
  document.addEventListener("click", (event) => { if (!event.target.closest(".menu")) $("#f-methods").open = false; });
}

function apply() {
  const before = { ...state };
  state.problem = $("#f-problem").selectedIndex > 0 ? $("#f-problem").value : "";
  state.suite = $("#f-suite").value;
  state.ending = $("#f-ending").value;
  state.text = $("#f-text").value.trim();
  state.hidden = new Set($$("#f-methods input").filter((box) => !box.checked).map((box) => box.value));
  const left = meta.methods.length - state.hidden.size;
  $("#f-methods-text").textContent = state.hidden.size ? `${left} of ${meta.methods.length}` : "all";
  const methods = [...before.hidden].join("\n") !== [...state.hidden].join("\n");
  const problem = before.problem !== state.problem;
  Object.values(tables).forEach((table) => table.filter());
  report();
  redraw(figures.filter((f) => methods || (problem && f.spec.scope === "problem")));
}

function report() {
  const table = tables.cells;
  if (table) $("#f-count").textContent = `${count.format(table.kept.length)} of ${count.format(table.size)} records`;
  $("#chosen").textContent = state.problem || !meta.problems.length ? state.problem :
    `${meta.problems[0]} (the first of ${meta.problems.length}; choose another above)`;
  card();
}

function card() {
  const holder = $("#card"), table = tables.answers;
  const problem = shownProblem();
  holder.hidden = !problem || !table;
  if (holder.hidden) return;
  const i = table.rows.problem.at.indexOf(table.rows.problem.code(problem));
  const terms = table.spec.head.slice(2).flatMap((column) => {
    const text = (table.rows[`${column.key}_text`] ?? table.rows[column.key]).get(i);
    return text ? [node("dt", {}, column.title), node("dd", {}, text)] : [];
  });
  const which = state.problem ? "" : ` (the first of ${meta.problems.length}; choose another above)`;
  holder.replaceChildren(node("h3", {}, problem, which), node("dl", {}, ...terms));
}

// ---------------------------------------------------------------- start

const times = (window.bnnbenchTimes = {});

async function start() {
  choose();
  const pack = await unpack("#pack");
  for (const holder of $$("[data-charts]")) {
    const names = holder.dataset.charts.split(" ");
    for (const name of names) {
      const made = new Figure(pack.charts.find((chart) => chart.name === name));
      figures.push(made);
      holder.append(made.element);
    }
  }
  const first = figures[0]?.draw();
  await first;
  for (const table of pack.tables) {
    tables[table.name] = new Table($(`[data-table=${table.name}]`), table);
  }
  report();
  const seen = new IntersectionObserver((entries) => {
    const fresh = entries.filter((e) => e.isIntersecting).map((e) => e.target.figure);
    redraw(fresh.filter((f) => !f.element.dataset.drawn));
  }, { rootMargin: "300px" });
  figures.forEach((f) => seen.observe(f.element));
  const rows = await unpack("#pack-cells");
  tables.cells = new Table($("[data-table=cells]"), { ...meta.cells, rows });
  report();
  times.records = performance.now();
  addEventListener("hashchange", openCell);
  $("#details").addEventListener("close", () => history.replaceState(null, "", "#records"));
  openCell();
  // The rest is drawn when nothing else is to do, so that a print holds every chart.
  await redraw(figures.filter((f) => !f.element.dataset.drawn));
}

addEventListener("beforeprint", () => redraw(figures.filter((f) => !f.element.dataset.drawn)));
start().catch((error) => {
  console.error(error);
  $("#main").prepend(node("p", { class: "warning" }, `This page could not be shown: ${error.message}`));
});
