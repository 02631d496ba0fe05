"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const { commands, words } = JSON.parse($("spec").textContent);
  const kept = { // A browser that keeps nothing is no reason to fail.
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* nothing is kept */ } },
  };
  for (const element of all(".js, .find")) element.hidden = false;
  for (const box of all("main pre, .flow")) box.tabIndex = 0; // Whatever scrolls can be scrolled by keys.
  for (const code of all(".cmd .code")) {
    code.append($("row").content.cloneNode(true));
    code.querySelector(".run").dataset.command = code.closest(".cmd").id.slice(0, -"-section".length);
  }

  // Theme.
  const root = document.documentElement;
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (kept.get("theme")) root.dataset.theme = kept.get("theme");
  $("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    kept.set("theme", root.dataset.theme);
  });

  // Another language, the same place.
  for (const link of all(".lang a")) {
    link.addEventListener("click", () => { link.hash = location.hash; });
  }

  // What an address names is opened, and on paper everything is.
  const reveal = () => {
    const target = $(decodeURIComponent(location.hash.slice(1)));
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  };
  addEventListener("hashchange", reveal);
  reveal();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });
  const narrow = matchMedia("(max-width: 61.99rem)");
  const menu = document.querySelector(".menu");
  const fit = () => { menu.open = !narrow.matches; };
  narrow.addEventListener("change", fit);
  fit();
  menu.addEventListener("click", (event) => { if (narrow.matches && event.target.closest("a")) menu.open = false; });

  // Where the reader is.
  const links = new Map(all(".toc a").map((link) => [link.hash.slice(1), link]));
  let here = null;
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      const link = links.get(entry.target.id);
      if (here) { here.classList.remove("here"); here.removeAttribute("aria-current"); }
      here = link;
      here.classList.add("here");
      here.setAttribute("aria-current", "true");
      if (!narrow.matches) {
        const [box, frame] = [here.getBoundingClientRect(), document.querySelector(".toc").getBoundingClientRect()];
        if (box.top < frame.top || box.bottom > frame.bottom) here.scrollIntoView({ block: "nearest" });
      }
    }
  }, { rootMargin: "-10% 0px -75% 0px" });
  for (const id of links.keys()) if ($(id)) watch.observe($(id));

  // A language that was chosen once is chosen everywhere.
  const choose = (tongue) => {
    for (const radio of all(".tabs input.t-" + tongue)) radio.checked = true;
  };
  if (/^[a-z]+$/.test(kept.get("tongue") || "")) choose(kept.get("tongue"));
  document.addEventListener("change", (event) => {
    const radio = event.target.closest(".tabs input");
    if (!radio) return;
    const before = radio.getBoundingClientRect().top;
    const tongue = radio.id.split("-").pop();
    choose(tongue);
    kept.set("tongue", tongue);
    scrollBy({ top: radio.getBoundingClientRect().top - before, behavior: "instant" });
  });

  // Copying.
  const copy = async (button, text) => {
    const label = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      button.after(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = words.copied;
    setTimeout(() => { button.textContent = label; }, 1500);
  };
  for (const button of all(".copy")) {
    button.addEventListener("click", () => {
      const shown = [...button.closest(".code").querySelectorAll("pre")].find((pre) => pre.offsetParent);
      copy(button, shown.textContent);
    });
  }

  // Search.
  const places = [];
  const squash = (text) => text.replace(/\s+/g, " ").trim();
  for (const heading of all("main h2[id], main h3[id], main h4[id]")) places.push([heading.id, squash(heading.textContent), "", 0]);
  for (const entry of all(".entry")) places.push([entry.id, squash(entry.firstElementChild.textContent), "", 1]);
  for (const name of all(".params .name[id]")) places.push([name.id, name.textContent, name.id.split(".")[0], 2]);
  for (const place of places) place.push((place[1] + " " + place[2]).toLowerCase());
  const [box, hits] = [$("q"), $("hits")];
  let at = -1;
  const mark = (index) => {
    const items = [...hits.children];
    at = items.length ? (index + items.length) % items.length : -1;
    items.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
    if (at >= 0) { box.setAttribute("aria-activedescendant", items[at].id); items[at].scrollIntoView({ block: "nearest" }); }
    else box.removeAttribute("aria-activedescendant");
  };
  const shut = () => { hits.hidden = true; box.setAttribute("aria-expanded", "false"); mark(-1); };
  const go = (id) => { shut(); box.value = ""; location.hash = ""; location.hash = id; };
  const find = () => {
    const wanted = squash(box.value.toLowerCase()).split(" ").filter(Boolean);
    hits.replaceChildren();
    if (!wanted.length) { shut(); $("said").textContent = ""; return; }
    const rank = (place) => (place[1].toLowerCase().startsWith(wanted[0]) ? 0 : 4) + place[3];
    const found = places.filter((place) => wanted.every((word) => place[4].includes(word)));
    found.sort((a, b) => rank(a) - rank(b));
    found.slice(0, 14).forEach(([id, text, of], index) => {
      const item = document.createElement("li");
      item.id = "hit-" + index;
      item.setAttribute("role", "option");
      item.append(text);
      const small = document.createElement("small");
      small.textContent = of;
      item.append(small);
      item.addEventListener("mousedown", (event) => { event.preventDefault(); go(id); });
      item.dataset.to = id;
      hits.append(item);
    });
    $("said").textContent = found.length ? words.found + ": " + found.length : words.nothing_found;
    hits.hidden = !found.length;
    box.setAttribute("aria-expanded", String(!hits.hidden));
    mark(found.length ? 0 : -1);
  };
  box.addEventListener("input", find);
  box.addEventListener("blur", shut);
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); mark(at + 1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); mark(at - 1); }
    else if (event.key === "Enter" && at >= 0) { event.preventDefault(); go(hits.children[at].dataset.to); }
    else if (event.key === "Escape") { box.value = ""; shut(); }
  });
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && !dialog.open) { event.preventDefault(); box.focus(); }
  });

  // The console.
  const dialog = $("try");
  const [what, fields] = [$("what"), $("fields")];
  let order = "";
  for (const json of [false, true]) {
    const group = document.createElement("optgroup");
    group.label = json ? "/json.php" : "/apih.php";
    for (const command of commands.filter((c) => c.json === json)) group.append(new Option(command.name, command.name));
    what.append(group);
  }
  const current = () => commands.find((c) => c.name === what.value);
  const own = () => dialog.querySelector("[name=who]:checked").value === "own";
  const random = () => [...crypto.getRandomValues(new Uint8Array(6))].map((b) => b.toString(16).padStart(2, "0")).join("");
  const first = (command, field) => {
    if (field.name === "requestid") return "try-" + random();
    if (field.name === "domain" && command.name === "createOrder" && field.value) return "try-" + random() + ".example";
    if (field.name === "orderid" || field.name === "id") return order || (own() ? "" : field.value);
    if (field.name === "expect_todate") return "";
    return field.value;
  };
  // What is there for test keys alone is not offered with test access; nor does anything else stay with one's own account.
  const test = dialog.querySelector("[name=who][value=test]");
  const offer = (command) => {
    if (command.own) dialog.querySelector("[name=who][value=own]").checked = true;
    else if (test.disabled) test.checked = true;
    test.disabled = command.own;
    $("own-only").hidden = !command.own;
  };
  const draw = () => {
    const command = current();
    offer(command);
    fields.replaceChildren();
    for (const field of command.fields) {
      const label = document.createElement("label");
      label.textContent = field.name + (field.required ? " *" : "");
      label.htmlFor = "f-" + field.name;
      const input = document.createElement("input");
      input.id = label.htmlFor;
      input.name = field.name;
      input.value = first(command, field);
      input.placeholder = field.hint;
      input.autocomplete = "off";
      input.spellcheck = false;
      fields.append(label, input);
    }
    settle();
  };
  const settle = () => {
    const command = current();
    $("own").hidden = !own();
    $("own-login-label").textContent = command.json ? "nick" : "login";
    $("own-secret-label").textContent = command.json ? "password" : "apikey";
    const risky = own() && (command.charges || command.destroys);
    $("sure-line").hidden = !risky;
    $("sure").checked = false;
    $("sure-text").textContent = command.destroys ? words.confirm_destroys : words.confirm_charges;
  };
  const gather = () => {
    const command = current();
    const pairs = [["command", command.name]];
    const [name, secret] = command.json ? ["nick", "password"] : ["login", own() ? "apikey" : "pass"];
    pairs.push([name, own() ? $("own-login").value : "test"], [secret, own() ? $("own-secret").value : "test"]);
    for (const input of fields.querySelectorAll("input")) if (input.value !== "") pairs.push([input.name, input.value]);
    return { path: command.json ? "json.php" : "apih.php", pairs, secret };
  };
  const show = (id, text) => { $(id).textContent = text; };
  const clear = () => {
    for (const id of ["took", "out-request", "out-php", "out-json"]) show(id, "");
    $("out-tree").replaceChildren();
  };
  const open = (name) => {
    if (name) what.value = name;
    clear();
    draw();
    if (!dialog.open) dialog.showModal();
  };
  what.addEventListener("change", () => { clear(); draw(); });
  for (const radio of dialog.querySelectorAll("[name=who]")) radio.addEventListener("change", draw);
  $("open").addEventListener("click", () => open());
  $("shut").addEventListener("click", () => dialog.close());
  for (const button of all(".run")) button.addEventListener("click", () => open(button.dataset.command));

  // PHP's serialize format: its lengths are bytes.
  const unserialize = (bytes) => {
    let at = 0;
    const text = (from, to) => new TextDecoder().decode(bytes.subarray(from, to));
    const until = (end) => {
      const from = at;
      while (at < bytes.length && bytes[at] !== end.charCodeAt(0)) at += 1;
      if (at >= bytes.length) throw new Error(words.not_php);
      at += 1;
      return text(from, at - 1);
    };
    const value = () => {
      const type = text(at, at + 1);
      at += 2;
      if (type === "N") return null;
      if (type === "i" || type === "d" || type === "b") return { type, text: until(";") };
      if (type === "s") {
        const length = Number(until(":"));
        const string = text(at + 1, at + 1 + length);
        at += length + 3;
        return { type, length, text: string };
      }
      if (type !== "a") throw new Error(words.not_php);
      const count = Number(until(":"));
      at += 1;
      const items = [];
      for (let i = 0; i < count; i += 1) items.push([value(), value()]);
      at += 1;
      return { type, items };
    };
    return value();
  };
  const tree = (node) => {
    const list = document.createElement("ul");
    for (const [key, value] of node.items) {
      const item = document.createElement("li");
      const kind = document.createElement("i");
      item.append(key.type === "i" ? "[" + key.text + "] " : key.text + " ");
      if (value && value.type === "a") {
        kind.textContent = "array(" + value.items.length + ")";
        item.append(kind, tree(value));
      } else {
        kind.textContent = value === null ? "null" : value.type === "s" ? "string(" + value.length + ") " : value.type + " ";
        item.append(kind, value === null ? "" : JSON.stringify(value.text));
      }
      list.append(item);
    }
    return list;
  };
  const call = async (path, pairs) => {
    const began = performance.now();
    const answer = await fetch(path, { method: "POST", body: new URLSearchParams(pairs), cache: "no-store", credentials: "omit" });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    const unknown = answer.headers.get("X-Vartai-Unknown-Fields");
    return { status: answer.status, unknown, bytes, text: new TextDecoder().decode(bytes), took: performance.now() - began };
  };
  const send = async () => {
    const command = current();
    const { path, pairs, secret } = gather();
    const hidden = pairs.map(([name, value]) => [name, own() && name === secret ? "…" : value]);
    show("out-request", "POST /" + path + " HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\n\n" + new URLSearchParams(hidden));
    const answer = await call(path, pairs);
    show("took", "HTTP " + answer.status + " · " + words.took + " " + Math.round(answer.took) + " ms" + (answer.unknown ? " · X-Vartai-Unknown-Fields: " + answer.unknown : ""));
    let json = answer.text;
    $("php-part").hidden = command.json;
    if (!command.json) {
      show("out-php", answer.text);
      $("out-tree").replaceChildren(tree(unserialize(answer.bytes)));
      // Sent again for JSON; what writes is told again what was done, if the request has a name.
      const named = !command.writes || pairs.some(([name]) => name === "requestid");
      json = named ? (await call(path, [...pairs, ["json", "1"]])).text : "";
    }
    if (!json) { show("out-json", "requestid: " + words.required); return; }
    const said = JSON.parse(json);
    show("out-json", JSON.stringify(said, null, 2));
    if (command.name === "createOrder" && said.orderid) order = said.orderid;
  };
  dialog.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    clear();
    if (own() && !($("own-login").value && $("own-secret").value)) { show("took", words.key_missing); $("own-login").focus(); return; }
    if (!$("sure-line").hidden && !$("sure").checked) { show("took", $("sure-text").textContent); $("sure").focus(); return; }
    const button = $("send");
    button.disabled = true;
    button.textContent = words.sending;
    try {
      await send();
    } catch (error) {
      show("took", words.no_network + " " + error.message);
    } finally {
      button.disabled = false;
      button.textContent = words.send;
      $("sure").checked = false;
      if (narrow.matches) $("took").scrollIntoView();
    }
  });
  $("as-curl").addEventListener("click", (event) => {
    const { path, pairs, secret } = gather();
    const quote = (text) => "'" + text.replaceAll("'", "'\\''") + "'";
    const line = ([name, value]) => own() && name === secret
      ? "  --data-urlencode " + name + '="$SECRET"'
      : "  --data-urlencode " + quote(name + "=" + value);
    const json = path === "apih.php" ? [["json", "1"]] : [];
    copy(event.currentTarget, ["curl " + quote(new URL(path, location.href).href), ...[...pairs, ...json].map(line)].join(" \\\n"));
  });
})();
