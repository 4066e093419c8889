"use strict";
// What the reader has chosen to see. All parts of the page watch it, and the address holds it.
const view = {
  state: { sort: "", text: "", strategy: "", status: "", only: false, open: [], marks: [], brush: null },
  watchers: [],
  change(part) {
    Object.assign(this.state, part);
    for (const watch of this.watchers) watch(this.state);
    history.replaceState(null, "", addressOf(this.state));
  },
};

function addressOf(state) {
  const query = new URLSearchParams();
  for (const name of ["sort", "text", "strategy", "status"]) if (state[name]) query.set(name, state[name]);
  if (state.only) query.set("only", "marked");
  for (const name of ["open", "marks"]) if (state[name].length) query.set(name, state[name].join("."));
  if (state.brush) {
    query.set("brush", state.brush.chart);
    for (const [field, ends] of Object.entries(state.brush.ranges)) query.set(`in.${field}`, ends.join(".."));
  }
  const anchor = location.hash.slice(1).split("?")[0];
  const text = query.toString();
  return anchor || text ? `#${anchor}${text ? `?${text}` : ""}` : location.href.split("#")[0];
}

function stateOf(hash) {
  const query = new URLSearchParams(hash.split("?").slice(1).join("?"));
  const numbers = (name) => (query.get(name) || "").split(".").filter((part) => /^\d+$/.test(part)).map(Number);
  const ranges = {};
  for (const [name, value] of query) {
    const ends = value.split("..").map(Number);
    if (name.startsWith("in.") && ends.length === 2 && !ends.some(Number.isNaN)) ranges[name.slice(3)] = ends;
  }
  return {
    sort: /^\d+[ad]$/.test(query.get("sort") || "") ? query.get("sort") : "",
    text: query.get("text") || "",
    strategy: query.get("strategy") || "",
    status: query.get("status") || "",
    only: query.get("only") === "marked",
    open: numbers("open"),
    marks: numbers("marks"),
    brush: query.has("brush") && Object.keys(ranges).length ? { chart: query.get("brush"), ranges } : null,
  };
}

// Quantities by trial, as the charts and the form for marking use them; texts count by position.
const linked = JSON.parse(document.getElementById("linked-data")?.textContent || '{"charts":{},"table":{}}');
const valuesOf = (column) => column.of ? column.at : column;

function trialsWithin(brush) {
  const { table, charts } = linked;
  const shown = charts[brush.chart] && new Set(valuesOf(charts[brush.chart].points.trial));
  const tests = Object.entries(brush.ranges).map(([field, [low, high]]) => {
    const values = table[field] ? valuesOf(table[field].values) : [];
    return (i) => typeof values[i] === "number" && values[i] >= low && values[i] <= high;
  });
  const trials = table.trial ? table.trial.values : [];
  return trials.filter((trial, i) => (!shown || shown.has(trial)) && tests.every((test) => test(i)));
}

const markedTrials = (state) => new Set(state.brush ? trialsWithin(state.brush) : state.marks);

function cellValue(group, column) {
  const cell = group.rows[0].cells[column];
  const value = cell.dataset.value === undefined ? cell.textContent.trim() : cell.dataset.value;
  const number = Number(value);
  return value === "" ? null : Number.isNaN(number) ? value.toLowerCase() : number;
}

function compareCells(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return sign * (a < b ? -1 : a > b ? 1 : 0);
}

function sortTable(table, order) {
  const column = order ? parseInt(order, 10) : 0;
  const sign = order.endsWith("d") ? -1 : 1;
  const headers = table.tHead.rows[0].cells;
  for (const header of headers) header.removeAttribute("aria-sort");
  if (order && headers[column]) headers[column].setAttribute("aria-sort", sign < 0 ? "descending" : "ascending");
  [...table.tBodies]
    .map((group) => [cellValue(group, Math.min(column, headers.length - 1)), group])
    .sort((a, b) => compareCells(a[0], b[0], sign))
    .forEach(([, group]) => table.append(group));
}

function makeSortable(table) {
  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent.trim();
    const column = header.cellIndex;
    button.addEventListener("click", () => view.change({ sort: `${column}${view.state.sort === `${column}a` ? "d" : "a"}` }));
    header.replaceChildren(button);
  }
  let applied = "";
  view.watchers.push((state) => {
    if (state.sort !== applied) sortTable(table, (applied = state.sort));
  });
}

function makeFilterable(form, table) {
  const fields = Object.fromEntries(["text", "strategy", "status", "only"].map((name) => [name, form.elements[name]]));
  const groups = [...table.tBodies].map((group) => [group, group.textContent.toLowerCase()]);
  const shown = form.querySelector("output");
  form.addEventListener("input", () => view.change({
    text: fields.text.value, strategy: fields.strategy.value, status: fields.status.value, only: fields.only.checked,
  }));
  form.addEventListener("submit", (event) => event.preventDefault());
  view.watchers.push((state) => {
    for (const name of ["text", "strategy", "status"]) if (fields[name].value !== state[name]) fields[name].value = state[name];
    fields.only.checked = state.only;
    const wanted = state.text.trim().toLowerCase();
    const marked = markedTrials(state);
    let count = 0;
    for (const [group, text] of groups) {
      const fits =
        (!state.strategy || group.dataset.strategy === state.strategy) &&
        (!state.status || group.dataset.status === state.status) &&
        (!wanted || text.includes(wanted)) &&
        (!state.only || marked.has(Number(group.dataset.trial)));
      group.hidden = !fits;
      count += fits;
    }
    shown.value = `${count} of ${groups.length} shown${marked.size ? `, ${marked.size} marked` : ""}`;
  });
}

function makeMarkable(table) {
  const boxes = new Map();
  for (const group of table.tBodies) {
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", `Mark trial ${group.dataset.trial}`);
    box.addEventListener("change", () => {
      const marks = markedTrials(view.state);
      if (box.checked) marks.add(Number(group.dataset.trial));
      else marks.delete(Number(group.dataset.trial));
      view.change({ marks: [...marks].sort((a, b) => a - b), brush: null });
    });
    group.rows[0].cells[0].prepend(box, " ");
    boxes.set(Number(group.dataset.trial), [group, box]);
  }
  view.watchers.push((state) => {
    const marked = markedTrials(state);
    for (const [trial, [group, box]] of boxes) {
      box.checked = marked.has(trial);
      group.classList.toggle("marked", box.checked);
    }
  });
}

function makeUnfoldable(table) {
  const parts = [...table.tBodies].map((group) => [Number(group.dataset.trial), group.querySelector("details")]);
  const unfolded = () => parts.filter(([, part]) => part.open).map(([trial]) => trial).sort((a, b) => a - b);
  // A toggle that follows from the state changes nothing; so does one that printing causes.
  table.addEventListener("toggle", () => {
    const open = unfolded();
    if (open.join() !== view.state.open.join()) view.change({ open });
  }, true);
  view.watchers.push((state) => {
    for (const [trial, part] of parts) part.open = state.open.includes(trial);
  });
}

function makeRangeForm(form) {
  const { quantity, low, high } = form.elements;
  for (const [field, { label, values }] of Object.entries(linked.table)) {
    if (label && !values.of) quantity.add(new Option(label, field));
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const ends = [low.value === "" ? -Infinity : Number(low.value), high.value === "" ? Infinity : Number(high.value)];
    view.change({ brush: { chart: "range", ranges: { [quantity.value]: ends } }, marks: [] });
  });
  form.addEventListener("reset", () => view.change({ brush: null, marks: [], only: false }));
  view.watchers.push((state) => {
    const found = state.brush && Object.entries(state.brush.ranges).find(([field]) => [...quantity.options].some((o) => o.value === field));
    if (!found || state.brush.chart !== "range") return;
    quantity.value = found[0];
    [low.value, high.value] = found[1].map((end) => (Number.isFinite(end) ? end : ""));
  });
}

function reveal(trial) {
  const group = ranking.querySelector(`tbody[data-trial="${trial}"]`);
  if (group.hidden) view.change({ text: "", strategy: "", status: "", only: false });
  group.scrollIntoView({ block: "center" });
  group.querySelector("summary").focus({ preventScroll: true });
}

const ranking = document.getElementById("ranking");
if (ranking) {
  makeFilterable(document.getElementById("ranking-filter"), ranking);
  makeSortable(ranking);
  makeMarkable(ranking);
  makeUnfoldable(ranking);
  const form = document.getElementById("ranking-range");
  if (form) makeRangeForm(form);
  const restored = location.hash;
  view.change(stateOf(restored));
  if (restored.startsWith("#?")) document.getElementById("configurations").scrollIntoView();
  // A link of the contents replaces the address; what is chosen goes along.
  window.addEventListener("hashchange", () => {
    if (location.hash.includes("?")) view.change(stateOf(location.hash));
    else history.replaceState(null, "", addressOf(view.state));
  });
}
