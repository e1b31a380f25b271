// What a page shows on its seek bar, read from where the page put it: no player's own word is
// taken for it. A way to an element is CSS selectors with '>>>' between them, each of which looks
// into what the one before found, shadow roots included.

function find(way) {
  let found = document;
  for (const selector of way.split('>>>')) {
    found = (found.shadowRoot ?? found).querySelector(selector.trim());
    if (!found) return null;
  }
  return found;
}

/** The nearest element around that cuts off what does not fit into it. */
function frameOf(element) {
  for (let each = element; ;) {
    each = each.assignedSlot ?? each.parentElement ?? each.getRootNode().host;
    if (!each) return null;
    if (getComputedStyle(each).overflowX !== 'visible') return each;
  }
}

const images = new Map();

function imageAt(url) {
  if (!images.has(url)) {
    const image = new Image();
    image.src = url;
    images.set(url, image.decode().then(() => image));
  }
  return images.get(url);
}

/** What is seen of an element: its box, without what the element around it cuts off. */
function seenOf(element) {
  const box = element.getBoundingClientRect();
  const frame = element.tagName === 'IMG' && frameOf(element)?.getBoundingClientRect();
  if (!frame) return box;
  const left = Math.max(box.left, frame.left), top = Math.max(box.top, frame.top);
  const right = Math.min(box.right, frame.right), bottom = Math.min(box.bottom, frame.bottom);
  return new DOMRect(left, top, right - left, bottom - top);
}

/** The picture that an element shows, and which part of it: { image, x, y, width, height }. */
async function pictureIn(element) {
  const hidden = { opacityProperty: true, visibilityProperty: true };
  if (!element?.checkVisibility(hidden)) return null;
  const box = element.getBoundingClientRect();
  if (!box.width || !box.height) return null;
  if (element.tagName === 'CANVAS') {
    return { image: element, x: 0, y: 0, width: element.width, height: element.height };
  }
  if (element.tagName === 'IMG') {
    if (!element.complete || !element.naturalWidth) return null;
    const seen = seenOf(element), scale = element.naturalWidth / box.width;
    return {
      image: element, width: seen.width * scale, height: seen.height * scale,
      x: (seen.left - box.left) * scale, y: (seen.top - box.top) * scale,
    };
  }
  const style = getComputedStyle(element);
  const url = style.backgroundImage.match(/^url\("(.*)"\)$/)?.[1];
  if (!url) return null;
  const image = await imageAt(url);
  const scale = style.backgroundSize === 'auto' ? 1 : image.naturalWidth / parseFloat(style.backgroundSize);
  const [x, y] = style.backgroundPosition.split(' ').map((each) => -parseFloat(each) * scale);
  return { image, x, y, width: element.clientWidth * scale, height: element.clientHeight * scale };
}

/** The number that is drawn along the top of a picture: 16 squares, bit 0 on the left; null if
    the picture is transparent. */
export function numberOf({ image, x, y, width, height }) {
  const canvas = new OffscreenCanvas(512, 288);
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  pen.drawImage(image, x, y, width, height, 0, 0, 512, 288);
  const row = pen.getImageData(0, 16, 512, 1).data;
  if (!row[3]) return null; // nothing is drawn there
  let number = 0;
  for (let k = 0; k < 16; k++) if (row[4 * (16 + 32 * k)] > 127) number += 2 ** k;
  return number;
}

const pause = () => new Promise((done) => setTimeout(done, 20));

/** The number that is shown, as soon as it is the expected one; what it is after a while if not. */
export async function numberAt(way, expected, patience) {
  const end = performance.now() + patience;
  for (;;) {
    const picture = await pictureIn(find(way)).catch(() => null);
    const number = picture && numberOf(picture);
    if (number === expected || performance.now() > end) return number;
    await pause();
  }
}

/** Where on the page a picture is. */
export function placeOf(way) {
  const { left: x, top: y, width, height } = seenOf(find(way));
  return { x, y, width, height };
}

/** Where a bar is, once it has stayed there for a while. */
export async function barAt(way, patience) {
  const end = performance.now() + patience;
  for (let before = '', calm = 0; performance.now() < end; ) {
    const { left, top, width, height } = find(way)?.getBoundingClientRect() ?? {};
    const now = `${left} ${top} ${width} ${height}`;
    calm = now === before && width > 100 ? calm + 1 : 0;
    before = now;
    if (calm === 10) return { left, top, width, height };
    await pause();
  }
  return null;
}

/** Play and stop at once, when a player is set up: some show their bar only then, and would not
    heed a video that was played before. */
export async function begin(way, patience) {
  const end = performance.now() + patience;
  while (!find(way) && performance.now() < end) await pause();
  const film = find('mux-player') ?? find('video');
  film.muted = true;
  await film.play();
  film.pause();
}
