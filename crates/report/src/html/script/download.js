// The rows of the page, put together again as the CSV files that they came from.
(() => {
  const data = JSON.parse(document.getElementById("rows").textContent);
  const quoted = (text) => (/[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text);
  const csv = (sheet) => {
    const lines = [sheet.columns.map(quoted).join(",")];
    for (const row of sheet.rows) {
      const run = sheet.runs[row[0]];
      let [ofRow, ofRun] = [1, 0];
      lines.push(sheet.columns.map((_, column) => {
        const value = sheet.is_row[column] ? row[ofRow++] : run[ofRun++];
        if (value === null) return "";
        return sheet.is_text[column] ? quoted(data.texts[value]) : String(value);
      }).join(","));
    }
    return lines.join("\n") + "\n";
  };
  for (const button of document.querySelectorAll("#downloads button")) {
    button.addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([csv(data.sheets[button.dataset.sheet])], { type: "text/csv" }));
      link.download = button.dataset.sheet + ".csv";
      link.click();
      URL.revokeObjectURL(link.href);
      document.getElementById("downloaded").textContent = link.download + " is saved.";
    });
  }
})();
