// The cart: what is changed counts at once. Changes go one after another, and the answer to the last is shown.
"use strict";
(() => {
  const { one, say, LOST, pressed } = window.haat;
  const root = document.documentElement;
  // A changed quantity needs no button.
  root.classList.add("live");
  const due = new Map();
  let sending = null;
  let shown = null;
  let typing = false;
  const show = async () => {
    await pressed();
    if (!shown || sending || typing) return;
    const fresh = shown;
    shown = null;
    // A page in place of the cart: somebody has signed out elsewhere.
    if (!one("#cart", fresh)) return location.reload();
    const cart = one("#cart");
    const old = document.activeElement;
    const at = [...cart.querySelectorAll(".line")].indexOf(old.closest(".line"));
    cart.replaceWith(one("#cart", fresh));
    one("#count").replaceWith(one("#count", fresh));
    if (at < 0) return;
    const there = [...document.querySelectorAll("#cart .line")];
    (document.getElementById(old.id || "-") || one("[name=remove]", there[at] || there.at(-1) || fresh) || one("main")).focus();
  };
  const send = async () => {
    let answer = null;
    for (const [address, body] of due) {
      due.delete(address);
      answer = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" }, keepalive: true }).catch(() => null);
      const text = answer?.ok && (await answer.text());
      if (text) {
        const fresh = document.createElement("template");
        fresh.innerHTML = text;
        shown = fresh.content;
      } else say(LOST);
    }
    sending = null;
    // What did not get through can be sent once more.
    root.classList.toggle("live", Boolean(answer?.ok));
    await show();
  };
  const change = (line, button) => {
    due.set(line.action, new URLSearchParams(new FormData(line, button)));
    sending ||= send();
  };
  const quantity = (event) => event.target.matches("#cart .quantity");
  document.addEventListener("input", (event) => { if (quantity(event)) typing = true; });
  document.addEventListener("change", (event) => {
    if (!quantity(event)) return;
    typing = false;
    change(event.target.form);
  });
  document.addEventListener("focusout", (event) => {
    if (!quantity(event)) return;
    typing = false;
    show();
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("#cart .line-edit")) return;
    event.preventDefault();
    change(event.target, event.submitter);
  });
  // Back from somewhere else, what lies here may have been bought or taken out meanwhile.
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  document.addEventListener("click", async (event) => {
    const link = event.target.closest('#cart a[href="/checkout"]');
    // An answer that came while the link was pressed is shown once it is let go.
    if (!link || !(sending || shown) || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    await (sending || show());
    // Whoever asked for more than there is stays, to be told.
    if (!one("#cart .alert") && root.classList.contains("live")) location.assign("/checkout");
  });
})();
