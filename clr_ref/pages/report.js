"use strict";
/* Every table is sorted by a click on a head; long ones can be filtered. Without JavaScript the page is complete too. */
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  if (rows.length < 3) continue;
  const value = (row, column) => {
    const cell = row.cells[column];
    const text = cell.textContent.trim();
    const number = cell.dataset.sort ?? (cell.className === "number" ? text.replace(/[,%+]/g, "") : "");
    return { text, number: number === "" || isNaN(number) ? null : Number(number) };
  };
  const order = (a, b) => {
    if ((a.number === null) !== (b.number === null)) return a.number === null ? 1 : -1;
    return a.number === null ? a.text.localeCompare(b.text, "en", { numeric: true }) : a.number - b.number;
  };
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const keyed = rows.map((row) => [value(row, column), row]);
      const filled = keyed.filter(([key]) => key.text !== "").sort(([a], [b]) => (descending ? order(b, a) : order(a, b)));
      body.append(...filled.map(([, row]) => row), ...keyed.filter(([key]) => key.text === "").map(([, row]) => row));
    });
  });
  if (rows.length < 20) continue;
  const label = document.createElement("label");
  label.className = "filter";
  const input = document.createElement("input");
  input.type = "search";
  const count = document.createElement("output");
  const show = () => {
    const words = input.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const text = Array.from(row.cells, (cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = ` ${shown} of ${rows.length} rows`;
  };
  input.addEventListener("input", show);
  label.append("Show rows with ", input, count);
  table.parentNode.before(label);
  show();
}
