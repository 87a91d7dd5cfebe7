// Tables: sort by a heading, choose columns, fold rows, explain headings.
(() => {
  const LONG = 40;  // rows, beyond which a table is folded
  const FIRST = 30;  // rows of it that stay
  const NARROW = 900;  // pixels of a window, below which columns are spared

  function key(cell) {
    if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
    const text = cell.textContent.trim();
    const fraction = text.match(/^(?:rms )?(\d+)\/(\d+)/);
    if (fraction) return fraction[1] / fraction[2];
    const number = parseFloat(text.replace(/^rms /, ''));
    return isNaN(number) ? text : number;
  }

  function compare(a, b) {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === 'string' ? -1 : 1;
  }

  function fold(table) {
    const button = table.closest('.table').querySelector('.unfold');
    const rows = [...table.tBodies[0].rows];
    const zeros = rows.filter(row => row.dataset.zero !== undefined).length;
    const most = rows.length - zeros > LONG ? FIRST : Infinity;
    const open = button.getAttribute('aria-expanded') === 'true';
    let shown = 0;
    for (const row of rows) {
      row.hidden = !open && (
        row.dataset.zero !== undefined || ++shown > most);
    }
    const folded = most < Infinity || zeros > 0;
    button.hidden = !folded;
    const count = most < Infinity ? rows.length - most : zeros;
    const what = most < Infinity ? 'more rows' : button.dataset.zeros;
    const verb = document.createElement('span');
    verb.className = 'verb';
    verb.textContent = open ? 'Hide ' : 'Show ';
    button.replaceChildren(verb, `${what} (${count})`);
    button.parentElement.classList.toggle('long', open || most < Infinity);
  }

  // How many things a column tells apart.
  function tells(table, column) {
    return new Set([...table.rows].slice(1).map(row => row.cells[column]
      .textContent.trim()).filter(text => text !== '-')).size;
  }

  function sort(table, column) {
    const heads = [...table.tHead.rows[0].cells];
    const up = heads[column].getAttribute('aria-sort') !== 'ascending';
    heads.forEach(head => head.removeAttribute('aria-sort'));
    heads[column].setAttribute('aria-sort', up ? 'ascending' : 'descending');
    const rows = [...table.tBodies[0].rows].map(
      row => [key(row.cells[column]), row]);
    rows.sort((a, b) => (up ? 1 : -1) * compare(a[0], b[0]));
    table.tBodies[0].append(...rows.map(([, row]) => row));
    fold(table);
  }

  // One stop of the tab key for all headings; arrows go from one to the next.
  function rove(buttons) {
    buttons.forEach((button, i) => {
      button.tabIndex = i ? -1 : 0;
      button.addEventListener('keydown', event => {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
        if (!step) return;
        event.preventDefault();
        const seen = buttons.filter(b => b.offsetParent);
        const next = seen[(seen.indexOf(button) + step + seen.length) %
          seen.length];
        buttons.forEach(b => { b.tabIndex = -1; });
        next.tabIndex = 0;
        next.focus();
      });
    });
  }

  // What a narrow window spares is printed; what a person hides is not.
  function choose(table, column, shown, spared = false) {
    for (const row of table.rows) {
      row.cells[column].hidden = !shown && !spared;
      row.cells[column].classList.toggle('spared', !shown && spared);
    }
    const buttons = [...table.tHead.querySelectorAll('button')];
    if (buttons[column].tabIndex === 0 && !shown) {
      buttons[column].tabIndex = -1;
      buttons[0].tabIndex = 0;
    }
  }

  for (const block of document.querySelectorAll('.table')) {
    const table = block.querySelector('table');
    const buttons = [...table.tHead.querySelectorAll('button')];
    buttons.forEach((button, column) => button.addEventListener(
      'click', () => sort(table, column)));
    rove(buttons);
    const unfold = block.querySelector('.unfold');
    unfold.setAttribute('aria-expanded', 'false');
    unfold.addEventListener('click', () => {
      const open = unfold.getAttribute('aria-expanded') === 'true';
      unfold.setAttribute('aria-expanded', String(!open));
      fold(table);
    });
    fold(table);
    for (const box of block.querySelectorAll('.columns input')) {
      if (innerWidth < NARROW && (
        box.dataset.spare !== undefined || tells(table, box.value) < 2)) {
        box.checked = false;
        choose(table, Number(box.value), false, true);
      }
      box.addEventListener('change', () => choose(
        table, Number(box.value), box.checked));
    }
  }

  // The meaning of a heading, where the pointer or the focus is.
  const tip = document.createElement('div');
  tip.className = 'tip';
  tip.hidden = true;
  tip.setAttribute('aria-hidden', 'true');  // who listens has the description
  document.body.append(tip);
  let timer;
  const hide = () => { tip.hidden = true; };
  const later = () => { timer = setTimeout(hide, 200); };
  function show(button) {
    clearTimeout(timer);
    const words = document.getElementById(
      button.getAttribute('aria-describedby'));
    tip.textContent = words.textContent;
    tip.hidden = false;
    const box = button.getBoundingClientRect();
    const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
    tip.style.left = `${Math.max(8, Math.min(box.left, most))}px`;
    const below = box.bottom + 6 + tip.offsetHeight < innerHeight;
    tip.style.top = below ? `${box.bottom + 6}px` :
      `${box.top - 6 - tip.offsetHeight}px`;
  }
  for (const button of document.querySelectorAll(
    'thead button[aria-describedby]')) {
    button.addEventListener('mouseenter', () => show(button));
    button.addEventListener('focus', () => {
      if (button.matches(':focus-visible')) show(button);
    });
    button.addEventListener('mouseleave', later);
    button.addEventListener('blur', hide);
  }
  tip.addEventListener('mouseenter', () => clearTimeout(timer));
  tip.addEventListener('mouseleave', later);
  addEventListener('scroll', hide, {passive: true, capture: true});
  addEventListener('keydown', event => {
    if (event.key === 'Escape') hide();
  });
})();
