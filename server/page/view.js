/**
 * Which part of the picture is seen, and how large: pure. Lengths on the screen are CSS pixels.
 * A view may show the picture in two panes, side by side or one above the other; both show the same
 * part.
 */

const MARGIN = 16;       /* around a picture that is fitted */
const MOST = 32;         /* CSS pixels to a pixel of the picture */
const LEAST_SEEN = 48;   /* of a picture that is moved away */

export class View {
    width = 0;  /* of the whole view */
    height = 0;
    scale = 1;  /* CSS pixels to a pixel of the picture */
    x = 0;      /* where the picture begins in a pane */
    y = 0;
    fitted = true;
    panes = 1;
    room = { left: 0, top: 0, right: 0, bottom: 0 }; /* what a fitted picture leaves free */
    #pictureWidth = 1;
    #pictureHeight = 1;

    setPicture(width, height) {
        this.#pictureWidth = Math.max(1, width);
        this.#pictureHeight = Math.max(1, height);
        this.fit();
    }

    /** Of the element. A picture that was fitted stays so; else its middle stays where it was. */
    setSize(width, height, room = this.room) {
        this.room = room;
        const dx = (width - this.width) / 2;
        const dy = (height - this.height) / 2;
        this.width = width;
        this.height = height;
        this.#settle(dx, dy);
    }

    /** @param {1|2} panes */
    setPanes(panes) {
        if (this.panes !== panes) {
            const before = this.pane;
            this.panes = panes;
            this.#settle((this.pane.width - before.width) / 2,
                (this.pane.height - before.height) / 2);
        }
    }

    #settle(dx, dy) {
        if (this.fitted) {
            this.fit();
        } else {
            this.panBy(dx, dy);
        }
    }

    /** Size of a pane, and how far the second one is away. */
    get pane() {
        const { width, height } = this;
        if (this.panes === 1) {
            return { width, height, dx: 0, dy: 0 };
        }
        return width / height > this.#pictureWidth / this.#pictureHeight
            ? { width: width / 2, height, dx: width / 2, dy: 0 }
            : { width, height: height / 2, dx: 0, dy: height / 2 };
    }

    /* Where a picture may stand in a pane. */
    get #place() {
        const { width, height } = this.pane;
        const { left, top, right, bottom } = this.room;
        return { x: left, y: top, width: width - left - right, height: height - top - bottom };
    }

    get fitScale() {
        const { width, height } = this.#place;
        const free = (size) => Math.max(1, size - 2 * Math.min(MARGIN, size / 16));
        return Math.min(free(width) / this.#pictureWidth, free(height) / this.#pictureHeight);
    }

    fit() {
        const { x, y, width, height } = this.#place;
        this.scale = Math.min(this.fitScale, MOST);
        this.x = x + (width - this.#pictureWidth * this.scale) / 2;
        this.y = y + (height - this.#pictureHeight * this.scale) / 2;
        this.fitted = true;
    }

    /** @param {number} scale, at a place of a pane, which keeps its pixel */
    zoomTo(scale, x = this.pane.width / 2, y = this.pane.height / 2) {
        const next = Math.min(Math.max(scale, Math.min(this.fitScale / 4, 1)), MOST);
        const by = next / this.scale;
        this.scale = next;
        this.fitted = false;
        this.panBy(x - this.x - (x - this.x) * by, y - this.y - (y - this.y) * by);
    }

    panBy(dx, dy) {
        const { width, height } = this.pane;
        const within = (at, size, room) => Math.min(Math.max(at, LEAST_SEEN - size),
            room - LEAST_SEEN);
        this.fitted = false;
        this.x = within(this.x + dx, this.#pictureWidth * this.scale, width);
        this.y = within(this.y + dy, this.#pictureHeight * this.scale, height);
    }

    /** Moves so far that a place of the picture is seen. */
    reveal(x, y) {
        const { width, height } = this.pane;
        const at = this.toScreen(x, y);
        const need = (value, size) => value < LEAST_SEEN ? LEAST_SEEN - value
            : value > size - LEAST_SEEN ? size - LEAST_SEEN - value : 0;
        const dx = need(at.x, width);
        const dy = need(at.y, height);
        if ((dx || dy) && !this.fitted) {
            this.panBy(dx, dy);
        }
    }

    /** A place of the view, in whichever pane, as one of the picture. */
    toPicture(x, y) {
        const { dx, dy } = this.pane;
        const inPane = (value, step) => step && value >= step ? value - step : value;
        return { x: (inPane(x, dx) - this.x) / this.scale,
            y: (inPane(y, dy) - this.y) / this.scale };
    }

    /** In the first pane. */
    toScreen(x, y) {
        return { x: this.x + x * this.scale, y: this.y + y * this.scale };
    }
}
