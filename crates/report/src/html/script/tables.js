// Tables are sorted by the buttons in their heads and filtered by a field above them.
(() => {
  const key = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent;
  const compare = (isNumber) => (one, other) => {
    if (!isNumber) return one.localeCompare(other);
    const [a, b] = [one, other].map((text) => Number.parseFloat(text));
    // What has no number comes last, whichever way.
    return Number.isNaN(a) ? (Number.isNaN(b) ? 0 : Infinity) : Number.isNaN(b) ? -Infinity : a - b;
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const order = compare(head.classList.contains("number"));
        const rows = [...body.rows].sort((one, other) => {
          const found = order(key(one, column), key(other, column));
          return Math.abs(found) === Infinity ? found : down ? -found : found;
        });
        body.append(...rows);
      });
    });
    if (body.rows.length < 4) continue;
    const label = document.createElement("label");
    const field = document.createElement("input");
    const count = document.createElement("span");
    label.className = "filter";
    field.type = "search";
    count.setAttribute("role", "status");
    label.append("Filter ", field, " ", count);
    table.closest(".scroll").before(label);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        const fits = words.every((word) => text.includes(word));
        row.hidden = !fits;
        shown += fits ? 1 : 0;
      }
      count.textContent = words.length ? shown + " of " + body.rows.length : "";
    });
  }
})();
