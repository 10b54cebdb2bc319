// The table of hosts, and the numbers behind pictures. Whatever is shown is put in as text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const table = byId("table");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  // A site has thousands of hosts: a few rows are made at once, and more when they are asked for.
  const FIRST = 50;
  const MORE = 250;
  const [HOST, CLASS, LEVEL, GRAVEST, SCORE, ROLE, SEEN] = [0, 1, 2, 3, 4, 6, 14];
  // Beyond the columns: whether there is a page, and what the gravest verdict took the host for.
  const [PAGE, FOUND] = [heads.length, heads.length + 1];
  const levels = data.levels.map(([level]) => level);
  const words = new Map(data.levels);
  // Classes and roles in the page's language.
  const term = (word) => data.terms[word] ?? word;
  const foreign = (word) => term(word).toLowerCase() !== word;
  let shown = data.hosts;
  let made = 0;
  let sorted = { column: GRAVEST, down: true };

  // Addresses by their numbers, IPv4 before IPv6.
  const key = (address) => {
    if (!address.includes(":")) {
      return "4" + address.split(".").map((part) => part.padStart(3, "0")).join("");
    }
    const [head, tail] = address.split("::").map((part) => part.split(":").filter((group) => group));
    const gap = tail === undefined ? [] : Array(8 - head.length - tail.length).fill("0");
    return "6" + [...head, ...gap, ...(tail ?? [])].map((group) => group.padStart(4, "0")).join("");
  };
  const keys = new Map(data.hosts.map((row) => [row, key(row[HOST])]));

  const value = (row, column) => {
    if (column === HOST) return keys.get(row);
    if (column === LEVEL || column === GRAVEST) return levels.indexOf(row[column]);
    return row[column];
  };

  const compare = (one, other) => {
    const [a, b] = [value(one, sorted.column), value(other, sorted.column)];
    // What is not known comes last, whichever way.
    if (a === null || b === null) return (a === null) - (b === null);
    const order = a < b ? -1 : a > b ? 1 : 0;
    return (sorted.down ? -order : order) || other[SCORE] - one[SCORE] || (keys.get(one) < keys.get(other) ? -1 : 1);
  };

  const cell = (row, column) => {
    const td = document.createElement("td");
    const content = row[column];
    td.className = heads[column].className;
    if (column === HOST && row[PAGE]) {
      const link = document.createElement("a");
      link.href = "#host-" + content;
      link.textContent = content;
      td.append(link);
    } else if (column === LEVEL || column === GRAVEST) {
      const span = document.createElement("span");
      span.className = "level " + content;
      span.textContent = words.get(content);
      td.append(span);
    } else if ((column === CLASS || column === ROLE) && foreign(content)) {
      const word = document.createElement("span");
      word.className = "wire";
      word.textContent = content;
      td.append(term(content), document.createElement("br"), word);
    } else if (column === SEEN && content) {
      // To the second, which is enough for a table.
      td.title = content;
      td.textContent = content.slice(0, 19).replace("T", " ");
    } else {
      td.textContent = content === null ? "–" : content;
    }
    return td;
  };

  const append = (rows) => {
    const part = document.createDocumentFragment();
    for (const row of rows) {
      const tr = document.createElement("tr");
      for (let column = 0; column < heads.length; column += 1) tr.append(cell(row, column));
      part.append(tr);
    }
    body.append(part);
  };
  const make = (number) => {
    append(shown.slice(made, made + number));
    made = Math.min(made + number, shown.length);
    byId("more").hidden = made >= shown.length;
  };

  const show = () => {
    const text = byId("search").value.trim().toLowerCase();
    const [class_, level] = [byId("class").value, byId("level").value];
    shown = data.hosts.filter(
      (row) =>
        (!class_ || row[CLASS] === class_ || row[FOUND] === class_) &&
        (!level || levels.indexOf(row[GRAVEST]) >= levels.indexOf(level)) &&
        (!text || [row[HOST], row[CLASS], term(row[CLASS]), row[ROLE], term(row[ROLE])].some((word) => word.toLowerCase().includes(text))),
    );
    shown.sort(compare);
    heads.forEach((head, column) => {
      if (column === sorted.column) head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    body.replaceChildren();
    made = 0;
    make(FIRST);
    byId("shown").textContent = `${shown.length} / ${data.hosts.length} ${byId("shown").dataset.word}`;
  };

  const choices = (id, values) => {
    for (const value of values) byId(id).append(new Option(words.get(value) ?? (foreign(value) ? `${term(value)} (${value})` : value), value));
    byId(id).addEventListener("change", show);
  };
  choices("class", [...new Set(data.hosts.flatMap((row) => [row[CLASS], row[FOUND]]))].sort());
  choices("level", levels.slice(1));
  byId("search").addEventListener("input", show);
  byId("all").addEventListener("change", () => table.classList.toggle("all", byId("all").checked));
  document.querySelector("form.controls").addEventListener("submit", (event) => event.preventDefault());
  byId("more").addEventListener("click", () => make(MORE));
  heads.forEach((head, column) =>
    head.firstElementChild.addEventListener("click", () => {
      // Of numbers and levels the greatest are looked for, of words the first.
      const down = sorted.column === column ? !sorted.down : typeof value(data.hosts[0] ?? [], column) === "number";
      sorted = { column, down };
      show();
    }),
  );
  show();

  // A link to a host opens its part.
  const open = () => {
    // Addresses need no decoding, and what somebody else appended may be no code at all.
    const part = location.hash && byId(location.hash.slice(1));
    if (part instanceof HTMLDetailsElement) {
      part.open = true;
      part.scrollIntoView();
      part.querySelector("summary").focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", open);
  // Also the second time, when the address of the page stays the same.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest('a[href^="#host-"]');
    if (link && link.hash === location.hash) open();
  });
  open();

  // On paper pages are open. Of the table there is what is on display, and what somebody has to look at:
  // the rest would be a hundred pages.
  const PRINTED = levels.indexOf("suspected");
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details.host:not([open])")];
    for (const part of closed) part.open = true;
    append(shown.slice(made).filter((row) => row[PAGE] || levels.indexOf(row[GRAVEST]) >= PRINTED));
    byId("printed").textContent = `${body.rows.length} / ${data.hosts.length} ${byId("printed").dataset.word}`;
  });
  addEventListener("afterprint", () => {
    for (const part of closed) part.open = false;
    while (body.rows.length > made) body.deleteRow(-1);
    byId("printed").textContent = "";
  });

  const row = (cells, tag) => {
    const tr = document.createElement("tr");
    for (const content of cells) {
      const td = document.createElement(tag);
      if (tag === "th") td.scope = "col";
      td.textContent = content === null ? "–" : content;
      tr.append(td);
    }
    return tr;
  };
  // As `plot::csv` does it.
  const quoted = (content) => {
    if (content === null) return "";
    let text = String(content);
    if (typeof content === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  };
  for (const part of document.querySelectorAll("details.numbers")) {
    const figure = data.figures[part.dataset.figure];
    part.addEventListener("toggle", () => {
      if (!part.open || part.querySelector("table")) return;
      const numbers = document.createElement("table");
      numbers.createTHead().append(row(figure.columns, "th"));
      const rows = numbers.createTBody();
      for (const cells of figure.rows) rows.append(row(cells, "td"));
      part.append(numbers);
    });
    part.querySelector("button").addEventListener("click", () => {
      const lines = [figure.columns, ...figure.rows].map((cells) => cells.map(quoted).join(",") + "\n");
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(lines, { type: "text/csv" }));
      link.download = figure.name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }

  for (const button of document.querySelectorAll("button.copy")) {
    if (!navigator.clipboard) break;
    button.hidden = false;
    button.addEventListener("click", () => navigator.clipboard.writeText(button.dataset.copy));
  }
})();
