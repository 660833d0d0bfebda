package rig

// finder is a function in the page: (kind, name) → the middle of what is meant, in pixels of the window, or x = -1 when there is none.
// A choice is found by its visible text, value or aria-label, a field by its label, aria-label, placeholder, name or id. An exact
// match counts more than a part of a longer name. What only listens to clicks is a choice, too: Keycloak before 26.7 has such.
const finder = `(kind, name) => {
  const none = {x: -1, y: -1};
  if (document.readyState !== "complete") return none;
  const clean = s => (s || "").replace(/\s+/g, " ").trim();
  const wanted = clean(name);
  const choices = "button, a[href], summary, input[type=submit], input[type=button], input[type=radio], input[type=checkbox], label, [role=button], [role=link], [role=radio], [role=tab], [onclick]";
  const fields = "input:not([type=hidden]):not([type=submit]):not([type=button]), textarea, select";
  const names = e => kind === "choice"
    ? [e.innerText, e.value, e.getAttribute("aria-label"), ...[...(e.labels || [])].map(l => l.innerText)]
    : [...[...(e.labels || [])].map(l => l.innerText), e.getAttribute("aria-label"), e.placeholder, e.name, e.id];
  const visible = e => {
    const r = e.getBoundingClientRect();
    return r.width > 0 && r.height > 0 && getComputedStyle(e).visibility !== "hidden" && !e.disabled;
  };
  const all = [...document.querySelectorAll(kind === "choice" ? choices : fields)].filter(visible);
  const exact = all.find(e => names(e).some(n => clean(n) === wanted));
  const found = exact || all.find(e => names(e).some(n => clean(n).includes(wanted)));
  if (!found) return none;
  found.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
  if (kind === "field") found.focus();
  const r = found.getBoundingClientRect();
  return {x: r.left + r.width / 2, y: r.top + r.height / 2};
}`
