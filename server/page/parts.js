/**
 * Parts of a mask, by steps to the four neighbours, as lists of runs of one value in rows; runs
 * that touch in the next row are one part (a union of sets). Masks are bytes 0 or 1, row by row.
 */

class Runs {
    constructor(capacity) {
        this.count = 0;
        this.begin = new Int32Array(capacity); /* index in the mask */
        this.end = new Int32Array(capacity);
        this.above = new Int32Array(capacity); /* another run of the part, or itself: the root */
        this.area = new Int32Array(capacity);  /* of a root: pixels of its part */
        this.outside = new Uint8Array(capacity); /* of a root: its part touches the border */
    }

    #grow() {
        for (const name of ["begin", "end", "above", "area", "outside"]) {
            const more = new this[name].constructor(2 * this[name].length);
            more.set(this[name]);
            this[name] = more;
        }
    }

    add(begin, end, outside) {
        if (this.count === this.begin.length) {
            this.#grow();
        }
        const i = this.count++;
        this.begin[i] = begin;
        this.end[i] = end;
        this.above[i] = i;
        this.area[i] = end - begin;
        this.outside[i] = outside;
    }

    root(i) {
        const { above } = this;
        while (above[i] !== i) {
            above[i] = above[above[i]];
            i = above[i];
        }
        return i;
    }

    join(i, j) {
        i = this.root(i);
        j = this.root(j);
        if (i !== j) {
            this.above[j] = i;
            this.area[i] += this.area[j];
            this.outside[i] |= this.outside[j];
        }
    }
}

const runs = new Runs(4096); /* kept: this runs at each move of a slider */

const SHORT = 16; /* pixels that are looked at one by one; a long run is searched for faster */

/* Where a run of `value` that begins at `at` ends. */
function endOfRun(mask, at, value) {
    const near = Math.min(at + SHORT, mask.length);
    let end = at + 1;
    while (end < near && mask[end] === value) {
        end++;
    }
    if (end < near) {
        return end;
    }
    const found = mask.indexOf(1 - value, end);
    return found < 0 ? mask.length : found;
}

/* The runs of `value`, joined to parts. */
function findParts(mask, width, height, value) {
    let next = mask.indexOf(value);
    let end = -1;   /* of the run at `next`, which may go on in the rows below */
    let first = 0;  /* run of the row before */
    runs.count = 0;
    for (let y = 0; y < height; y++) {
        const row = y * width;
        const limit = row + width;
        const begin = runs.count;
        let before = first;
        while (next >= 0 && next < limit) {
            end = end > next ? end : endOfRun(mask, next, value);
            const stop = Math.min(end, limit);
            runs.add(next, stop,
                y === 0 || y === height - 1 || next === row || stop === limit ? 1 : 0);
            while (before < begin && runs.end[before] + width <= next) {
                before++;
            }
            for (let i = before; i < begin && runs.begin[i] + width < stop; i++) {
                runs.join(i, runs.count - 1);
            }
            next = stop < end ? stop : mask.indexOf(value, stop);
        }
        first = begin;
    }
    return runs;
}

/** Fills the areas from which no path leads to the border. */
export function fillHoles(mask, width, height) {
    const found = findParts(mask, width, height, 0);
    for (let i = 0; i < found.count; i++) {
        if (!found.outside[found.root(i)]) {
            mask.fill(1, found.begin[i], found.end[i]);
        }
    }
}

/** Leaves out parts of fewer pixels than `area`. */
export function dropSpecks(mask, width, height, area) {
    const found = findParts(mask, width, height, 1);
    for (let i = 0; i < found.count; i++) {
        if (found.area[found.root(i)] < area) {
            mask.fill(0, found.begin[i], found.end[i]);
        }
    }
}

/**
 * The part around pixel `at`: begin, end, begin, end, ... of its runs, in order.
 * @returns {number[]}
 */
export function partAround(mask, width, height, at) {
    const found = findParts(mask, width, height, mask[at]);
    let root = -1;
    for (let i = 0; i < found.count && root < 0; i++) {
        if (found.begin[i] <= at && at < found.end[i]) {
            root = found.root(i);
        }
    }
    const part = [];
    for (let i = 0; i < found.count; i++) {
        if (found.root(i) === root) {
            part.push(found.begin[i], found.end[i]);
        }
    }
    return part;
}
