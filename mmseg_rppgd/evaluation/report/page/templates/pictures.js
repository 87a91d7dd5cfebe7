// Attacked images: choose one, slide between clean and attacked, enlarge.
(() => {
  const data = document.getElementById('pictures');
  if (!data) return;
  const {images, palette} = JSON.parse(data.textContent);
  const get = id => document.getElementById(id);
  const percent = value => value === null || value === undefined ? '-' :
    `${value.toFixed(1)} %`;
  const bold = text => Object.assign(
    document.createElement('b'), {textContent: text});
  let image = images[0];

  function attackOf() {
    return image.attacks[get('attack') ? get('attack').value : 0];
  }

  function put(id, ...sources) {  // the picture below, the picture above
    const pictures = get(id) ? get(id).querySelectorAll('img') : [];
    pictures.forEach((picture, i) => { picture.src = sources[i]; });
  }

  function swatch([name, colour]) {
    const item = document.createElement('li');
    const square = document.createElement('i');
    square.style.background = colour;
    item.append(square, name);
    return item;
  }

  function legend(attack) {
    const {most} = get('seen').dataset;
    const classes = new Set([image, attack].flatMap(
      it => it ? it.seen.slice(0, most) : []));
    const seen = palette.filter((_, i) => classes.has(i));
    const others = palette.filter((_, i) => !classes.has(i));
    get('void').hidden = !image.void;
    get('seen').replaceChildren(...seen.map(swatch), get('void'));
    get('others').hidden = !others.length;
    get('others').querySelector('span').textContent = others.length;
    get('others').querySelector('ul').replaceChildren(...others.map(swatch));
    if (!attack) return;
    [...get('kinds').children].forEach((kind, i) => {
      kind.querySelector('span').textContent = percent(attack.percent[i]);
    });
  }

  function show() {
    const attack = attackOf();
    put('truth', image.label);
    if (attack) {
      put('shown', attack.image, image.image);
      put('predicted', attack.prediction, image.prediction);
      put('flipped', attack.flips);
      put('noise', attack.perturbation);
      get('factor').textContent = attack.factor;
    } else {
      put('shown', image.image);
      put('predicted', image.prediction);
    }
    get('accuracy').replaceChildren(
      `${image.name}: `, bold(percent(image.aAcc)),
      ' of the labelled pixels right', ...(attack ? [
        ' on the clean image, ', bold(percent(attack.aAcc)),
        ` under ${attack.name}`] : []), '.');
    legend(attack);
  }

  function choose(place) {
    const list = get('attack');
    const name = list && list.selectedOptions[0].textContent;
    image = images[place];
    if (list) {
      list.replaceChildren(...image.attacks.map(
        (attack, i) => new Option(attack.name, i)));
      list.selectedIndex = Math.max(0, image.attacks.findIndex(
        attack => attack.name === name));
    }
    show();
  }

  for (const radio of document.querySelectorAll('.thumbs input')) {
    radio.addEventListener('change', () => choose(Number(radio.value)));
  }
  for (const thumb of document.querySelectorAll('[data-thumb]')) {
    thumb.src = images[thumb.dataset.thumb].image;
  }
  if (get('attack')) get('attack').addEventListener('change', show);

  const sliders = document.querySelectorAll('.slide input');
  for (const slider of sliders) {
    slider.addEventListener('input', () => {
      document.documentElement.style.setProperty('--cut', `${slider.value}%`);
      sliders.forEach(other => { other.value = slider.value; });
    });
  }

  const zoom = get('zoom');
  const pictures = [...document.querySelectorAll('.picture')];
  // Where the colours of a figure are explained.
  const LEGENDS = {predicted: ['seen'], truth: ['seen'],
    flipped: ['kinds', 'void']};
  let enlarged = 0;

  function explain(figure) {
    const items = (LEGENDS[figure] || []).flatMap(id => get(id).matches('li') ?
      [get(id)] : [...get(id).children]).filter(item => !item.hidden);
    get('zoom-legend').replaceChildren(...items.map(item => {
      const copy = item.cloneNode(true);
      copy.removeAttribute('id');
      return copy;
    }));
    get('zoom-legend').hidden = !items.length;
  }

  function enlarge(place) {
    enlarged = (place + pictures.length) % pictures.length;
    const pair = pictures[enlarged].querySelector('.pair').cloneNode(true);
    const {naturalWidth, naturalHeight} = pair.querySelector('img');
    const ratio = naturalWidth / naturalHeight;
    pair.style.width =
      `min(96vw - 46px, ${(74 * ratio).toFixed(2)}vh)`;
    get('zoom-picture').replaceChildren(pair);
    get('zoom-picture').className = pictures[enlarged].parentElement.className;
    get('zoom-name').textContent =
      pictures[enlarged].nextElementSibling.textContent;
    zoom.querySelector('.slide').hidden = !pair.querySelector('.over');
    explain(pictures[enlarged].parentElement.id);
  }
  pictures.forEach((picture, place) => picture.addEventListener(
    'click', () => { enlarge(place); zoom.showModal(); }));
  zoom.addEventListener('keydown', event => {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (step && event.target.type !== 'range') enlarge(enlarged + step);
  });
  zoom.addEventListener('click', event => {  // beside the picture
    if (event.target === zoom) zoom.close();
  });
  if (images[0].attacks.length === 0) {
    zoom.querySelector('.slide').hidden = true;
  }
})();
