// What pages do better with scripts; every page does without.
(() => {
  const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
  let at = -1;
  let dirty = false;

  document.querySelector("[data-focus]")?.focus();
  document.querySelectorAll("[data-hide]").forEach((each) => { each.hidden = true; });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-go]")) event.target.form.requestSubmit();
  });

  // Typing into a part of a choice makes that choice.
  document.addEventListener("input", (event) => {
    const wish = event.target.dataset?.selects;
    if (wish && event.target.value) {
      const [name, value] = wish.split(":");
      event.target.form.querySelectorAll(`input[name="${name}"]`).forEach((each) => { each.checked = each.value === value; });
    }
    if (event.target.form?.matches("[data-guard]")) dirty = true;
  });

  // The hidden key makes a second click harmless; this makes it impossible.
  document.addEventListener("submit", (event) => {
    dirty = false;
    if (!event.target.matches("[data-once]")) return;
    if (event.target.dataset.sent) { event.preventDefault(); return; }
    event.target.dataset.sent = "yes";
    event.target.querySelectorAll("button").forEach((each) => each.setAttribute("aria-disabled", "true"));
  });

  // A page that comes back from the browser's memory has forms to send again.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  window.addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });

  const choose = (next) => {
    const all = rows();
    if (!all.length) return;
    all[at]?.classList.remove("chosen");
    at = Math.max(0, Math.min(all.length - 1, next));
    all[at].classList.add("chosen");
    all[at].querySelector(".whole")?.focus({ preventScroll: true });
    all[at].scrollIntoView({ block: "nearest" });
  };

  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const find = document.querySelector("[data-find]");
    if (event.key === "/" && find) { event.preventDefault(); find.focus(); find.select(); }
    if (event.key === "j") choose(at + 1);
    if (event.key === "k") choose(at - 1);
  });
})();
