/**
 * `<scrubjay-preview>`: a seek bar that shows the place before you go there.
 *
 * A plain ES module: no framework, no build step, and no requests but for the manifest and the
 * pictures that it names. Reference: docs/web-component.md.
 *
 * From the top: what a manifest holds, `PreviewSet` (which picture belongs to which time),
 * `Alternatives` (which of several formats), `PictureBox` (shows the picture of one moment, loads
 * few), `MovingCard` (plays a stretch beside it), `MediaClock` (learns what the player's clock
 * shows), `ScrubjayPreview` (the element).
 *
 * All times are seconds of the set, but for the media's own `currentTime`. Page.html carries this
 * file inside a script tag, so nothing in it may spell the tag that closes one.
 */

/** @typedef {{start: number, end: number}} Span Half-open: `start <= t < end`. */
/** @typedef {Span & {damaged_packets?: number}} Slice */
/** @typedef {Span & {reason?: string}} Gap A stretch of the video that has no previews. */
/**
 * @typedef {object} Frame One still.
 * @property {string} [output] Name of the output that it belongs to.
 * @property {string} key
 * @property {string} url
 * @property {number} time
 * @property {number} [source_time]
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [size_bytes]
 */
/**
 * @typedef {object} Animation The moving preview of one slice.
 * @property {string} [output]
 * @property {string} key
 * @property {string} url
 * @property {string} media_type
 * @property {number} start
 * @property {number} end
 * @property {number} [shown_start] Where what it shows starts: for a highlight, in the slice.
 * @property {number} [shown_end]
 * @property {number} [width]
 * @property {number} [height]
 * @property {number} [frames]
 * @property {number} [size_bytes]
 */
/**
 * @typedef {object} Clip A few moments of the whole video.
 * @property {string} [output]
 * @property {string} key
 * @property {string} url
 * @property {string} media_type
 * @property {number} duration Its own, in seconds.
 * @property {number[]} [moments] Their times in the video.
 * @property {number} [size_bytes]
 */
/**
 * @typedef {object} Thumbnail One cell of a sheet. `x`, `y`, `width` and `height` are its place
 *   in the sheet, in the sheet's own pixels.
 * @property {string} key
 * @property {string} url
 * @property {string} [media_type] Of the sheet.
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 * @property {number} columns
 * @property {number} rows
 * @property {number} time The time that the thumbnail shows.
 * @property {number} [size_bytes] Of the whole sheet.
 */
/**
 * @typedef {object} Sheet
 * @property {string} [output]
 * @property {string} key
 * @property {string} [media_type]
 * @property {number} start
 * @property {number} end
 * @property {number} columns
 * @property {number} rows
 * @property {number} thumbnail_width
 * @property {number} thumbnail_height
 * @property {number} interval
 * @property {number} count
 * @property {number} [size_bytes]
 */
/** @typedef {Record<string, any>} Manifest A document of format `scrubjay/1`. */
/** @typedef {(key: string) => string} KeyResolver Turns a key of the manifest into a URL. */
/** @typedef {{url: string, media_type: string}} Moving Anything that a moving layer can show. */

const FORMAT = 'scrubjay/1';
/** How long the pointer rests before the animation starts. */
const REST_MS = 350;
/** Browsers round `currentTime` to a microsecond: a time this close below a start is that start. */
const CLOCK_SLACK = 1e-5;
/** Sound is often a moment longer than the pictures: only later than this are they over. */
const END_SLACK = 0.5;
/** How exactly a media's duration, or a picture's time, must tell that its clock starts late. */
const ORIGIN_SLACK = 0.25;
/** How much later than its own clock says a player may show a video's first picture. */
const LATEST_FIRST = 0.5;
/** Two times of one picture are this near: containers round to a millisecond. */
const SAME_PICTURE = 0.02;
/** Seeks after which a place that the player does not reach is given up. */
const MOST_SEEKS = 500;
/** Between the pop-over's two cards, px; the style sheet says it too. */
const CARD_GAP = 8;
/** What the animation above the picture is as wide as, where there is no room beside it. */
const ABOVE_SCALE = 2 / 3;
/** Decoded sheets kept at hand; a sheet of 6 x 5 thumbnails is about 4 MB decoded. */
const KEPT_SHEETS = 6;
const ARROW_STEP = 1;
/** Page Down goes back to the slice before when the present one started less than this ago. */
const SLICE_GRACE = 1;

/* ---------------------------------------------------------------- what a manifest holds */

/** The fields that a reader needs, all numbers; a list's `key` (a string) is checked beside. */
const NUMBERS = {
  slices: ['start', 'end'],
  gaps: ['start', 'end'],
  frames: ['time'],
  animations: ['start', 'end'],
  'whole.animations': ['duration'],
  sheets: ['start', 'end', 'columns', 'rows', 'thumbnail_width', 'thumbnail_height', 'interval',
    'count'],
};
/** Fields by which a reader divides, or counts. */
const POSITIVE = new Set(['columns', 'rows', 'thumbnail_width', 'thumbnail_height', 'interval',
  'count']);

/**
 * The lists of a manifest, checked and in order of time. A list that is absent is empty.
 * @param {Manifest} manifest
 * @param {keyof typeof NUMBERS} name
 * @param {readonly string[]} [outputs] Names of the outputs to use, where the list has them.
 * @returns {any[]}
 */
function checkedList(manifest, name, outputs = []) {
  const items = (name === 'whole.animations' ? manifest.whole?.animations : manifest[name]) ?? [];
  if (!Array.isArray(items)) throw new TypeError(`the manifest's "${name}" is not a list`);
  items.forEach((item, index) => checkItem(item, name, `${name}[${index}]`));
  const shown = items.filter((item) => !(item.byte_offset > 0));  // the others are parts of files
  const [first] = NUMBERS[name];
  return chosenOf(shown, outputs, name).sort((one, other) => one[first] - other[first]);
}

/**
 * The items of one output for each media type: of those that are asked for, or else of all, the
 * first that is listed. Sheets stand in for each other if they are cut alike; stills do not.
 * @param {any[]} items As the manifest lists them.
 * @param {readonly string[]} outputs
 * @param {keyof typeof NUMBERS} name
 */
function chosenOf(items, outputs, name) {
  const typeOf = (/** @type {any} */ item) => (name === 'frames' ? '' : item.media_type);
  const named = items.filter(({ output }) => outputs.includes(output));
  const usable = named.length ? named : items;
  const isAlike = (/** @type {any} */ item) => gridOf(item) === gridOf(usable[0]);
  const alike = name === 'sheets' ? usable.filter(isAlike) : usable;
  const chosen = new Map();
  for (const item of alike) if (!chosen.has(typeOf(item))) chosen.set(typeOf(item), item.output);
  return alike.filter((item) => chosen.get(typeOf(item)) === item.output);
}

/** How a sheet is cut: the same for all of an output. @param {Sheet} sheet */
function gridOf({ columns, rows, thumbnail_width, thumbnail_height, interval }) {
  return [columns, rows, thumbnail_width, thumbnail_height, interval].join();
}

/**
 * @param {any} item
 * @param {keyof typeof NUMBERS} name
 * @param {string} place For the message.
 */
function checkItem(item, name, place) {
  if (item === null || typeof item !== 'object') {
    throw new TypeError(`the manifest's ${place} is not an object`);
  }
  const wrong = NUMBERS[name].find(
    (field) => !Number.isFinite(item[field]) || (POSITIVE.has(field) && item[field] <= 0),
  );
  if (wrong) throw new TypeError(`the manifest's ${place}.${wrong} is not a usable number`);
  const isAnimation = name === 'animations' || name === 'whole.animations';
  const hasKey = isAnimation || name === 'frames' || name === 'sheets';
  if (hasKey && typeof item.key !== 'string') {
    throw new TypeError(`the manifest's ${place}.key is not a string`);
  }
  if (hasKey && leadsOut(item.key)) {
    throw new TypeError(`the manifest's ${place}.key leads out of the set`);
  }
  if (isAnimation && typeof item.media_type !== 'string') {
    throw new TypeError(`the manifest's ${place}.media_type is not a string`);
  }
}

/** Whether a key names anything but a place below the manifest. @param {string} key */
function leadsOut(key) {
  return key.split('/').some((part) => part === '..' || part === '.' || part === '');
}

/**
 * A key is a path below the manifest, never a URL: `a#b.jpg` and `javascript:x` are file names.
 * @param {string} key
 * @param {string} base
 */
function resolveAsPath(key, base) {
  const path = key.replace(/\p{Surrogate}/gu, '\ufffd').split('/').map(encodeURIComponent);
  return new URL(`./${path.join('/')}`, base).href;
}

/**
 * Index of the last item that starts at or before `time`; -1 when all start later.
 * @template T
 * @param {readonly T[]} items In ascending order of `startOf`.
 * @param {number} time
 * @param {(item: T) => number} startOf
 */
function lastAtOrBefore(items, time, startOf) {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (startOf(items[middle]) <= time + CLOCK_SLACK) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** @param {{start: number}} item */
const startOf = (item) => item.start;

/**
 * The span that holds `time`, or null.
 * @template {Span} T
 * @param {readonly T[]} spans In order of their start.
 * @param {number} time
 * @returns {T | null}
 */
function holding(spans, time) {
  const span = spans[lastAtOrBefore(spans, time, startOf)];
  return span && time + CLOCK_SLACK < span.end ? span : null;
}

/** Answers which picture belongs to which time. */
class PreviewSet {
  /**
   * @param {Manifest} manifest
   * @param {KeyResolver} resolve
   * @param {readonly string[]} outputs Names of the outputs to use: see `use`.
   * @throws {TypeError} When it is not a manifest of format scrubjay/1.
   */
  constructor(manifest, resolve, outputs) {
    if (manifest === null || typeof manifest !== 'object' || manifest.format !== FORMAT) {
      throw new TypeError(`this is not a manifest of format ${FORMAT}`);
    }
    if (!(manifest.media?.duration >= 0)) {
      throw new TypeError("the manifest's media.duration is not a usable number");
    }
    this.manifest = manifest;
    this.resolve = resolve;
    /** @type {number} */
    this.duration = manifest.media.duration;
    /** What the video's own clock shows at the set's time 0. */
    this.origin = Number.isFinite(manifest.media.origin) ? manifest.media.origin : 0;
    const first = manifest.media.first_picture;
    /** When the first picture comes; sound may come before it. */
    this.firstPicture = Number.isFinite(first) ? first : 0;
    /** @type {Slice[]} */
    this.slices = checkedList(manifest, 'slices');
    this.damaged = this.slices.filter(({ damaged_packets: count }) => Number(count) > 0);
    /** @type {Gap[]} */
    this.gaps = checkedList(manifest, 'gaps');
    /** @type {Alternatives<Animation>} */
    this.animations = new Alternatives();
    /** @type {Alternatives<Clip>} */
    this.clips = new Alternatives();
    /** @type {Alternatives<Sheet>} */
    this.sheets = new Alternatives();
    this.use(outputs);
  }

  /**
   * Chooses among several outputs of a kind: those of these names, else the first listed.
   * @param {readonly string[]} outputs
   */
  use(outputs) {
    /** @type {Omit<Frame, 'url'>[]} */
    this.frames = checkedList(this.manifest, 'frames', outputs);
    this.sheets.fill(checkedList(this.manifest, 'sheets', outputs));
    this.animations.fill(checkedList(this.manifest, 'animations', outputs));
    this.clips.fill(checkedList(this.manifest, 'whole.animations', outputs));
  }

  /** How many pictures there are at all. */
  get pictures() {
    return this.sheets.groups.length + this.frames.length + this.animations.groups.length;
  }

  /** @param {number} time @returns {Gap | null} */
  gapAt(time) {
    return holding(this.gaps, time);
  }

  /** The slice that holds `time`, when its data is damaged. @param {number} time */
  damageAt(time) {
    return holding(this.damaged, time);
  }

  /** Whether the pictures are over: sound may outlast them. @param {number} time */
  isAfterEnd(time) {
    return time > this.duration + END_SLACK;
  }

  /**
   * What to add to a time of the set to have the media's. Whether a player keeps the file's clock,
   * lets it begin at 0, or does something between depends on player and container, so the player
   * itself is asked where the first picture stands. Before it has shown that, what is known of it
   * decides between the two usual answers: the origin, and 0.
   * @param {number} duration The media's.
   * @param {MediaClock | null} clock
   */
  offsetFor(duration, clock) {
    const { origin, firstPicture } = this;
    const first = clock?.first ?? null;
    if (first !== null && first <= Math.max(origin, 0) + firstPicture + LATEST_FIRST) {
      const offset = first - firstPicture;
      return Math.abs(offset) < SAME_PICTURE / 10 ? 0 : offset;
    }
    if (origin <= 0) return 0;
    const seen = clock?.latest ?? null;
    if (seen !== null) {
      if (Math.abs(seen - origin - firstPicture) <= SAME_PICTURE) return origin;
      if (seen < origin + firstPicture - ORIGIN_SLACK) return 0;
      if (seen > this.duration + END_SLACK) return origin;
    }
    return this.#countsFromClock(duration) ? origin : 0;
  }

  /**
   * The time of the set at which the media ends. A player's duration may count from 0 of the file's
   * clock though the player does not, or leave out by how much its clock starts late.
   * @param {number} duration The media's.
   * @param {number} offset
   */
  endFor(duration, offset) {
    if (this.#countsFromClock(duration)) return this.duration;
    const keepsClock = offset > 0 && Math.abs(offset - this.origin) <= SAME_PICTURE;
    return keepsClock ? Math.max(duration - offset, this.duration) : duration - offset;
  }

  /** Whether a media's duration counts from 0 of the file's clock. @param {number} duration */
  #countsFromClock(duration) {
    const miss = Math.abs(duration - this.duration - this.origin);
    const isNearer = miss < Math.abs(duration - this.duration);
    return this.origin > 0 && miss <= ORIGIN_SLACK && isNearer;
  }

  /** The still that a player would show at `time`. @param {number} time @returns {Frame | null} */
  frameAt(time) {
    const frame = this.#lookUp(this.frames, time, (item) => item.time);
    return frame && { ...frame, url: this.resolve(frame.key) };
  }

  /** Null after the end, where nothing moves. @param {number} time @returns {Animation | null} */
  animationAt(time) {
    if (this.isAfterEnd(time)) return null;
    const item = this.animations.best(this.#lookUp(this.animations.groups, time, startOf));
    return item && { ...item, url: this.resolve(item.key) };
  }

  /** The clip of the whole video. @returns {Clip | null} */
  clip() {
    const item = this.clips.best(this.clips.groups[0]);
    return item && { ...item, url: this.resolve(item.key) };
  }

  /** @param {number} time @returns {Thumbnail | null} */
  thumbnailAt(time) {
    const sheet = this.sheets.best(this.#lookUp(this.sheets.groups, time, startOf));
    return sheet && this.#cell(sheet, time);
  }

  /**
   * The sheets before and after the one of `time`, by URL.
   * @param {number} time
   * @param {number} direction The direction to try first: 1 is forwards, -1 backwards.
   * @returns {string | null}
   */
  neighbouringSheet(time, direction) {
    const { groups } = this.sheets;
    const index = lastAtOrBefore(groups, time, startOf);
    const sheet = this.sheets.best(groups[index + direction] ?? groups[index - direction]);
    return sheet && this.resolve(sheet.key);
  }

  /**
   * Takes a picture that did not load for a sign that this browser does not show its media type:
   * where there is another, that is used from now on.
   * @param {{media_type?: string, columns?: number}} picture An animation, a clip or a thumbnail.
   */
  refuse({ media_type, columns }) {
    const kinds = columns ? [this.sheets] : [this.animations, this.clips];
    for (const each of kinds) each.refuse(media_type);
  }

  /** As `refuse`, where only the address is known; a still has no alternative. @param {string} url */
  refuseUrl(url) {
    const groups = [...this.sheets.groups, ...this.animations.groups];
    for (const item of groups.flatMap(({ items }) => /** @type {(Sheet | Animation)[]} */ (items))) {
      if (this.resolve(item.key) === url) this.refuse(item);
    }
  }

  /**
   * The start of the slice after `time`, or of the one before.
   * @param {number} time
   * @param {number} direction
   * @returns {number | null} Null at the ends.
   */
  sliceFrom(time, direction) {
    const from = direction > 0 ? time : Math.max(time - SLICE_GRACE, 0);
    const index = lastAtOrBefore(this.slices, from, startOf) + (direction > 0 ? 1 : 0);
    return this.slices[index]?.start ?? null;
  }

  /**
   * @template T
   * @param {readonly T[]} items
   * @param {number} time
   * @param {(item: T) => number} start
   * @returns {T | null} Null in a gap. Past the end the last item: sound may outlast the pictures.
   */
  #lookUp(items, time, start) {
    if (this.gapAt(time)) return null;
    return items[Math.max(lastAtOrBefore(items, time, start), 0)] ?? null;
  }

  /** @param {Sheet} sheet @param {number} time @returns {Thumbnail} */
  #cell(sheet, time) {
    const { columns, rows, count, interval, thumbnail_width, thumbnail_height } = sheet;
    const nearest = Math.floor((time + CLOCK_SLACK - sheet.start) / interval);
    const index = Math.min(Math.max(nearest, 0), count - 1, columns * rows - 1);
    return {
      key: sheet.key,
      url: this.resolve(sheet.key),
      media_type: sheet.media_type,
      x: (index % columns) * thumbnail_width,
      y: Math.floor(index / columns) * thumbnail_height,
      width: thumbnail_width,
      height: thumbnail_height,
      columns,
      rows,
      time: sheet.start + index * interval,
      size_bytes: sheet.size_bytes,
    };
  }
}

/** Whether this browser says that it may play a video of that type. @param {unknown} type */
function mayShow(type) {
  const isVideo = String(type).startsWith('video/');
  return !isVideo || document.createElement('video').canPlayType(String(type)) !== '';
}

/**
 * A recipe may make the same pictures in several media types: of these, the smallest file that this
 * browser shows is used.
 * @template {{media_type?: string, size_bytes?: number}} T
 */
class Alternatives {
  /** Media types that this browser cannot show, or failed to. */
  #refused = new Set();
  /** @type {{start: number, items: T[]}[]} One group a start, smallest file first. */
  groups = [];

  /** @param {any[]} items In order of their start. */
  fill(items) {
    this.groups = [];
    for (const item of items) {
      const last = this.groups[this.groups.length - 1];
      if (last && last.start === item.start) last.items.push(item);
      else this.groups.push({ start: item.start, items: [item] });
    }
    for (const group of this.groups) {
      group.items.sort((one, other) => (one.size_bytes ?? Infinity) - (other.size_bytes ?? Infinity));
    }
    for (const type of new Set(items.map(({ media_type }) => media_type))) {
      if (!mayShow(type)) this.refuse(type);
    }
  }

  /** @param {string | undefined} type */
  refuse(type) {
    this.#refused.add(type);
  }

  /** @param {{items: T[]} | null | undefined} group @returns {T | null} */
  best(group) {
    if (!group) return null;
    const { items } = group;
    return items.find((item) => !this.#refused.has(item.media_type)) ?? items[items.length - 1];
  }
}

/* ---------------------------------------------------------------------------- pictures */

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} name The `::part` name, and the name by which the style sheet finds it.
 * @param {...Node} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
function part(tag, name, ...children) {
  const made = document.createElement(tag);
  made.setAttribute('part', name);
  made.append(...children);
  return made;
}

/**
 * An element that plays an animation: an image, or a silent video in a loop.
 * @param {Moving} animation
 * @returns {HTMLImageElement | HTMLVideoElement}
 */
function movingElement(animation) {
  if (!animation.media_type?.startsWith('video/')) {
    const image = part('img', 'animation');
    image.alt = '';
    image.src = animation.url;
    return image;
  }
  const video = part('video', 'animation');
  Object.assign(video, { muted: true, loop: true, autoplay: true, playsInline: true });
  video.src = animation.url;
  return video;
}

/**
 * Places a sheet's image so that one thumbnail of it fills the layer.
 * @param {HTMLElement} layer
 * @param {HTMLImageElement} image
 * @param {Thumbnail} thumbnail
 */
function cropSheet(layer, image, thumbnail) {
  // Whole percentages of the box: exact at every size of it.
  image.style.left = `${(-100 * thumbnail.x) / thumbnail.width}%`;
  image.style.top = `${(-100 * thumbnail.y) / thumbnail.height}%`;
  image.style.width = `${100 * thumbnail.columns}%`;
  image.style.height = `${100 * thumbnail.rows}%`;
  // At other scales than 1 the cell's edge takes colour from its neighbours: keep it outside.
  const native = layer.parentElement?.clientWidth === thumbnail.width;
  layer.style.inset = native ? '0' : '-1px';
  if (layer.firstChild !== image) layer.replaceChildren(image);
}

/** The picture of one moment, in two layers: a thumbnail of a sheet, above it a still. */
class PictureBox {
  /** @type {Map<string, HTMLImageElement>} Sheets by URL, the one used last at the end. */
  #sheets = new Map();
  /** @type {Set<string>} */
  #broken = new Set();
  /** @type {string | null} The still that is shown, or is to be shown when it is there. */
  #wantedFrame = null;
  /** @type {string | null} The still that is on its way. */
  #loadingFrame = null;
  /** @type {HTMLImageElement | null} */
  #frame = null;

  /** @param {(url: string) => void} onBroken Called once for each picture that does not load. */
  constructor(onBroken) {
    this.onBroken = onBroken;
    this.sheet = part('div', 'sheet');
    this.note = part('div', 'note');
    this.element = part('div', 'picture', this.sheet, this.note);
  }

  /** @param {string | undefined} url */
  isBroken(url) {
    return url !== undefined && this.#broken.has(url);
  }

  /** @param {Thumbnail | null} thumbnail */
  showThumbnail(thumbnail) {
    if (!thumbnail) return this.sheet.replaceChildren();
    cropSheet(this.sheet, this.loadSheet(thumbnail.url), thumbnail);
  }

  /** @param {string} url @returns {HTMLImageElement} */
  loadSheet(url) {
    const image = this.#sheets.get(url) ?? this.#newImage('sheet-image', url);
    this.#sheets.delete(url);
    this.#sheets.set(url, image);
    for (const oldest of this.#sheets.keys()) {
      if (this.#sheets.size <= KEPT_SHEETS) break;
      this.#sheets.delete(oldest);
    }
    return image;
  }

  /**
   * Shows a still as soon as it is there. One loads at a time; of those that are asked for
   * meanwhile, only the last is loaded.
   * @param {Frame | null} frame
   */
  showFrame(frame) {
    const url = frame?.url ?? null;
    if (this.#wantedFrame === url) return;
    this.#wantedFrame = url;
    this.#frame?.remove();
    this.#frame = null;
    if (this.#loadingFrame === null) this.#loadFrame();
  }

  #loadFrame() {
    const url = this.#wantedFrame;
    this.#loadingFrame = url;
    if (url === null) return;
    const image = this.#newImage('frame', url);
    const settle = () => {
      this.#loadingFrame = null;
      if (this.#wantedFrame !== url) this.#loadFrame();
      else if (!this.#broken.has(url)) this.#attachFrame(image);
    };
    image.decode().then(settle, settle);
  }

  /** @param {HTMLImageElement} image */
  #attachFrame(image) {
    this.#frame?.remove();
    this.#frame = image;
    this.sheet.after(image);
  }

  clear() {
    this.showFrame(null);
    this.showThumbnail(null);
    this.note.textContent = '';
  }

  /** Forgets every picture, so that a new set starts afresh. */
  reset() {
    this.clear();
    this.#sheets.clear();
    this.#broken.clear();
  }

  /** @param {string} name @param {string} url */
  #newImage(name, url) {
    const image = part('img', name);
    image.alt = '';
    image.draggable = false;
    image.addEventListener('error', () => this.report(url));
    image.src = url;
    return image;
  }

  /** A picture did not load, here or in the other card. @param {string} url */
  report(url) {
    if (this.#broken.has(url)) return;
    this.#broken.add(url);
    this.onBroken(url);
  }
}

/** @typedef {'right' | 'left' | 'above' | 'alone'} Side Where the card is from the picture's. */

/**
 * Plays an animation in a card of its own, under which stands the stretch that it shows: never
 * in the place of the picture, for it shows other times than the pointer's.
 */
class MovingCard {
  /** @type {{url: string, element: HTMLImageElement | HTMLVideoElement} | null} */
  #moving = null;
  #first = part('div', 'sheet');
  #picture = part('div', 'moving-picture', this.#first);
  #span = part('div', 'span');

  /** @param {(url: string) => void} onBroken */
  constructor(onBroken) {
    this.onBroken = onBroken;
    this.element = part('div', 'moving', this.#picture, this.#span);
    this.element.hidden = true;
  }

  /** The URL of what plays; empty when nothing does. */
  get url() {
    return this.#moving?.url ?? '';
  }

  /** @returns {Side | null} */
  get side() {
    return this.element.hidden ? null : /** @type {Side} */ (this.element.dataset.side);
  }

  /**
   * @param {Animation} animation
   * @param {Thumbnail | null} first Its first picture, until it is there itself.
   */
  show(animation, first) {
    if (this.url === animation.url) return;
    this.clear();
    const { url } = animation;
    const element = movingElement(animation);
    element.addEventListener('error', () => {
      if (this.#moving?.element === element) this.clear();
      this.onBroken(url);
    });
    this.#moving = { url, element };
    if (first) {
      const image = part('img', 'sheet-image');
      Object.assign(image, { alt: '', src: first.url });
      cropSheet(this.#first, image, first);
    }
    this.#picture.append(element);
    this.#span.textContent = ScrubjayPreview.texts.span(
      animation.shown_start ?? animation.start,
      animation.shown_end ?? animation.end,
    );
    this.element.hidden = false;
  }

  /** @param {Side} side */
  place(side) {
    this.element.dataset.side = side;
  }

  clear() {
    if (this.#moving) stopLoading(this.#moving.element);
    this.#moving = null;
    this.#first.replaceChildren();
    this.element.hidden = true;
  }
}

/**
 * Removes a picture and stops its download.
 * @param {HTMLImageElement | HTMLVideoElement} element
 */
function stopLoading(element) {
  element.remove();
  element.removeAttribute('src');
  if (element instanceof HTMLVideoElement) element.load();
}

/* ------------------------------------------------------------------------------- clock */

/**
 * Learns what a media element's clock shows at the video's first picture: the element says so of
 * each picture that it presents (`requestVideoFrameCallback`).
 */
class MediaClock {
  /** @type {number | null} The media's time of its first picture, once that is known. */
  first = null;
  /** @type {number | null} The media's time of the picture that was seen last. */
  latest = null;
  /** Whether the user has sought since the media was loaded; null before the element listens. */
  #isMoved = /** @type {boolean | null} */ (false);
  #isAsking = false;
  #hasAsked = false;
  /** @type {number | null} */
  #waiting = null;

  /**
   * @param {HTMLMediaElement} media
   * @param {() => void} onChange Called when there is more to know.
   * @param {AbortSignal} signal Ends it.
   */
  constructor(media, onChange, signal) {
    this.media = media;
    this.onChange = onChange;
    this.#isMoved = media.readyState > 0 ? null : false;
    const listen = (/** @type {string} */ name, /** @type {() => void} */ does) =>
      media.addEventListener(name, does, { signal });
    listen('loadstart', () => this.#forget());
    listen('seeking', () => { if (!this.#isAsking && !this.#isAt([])) this.#isMoved = true; });
    listen('seeked', () => this.#wait());
    listen('loadeddata', () => this.#wait());
    signal.addEventListener('abort', () => this.#stop());
    this.#wait();
  }

  /**
   * Asks for the first picture where it was presented before anybody listened: goes to where the
   * media stands already. Only while it stands at its start. (Chromium, which starts an MP4 at its
   * clock's start, takes what lies before that for played.)
   * @param {number[]} starts Where that may be, but for 0.
   */
  ask(starts) {
    const { media } = this;
    const { currentTime, paused, seeking, readyState } = media;
    const isFresh = paused && !seeking && this.#isAt([0, ...starts]);
    if (this.first !== null || this.#hasAsked || this.#isMoved || !isFresh || readyState < 2) return;
    if (!('requestVideoFrameCallback' in media)) return;
    this.#hasAsked = this.#isAsking = true;
    this.#wait();
    media.currentTime = currentTime;
  }

  /**
   * Whether the media stands at one of these times, or where what it has loaded begins: scripts
   * that play streams go there by themselves.
   * @param {number[]} times
   */
  #isAt(times) {
    const { buffered, currentTime } = this.media;
    const starts = buffered.length ? [buffered.start(0), ...times] : times;
    return starts.some((time) => Math.abs(currentTime - time) <= SAME_PICTURE);
  }

  #forget() {
    this.first = this.latest = null;
    this.#isMoved = this.#isAsking = this.#hasAsked = false;
    this.#wait();
    this.onChange();
  }

  /** Waits for the next picture, as long as the first is not known. */
  #wait() {
    const media = /** @type {HTMLVideoElement} */ (this.media);
    if (this.first !== null || this.#waiting !== null) return;
    this.#waiting = media.requestVideoFrameCallback?.((_, shown) => {
      this.#waiting = null;
      this.#see(shown.mediaTime, shown.presentedFrames);
    }) ?? null;
  }

  #stop() {
    const media = /** @type {HTMLVideoElement} */ (this.media);
    if (this.#waiting !== null) media.cancelVideoFrameCallback(this.#waiting);
  }

  /** @param {number} time The picture's, on the media's clock. @param {number} count How many. */
  #see(time, count) {
    const { currentTime } = this.media;
    const isUnmoved = this.#isMoved === false && (count === 1 || time > currentTime + CLOCK_SLACK);
    if (this.#isAsking || isUnmoved || currentTime <= CLOCK_SLACK) this.first = time;
    this.latest = time;
    this.#isAsking = false;
    this.onChange();
  }
}

/* ------------------------------------------------------------------------------- words */

/**
 * `m:ss`, or `h:mm:ss` from one hour.
 * @param {number} seconds
 */
function clock(seconds) {
  const whole = Math.floor(seconds + CLOCK_SLACK);
  const minutes = Math.floor(whole / 60) % 60;
  const hours = Math.floor(whole / 3600);
  const two = (/** @type {number} */ number) => String(number).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/**
 * `0:30 – 1:00`; for less than a second its length, as both clocks would say the same.
 * @param {number} start
 * @param {number} end
 */
function clockSpan(start, end) {
  if (clock(start) === clock(end)) return `${clock(start)} (${(end - start).toFixed(2)}\u00a0s)`;
  return `${clock(start)} – ${clock(end)}`;
}

/** "1 minute 5 seconds". @param {number} seconds */
function spoken(seconds) {
  const whole = Math.floor(seconds + CLOCK_SLACK);
  const counts = { hour: Math.floor(whole / 3600), minute: Math.floor(whole / 60) % 60 };
  const words = Object.entries({ ...counts, second: whole % 60 })
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count} ${unit}${count === 1 ? '' : 's'}`);
  return words.join(' ') || '0 seconds';
}

const STYLE = `
  :host {
    --_accent: var(--scrubjay-accent, #3b82c4);
    --_height: var(--scrubjay-height, 28px);
    display: block;
    position: relative;
    direction: ltr;
    font: 500 13px/1.35 system-ui, sans-serif;
    -webkit-tap-highlight-color: transparent;
  }
  :host([hidden]), [hidden] { display: none !important; }
  @media (pointer: coarse) { :host { --_height: var(--scrubjay-height, 44px); } }

  [part=slider] {
    position: relative;
    height: var(--_height);
    border-radius: 6px;
    cursor: pointer;
    touch-action: none;
    user-select: none;
    -webkit-user-select: none;
  }
  [part=slider][aria-disabled=true] { cursor: default; }
  [part=slider]:focus { outline: none; }
  [part=slider]:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
  [part=rail] {
    position: absolute;
    inset: calc(50% - var(--scrubjay-rail-height, 4px) / 2) 0 auto;
    height: var(--scrubjay-rail-height, 4px);
    border-radius: 99px;
    overflow: hidden;
    background: var(--scrubjay-rail, rgb(128 142 158 / 38%));
    /* Faint from where the pictures end and sound goes on. */
    --_pictures: calc(var(--_end, 1) * 100%);
    -webkit-mask-image: linear-gradient(90deg, #000 var(--_pictures), rgb(0 0 0 / 40%) 0);
    mask-image: linear-gradient(90deg, #000 var(--_pictures), rgb(0 0 0 / 40%) 0);
  }
  [part=hovered], [part=played], [part=gap], [part=damaged] {
    position: absolute; inset: 0 auto 0 0;
  }
  [part=hovered] {
    width: calc(var(--_at, 0) * 100%);
    background: var(--scrubjay-rail, rgb(128 142 158 / 38%));
  }
  [part=played] { width: calc(var(--_time, 0) * 100%); background: var(--_accent); }
  [part=gap] {
    --_gap: var(--scrubjay-gap, #d9822b);
    background: repeating-linear-gradient(135deg, var(--_gap) 0 3px, transparent 3px 6px);
    box-shadow: inset 1px 0 var(--_gap), inset -1px 0 var(--_gap);
  }
  [part=damaged] {
    --_damaged: var(--scrubjay-damaged, #b98a58);
    background: repeating-linear-gradient(135deg, var(--_damaged) 0 2px, transparent 2px 7px);
  }
  [part=thumb] {
    position: absolute;
    top: 50%;
    left: calc(var(--_time, 0) * 100%);
    width: 14px;
    height: 14px;
    margin: -7px 0 0 -7px;
    border-radius: 50%;
    background: var(--scrubjay-thumb, var(--_accent));
    box-shadow: 0 1px 3px rgb(0 0 0 / 35%);
  }
  [part=slider][aria-disabled=true] [part=thumb] { visibility: hidden; }

  [part=popover] {
    --_limit: calc(var(--scrubjay-preview-max-height, 240px) * var(--_aspect, 1.7778));
    --_width: min(var(--scrubjay-preview-width, 240px), max(var(--_limit), 96px), 100%);
    --_left: clamp(0px, calc(var(--_at, 0) * 100% - var(--_width) / 2), calc(100% - var(--_width)));
    position: absolute;
    bottom: calc(100% + var(--scrubjay-preview-distance, 8px));
    left: var(--_left);
    left: round(var(--_left), 1px);
    z-index: var(--scrubjay-layer, 10);
    box-sizing: border-box;
    width: var(--_width);
    text-align: center;
    pointer-events: none;
  }
  [part=popover], [part=moving] {
    border-radius: var(--scrubjay-radius, 8px);
    color: var(--scrubjay-popover-text, #fff);
    background: var(--scrubjay-popover, #11161d);
    box-shadow: 0 0 0 1px rgb(255 255 255 / 14%), 0 8px 28px rgb(0 0 0 / 38%);
  }
  [part=picture], [part=moving-picture] {
    position: relative;
    overflow: hidden;
    aspect-ratio: var(--_aspect, 1.7778);
    border-radius: var(--scrubjay-radius, 8px) var(--scrubjay-radius, 8px) 0 0;
    background: rgb(255 255 255 / 6%);
  }
  [part=moving] { position: absolute; top: 0; width: 100%; }
  [part=moving][data-side=right] { left: calc(100% + 8px); }
  [part=moving][data-side=left] { right: calc(100% + 8px); }
  [part=moving][data-side=above], [part=moving][data-side=alone] {
    top: auto; bottom: calc(100% + 8px);
  }
  [part=moving][data-side=above] { left: calc(100% / 6); width: calc(100% * 2 / 3); }
  [part=picture].none { aspect-ratio: auto; }
  [part=sheet] { position: absolute; inset: 0; overflow: hidden; }
  [part=sheet-image] { position: absolute; max-width: none; }
  [part=frame], [part=animation] {
    position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain;
  }
  [part=note] {
    position: absolute; inset: 0; display: grid; place-content: center; padding: 8px 12px;
    text-wrap: balance;
  }
  [part=note]:empty { display: none; }
  [part=picture].none [part=note] { position: static; padding: 10px 12px 2px; }
  [part=time], [part=span] {
    padding: 4px 8px 5px; line-height: 18px; font-variant-numeric: tabular-nums;
  }
  [part=hint], [part=span] { font-weight: 400; opacity: .78; }
  [part=hint]::before { content: " · "; }
  [part=hint]:empty { display: none; }
  [part=span]::before {
    content: ""; display: inline-block; width: 7px; height: 9px; margin-right: 7px;
    background: currentcolor; clip-path: polygon(0 0, 100% 50%, 0 100%);
  }

  @media (forced-colors: active) {
    [part=slider] { forced-color-adjust: none; }
    [part=slider]:focus-visible { outline-color: Highlight; }
    [part=rail] { background: GrayText; }
    [part=played], [part=thumb] { background: Highlight; }
    [part=popover], [part=moving] { border: 1px solid CanvasText; }
    [part=span]::before { forced-color-adjust: none; background: CanvasText; }
  }
`;

/** @type {CSSStyleSheet | undefined} One for all elements of the page. */
let sharedStyle;

function style() {
  if (!sharedStyle) {
    sharedStyle = new CSSStyleSheet();
    sharedStyle.replaceSync(STYLE);
  }
  return sharedStyle;
}

/* ----------------------------------------------------------------------------- element */

/**
 * @typedef {'hover' | 'drag' | 'keys'} Cause Why the pop-over is open.
 * @typedef {'empty' | 'loading' | 'ready' | 'error'} State
 */

/**
 * The element `<scrubjay-preview>`.
 *
 * @fires scrubjay-preview When the time under the pointer, finger or keys changes.
 * @fires scrubjay-preview-end When the pop-over closes.
 * @fires scrubjay-seek When the person chooses a time; `preventDefault()` leaves the media alone.
 * @fires scrubjay-clock When the element has learned more of the media's clock.
 * @fires scrubjay-error When a manifest or a picture does not load.
 */
export class ScrubjayPreview extends HTMLElement {
  static observedAttributes = ['manifest', 'for', 'show', 'output', 'label'];

  /** Every word that a person sees or hears; replace any of them for another language. */
  static texts = {
    label: 'Seek',
    gap: 'No preview for this part',
    ended: 'after the last picture',
    damaged: 'damaged here',
    broken: 'This preview did not load',
    none: 'No previews',
    failed: 'The previews did not load',
    clock,
    span: clockSpan,
    value: (/** @type {number} */ time, /** @type {number} */ duration) =>
      `${spoken(time)} of ${spoken(duration)}`,
  };

  /** @type {PreviewSet | null} */
  #set = null;
  /** @type {State} */
  #state = 'empty';
  /** @type {Manifest | null} Given as a property. */
  #given = null;
  /** @type {string | null} */
  #base = null;
  /** @type {KeyResolver | null} */
  #resolveKey = null;
  /** @type {HTMLMediaElement | null} Given as a property. */
  #givenMedia = null;
  /** @type {HTMLMediaElement | null} The one that is listened to. */
  #media = null;
  /** @type {MediaClock | null} */
  #clockOfMedia = null;
  /** What was last said of it. */
  #clockBefore = '';
  /** Where the media is to go, on its own clock, while it does not yet reach that place. */
  #goal = { time: /** @type {number | null} */ (null), from: 0, length: 0, seeks: 0 };
  /** What the marks on the bar were drawn for. */
  #marksOf = { set: /** @type {PreviewSet | null} */ (null), start: 0, duration: 0 };
  #time = 0;
  /** @type {Cause | null} */
  #cause = null;
  #at = 0;
  #direction = 1;
  /** @type {number | null} The pointer that drags. */
  #dragging = null;
  /** The timer of the pointer's rest, and the picture that it rests on. */
  #rest = 0;
  #restingOn = '';
  /** @type {AbortController | null} Ends what lives from connect to disconnect. */
  #connection = null;
  /** @type {AbortController | null} */
  #mediaConnection = null;
  /** @type {AbortController | null} */
  #fetching = null;
  #calm = window.matchMedia('(prefers-reduced-motion: reduce)');

  #box = new PictureBox((url) => this.#pictureFailed(url));
  #card = new MovingCard((url) => this.#box.report(url));
  #clock = document.createElement('span');
  #hint = part('span', 'hint');
  #timeText = part('div', 'time', this.#clock, this.#hint);
  #popover = part('div', 'popover', this.#box.element, this.#timeText, this.#card.element);
  #marks = part('div', 'marks');
  #hovered = part('div', 'hovered');
  #rail = part('div', 'rail', this.#hovered, part('div', 'played'), this.#marks);
  #slider = part('div', 'slider', this.#rail, part('div', 'thumb'));

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    root.adoptedStyleSheets = [style()];
    this.#slider.tabIndex = 0;
    this.#slider.setAttribute('role', 'slider');
    this.#slider.setAttribute('aria-orientation', 'horizontal');
    this.#popover.setAttribute('aria-hidden', 'true');
    this.#popover.hidden = true;
    root.append(this.#slider, this.#popover);
    this.#listenToPerson();
  }

  connectedCallback() {
    this.#connection = new AbortController();
    const { signal } = this.#connection;
    for (const name of ['manifest', 'base', 'resolveKey', 'media', 'show', 'currentTime']) {
      this.#upgradeProperty(name);
    }
    this.#calm.addEventListener('change', () => this.#renderPreview(), { signal });
    this.#watchChildren(signal);
    if (this.#state !== 'ready') this.#load();
    this.#connectMedia();
    this.#render();
  }

  disconnectedCallback() {
    this.#connection?.abort();
    this.#connection = null;
    this.#fetching?.abort();
    this.#disconnectMedia();
    this.#dragging = null;
    this.#close();
  }

  /** @param {string} name @param {string | null} before @param {string | null} after */
  attributeChangedCallback(name, before, after) {
    if (before === after) return;
    if (name === 'manifest' && !this.#given) this.#load();
    if (name === 'for' && this.isConnected) this.#connectMedia();
    if (name === 'output') this.#set?.use(this.#outputs);
    this.#render();
    this.#renderPreview();
  }

  /** The names in the attribute `output`. */
  get #outputs() {
    return this.output.split(/\s+/).filter(Boolean);
  }

  /* ---- properties */

  /**
   * The manifest in use. Set it to an object instead of fetching one (see `base`); a string is
   * taken as the URL, as in the attribute; null goes back to the attribute or the inline script.
   * @returns {Manifest | null}
   */
  get manifest() {
    return this.#set?.manifest ?? null;
  }

  set manifest(value) {
    if (typeof value === 'string') {
      this.#given = null;
      this.setAttribute('manifest', value);
    } else {
      this.#given = value ?? null;
    }
    this.#load();
  }

  /** The URL that the keys of a given or inline manifest are relative to; else the document's. */
  get base() {
    return this.#base ?? document.baseURI;
  }

  set base(value) {
    this.#base = value ? new URL(value, document.baseURI).href : null;
    if (this.#set) this.#load();
  }

  /** Turns a key into a URL, for instance a signed one; null: a path relative to the manifest. */
  get resolveKey() {
    return this.#resolveKey;
  }

  set resolveKey(value) {
    this.#resolveKey = value;
    if (this.#set) this.#load();
  }

  /** The media element that is driven: set here, or found by the attribute `for`. */
  get media() {
    return this.#media;
  }

  set media(value) {
    this.#givenMedia = value;
    if (this.isConnected) this.#connectMedia();
  }

  /** @returns {'auto' | 'animation' | 'frame' | 'sheet'} */
  get show() {
    const shown = this.getAttribute('show');
    return shown === 'animation' || shown === 'frame' || shown === 'sheet' ? shown : 'auto';
  }

  set show(value) {
    this.setAttribute('show', value);
  }

  /** Names of the outputs to show, with spaces between them; see docs/web-component.md. */
  get output() {
    return this.getAttribute('output') ?? '';
  }

  set output(value) {
    this.setAttribute('output', value);
  }

  /** What became of the manifest. @returns {State} */
  get state() {
    return this.#state;
  }

  /** The time at the bar's right end: the media's end, or the set's as long as that is unknown. */
  get duration() {
    const duration = this.#media?.duration;
    const set = this.#set;
    if (!isLength(duration)) return set?.duration ?? 0;
    return set ? set.endFor(duration, this.offset) : duration;
  }

  /** The time at the bar's left end: 0, unless the player leaves out the video's first moments. */
  get start() {
    const start = Math.max(0, -this.offset);
    return start < this.duration ? start : 0;
  }

  /** What to add to a time of the bar to have the media's `currentTime`; mostly 0. */
  get offset() {
    const duration = this.#media?.duration;
    if (!this.#set || !isLength(duration)) return 0;
    return this.#set.offsetFor(duration, this.#clockOfMedia);
  }

  /** Whether the player has said where its first picture stands, so that `offset` is exact. */
  get measured() {
    return this.#clockOfMedia?.first != null;
  }

  /** The time that the bar stands at. Setting it moves the bar alone; it seeks nothing. */
  get currentTime() {
    return this.#time;
  }

  set currentTime(value) {
    this.#time = this.#clamp(Number(value) || 0);
    this.#render();
  }

  /* ---- methods */

  /**
   * Takes the media to a time of the bar. Unlike a person's choice, it fires no event.
   * @param {number} time
   */
  seek(time) {
    this.#time = this.#clamp(Number(time) || 0);
    if (this.#media) this.#go(this.#time + this.offset);
    this.#render();
  }

  /** The still for `time`; null in a gap, or when the set has none. @param {number} time */
  frameAt(time) {
    return this.#set?.frameAt(time) ?? null;
  }

  /** The animation of the slice that holds `time`; null also after the end. @param {number} time */
  animationAt(time) {
    return this.#set?.animationAt(time) ?? null;
  }

  /** The clip of the whole video, or null. */
  get clip() {
    return this.#set?.clip() ?? null;
  }

  /**
   * Takes an animation, a clip or a thumbnail that did not load for a sign that this browser does
   * not show its media type: where there is another, that is returned from now on.
   * @param {{media_type?: string, columns?: number}} picture
   */
  refuse(picture) {
    this.#set?.refuse(picture);
  }

  /** The sheet and the place in it of the thumbnail for `time`. @param {number} time */
  thumbnailAt(time) {
    return this.#set?.thumbnailAt(time) ?? null;
  }

  /** The gap that holds `time`, or null. @param {number} time */
  gapAt(time) {
    return this.#set?.gapAt(time) ?? null;
  }

  /** The slice that holds `time` when its data is damaged, or null. @param {number} time */
  damageAt(time) {
    return this.#set?.damageAt(time) ?? null;
  }

  /** Whether the pictures are over at `time` and sound alone goes on. @param {number} time */
  isAfterEnd(time) {
    return this.#set?.isAfterEnd(time) ?? false;
  }

  /** The URL of a key; null before the manifest is ready, and of a key that leads out of the set. */
  urlOf(/** @type {string} */ key) {
    if (typeof key !== 'string' || leadsOut(key)) return null;
    return this.#set?.resolve(key) ?? null;
  }

  /* ---- the manifest */

  #load() {
    this.#fetching?.abort();
    this.#forget();
    const url = this.getAttribute('manifest');
    if (this.#given) this.#adopt(this.#given, this.base);
    else if (url && this.isConnected) this.#fetch(url);
    else if (!url) this.#readInline();
    this.#render();
    this.#renderPreview();
  }

  #forget() {
    this.#set = null;
    this.#state = 'empty';
    this.#card.clear();
    this.#box.reset();
  }

  /**
   * @param {Manifest} manifest
   * @param {string} base
   * @param {string | null} [url] Where it was fetched from, for the message.
   */
  #adopt(manifest, base, url = null) {
    try {
      const root = this.#resolveKey ? '' : resolveAsPath('', base); // Throws if there is no valid address.
      const resolve = this.#resolveKey ?? ((key) => resolveAsPath(key, root));
      this.#set = new PreviewSet(manifest, resolve, this.#outputs);
      this.#state = 'ready';
      this.#clockChanged(); // The set may tell that the media's clock has another start.
    } catch (error) {
      this.#manifestFailed(error, url);
    }
  }

  /** @param {string} reference */
  async #fetch(reference) {
    const fetching = new AbortController();
    this.#fetching = fetching;
    this.#state = 'loading';
    try {
      const url = new URL(reference, document.baseURI).href;
      const response = await fetch(url, { signal: fetching.signal });
      if (!response.ok) throw new Error(`the server answered ${response.status}`);
      const manifest = await response.json();
      if (fetching.signal.aborted) return;
      this.#adopt(manifest, response.url || url, url);
    } catch (error) {
      if (fetching.signal.aborted) return;
      this.#manifestFailed(error, reference);
    }
    this.#render();
    this.#renderPreview();
  }

  #readInline() {
    const script = this.querySelector(':scope > script[type="application/json"]');
    if (document.readyState === 'loading' || !script?.textContent?.trim()) return;
    try {
      this.#adopt(JSON.parse(script.textContent), this.base);
    } catch (error) {
      this.#manifestFailed(error, null);
    }
  }

  /**
   * Reads an inline manifest that is parsed, or put in, after the element.
   * @param {AbortSignal} signal
   */
  #watchChildren(signal) {
    const retry = () => {
      if (this.#state === 'empty' && document.readyState !== 'loading') this.#load();
    };
    const observer = new MutationObserver(retry);
    observer.observe(this, { childList: true });
    signal.addEventListener('abort', () => observer.disconnect());
    document.addEventListener('DOMContentLoaded', retry, { signal });
  }

  /** @param {unknown} error @param {string | null} url */
  #manifestFailed(error, url) {
    this.#state = 'error';
    const message = error instanceof Error ? error.message : String(error);
    this.#dispatch('scrubjay-error', { message: `The manifest cannot be used: ${message}`, url });
  }

  /** @param {string} url */
  #pictureFailed(url) {
    this.#set?.refuseUrl(url);
    this.#restingOn = '';
    this.#dispatch('scrubjay-error', { message: 'A preview picture did not load.', url });
    this.#renderPreview();
  }

  /* ---- the media */

  #connectMedia() {
    this.#disconnectMedia();
    const media = this.#givenMedia ?? this.#findMedia();
    this.#media = media;
    this.#mediaConnection = new AbortController();
    const { signal } = this.#mediaConnection;
    if (!media) return this.#waitForMedia(signal);
    for (const name of ['timeupdate', 'durationchange', 'loadedmetadata', 'emptied']) {
      media.addEventListener(name, () => this.#follow(), { signal });
    }
    media.addEventListener('seeking', () => this.#onSeeking(media), { signal });
    media.addEventListener('seeked', () => this.#goOn(media), { signal });
    media.addEventListener('loadeddata', () => this.#askClock(), { signal });
    this.#goal.time = null;
    this.#clockOfMedia = new MediaClock(media, () => this.#clockChanged(), signal);
    this.#clockChanged();
  }

  #clockChanged() {
    const { start, duration, offset } = this;
    this.#askClock();
    this.#follow();
    this.#renderPreview();
    const clockNow = [start, duration, offset, this.measured].join();
    if (clockNow === this.#clockBefore) return;
    this.#clockBefore = clockNow;
    this.#dispatch('scrubjay-clock', { start, duration, offset });
  }

  #askClock() {
    const set = this.#set;
    if (set) this.#clockOfMedia?.ask([set.origin, set.origin + set.firstPicture]);
  }

  /** Players add their media element late. @param {AbortSignal} signal */
  #waitForMedia(signal) {
    this.#render();
    if (!this.hasAttribute('for')) return;
    const observer = new MutationObserver(() => this.#findMedia() && this.#connectMedia());
    observer.observe(this.getRootNode(), { childList: true, subtree: true });
    signal.addEventListener('abort', () => observer.disconnect());
  }

  #disconnectMedia() {
    this.#mediaConnection?.abort();
    this.#mediaConnection = null;
    this.#clockOfMedia = null;
    this.#media = null;
  }

  /** @returns {HTMLMediaElement | null} */
  #findMedia() {
    const id = this.getAttribute('for');
    const root = this.getRootNode();
    if (!id || !(root instanceof Document || root instanceof ShadowRoot)) return null;
    const found = root.getElementById(id);
    return found instanceof HTMLMediaElement ? found : null;
  }

  /** Players replace their media element: looks again when a person comes. */
  #refreshMedia() {
    if (this.#givenMedia || (this.#media?.isConnected && this.#media === this.#findMedia())) return;
    if (this.hasAttribute('for')) this.#connectMedia();
  }

  #follow() {
    if (!this.#media) return;
    this.#time = this.#clamp((this.#goal.time ?? this.#media.currentTime) - this.offset);
    this.#render();
    if (this.#cause === 'keys') this.#preview('keys', this.#time);
  }

  /** @param {number} time */
  #seek(time) {
    this.#time = time;
    const allowed = this.#dispatch('scrubjay-seek', { time });
    if (allowed && this.#media) this.#go(time + this.offset);
    this.#render();
  }

  /**
   * Takes the media to a time of its own clock. Chromium goes no further than its duration, which
   * for an MP4 whose clock starts late is too short and grows with what was read: so go on from
   * where it ended up, as long as that leads further.
   * @param {number} time
   */
  #go(time) {
    const media = this.#media;
    if (!media) return;
    const length = media.duration;
    const isFar = this.offset > 0 && isLength(length) && time > length;
    this.#goal = { time: isFar ? time : null, from: media.currentTime, length, seeks: 0 };
    media.currentTime = time;
  }

  /** Somebody goes elsewhere, or this element does. @param {HTMLMediaElement} media */
  #onSeeking(media) {
    const { time, length } = this.#goal;
    if (time !== null && media.currentTime < Math.min(time, length) - CLOCK_SLACK) {
      this.#goal.time = null;
    }
    this.#follow();
  }

  /** @param {HTMLMediaElement} media */
  #goOn(media) {
    const { time, from, length, seeks } = this.#goal;
    if (time === null) return;
    const leadsOn = media.currentTime > from || media.duration > length;
    const isThere = media.currentTime >= time - CLOCK_SLACK;
    if (isThere || !leadsOn || seeks >= MOST_SEEKS) {
      this.#goal.time = null;
      return this.#follow();
    }
    this.#goal = { time, from: media.currentTime, length: media.duration, seeks: seeks + 1 };
    media.currentTime = time;
  }

  /* ---- the person */

  #listenToPerson() {
    const slider = this.#slider;
    slider.addEventListener('pointerenter', () => this.#refreshMedia());
    slider.addEventListener('pointerdown', (event) => this.#onPointerDown(event));
    slider.addEventListener('pointermove', (event) => this.#onPointerMove(event));
    slider.addEventListener('pointerup', (event) => this.#onPointerUp(event));
    slider.addEventListener('pointercancel', (event) => this.#onPointerLost(event));
    slider.addEventListener('lostpointercapture', (event) => this.#onPointerLost(event));
    slider.addEventListener('pointerleave', () => this.#onPointerLeave());
    slider.addEventListener('keydown', (event) => this.#onKey(event));
    slider.addEventListener('focus', () => this.#onFocus());
    slider.addEventListener('blur', () => this.#cause === 'keys' && this.#close());
  }

  /** @param {PointerEvent} event */
  #onPointerDown(event) {
    if (event.button !== 0 || !event.isPrimary || !this.duration) return;
    this.#dragging = event.pointerId;
    this.#slider.setPointerCapture(event.pointerId);
    this.#preview('drag', this.#timeUnder(event));
  }

  /** @param {PointerEvent} event */
  #onPointerMove(event) {
    if (this.#dragging === event.pointerId) this.#preview('drag', this.#timeUnder(event));
    else if (this.#dragging === null && event.pointerType !== 'touch') {
      this.#preview('hover', this.#timeUnder(event));
    }
  }

  /** @param {PointerEvent} event */
  #onPointerUp(event) {
    if (this.#dragging !== event.pointerId) return;
    this.#dragging = null;
    const time = this.#timeUnder(event);
    this.#seek(time);
    const stays = event.pointerType !== 'touch' && this.#slider.matches(':hover');
    if (stays) this.#preview('hover', time);
    else this.#close();
  }

  /**
   * A drag that the system takes away seeks nothing.
   * @param {PointerEvent} event
   */
  #onPointerLost(event) {
    if (this.#dragging === event.pointerId) this.#cancelDrag();
  }

  #cancelDrag() {
    this.#dragging = null;
    this.#close();
    this.#render();
  }

  #onPointerLeave() {
    if (this.#dragging !== null || this.#cause !== 'hover') return;
    if (this.#slider.matches(':focus-visible')) this.#preview('keys', this.#time);
    else this.#close();
  }

  #onFocus() {
    this.#refreshMedia();
    if (!this.#cause && this.#slider.matches(':focus-visible')) this.#preview('keys', this.#time);
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || !this.duration) return;
    if (event.key === 'Escape' && this.#cause) {
      event.preventDefault();
      return this.#cancelDrag();
    }
    const time = this.#timeOfKey(event.key);
    if (time === null) return;
    event.preventDefault();
    this.#refreshMedia();
    this.#dragging = null;
    this.#seek(this.#clamp(time));
    this.#preview('keys', this.#time);
  }

  /** @param {string} key @returns {number | null} Null when the key means nothing here. */
  #timeOfKey(key) {
    switch (key) {
      case 'ArrowRight': case 'ArrowUp': return this.#time + ARROW_STEP;
      case 'ArrowLeft': case 'ArrowDown': return this.#time - ARROW_STEP;
      case 'PageUp': return this.#timeOfPage(1);
      case 'PageDown': return this.#timeOfPage(-1);
      case 'Home': return this.start;
      case 'End': return this.duration;
      default: return null;
    }
  }

  /** @param {number} direction */
  #timeOfPage(direction) {
    const { start, duration } = this;
    if (!this.#set?.slices.length) return this.#time + (direction * (duration - start)) / 10;
    return this.#set.sliceFrom(this.#time, direction) ?? (direction > 0 ? duration : start);
  }

  /** @param {PointerEvent} event */
  #timeUnder(event) {
    const { left, width } = this.#slider.getBoundingClientRect();
    const place = width ? (event.clientX - left) / width : 0;
    return this.#clamp(this.start + place * (this.duration - this.start));
  }

  /** @param {number} time */
  #clamp(time) {
    const { start, duration } = this;
    return Math.max(duration ? Math.min(time, duration) : time, start);
  }

  /* ---- the pop-over */

  /** @param {Cause} cause @param {number} time */
  #preview(cause, time) {
    if (!this.duration) return;
    const same = this.#cause === cause && this.#at === time;
    if (time !== this.#at) this.#direction = time > this.#at ? 1 : -1;
    this.#cause = cause;
    this.#at = time;
    this.#render();
    this.#renderPreview();
    if (same) return;
    this.#dispatch('scrubjay-preview', {
      time,
      frame: this.frameAt(time),
      animation: this.animationAt(time),
      sheet: this.thumbnailAt(time),
    });
  }

  #close() {
    clearTimeout(this.#rest);
    this.#restingOn = '';
    if (!this.#cause) return;
    this.#cause = null;
    this.#card.clear();
    this.#box.clear();
    this.#renderPreview();
    this.#dispatch('scrubjay-preview-end', {});
  }

  #renderPreview() {
    this.#popover.hidden = this.#cause === null;
    this.#hovered.hidden = this.#cause === null;
    if (this.#cause === null) return;
    const place = String(this.#fraction(this.#at));
    this.#slider.style.setProperty('--_at', place);
    this.#popover.style.setProperty('--_at', place);
    this.#clock.textContent = ScrubjayPreview.texts.clock(this.#at);
    this.#hint.textContent = this.#hintFor(this.#at);
    this.#renderPicture();
  }

  #renderPicture() {
    const { show } = this;
    const thumbnail = this.#usable(this.thumbnailAt(this.#at));
    const frame = this.#usable(this.frameAt(this.#at));
    const moving = this.#calm.matches ? null : this.#usable(this.animationAt(this.#at));
    const still = thumbnail ?? frame;
    const animation = show === 'auto' || show === 'animation' || !still ? moving : null;
    this.#shape(still, moving);
    this.#box.note.textContent = this.#noteFor(still ?? moving);
    this.#box.showThumbnail(thumbnail);
    this.#box.showFrame(show === 'frame' || !thumbnail ? frame : null);
    this.#playBeside(animation, still, show !== 'auto' || !still);
    this.#preloadNeighbour();
  }

  /**
   * Plays an animation beside the picture; goes on while the pointer stays in its stretch.
   * @param {Animation | null} animation
   * @param {Frame | Thumbnail | null} still
   * @param {boolean} atOnce False: when the pointer has rested on one picture.
   */
  #playBeside(animation, still, atOnce) {
    const side = animation && this.#sideFor(still);
    const cell = side ? cellName(still) : '';
    const moved = cell !== this.#restingOn;
    this.#restingOn = cell;
    if (this.#card.url && (!side || this.#card.url !== animation.url)) this.#card.clear();
    if (side) this.#card.place(side);
    if (!side || atOnce || moved) clearTimeout(this.#rest);
    if (!side || this.#card.url) return;
    const play = () => this.#card.show(animation, this.#usable(this.thumbnailAt(animation.start)));
    if (atOnce) play();
    else if (moved) this.#rest = window.setTimeout(play, REST_MS);
  }

  /**
   * Where there is room for the animation; the side where it plays stays while it has room.
   * @param {object | null} still
   * @returns {Side | null} Null if there is no room; the picture comes first.
   */
  #sideFor(still) {
    if (!still) return 'alone';
    const bar = this.#slider.getBoundingClientRect();
    const card = this.#popover.getBoundingClientRect();
    const needed = card.width + CARD_GAP - 1;
    /** @type {Side[]} */
    const sides = [];
    if (bar.right - card.right >= needed) sides.push('right');
    if (card.left - bar.left >= needed) sides.push('left');
    if (!sides.length && card.top - CARD_GAP >= card.height * ABOVE_SCALE + CARD_GAP) {
      sides.push('above');
    }
    const { side } = this.#card;
    return side && sides.includes(side) ? side : (sides[0] ?? null);
  }

  /** @template {{url: string}} T @param {T | null} picture @returns {T | null} */
  #usable(picture) {
    return picture && !this.#box.isBroken(picture.url) ? picture : null;
  }

  /**
   * Keeps the proportions of the last picture where there is none; closes up where there is only
   * an animation, which has its own card.
   * @param {{width?: number, height?: number} | null} still
   * @param {{width?: number, height?: number} | null} moving
   */
  #shape(still, moving) {
    const size = still ?? moving ?? this.manifest?.media;
    this.#box.element.classList.toggle('none', !size || (!still && moving !== null));
    if (!size?.width || !size.height) return;
    this.#popover.style.setProperty('--_aspect', String(size.width / size.height));
  }

  /** @param {{url: string} | null} picture The best picture that there is. */
  #noteFor(picture) {
    const { texts } = ScrubjayPreview;
    if (this.#state === 'error') return texts.failed;
    if (this.#state !== 'ready') return this.#state === 'loading' ? '' : texts.none;
    if (this.gapAt(this.#at)) return texts.gap;
    if (picture) return '';
    const set = this.#set;
    const silent = this.#calm.matches && !set?.sheets.groups.length && !set?.frames.length;
    return silent || !set?.pictures ? texts.none : texts.broken;
  }

  /** What is to be said about a time, in few words. @param {number} time */
  #hintFor(time) {
    const { texts } = ScrubjayPreview;
    if (this.isAfterEnd(time)) return texts.ended;
    return this.damageAt(time) && !this.gapAt(time) ? texts.damaged : '';
  }

  #preloadNeighbour() {
    const current = this.#box.sheet.firstChild;
    const url = this.#set?.neighbouringSheet(this.#at, this.#direction);
    if (!(current instanceof HTMLImageElement) || !url || this.#box.isBroken(url)) return;
    if (current.complete) this.#box.loadSheet(url);
    else current.addEventListener('load', () => this.#preloadNeighbour(), { once: true });
  }

  /* ---- the bar */

  #render() {
    const { texts } = ScrubjayPreview;
    const { start, duration } = this;
    const time = this.#dragging === null ? this.#time : this.#at;
    this.#slider.style.setProperty('--_time', String(this.#fraction(time)));
    const hint = this.gapAt(time) ? texts.gap : this.#hintFor(time);
    const values = {
      'aria-label': this.getAttribute('label') ?? texts.label,
      'aria-disabled': String(!duration),
      'aria-valuemin': String(roundMs(start)),
      'aria-valuemax': String(roundMs(duration)),
      'aria-valuenow': String(roundMs(time)),
      'aria-valuetext': texts.value(time, duration) + (hint && `, ${hint}`),
    };
    for (const [name, value] of Object.entries(values)) this.#slider.setAttribute(name, value);
    this.#renderMarks();
  }

  #renderMarks() {
    const { start, duration } = this;
    const set = this.#set;
    const drawn = this.#marksOf;
    if (drawn.set === set && drawn.start === start && drawn.duration === duration) return;
    this.#marksOf = { set, start, duration };
    const ended = set?.isAfterEnd(duration) ? this.#fraction(set.duration) : 1;
    this.#slider.style.setProperty('--_end', String(ended));
    this.#marks.replaceChildren(
      ...(set?.damaged ?? []).map((slice) => this.#mark('damaged', slice)),
      ...(set?.gaps ?? []).map((gap) => this.#mark('gap', gap)),
    );
  }

  /** @param {string} name @param {Span} span */
  #mark(name, { start, end }) {
    const mark = part('div', name);
    mark.style.left = `${100 * this.#fraction(start)}%`;
    mark.style.width = `${100 * (this.#fraction(end) - this.#fraction(start))}%`;
    return mark;
  }

  /** @param {number} time */
  #fraction(time) {
    const { start, duration } = this;
    return duration ? Math.min(Math.max((time - start) / (duration - start), 0), 1) : 0;
  }

  /* ---- plumbing */

  /** @param {string} type @param {object} detail @returns {boolean} False when prevented. */
  #dispatch(type, detail) {
    const cancelable = type === 'scrubjay-seek';
    const options = { detail, bubbles: true, composed: true, cancelable };
    return this.dispatchEvent(new CustomEvent(type, options));
  }

  /** A property that was set before this module had loaded. @param {string} name */
  #upgradeProperty(name) {
    if (!Object.hasOwn(this, name)) return;
    const self = /** @type {any} */ (this);
    const value = self[name];
    delete self[name];
    self[name] = value;
  }
}

/** Names a thumbnail or a still. @param {{url: string, x?: number, y?: number} | null} picture */
function cellName(picture) {
  return picture ? `${picture.url} ${picture.x} ${picture.y}` : '';
}

/** @param {number | undefined} duration @returns {duration is number} */
function isLength(duration) {
  return duration !== undefined && Number.isFinite(duration) && duration > 0;
}

/** @param {number} seconds */
function roundMs(seconds) {
  return Math.round(seconds * 1000) / 1000;
}

if (!customElements.get('scrubjay-preview')) {
  customElements.define('scrubjay-preview', ScrubjayPreview);
}
