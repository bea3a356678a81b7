// A run that is under way writes its page anew; read it again when asked, and by itself if wished.
(() => {
  const running = document.getElementById("running");
  if (!running) return;
  const [button, box] = [running.querySelector("button"), running.querySelector("input")];
  // A browser may keep nothing for pages from a disk; then the wish lasts until the next reading.
  const kept = { get: () => { try { return sessionStorage.getItem("again") === "yes"; } catch { return false; } },
    set: (is) => { try { sessionStorage.setItem("again", is ? "yes" : "no"); } catch { /* nothing is kept */ } } };
  let timer = null;
  const wait = () => {
    clearTimeout(timer);
    timer = box.checked ? setTimeout(() => location.reload(), 30000) : null;
  };
  document.getElementById("again").hidden = false;
  box.checked = kept.get();
  box.addEventListener("change", () => { kept.set(box.checked); wait(); });
  button.addEventListener("click", () => location.reload());
  wait();
})();
