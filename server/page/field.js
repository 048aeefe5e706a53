/**
 * Euclidean distances in a mask of bytes 0 or 1, as far as a reach: what grows it, and its soft
 * edge. First along columns, then along rows (Meijster, Roerdink and Hesselink, "A General
 * Algorithm for Computing Distance Transforms in Linear Time", 2000). It is done at each move of a
 * slider, so tiles that lie beyond the reach, or have nothing to be reached, are left out.
 */
import { clip, enlarge } from "./raster.js";

const BITS = 4, TILE = 1 << BITS; /* pixels of a tile's side */
const FAR = 0, HELD = 1, NEAR = 2; /* tiles: beyond the reach, all of the value, to be computed */

/**
 * alpha of a pixel outside by its squared distance, for a soft edge of `feather` pixels of the
 * picture on a copy with `scale` of its pixels to one of the picture's.
 * @returns {{table: Uint8Array, most: number}} most: the reach, in the copy's pixels
 */
export function softTable(feather, scale) {
    const most = feather * scale < 0.25 ? 0 : Math.ceil(onCopy(feather, scale));
    const table = new Uint8Array(most * most + 1);
    for (let i = 1; i < table.length; i++) {
        const t = (Math.sqrt(i) - onCopy(0, scale)) / (feather * scale);
        table[i] = t >= 1 ? 0 : Math.round(255 * (1 - t * t * (3 - 2 * t)));
    }
    return { table, most };
}

/* How far `amount` pixels of the picture reach from the centre of one pixel of the copy to that of
 * another: the last pixel of the picture that is in a pixel of the copy lies, in the mean, so much
 * beyond its centre. */
function onCopy(amount, scale) {
    return amount * scale + Math.max(0, 1 - scale) / 2;
}

export class Field {
    #columns;
    #rows;
    #counts;   /* pixels that are 1, of each tile */
    #kinds;    /* FAR, HELD or NEAR, of each tile */
    #wide;     /* scratch of #kinds' size */
    #distance; /* along columns; beyond the reach: reach + 1 */
    #roots;    /* the lower envelope of the parabolas on a row: where they stand, */
    #starts;   /* and after which pixel each is the lowest */

    constructor(width, height) {
        this.width = width;
        this.height = height;
        this.#columns = Math.ceil(width / TILE);
        this.#rows = Math.ceil(height / TILE);
        this.#counts = new Uint16Array(this.#columns * this.#rows);
        this.#kinds = new Uint8Array(this.#counts.length);
        this.#wide = new Uint8Array(this.#counts.length);
        this.#distance = new Uint16Array(width * height);
        this.#roots = new Int32Array(width);
        this.#starts = new Int32Array(width);
    }

    #count(mask) {
        const { width, height } = this;
        const counts = this.#counts;
        counts.fill(0);
        for (let y = 0; y < height; y++) {
            let tile = (y >> BITS) * this.#columns;
            for (let i = y * width, limit = i + width; i < limit; tile++) {
                const end = Math.min(i + TILE, limit);
                let sum = 0;
                for (; i < end; i++) {
                    sum += mask[i];
                }
                counts[tile] += sum;
            }
        }
    }

    #areaOf(column, row) {
        return Math.min(TILE, this.width - column * TILE)
            * Math.min(TILE, this.height - row * TILE);
    }

    /* Which tiles are within `most` pixels of one that has something of `value`. */
    #sort(value, most) {
        const columns = this.#columns;
        const rows = this.#rows;
        const kinds = this.#kinds;
        const wide = this.#wide;
        const reach = Math.ceil(most / TILE);
        for (let row = 0, i = 0; row < rows; row++) {
            for (let column = 0; column < columns; column++, i++) {
                const area = this.#areaOf(column, row);
                const held = value ? this.#counts[i] : area - this.#counts[i];
                kinds[i] = held === 0 ? FAR : held === area ? HELD : NEAR;
            }
        }
        spread(wide, kinds, columns, rows, 1, columns, reach);
        spread(wide, wide.slice(), rows, columns, columns, 1, reach);
        for (let i = 0; i < kinds.length; i++) {
            if (kinds[i] === FAR && wide[i]) {
                kinds[i] = NEAR;
            }
        }
    }

    /* Calls for each row of pixels, top to bottom or back, with stretches of tiles of one kind; or
     * with what a box has of the row. */
    #eachStretch(back, box, visit) {
        const { width } = this;
        const columns = this.#columns;
        const kinds = this.#kinds;
        const { top, bottom } = box || { top: 0, bottom: this.height };
        for (let step = 0; step < bottom - top; step++) {
            const y = back ? bottom - 1 - step : top + step;
            const row = y * width;
            const tiles = (y >> BITS) * columns;
            if (box) {
                visit(y, row + box.left, row + box.right, NEAR);
            }
            for (let column = 0; column < columns && !box;) {
                const kind = kinds[tiles + column];
                const begin = column++;
                while (column < columns && kinds[tiles + column] === kind) {
                    column++;
                }
                visit(y, row + begin * TILE, row + Math.min(column * TILE, width), kind);
            }
        }
    }

    #down(mask, value, far, isFirst, begin, end) {
        const distance = this.#distance;
        const { width } = this;
        for (let i = begin; i < end; i++) {
            const away = isFirst ? far : distance[i - width] + 1;
            distance[i] = mask[i] === value ? 0 : away < far ? away : far;
        }
    }

    #up(begin, end) {
        const distance = this.#distance;
        const { width } = this;
        for (let i = begin; i < end; i++) {
            const away = distance[i + width] + 1;
            if (away < distance[i]) {
                distance[i] = away;
            }
        }
    }

    #measure(mask, value, most, box = null) {
        const { top, bottom } = box || { top: 0, bottom: this.height };
        if (!box) {
            this.#count(mask);
            this.#sort(value, most);
        }
        this.#eachStretch(false, box, (y, begin, end, kind) => {
            if (kind === NEAR) {
                this.#down(mask, value, most + 1, y === top, begin, end);
            } else {
                this.#distance.fill(kind === HELD ? 0 : most + 1, begin, end);
            }
        });
        this.#eachStretch(true, box, (y, begin, end, kind) => {
            if (kind === NEAR && y + 1 < bottom) {
                this.#up(begin, end);
            }
        });
    }

    /* What is within half[d] of a pixel of distance d becomes `value`. */
    #spreadRow(mask, value, half, begin, end) {
        const distance = this.#distance;
        const far = half.length;
        let reach = -1;
        for (let i = begin; i < end; i++) {
            const d = distance[i];
            if (d < far && i + half[d] > reach) {
                reach = i + half[d];
            }
            if (i <= reach) {
                mask[i] = value;
            }
        }
        reach = end;
        for (let i = end - 1; i >= begin; i--) {
            const d = distance[i];
            if (d < far && i - half[d] < reach) {
                reach = i - half[d];
            }
            if (i >= reach) {
                mask[i] = value;
            }
        }
    }

    /* Returns how many parabolas the lower envelope of a row has. */
    #envelope(most, begin, end) {
        const distance = this.#distance;
        const roots = this.#roots;
        const starts = this.#starts;
        let top = -1;
        for (let q = begin; q < end; q++) {
            const d = distance[q];
            if (d > most || (d === 0 && q > begin && q + 1 < end && distance[q - 1] === 0
                && distance[q + 1] === 0)) {
                continue; /* between two that are as near, no pixel needs it */
            }
            let start = begin - 1;
            while (top >= 0) {
                const r = roots[top];
                const e = distance[r];
                start = Math.floor((d * d - e * e + (q - r) * (q + r - 2 * begin))
                    / (2 * (q - r))) + begin;
                if (start >= starts[top]) {
                    break;
                }
                top--;
            }
            top++;
            roots[top] = q;
            starts[top] = top ? start : begin - 1;
        }
        return top + 1;
    }

    /* alpha of the pixels from..to, of what is between begin and end. */
    #softenRow(alpha, soft, begin, end, from, to) {
        const distance = this.#distance;
        const roots = this.#roots;
        const starts = this.#starts;
        const { table, most } = soft;
        const count = this.#envelope(most, begin, end);
        if (count === 0) {
            alpha.fill(0, from, to);
            return;
        }
        for (let p = from, k = 0; p < to; p++) {
            if (distance[p] === 0) {
                alpha[p] = 255;
                continue;
            }
            while (k + 1 < count && starts[k + 1] < p) {
                k++;
            }
            const root = roots[k];
            const away = p - root;
            const d = distance[root];
            const squared = away * away + d * d;
            alpha[p] = squared < table.length ? table[squared] : 0;
        }
    }

    /** Grows a mask by `amount` pixels of the picture, in place; a negative amount shrinks it. */
    grow(mask, amount, scale) {
        const { width } = this;
        const reach = onCopy(Math.abs(amount), scale);
        const most = Math.floor(reach);
        const value = amount > 0 ? 1 : 0; /* to shrink is to grow the outside */
        const half = new Int32Array(most + 1);
        for (let d = 0; d <= most; d++) {
            half[d] = Math.floor(Math.sqrt(reach * reach - d * d));
        }
        this.#measure(mask, value, most);
        this.#eachStretch(false, null, (y, begin, end, kind) => {
            if (kind === NEAR) { /* what is not near is held, or out of reach */
                this.#spreadRow(mask, value, half, Math.max(y * width, begin - 1),
                    Math.min((y + 1) * width, end + 1));
            }
        });
    }

    /**
     * alpha 0..255 of a mask with its soft edge; all of it, or what a box has, which is to reach as
     * far beyond what has changed as the soft edge does.
     * @param {{table: Uint8Array, most: number}} soft  of softTable()
     */
    soften(alpha, mask, soft, box = null) {
        const { width, height } = this;
        const around = box && clip(enlarge(box, soft.most), width, height);
        this.#measure(mask, 1, soft.most, around);
        this.#eachStretch(false, box, (y, begin, end, kind) => {
            const row = y * width;
            if (kind === NEAR) {
                this.#softenRow(alpha, soft, around ? row + around.left : Math.max(row, begin - 1),
                    around ? row + around.right : Math.min(row + width, end + 1), begin, end);
            } else {
                alpha.fill(kind === HELD ? 255 : 0, begin, end);
            }
        });
    }

    /**
     * How much of the picture a mask is, and where its middle is: "top-left", "middle-centre", ...;
     * "all" if it is nearly the whole picture, null if it is empty.
     */
    describe(mask) {
        const columns = this.#columns;
        let count = 0;
        let x = 0;
        let y = 0;
        this.#count(mask);
        this.#counts.forEach((ones, i) => {
            count += ones;
            x += ones * (i % columns + 0.5);
            y += ones * (Math.floor(i / columns) + 0.5);
        });
        const share = count / (this.width * this.height);
        if (count === 0) {
            return { share, place: null };
        }
        if (share > 0.95) {
            return { share, place: "all" };
        }
        const third = (sum, size) => Math.min(2, Math.floor(3 * sum / count * TILE / size));
        return { share, place: `${["top", "middle", "bottom"][third(y, this.height)]}-${
            ["left", "centre", "right"][third(x, this.width)]}` };
    }
}

/* Marks what is within `reach` of a tile that is not FAR, along lines of `length` tiles that are
 * `step` apart. */
function spread(marks, kinds, length, lines, step, line, reach) {
    for (let j = 0; j < lines; j++) {
        let last = -Infinity;
        for (let i = 0; i < length; i++) {
            last = kinds[j * line + i * step] ? i : last;
            marks[j * line + i * step] = i - last <= reach ? 1 : 0;
        }
        last = Infinity;
        for (let i = length - 1; i >= 0; i--) {
            last = kinds[j * line + i * step] ? i : last;
            marks[j * line + i * step] |= last - i <= reach ? 1 : 0;
        }
    }
}
