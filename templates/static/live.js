// A waiting page that moves on by itself. It only saves presses of "check now" and of "new call code": both work without this file.
"use strict";

{
  const main = document.querySelector("main[data-live]");
  const status = document.getElementById("status");
  const words = status?.firstElementChild;
  const first = words?.textContent;
  const tab = Math.random().toString(36).slice(2); // so that another line of this page takes the place of the one before
  const minute = 60_000;

  let source; // the open stream
  let retry; // timer of the next try
  let failures = 0;
  let moving = false;
  let paused = remembered("paused") === "yes";
  let offline; // timer: the line has been down for some seconds when it fires
  let spoken = 0; // when the status changed last
  let hiddenAt = 0;
  let heard = 0; // when the server said something last

  function remembered(key) {
    try { return sessionStorage.getItem("otpbridge-" + key); } catch { return null; }
  }

  function remember(key, value) {
    try { sessionStorage.setItem("otpbridge-" + key, value); } catch { /* a page that forgets works too */ }
  }

  // say changes the status line, which screen readers read out: at most once a minute unless it is urgent.
  function say(text, urgent) {
    if (!words || !text || words.textContent === text) return;
    if (!urgent && Date.now() - spoken < minute) return;
    spoken = Date.now();
    status.removeAttribute("aria-live");
    words.textContent = text;
  }

  // restore puts the first words back without having them read out.
  function restore() {
    if (!words || words.textContent !== main.dataset.offline) return;
    status.setAttribute("aria-live", "off");
    words.textContent = first;
  }

  // moveOn says what happened and loads the page that is due. The focus stays where it is until then.
  function moveOn(step, revision) {
    if (moving || paused) return;
    moving = true;
    source?.close();
    clearTimeout(retry);
    say(main.getAttribute("data-say-" + step) ?? main.dataset.say, true);
    const [before, at] = (remembered("moved") ?? " 0").split(" ");
    const again = before === step + "/" + revision && Date.now() - Number(at) < 10_000;
    remember("moved", step + "/" + revision + " " + Date.now());
    const go = () => location.replace("/recovery");
    if (document.hidden && !again) go();
    else setTimeout(go, again ? 10_000 : 1000);
  }

  // compare holds this page against the one that is due. The same step with another revision shows another call code, or other match words.
  function compare(step, revision) {
    clearTimeout(offline);
    offline = undefined;
    restore();
    if (step === main.dataset.step && revision === main.dataset.revision) remember("moved", ""); // whatever comes now is news
    else if (step === main.dataset.step && box) update(revision, "/recovery").catch(later);
    else moveOn(step, revision);
  }

  const shownBy = (page) => page.querySelector("main")?.dataset ?? {};

  // read returns the page that the server would show now. Errors of the server are no answer.
  async function read(address, options) {
    const answer = await fetch(address, { cache: "no-store", ...options });
    if (answer.status >= 500 || answer.status === 429) throw new Error("status " + answer.status);
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  // look asks for the page itself, for when no stream comes through.
  async function look() {
    const now = shownBy(await read("/recovery"));
    compare(now.step ?? "", now.revision);
  }

  function down() {
    offline ??= setTimeout(() => say(main.dataset.offline, false), 4000);
  }

  // later asks for the page and then for the stream again, each time after a longer pause (a shorter one while nobody answers at all, so that
  // whoever is back is found within five seconds); a little chance keeps many pages from coming at once.
  function later(lost) {
    down();
    clearTimeout(retry);
    const wait = Math.min(1000 * 2 ** failures++, lost instanceof Error ? 3000 : 10_000) * (0.75 + Math.random() / 2);
    retry = setTimeout(() => look().then(connect, later), wait);
  }

  function hear() {
    heard = Date.now();
    document.dispatchEvent(new Event("alive"));
  }

  function connect() {
    if (moving || paused) return;
    clearTimeout(retry);
    source?.close();
    heard = Date.now();
    const mine = source = new EventSource(main.dataset.live + "?tab=" + tab);
    retry = setTimeout(() => later(), 10_000); // open but silent: something on the way holds the answer back
    mine.addEventListener("step", (event) => {
      if (mine !== source) return;
      clearTimeout(retry);
      failures = 0;
      hear();
      compare(event.data, event.lastEventId);
    });
    mine.addEventListener("alive", hear);
    mine.addEventListener("error", () => {
      if (mine !== source) return;
      if (mine.readyState === EventSource.CLOSED) later();
      else down(); // the browser tries again by itself
    });
  }

  const box = document.getElementById("callcode");
  let renewAt = box?.dataset.renew ? Date.now() + Number(box.dataset.renew) * 1000 : Infinity;
  let endAt = box?.dataset.ends ? Date.now() + Number(box.dataset.ends) * 1000 : Infinity;
  let updating = false; // an answer with a call code is under way
  let told; // the revision that was due meanwhile
  let warnAt = status?.dataset.warn ? Date.now() + Number(status.dataset.warn) * 1000 : Infinity;

  // update puts the call code of the answer in the place of the one that is shown; the button stays, and with it the focus.
  async function update(revision, address, options) {
    told = revision;
    if (updating) return;
    updating = true;
    const page = await read(address, options).finally(() => { updating = false; });
    const now = shownBy(page);
    const fresh = page.getElementById("callcode");
    if (!fresh || now.step !== main.dataset.step) {
      moveOn(now.step ?? "", now.revision);
      return;
    }
    const form = box.querySelector("form");
    for (const old of [...box.children]) if (old !== form) old.remove();
    form.before(...[...fresh.children].filter((part) => part.localName !== "form"));
    form.querySelector("button").className = fresh.querySelector("button").className;
    renewAt = Math.max(renewAt, Date.now() + Number(fresh.dataset.renew) * 1000);
    endAt = Date.now() + Number(fresh.dataset.ends) * 1000;
    main.dataset.revision = now.revision;
    say(box.dataset.renewed, false);
    if (told && told !== now.revision) await update("", "/recovery");
  }

  // renew asks for another call code.
  function renew() {
    renewAt = Date.now() + minute / 2; // until the answer is here
    const form = box.querySelector("form");
    const data = new URLSearchParams(new FormData(form));
    data.set("do", "renew");
    return update("", form.action, { method: "POST", body: data });
  }

  // expire takes a call code away that no longer works, whatever keeps the next one from coming.
  function expire() {
    endAt = Infinity;
    for (const part of box.querySelectorAll("dl > :nth-of-type(2), p")) part.remove();
    const ended = document.createElement("p");
    ended.textContent = box.dataset.expired;
    box.querySelector("form").before(ended);
  }

  function tick() {
    const now = Date.now();
    if (now >= endAt) expire();
    if (paused || moving) return;
    if (now - heard > main.dataset.beat * 2400) connect(); // two signs of life are missing: the line is dead, or the machine has slept
    if (now >= renewAt) renew().catch(down);
    if (now >= warnAt) {
      warnAt = Infinity;
      say(status.dataset.warning, true);
    }
  }

  function pausable() {
    const button = document.getElementById("pause");
    if (!button) return;
    const labels = { false: button.textContent, true: button.dataset.resume };
    button.textContent = labels[paused];
    button.hidden = button.parentElement.hidden = false;
    button.addEventListener("click", () => {
      paused = !paused;
      remember("paused", paused ? "yes" : "no");
      button.textContent = labels[paused];
      say(paused ? main.dataset.paused : main.dataset.resumed, true);
      source?.close();
      clearTimeout(retry);
      clearTimeout(offline);
      offline = undefined;
      connect();
      tick();
    });
  }

  if (main && typeof EventSource !== "undefined") {
    pausable();
    connect();
    tick();
    setInterval(tick, 5000);
    addEventListener("online", connect);
    addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
    addEventListener("pagehide", () => source?.close());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        hiddenAt = Date.now();
        return;
      }
      tick();
      if (Date.now() - hiddenAt > 10_000) connect();
    });
  }
}
