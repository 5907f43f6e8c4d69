// Waits for a change and puts what changed in place of the old: no flash, and the reader's place is kept, as is what has the focus.
const list = document.getElementById("list");
const state = document.getElementById("state");
const modals = document.getElementById("modals");
const chosen = document.getElementById("as");
const user = () => (chosen ? chosen.value : "");
const atEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 40;
const localTimes = () => {
  for (const time of document.querySelectorAll("time[data-ts]")) {
    const date = new Date(Number(time.dataset.ts) * 1000);
    time.textContent = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }
};
// What the server said of each entry of the list: one of which it says the same stays.
const said = new WeakMap();
const keyOf = (entry) => entry.id || entry.className;
const replaceList = (next) => {
  const before = new Map([...list.children].map((entry) => [keyOf(entry), entry]));
  let place = list.firstElementChild;
  for (const entry of [...next.children]) {
    const old = before.get(keyOf(entry));
    before.delete(keyOf(entry));
    const html = entry.outerHTML;
    if (old && said.get(old) === html) {
      if (old === place) place = place.nextElementSibling;
      else list.insertBefore(old, place);
      continue;
    }
    said.set(entry, html);
    if (old && old === place) place = place.nextElementSibling;
    if (old) old.replaceWith(entry);
    else list.insertBefore(entry, place);
  }
  for (const entry of before.values()) entry.remove();
};
const wait = async () => {
  for (;;) {
    try {
      const answer = await fetch(`/changes?channel=${encodeURIComponent(list.dataset.channel)}&after=${list.dataset.version}`);
      if (!answer.ok) throw new Error(answer.status);
      if (state.dataset.lost) state.textContent = "";
      delete state.dataset.lost;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById("list");
      if (next.dataset.version === list.dataset.version) continue;
      const end = atEnd();
      replaceList(next);
      list.dataset.version = next.dataset.version;
      document.getElementById("channels").replaceChildren(...page.getElementById("channels").childNodes);
      localTimes();
      replaceModals(page.getElementById("modals"));
      if (end) list.scrollTop = list.scrollHeight;
    } catch {
      state.dataset.lost = "lost";
      state.textContent = "not connected, trying again";
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
};
// Sends what was done; gives what was answered, or { error }.
const send = async (route, asked) => {
  try {
    const body = JSON.stringify({ user: user(), ...asked });
    const answer = await fetch(route, { method: "POST", headers: { "content-type": "application/json" }, body });
    const told = await answer.json();
    if (answer.ok && told.status !== undefined && told.status !== 200) return { error: `the app answered ${told.status}` };
    return told;
  } catch {
    return { error: "not connected" };
  }
};
const tell = (trouble) => { state.textContent = trouble ? `⚠ ${trouble}` : ""; };

// Buttons.
const press = async (button, ts) => {
  button.disabled = true;
  const told = await send("/press", { ts, action: button.dataset.action });
  tell(told.error);
  button.disabled = false;
};
const confirmed = (template) => new Promise((resolve) => {
  const dialog = template.cloneNode(true);
  const done = (answer) => { dialog.close(); dialog.remove(); resolve(answer); };
  dialog.querySelector("[data-confirm]").addEventListener("click", () => done(true));
  dialog.querySelector("[data-deny]").addEventListener("click", () => done(false));
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); done(false); });
  document.body.append(dialog);
  dialog.showModal();
});
list.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  // The list may be another when the question is answered.
  const ts = button.closest("[data-message]").dataset.message;
  const question = button.nextElementSibling;
  if (question?.matches("dialog.confirm") && !(await confirmed(question))) return;
  press(button, ts);
});

// Modals: the chosen user's is shown. One that is unchanged stays as it is, with what was written in it.
const nameOf = (dialog) => `${dialog.dataset.view} ${dialog.dataset.hash}`;
const replaceModals = (next) => {
  const wanted = new Map([...next.children].map((dialog) => [nameOf(dialog), dialog]));
  for (const dialog of [...modals.children]) {
    if (!wanted.delete(nameOf(dialog))) {
      dialog.close();
      dialog.remove();
    }
  }
  modals.append(...wanted.values());
  showModals();
};
const showModals = () => {
  for (const dialog of modals.children) {
    if (dialog.dataset.user !== user()) dialog.close();
    else if (!dialog.open) dialog.showModal();
  }
};
const complain = (dialog, trouble, errors) => {
  dialog.querySelector(".trouble").textContent = trouble || "";
  let first = null;
  for (const input of dialog.querySelectorAll(".input")) {
    const error = (errors && errors[input.dataset.block]) || "";
    const field = input.querySelector("input, textarea, select");
    input.querySelector(".error").textContent = error;
    field.toggleAttribute("aria-invalid", Boolean(error));
    if (error) first ??= field;
  }
  first?.focus();
};
const leave = async (dialog) => {
  const told = await send("/close", { view: dialog.dataset.view });
  if (told.error) complain(dialog, told.error);
};
modals.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) leave(event.target.closest("dialog"));
});
modals.addEventListener("cancel", (event) => {
  event.preventDefault();
  leave(event.target);
}, true);
modals.addEventListener("submit", async (event) => {
  event.preventDefault();
  const dialog = event.target.closest("dialog");
  const values = [...dialog.querySelectorAll(".input")].map((input) =>
    [input.dataset.block, input.dataset.action, input.querySelector("input, textarea, select").value]);
  complain(dialog);
  const told = await send("/submit", { view: dialog.dataset.view, values });
  if (told.block) complain(dialog, "", { [told.block]: told.error });
  else if (told.error) complain(dialog, told.error);
  else if (told.answer?.response_action === "errors") complain(dialog, "", told.answer.errors);
});

// Commands.
const composer = document.getElementById("composer");
composer?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = document.getElementById("command");
  const line = field.value.trim();
  if (!line) return;
  field.readOnly = true;
  const told = await send("/command", { channel: list.dataset.channel, line });
  field.readOnly = false;
  tell(told.error || told.trouble);
  if (!told.error) field.value = "";
  field.focus();
});

if (chosen) {
  const kept = sessionStorage.getItem("as");
  if ([...chosen.options].some((option) => option.value === kept)) chosen.value = kept;
  chosen.addEventListener("change", () => {
    sessionStorage.setItem("as", chosen.value);
    showModals();
  });
}
for (const entry of list.children) said.set(entry, entry.outerHTML);
localTimes();
showModals();
list.scrollTop = list.scrollHeight;
wait();
