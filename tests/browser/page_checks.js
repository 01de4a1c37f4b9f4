/* What everybody must be able to read, name, see and hit on a page; each answers with what is wrong. */
({
  /* WCAG 2.1, 1.4.3: a ratio of 4.5, for large text 3. */
  contrast() {
    const parse = (text) => {
      const m = text.match(/[\d.]+/g).map(Number);
      return { r: m[0], g: m[1], b: m[2], a: m.length > 3 ? m[3] : 1 };
    };
    const mix = (top, under, name) => top[name] * top.a + under[name] * (1 - top.a);
    const over = (top, under) => ({ r: mix(top, under, "r"), g: mix(top, under, "g"), b: mix(top, under, "b"), a: 1 });
    const part = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : Math.pow((v / 255 + 0.055) / 1.055, 2.4));
    const light = (c) => 0.2126 * part(c.r) + 0.7152 * part(c.g) + 0.0722 * part(c.b);
    const ground = (node) => {
      const grounds = [];
      for (let each = node; each; each = each.parentElement) grounds.push(parse(getComputedStyle(each).backgroundColor));
      return grounds.reverse().reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 });
    };
    const bad = [];
    document.querySelectorAll("body *").forEach((node) => {
      const own = Array.from(node.childNodes).filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()).join("");
      if (!own || !node.getClientRects().length || node.closest("[hidden], .unseen, .skip, [aria-hidden=true]")) return;
      const style = getComputedStyle(node), back = ground(node), front = over(parse(style.color), back);
      const a = light(front), b = light(back), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) bad.push(own.slice(0, 40) + " " + ratio.toFixed(2));
    });
    return bad;
  },

  /* A screen reader has to have a name for everything that can be used. */
  nameless() {
    return Array.from(document.querySelectorAll("button, a, input:not([type=hidden]), select, summary"))
      .filter((node) => {
        if (!node.getClientRects().length) return false;
        const label = node.labels && node.labels.length ? node.labels[0].textContent : "";
        return !((node.getAttribute("aria-label") || "") + label + node.textContent).trim();
      }).map((node) => node.outerHTML.slice(0, 80));
  },

  beside() {
    return Array.from(document.querySelectorAll("main *")).filter((node) => {
      const box = node.getBoundingClientRect();
      return box.width && !node.closest(".unseen, .table, svg") && (box.right > innerWidth + 1 || box.left < -1);
    }).map((node) => node.tagName + "." + node.className + " " + node.textContent.trim().slice(0, 40));
  },

  /* 44 px: what a finger hits (WCAG 2.1, 2.5.5). */
  small() {
    return Array.from(document.querySelectorAll("main button, a.coming, a.task, main summary, .app-bar a, .app-tools a"))
      .filter((node) => {
        const height = node.getBoundingClientRect().height;
        return height && !node.classList.contains("plain") && height < 43.5;
      }).map((node) => node.outerHTML.slice(0, 80));
  }
})
