// The card fields inside the shop's frame. They tell the shop's page, and only it:
//   {haat: "ready", height, button}, {haat: "card", token, brand, last4, exp_month, exp_year}, {haat: "faults", fields: [...]}
// and listen for {haat: "tokenize"} and {haat: "hide-button"} from it.
"use strict";
(() => {
  const shop = document.body.dataset.origin;
  const form = document.getElementById("card");
  const button = document.getElementById("send");
  const alertLine = document.getElementById("alert");
  const number = form.elements.number;
  const fields = ["number", "name", "exp_month", "exp_year", "cvc"];
  const tell = (message) => window.parent.postMessage(message, shop);

  const show = (faults) => {
    for (const field of fields) {
      const text = faults[field] || "";
      document.getElementById(`${field}-fault`).textContent = text;
      form.elements[field].setAttribute("aria-invalid", String(Boolean(text)));
    }
    const first = fields.find((field) => faults[field]);
    if (first) form.elements[first].focus();
  };

  const send = async () => {
    if (button.disabled) return;
    button.disabled = true;
    alertLine.textContent = "";
    try {
      const year = Number(form.elements.exp_year.value);
      const answer = await fetch("/v1/tokens", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({
          number: number.value,
          exp_month: Number(form.elements.exp_month.value),
          exp_year: year > 0 && year < 100 ? 2000 + year : year,
          cvc: form.elements.cvc.value,
          name: form.elements.name.value,
        }),
      });
      const body = await answer.json();
      if (answer.status === 201) {
        show({});
        form.reset();
        tell({ haat: "card", ...body });
        return;
      }
      const faults = {};
      for (const fault of body.errors || []) faults[fault.pointer.slice(1)] ||= fault.detail;
      show(faults);
      if (!Object.keys(faults).length) alertLine.textContent = body.detail || "This did not work. Please try again.";
      tell({ haat: "faults", fields: Object.keys(faults) });
    } catch {
      alertLine.textContent = "The card vault cannot be reached. Please try again.";
      tell({ haat: "faults", fields: [] });
    } finally {
      button.disabled = false;
    }
  };

  number.addEventListener("input", () => {
    const place = number.value.slice(0, number.selectionStart).replace(/\D/g, "").length;
    const digits = number.value.replace(/\D/g, "").slice(0, 19);
    const groups = /^3[47]/.test(digits) ? [4, 6, 5] : [4, 4, 4, 4, 3];
    let shown = "";
    let at = 0;
    let caret = 0;
    for (const size of groups) {
      if (at >= digits.length) break;
      if (at) shown += " ";
      shown += digits.slice(at, at + size);
      at += size;
    }
    for (let seen = 0; caret < shown.length && seen < place; caret += 1) if (/\d/.test(shown[caret])) seen += 1;
    number.value = shown;
    number.setSelectionRange(caret, caret);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  window.addEventListener("message", (event) => {
    if (event.origin !== shop || event.source !== window.parent) return;
    if (event.data && event.data.haat === "tokenize") send();
    if (event.data && event.data.haat === "hide-button") {
      button.hidden = true;
      measure();
    }
  });
  // Of what is in it, not of the frame: that would never shrink. Nothing observes a frame that is out of sight.
  const measure = () => tell({ haat: "ready", height: document.body.offsetHeight, button: !button.hidden });
  new ResizeObserver(measure).observe(document.body);
  measure();
})();
