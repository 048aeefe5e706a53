/**
 * The region that a map means, in the browser, as the library makes it from the same map: pixels of
 * at least the threshold, without specks, holes filled, grown by exact Euclidean distance. All of
 * it is on a copy of the picture, `scale` of the copy's pixels to one of the picture's. Masks are
 * bytes 0 or 1, row by row. Only what a change touches is done again.
 */
import { dropSpecks, fillHoles } from "./parts.js";

const FULL = 65535; /* the value of a map that stands for 1 */

/** cut[i] = whether map[i] is at least the threshold */
export function applyThreshold(cut, map, threshold) {
    const limit = Math.ceil(threshold * FULL - 1e-6);
    for (let i = 0; i < cut.length; i++) {
        cut[i] = ((map[i] - limit) >> 31) + 1;
    }
}

export class Region {
    #map = null;
    #given = null;
    #field;
    #cut;         /* the map at the threshold, without specks, holes filled */
    #cutOf = null; /* the options that it was made with; null: it is not made */
    #foundOf = null;

    /** @param {import("./field.js").Field} field  of the copy's size, for distances */
    constructor(field, scale) {
        this.#field = field;
        this.scale = scale;
        this.#cut = new Uint8Array(field.width * field.height);
        this.found = this.#cut.slice(); /* the region, before corrections by hand */
    }

    /** Whether there is something that options act on. */
    get isThere() {
        return Boolean(this.#map || this.#given);
    }

    /** @param {Uint16Array|null} map  0 to 65535 */
    setMap(map) {
        this.#map = map;
        this.#cutOf = this.#foundOf = null;
    }

    /** @param {Uint8Array|null} mask  which takes the place of a map, and is only grown */
    setMask(mask) {
        this.#given = mask;
        this.#cutOf = this.#foundOf = null;
    }

    #makeCut({ threshold, fill, speck }) {
        const { width, height } = this.#field;
        const cut = this.#cut;
        if (this.#given) {
            cut.set(this.#given);
        } else if (this.#map) {
            applyThreshold(cut, this.#map, threshold);
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
     * Makes `found` anew where the options ask for it.
     * @param {{threshold: number, grow: number, fill: boolean, speck: number}} options  grow: in
     *     pixels of the picture; speck: parts of fewer of them are left out
     * @returns {boolean} whether it was made anew
     */
    update({ threshold, grow, fill, speck }) {
        const cutOf = `${threshold} ${fill} ${speck}`;
        const foundOf = `${cutOf} ${grow}`;
        if (this.#foundOf === foundOf) {
            return false;
        }
        if (this.#cutOf !== cutOf) {
            this.#makeCut({ threshold, fill, speck });
            this.#cutOf = cutOf;
        }
        this.#foundOf = foundOf;
        this.found.set(this.#cut);
        if (grow !== 0) {
            this.#field.grow(this.found, grow, this.scale);
        }
        return true;
    }
}
