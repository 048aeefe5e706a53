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

/* The runs of `value`, joined to parts. */
function findParts(mask, width, height, value) {
    runs.count = 0;
    let first = 0; /* of the row before */
    let next = mask.indexOf(value);
    for (let y = 0; y < height; y++) {
        const row = y * width;
        const limit = row + width;
        const begin = runs.count;
        let before = first;
        while (next >= 0 && next < limit) {
            let end = next;
            while (end < limit && mask[end] === value) {
                end++;
            }
            runs.add(next, end,
                y === 0 || y === height - 1 || next === row || end === limit ? 1 : 0);
            while (before < begin && runs.end[before] + width <= next) {
                before++;
            }
            for (let i = before; i < begin && runs.begin[i] + width < end; i++) {
                runs.join(i, runs.count - 1);
            }
            next = mask.indexOf(value, end);
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
