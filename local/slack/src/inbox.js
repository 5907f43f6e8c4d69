// Waits for a change and puts the new list in place of the old: no flash, and the reader's place is kept.
const list = document.getElementById("list");
const state = document.getElementById("state");
const atEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 40;
const localTimes = () => {
  for (const time of document.querySelectorAll("time[data-ts]")) {
    const date = new Date(Number(time.dataset.ts) * 1000);
    time.textContent = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }
};
const wait = async () => {
  for (;;) {
    try {
      const answer = await fetch(`/changes?channel=${encodeURIComponent(list.dataset.channel)}&after=${list.dataset.version}`);
      if (!answer.ok) throw new Error(answer.status);
      state.textContent = "";
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById("list");
      if (next.dataset.version === list.dataset.version) continue;
      const end = atEnd();
      list.replaceChildren(...next.childNodes);
      list.dataset.version = next.dataset.version;
      document.getElementById("channels").replaceChildren(...page.getElementById("channels").childNodes);
      localTimes();
      if (end) list.scrollTop = list.scrollHeight;
    } catch {
      state.textContent = "not connected, trying again";
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
};
const press = async (button) => {
  const user = document.getElementById("as").value;
  const ts = button.closest("[data-message]").dataset.message;
  button.disabled = true;
  let trouble = "";
  try {
    const body = JSON.stringify({ user, ts, action: button.dataset.action });
    const answer = await fetch("/press", { method: "POST", headers: { "content-type": "application/json" }, body });
    const told = await answer.json();
    if (!answer.ok) trouble = told.error;
    else if (told.status !== 200) trouble = `the app answered ${told.status}`;
  } catch {
    trouble = "not connected";
  }
  state.textContent = trouble && `⚠ ${trouble}`;
  button.disabled = false;
};
list.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button) press(button);
});
const chosen = document.getElementById("as");
if (chosen) {
  const kept = sessionStorage.getItem("as");
  if ([...chosen.options].some((option) => option.value === kept)) chosen.value = kept;
  chosen.addEventListener("change", () => sessionStorage.setItem("as", chosen.value));
}
localTimes();
list.scrollTop = list.scrollHeight;
wait();
