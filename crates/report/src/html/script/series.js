// A strategy that is chosen in a legend is singled out in all parts of its goal.
(() => {
  const goalOf = (element) => element.closest("article").getAttribute("aria-labelledby").match(/^goal-\d+/)[0];
  for (const button of document.querySelectorAll("button.entry")) {
    button.addEventListener("click", () => {
      const goal = goalOf(button);
      const chosen = button.getAttribute("aria-pressed") === "true" ? null : button.dataset.series;
      for (const article of document.querySelectorAll(`article.goal-part[aria-labelledby^="${goal}-"]`)) {
        article.classList.toggle("singled", chosen !== null);
        for (const element of article.querySelectorAll("[data-series]")) {
          const is = element.dataset.series === chosen;
          element.classList.toggle("chosen", is);
          if (element.matches("button")) element.setAttribute("aria-pressed", String(is));
        }
      }
    });
  }
})();
