"use strict";
document.documentElement.classList.add("js");

function cellValue(group, column) {
  const cell = group.rows[0].cells[column];
  const value = cell.dataset.value === undefined ? cell.textContent.trim() : cell.dataset.value;
  const number = Number(value);
  return value === "" ? null : Number.isNaN(number) ? value.toLowerCase() : number;
}

function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return sign * (a < b ? -1 : a > b ? 1 : 0);
}

function sortTable(table, header) {
  const descending = header.getAttribute("aria-sort") === "ascending";
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const sign = descending ? -1 : 1;
  const column = header.cellIndex;
  [...table.tBodies]
    .map((group) => [cellValue(group, column), group])
    .sort((a, b) => compare(a[0], b[0], sign))
    .forEach(([, group]) => table.append(group));
}

function makeSortable(table) {
  for (const header of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = header.textContent.trim();
    button.addEventListener("click", () => sortTable(table, header));
    header.replaceChildren(button);
  }
}

function makeFilterable(form, table) {
  const text = form.querySelector("[name=text]");
  const strategy = form.querySelector("[name=strategy]");
  const status = form.querySelector("[name=status]");
  const shown = form.querySelector("output");
  const apply = () => {
    const wanted = text.value.trim().toLowerCase();
    let count = 0;
    for (const group of table.tBodies) {
      const fits =
        (!strategy.value || group.dataset.strategy === strategy.value) &&
        (!status.value || group.dataset.status === status.value) &&
        (!wanted || group.textContent.toLowerCase().includes(wanted));
      group.hidden = !fits;
      count += fits;
    }
    shown.value = `${count} of ${table.tBodies.length} shown`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  apply();
}

function copyText(button) {
  const source = button.parentElement.querySelector("code");
  const range = document.createRange();
  range.selectNodeContents(source);
  const selection = window.getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  const label = button.textContent;
  button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
  setTimeout(() => { button.textContent = label; }, 1500);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button) copyText(button);
});
const ranking = document.getElementById("ranking");
if (ranking) {
  makeSortable(ranking);
  makeFilterable(document.getElementById("ranking-filter"), ranking);
}
