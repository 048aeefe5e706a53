/**
 * The region that a map means, in the browser, as the library makes it from the same map: pixels of
 * at least the threshold, without specks, holes filled, grown by exact Euclidean distance. All of
 * it is on a copy of the picture, `scale` of the copy's pixels to one of the picture's. Masks are
 * bytes 0 or 1, row by row.
 */
import { dropSpecks, fillHoles } from "./parts.js";
import { clip, enlarge } from "./raster.js";

const FULL = 65535; /* the value of a map that stands for 1 */

/* Distances along columns to pixels of `value`, up to most + 1, within a box. Rows follow one
 * another, so that memory is read in its order. */
function measureColumns(distance, mask, value, width, box, most) {
    const { left, top, right, bottom } = box;
    const far = most + 1;
    for (let x = left, i = top * width + left; x < right; x++, i++) {
        distance[i] = mask[i] === value ? 0 : far;
    }
    for (let y = top + 1; y < bottom; y++) {
        for (let i = y * width + left, end = y * width + right; i < end; i++) {
            const away = distance[i - width];
            distance[i] = mask[i] === value ? 0 : away < far ? away + 1 : far;
        }
    }
    for (let y = bottom - 2; y >= top; y--) {
        for (let i = y * width + left, end = y * width + right; i < end; i++) {
            const away = distance[i + width] + 1;
            if (away < distance[i]) {
                distance[i] = away;
            }
        }
    }
}

/* The pixels that a row's column distances reach: those within half[d] of one of distance d. */
function spreadRow(mask, distance, half, most, value, begin, end) {
    let reach = -1;
    for (let i = begin; i < end; i++) {
        const d = distance[i];
        if (d <= most && i + half[d] > reach) {
            reach = i + half[d];
        }
        if (i <= reach) {
            mask[i] = value;
        }
    }
    reach = end;
    for (let i = end - 1; i >= begin; i--) {
        const d = distance[i];
        if (d <= most && i - half[d] < reach) {
            reach = i - half[d];
        }
        if (i >= reach) {
            mask[i] = value;
        }
    }
}

/** The box of what is 1, or null. */
export function bounds(mask, width, height) {
    const first = mask.indexOf(1);
    if (first < 0) {
        return null;
    }
    const top = Math.floor(first / width);
    const bottom = Math.floor(mask.lastIndexOf(1) / width) + 1;
    let left = width;
    let right = 0;
    for (let y = top; y < bottom; y++) {
        const row = y * width;
        let x = 0;
        while (x < left && !mask[row + x]) {
            x++;
        }
        left = x;
        x = width;
        while (x > right && !mask[row + x - 1]) {
            x--;
        }
        right = x;
    }
    return { left, top, right, bottom };
}

/* How far `amount` pixels of the picture reach from the centre of one pixel of the copy to that of
 * another: the last pixel of the picture that is in a pixel of the copy lies, in the mean, so much
 * beyond its centre. */
function onCopy(amount, scale) {
    return amount * scale + Math.max(0, 1 - scale) / 2;
}

/** Grows a mask in place by `amount` pixels of the picture; a negative one shrinks it. */
export function grow(mask, width, height, amount, scale, distance) {
    const reach = onCopy(Math.abs(amount), scale);
    const value = amount > 0 ? 1 : 0; /* to shrink is to grow the outside */
    const most = Math.floor(reach);
    const around = bounds(mask, width, height);
    if (amount === 0 || !around) {
        return;
    }
    const half = new Int32Array(most + 1);
    for (let d = 0; d <= most; d++) {
        half[d] = Math.floor(Math.sqrt(reach * reach - d * d));
    }
    const box = clip(enlarge(around, value ? most + 1 : 1), width, height);
    measureColumns(distance, mask, value, width, box, most);
    for (let y = box.top; y < box.bottom; y++) {
        const row = y * width;
        spreadRow(mask, distance, half, most, value, row + box.left, row + box.right);
    }
}

/* The lower envelope of the parabolas that stand on a row, kept between calls. */
let roots = new Int32Array(0);
let starts = new Int32Array(0);

/* Squared distances of a row, from its column distances, through `soft` to alpha. Integers only:
 * a parabola begins to be the lowest after floor(start). */
function softenRow(alpha, mask, distance, soft, most, [begin, end, from, to]) {
    let top = -1;
    for (let q = begin; q < end; q++) {
        const d = distance[q];
        if (d > most || (d === 0 && q > begin && q + 1 < end && distance[q - 1] === 0
            && distance[q + 1] === 0)) {
            continue;
        }
        let start = begin - 1;
        while (top >= 0) {
            const r = roots[top];
            const e = distance[r];
            start = Math.floor((d * d - e * e + (q - r) * (q + r)) / (2 * (q - r)));
            if (start >= starts[top]) {
                break;
            }
            top--;
        }
        top++;
        roots[top] = q;
        starts[top] = top ? start : begin - 1;
    }
    for (let p = from, k = 0; p < to; p++) {
        if (mask[p]) {
            alpha[p] = 255;
            continue;
        }
        if (top < 0) {
            alpha[p] = 0;
            continue;
        }
        while (k < top && starts[k + 1] < p) {
            k++;
        }
        const away = p - roots[k];
        const squared = away * away + distance[roots[k]] ** 2;
        alpha[p] = squared < soft.length ? soft[squared] : 0;
    }
}

/** alpha of a pixel outside, by its squared distance on the copy, for a soft edge of `feather`. */
export function softTable(feather, scale) {
    const reach = onCopy(feather, scale);
    const most = feather * scale < 0.25 ? 0 : Math.ceil(reach);
    const table = new Uint8Array(most * most + 1);
    for (let i = 1; i < table.length; i++) {
        const t = (Math.sqrt(i) - onCopy(0, scale)) / (feather * scale);
        table[i] = t >= 1 ? 0 : Math.round(255 * (1 - t * t * (3 - 2 * t)));
    }
    return { table, most };
}

/**
 * alpha 0..255 of a mask with its soft edge, within a box.
 * @param {{table: Uint8Array, most: number}} soft of softTable()
 * @param {Uint16Array} distance  scratch of the mask's size
 */
export function soften(alpha, mask, width, height, box, soft, distance) {
    if (roots.length < width) {
        roots = new Int32Array(width);
        starts = new Int32Array(width);
    }
    const around = clip(enlarge(box, soft.most), width, height);
    if (soft.most > 0) {
        measureColumns(distance, mask, 1, width, around, soft.most);
    }
    for (let y = box.top; y < box.bottom; y++) {
        const row = y * width;
        if (soft.most > 0) {
            softenRow(alpha, mask, distance, soft.table, soft.most, [row + around.left,
                row + around.right, row + box.left, row + box.right]);
        } else {
            for (let i = row + box.left; i < row + box.right; i++) {
                alpha[i] = mask[i] ? 255 : 0;
            }
        }
    }
}

const COLUMNS = ["left", "centre", "right"];
const ROWS = ["top", "middle", "bottom"];

/**
 * How much of the picture a mask is, and where its middle is: "top-left", "middle-centre", ...;
 * "all" if it is nearly the whole picture, null if it is empty.
 */
export function describe(mask, width, height) {
    let count = 0;
    let columns = 0;
    let rows = 0;
    for (let y = 0; y < height; y++) {
        let inRow = 0;
        let sum = 0;
        for (let i = y * width, x = 0; x < width; x++, i++) {
            inRow += mask[i];
            sum += mask[i] * x;
        }
        count += inRow;
        columns += sum;
        rows += inRow * y;
    }
    const share = count / (width * height);
    if (count === 0) {
        return { share, place: null };
    }
    if (share > 0.95) {
        return { share, place: "all" };
    }
    const third = (sum, size) => Math.min(2, Math.floor(3 * (sum / count + 0.5) / size));
    return { share,
        place: `${ROWS[third(rows, height)]}-${COLUMNS[third(columns, width)]}` };
}

/** A map, or a mask that was given, and what the options make of it. */
export class Region {
    #map = null;
    #given = null;
    #cut; /* the map at the threshold, holes filled */
    #cutOf = "";
    #foundOf = "";
    #distance;

    /** @param {number} scale  pixels of the copy to one of the picture's */
    constructor(width, height, scale) {
        this.width = width;
        this.height = height;
        this.scale = scale;
        this.#cut = new Uint8Array(width * height);
        this.#distance = new Uint16Array(width * height);
        this.found = new Uint8Array(width * height); /* the region, before corrections by hand */
    }

    /** For soften(). */
    get scratch() {
        return this.#distance;
    }

    /** Whether there is something that options act on. */
    get isThere() {
        return Boolean(this.#map || this.#given);
    }

    /** @param {Uint16Array|null} map  0 to 65535 */
    setMap(map) {
        this.#map = map;
        this.#cutOf = "";
    }

    /** @param {Uint8Array|null} mask  which takes the place of a map, and is only grown */
    setMask(mask) {
        this.#given = mask;
        this.#cutOf = "";
    }

    #makeCut({ threshold, fill, speck = 0 }) {
        const { width, height } = this;
        const map = this.#map;
        const cut = this.#cut;
        if (this.#given) {
            cut.set(this.#given);
        } else if (map) {
            const limit = Math.ceil(threshold * FULL - 1e-6);
            for (let i = 0; i < cut.length; i++) {
                cut[i] = map[i] >= limit ? 1 : 0;
            }
            if (speck * this.scale ** 2 > 1) {
                dropSpecks(cut, width, height, speck * this.scale ** 2);
            }
            if (fill) {
                fillHoles(cut, width, height);
            }
        } else {
            cut.fill(0);
        }
    }

    /**
     * Makes `found` of what has changed only.
     * @param {{threshold: number, grow: number, fill: boolean, speck?: number}} options  grow in
     *     pixels of the picture; speck: parts of fewer of them are left out
     * @returns {boolean} whether it was made anew
     */
    update({ threshold, grow: amount, fill, speck = 0 }) {
        const cutOf = `${threshold} ${fill} ${speck}`;
        const foundOf = `${cutOf} ${amount}`;
        if (this.#cutOf && this.#foundOf === foundOf) {
            return false;
        }
        if (this.#cutOf !== cutOf) {
            this.#makeCut({ threshold, fill, speck });
            this.#cutOf = cutOf;
        }
        this.#foundOf = foundOf;
        this.found.set(this.#cut);
        grow(this.found, this.width, this.height, amount, this.scale, this.#distance);
        return true;
    }
}
