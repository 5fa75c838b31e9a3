// What htmx does not do: the search combobox, the card vault's frame, PIN codes, and small comforts. Pages work without.
"use strict";
(() => {
  const one = (selector, from = document) => from.querySelector(selector);
  const say = (text) => {
    const place = one("#said");
    if (!place) return;
    place.replaceChildren();
    const line = document.createElement("p");
    line.textContent = text;
    place.append(line);
    setTimeout(() => line.remove(), 6000);
  };

  const LOST = "That did not get through. Please try again.";

  // What is taken away or moved between pressing and letting go is never clicked.
  let pressed = null;
  const hold = (...ends) => {
    pressed = new Promise((done) => {
      // A press that ends in another frame or window may not be told here, but that the focus went there is.
      for (const end of [...ends, "blur"]) addEventListener(end, () => setTimeout(done), { once: true });
      setTimeout(done, 10000);
    });
  };
  document.addEventListener("pointerdown", () => hold("pointerup", "pointercancel"));
  document.addEventListener("keydown", (event) => event.key === " " && !event.repeat && hold("keyup"));

  // For the scripts of single pages.
  window.haat = { one, say, LOST, pressed: () => pressed };

  // The same button, link or field in what takes the place of the part that it stood in.
  const twin = (old, fresh) => [...fresh.querySelectorAll(old.tagName)].find((each) => each.name === old.name && each.href === old.href && (old.type === "text" || each.value === old.value));

  // On a slow page a second click must not send a form once more.
  const CLICKS_MS = 30000;
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented || event.target.method !== "post") return;
    if (Date.now() - (event.target.dataset.sent || 0) < CLICKS_MS) event.preventDefault();
    else event.target.dataset.sent = Date.now();
  });
  window.addEventListener("pageshow", (event) => {
    for (const each of document.querySelectorAll("[data-sent]")) delete each.dataset.sent;
    // A list that the back button shows again is narrowed as its address says, not as it was left.
    if (event.persisted) for (const each of document.querySelectorAll("form[data-submit-on-change]")) each.reset();
  });

  // Forms that narrow a list are sent as soon as something is chosen.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-submit-on-change]");
    if (form && !event.target.matches("[data-quiet]")) form.requestSubmit();
  });
  for (const button of document.querySelectorAll(".sort .button")) button.hidden = true;

  // The combobox: arrows walk, Enter goes, Escape closes; the answer comes from the server as links.
  const box = one("#q");
  const list = one("#suggestions");
  if (box && list) {
    let timer = 0;
    let asked = "";
    let at = -1;
    let flight = null;
    const options = () => [...list.querySelectorAll('[role="option"]')];
    const close = () => {
      // An answer that is still on its way must not open the list again.
      clearTimeout(timer);
      flight?.abort();
      list.hidden = true;
      at = -1;
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
    };
    const mark = (next) => {
      const all = options();
      if (!all.length) return;
      at = (next + all.length + 1) % (all.length + 1);
      all.forEach((each, i) => each.setAttribute("aria-selected", String(i === at)));
      if (at === all.length) box.removeAttribute("aria-activedescendant");
      else {
        box.setAttribute("aria-activedescendant", all[at].id);
        all[at].scrollIntoView({ block: "nearest" });
      }
    };
    const ask = async () => {
      const text = box.value.trim();
      if (text.length < 2) return close();
      if (text === asked && !list.hidden) return;
      asked = text;
      flight?.abort();
      flight = new AbortController();
      try {
        const answer = await fetch(`/suggest?q=${encodeURIComponent(text)}`, { signal: flight.signal });
        if (!answer.ok || box.value.trim() !== text) return;
        list.innerHTML = await answer.text();
        at = -1;
        list.hidden = !options().length;
        box.setAttribute("aria-expanded", String(!list.hidden));
      } catch { /* another letter came, or the network is gone: the form still works */ }
    };
    box.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, 120);
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") close();
      else if (list.hidden) return;
      else if (event.key === "ArrowDown") mark(at + 1);
      else if (event.key === "ArrowUp") mark(at < 0 ? options().length - 1 : at - 1);
      else if (event.key === "Enter" && options()[at]) location.assign(options()[at].href);
      else return;
      event.preventDefault();
    });
    box.addEventListener("blur", () => setTimeout(close, 150));
    list.addEventListener("mousedown", (event) => event.preventDefault());
  }

  // Thumbnails scroll the strip sideways instead of the page.
  for (const strip of document.querySelectorAll(".gallery-strip")) {
    const thumbs = [...document.querySelectorAll(".gallery-thumbs a")];
    const show = (i) => thumbs.forEach((each, n) => (n === i ? each.setAttribute("aria-current", "true") : each.removeAttribute("aria-current")));
    thumbs.forEach((thumb, i) => thumb.addEventListener("click", (event) => {
      event.preventDefault();
      strip.scrollTo({ left: strip.children[i].offsetLeft - strip.offsetLeft });
      show(i);
    }));
    strip.addEventListener("scroll", () => show(Math.round(strip.scrollLeft / strip.clientWidth)), { passive: true });
  }

  // A fault is taken back as soon as its field is mended; the server has the last word.
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.getAttribute?.("aria-invalid") !== "true") return;
    field.removeAttribute("aria-invalid");
    document.getElementById(`${field.id}-told`)?.remove();
    const link = one(`#faults a[href="#${field.id}"]`);
    const list = link?.closest("ul");
    link?.parentElement.remove();
    if (list && !list.children.length) one("#faults").remove();
  });

  // A PIN code tells the state: filled in only where nothing was chosen.
  const pins = { 11: "Delhi", 12: "Haryana", 13: "Haryana", 14: "Punjab", 15: "Punjab", 16: "Chandigarh", 17: "Himachal Pradesh", 18: "Jammu and Kashmir", 19: "Jammu and Kashmir", 24: "Uttarakhand", 26: "Uttarakhand", 49: "Chhattisgarh", 50: "Telangana", 78: "Assam" };
  const spans = [[20, 28, "Uttar Pradesh"], [30, 34, "Rajasthan"], [36, 39, "Gujarat"], [40, 44, "Maharashtra"], [45, 48, "Madhya Pradesh"], [51, 53, "Andhra Pradesh"], [56, 59, "Karnataka"], [60, 64, "Tamil Nadu"], [67, 69, "Kerala"], [70, 74, "West Bengal"], [75, 77, "Odisha"], [81, 83, "Jharkhand"], [80, 85, "Bihar"]];
  const pin = one("#f-postal_code");
  const region = one("#f-region");
  if (pin && region) pin.addEventListener("input", () => {
    const two = Number(pin.value.replace(/\s/g, "").slice(0, 2));
    const state = pins[two] || spans.find(([low, high]) => low <= two && two <= high)?.[2];
    if (state && (!region.value || region.dataset.guessed)) {
      region.value = state;
      region.dispatchEvent(new Event("input", { bubbles: true }));
      region.dataset.guessed = "1";
    }
  });
  region?.addEventListener("input", () => delete region.dataset.guessed);
  for (const button of document.querySelectorAll("[data-fill]")) button.addEventListener("click", () => {
    for (const [name, value] of Object.entries(JSON.parse(button.dataset.fill))) {
      const field = one(`#f-${name}`);
      if (field) field.value = value;
    }
    quote?.();
  });

  // The checkout: prices follow the address, and the card's fields live in the vault's own frame.
  const form = one("#checkout");
  let quote = null;
  if (form) {
    const pay = () => one("#pay");
    const complete = () => ["email", "name", "line1", "city", "postal_code", "region"].slice(1).every((name) => form.elements[name].value.trim());
    const methods = one("#f-payment");
    let asked = 0;
    // Sends what is typed and brings the parts of the page that depend on it; `act` is a button's, such as "gift".
    // One after another: new prices must not overtake a gift card that is being entered.
    let before = null;
    const refresh = (act) => {
      const turn = ++asked;
      const body = new URLSearchParams(new FormData(form));
      body.set("do", act);
      before = Promise.resolve(before).then(() => bring(act, turn, body));
    };
    const bring = async (act, turn, body) => {
      const over = () => (act === "update" && turn !== asked) || waiting || sent;
      if (over()) return;
      const answer = await fetch("/checkout", { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => null);
      if (!answer?.ok) return act === "update" || say(LOST);
      const fresh = document.createElement("template");
      fresh.innerHTML = await answer.text();
      await pressed;
      // Once the order is asked for, the total stays the one that was on its button.
      if (over()) return;
      // Signed out, emptied or paid in another window: there is nothing here to enter it into.
      if (act !== "update" && answer.redirected) return location.assign(answer.url);
      for (const id of ["credits", "order-summary", "delivery-options"]) {
        const focused = document.activeElement;
        const place = document.getElementById(id);
        const next = fresh.content.getElementById(id);
        if (!next) continue;
        if (act === "update" || id !== "credits") {
          // What was opened or typed since this was asked for stays.
          const parts = next.querySelectorAll("details");
          place.querySelectorAll("details").forEach((each, i) => { if (each.open && parts[i]) parts[i].open = true; });
          for (const text of place.querySelectorAll("[data-quiet]")) {
            const again = twin(text, next);
            if (again) again.value = text.value;
          }
        }
        const back = place.contains(focused) && twin(focused, next);
        const caret = [focused.selectionStart, focused.selectionEnd];
        place.replaceWith(next);
        back?.focus?.({ preventScroll: true });
        if (back && back.type === "text") back.setSelectionRange(...caret);
      }
      const credits = one("#credits");
      // Nothing left to pay: no other way to pay is asked for, and what was typed there waits unseen.
      methods.hidden = "covered" in credits.dataset;
      open();
      if (act === "update") return;
      const code = one('[name="gift_code"]', credits);
      // Whoever has gone on to another field stays there.
      if ([null, document.body].includes(document.activeElement) || credits.contains(document.activeElement)) (code?.closest("details").open ? code : one("summary", credits) || pay()).focus();
      if (code?.getAttribute("aria-invalid") !== "true") say(credits.dataset.told);
    };
    quote = () => complete() && refresh("update");
    form.addEventListener("change", (event) => {
      if (event.target.matches("[data-quote]")) refresh("update");
      if (event.target.matches('[name="name"], [name^="line"], [name="city"], [name="region"], [name="postal_code"], [name="shipping_method"]')) quote();
    });

    form.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !event.target.matches("[data-enter]")) return;
      event.preventDefault();
      refresh(event.target.dataset.enter);
    });

    const place = one("#card-fields");
    const vault = form.dataset.vault && new URL(form.dataset.vault).origin;
    let frame = null;
    let ready = false;
    // For the vault's answer to "Place order", and since when the order itself is asked for.
    let waiting = false;
    let sent = 0;
    let late = false;
    let patience = 0;
    let answering = 0;
    let away = false;
    const wants = () => {
      const saved = form.querySelector('[name="saved_card"]:checked');
      return !methods.hidden && form.elements.payment.value === "card" && !form.elements.card_token.value && !(saved && saved.value);
    };
    // The vault is another house: it may be slow, or away, and then this page must say so.
    const note = (text, again) => {
      one(".hint", place)?.remove();
      if (!text) return;
      const line = document.createElement("p");
      line.className = "hint";
      line.role = "status";
      line.textContent = text;
      if (again) {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "quiet-button";
        button.textContent = "Try again";
        button.addEventListener("click", open);
        line.append(" ", button);
      }
      place.prepend(line);
    };
    const missing = async () => {
      await pressed;
      if (!frame || ready) return;
      frame.remove();
      frame = null;
      away = true;
      note("The card’s fields do not load. You can pay another way, or", true);
    };
    const open = (event) => {
      // Once told, it stands until the shopper asks again: new prices or a line of the address must not wipe it away.
      if (event?.type === "click" || event?.target?.name === "payment") away = false;
      if (!place || methods.hidden || away) return;
      if (form.elements.payment.value === "card" && !frame && (wants() || form.querySelector('[name="saved_card"]:checked')?.value === "")) {
        frame = document.createElement("iframe");
        frame.title = "Card number, expiry and security code";
        // The vault's page is of another origin, which sandboxing leaves it; it may not lead this page elsewhere.
        frame.sandbox = "allow-scripts allow-same-origin allow-forms";
        frame.allow = "payment";
        frame.referrerPolicy = "no-referrer";
        frame.src = place.dataset.src;
        ready = false;
        note("The card’s fields are loading…");
        patience = setTimeout(missing, 10000);
        place.append(frame);
      }
      if (frame) place.hidden = !wants() && !waiting && !frame.hidden;
    };
    const free = () => {
      clearTimeout(answering);
      waiting = false;
      sent = 0;
      pay().removeAttribute("aria-busy");
    };
    const giveUp = () => {
      late = true;
      free();
      quote();
    };
    form.addEventListener("change", (event) => {
      // Another way to pay was chosen after all.
      if (waiting && event.target.name === "payment") giveUp();
      open(event);
    });
    open();
    window.addEventListener("message", async (event) => {
      if (!frame || event.origin !== vault || event.source !== frame.contentWindow) return;
      const told = event.data || {};
      if (told.haat === "ready" && !ready) {
        ready = true;
        clearTimeout(patience);
        note("");
      }
      if (told.haat === "ready" && !frame.dataset.plain) {
        // Our own button does it; the frame measures itself again once its button is gone.
        frame.dataset.plain = "1";
        frame.contentWindow.postMessage({ haat: "hide-button" }, vault);
      } else if (told.haat === "ready" && !told.button) {
        await pressed;
        if (frame) frame.style.blockSize = `${told.height + 4}px`;
      }
      if (told.haat === "faults") {
        free();
        quote();
        frame.focus();
        say("Please check the card details.");
      }
      if (told.haat !== "card" || form.elements.payment.value !== "card") return;
      free();
      form.elements.card_token.value = told.token;
      if (!late) return form.requestSubmit(pay());
      // They were told that nothing was charged: it is theirs to ask again.
      frame.hidden = true;
      note("Your card is ready. It is charged when you place the order.");
    });
    form.addEventListener("submit", (event) => {
      if (waiting || Date.now() - sent < CLICKS_MS) return event.preventDefault();
      if (event.submitter?.matches("[data-swap]")) {
        event.preventDefault();
        refresh(event.submitter.value);
      }
      if (event.submitter !== pay()) return;
      pay().setAttribute("aria-busy", "true");
      if (!wants() || !place) return void (sent = Date.now());
      event.preventDefault();
      if (!frame || !ready) {
        free();
        return say("The card’s fields have not loaded. Wait a moment, or choose another way to pay.");
      }
      waiting = true;
      late = false;
      answering = setTimeout(() => {
        giveUp();
        say("The card vault does not answer. Nothing was charged: please try again.");
      }, 20000);
      frame.contentWindow.postMessage({ haat: "tokenize" }, vault);
    });
    // Back from a payment, the page as it was holds a spent card and old prices.
    window.addEventListener("pageshow", (event) => (event.persisted && sent ? location.replace("/checkout") : free()));
  }

  // What htmx brought is announced and takes the focus; how many were chosen meanwhile stays.
  let units = "";
  let last = null;
  document.addEventListener("htmx:before:swap", () => {
    units = one("#buy .quantity")?.value;
    last = document.activeElement?.closest(".next-page")?.previousElementSibling;
  });
  for (const lost of ["htmx:error", "htmx:response:error"]) document.addEventListener(lost, (event) => event.target.matches?.("[hx-swap=none]") || say(LOST));
  document.addEventListener("htmx:after:swap", () => {
    const again = one("#buy .quantity");
    if (again && [...again.options].some((each) => each.value === units)) again.value = units;
    // The button for more is gone: on with the first that came.
    if (last) one("a", last.nextElementSibling || last).focus({ preventScroll: true });
    const fresh = one("#buy[autofocus]");
    if (fresh) {
      fresh.removeAttribute("autofocus");
      fresh.focus();
    }
  });
  one("#faults")?.focus();
  const note = one("#said p");
  if (note) setTimeout(() => note.remove(), 8000);
})();
