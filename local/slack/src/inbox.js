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
localTimes();
list.scrollTop = list.scrollHeight;
wait();
