/**
 * What a person does with the picture by hand: tools, moving and zooming; by mouse, pen and touch.
 * (By keyboard: cursor.js.) A tool draws an operation, in pixels of the picture, which the canvas
 * shows while it grows and tells when it is done.
 */
import { Cursor } from "./cursor.js";
import { Draft } from "./draft.js";
import { rectangleBetween, rounded } from "./layer.js";

const BRUSH_STEP = 1.15;   /* of a size, for each notch of a wheel */
const ZOOM_STEP = 1.2;
const NOTCH = 120;         /* what browsers report for one */
const FINE = 1 / 200;      /* of zoom, for each pixel of a pinch on a touch pad */
const SECOND_FINGER = 400; /* ms within which it takes a stroke back */
const ERASER_BUTTON = 32;  /* of a pen */

function isTyping(target) {
    return target.isContentEditable || ["TEXTAREA", "SELECT"].includes(target.tagName)
        || (target.tagName === "INPUT" && !["range", "checkbox", "radio"].includes(target.type));
}

class Tools {
    name = null;
    add = true;
    size = 40;       /* diameter, in pixels of the picture */
    #gesture = null; /* what a pointer does */
    #fingers = new Map();
    #pinch = null;
    #hover = null;   /* where the mouse or pen is, in the view */
    #space = false;  /* held: the picture is moved */
    #byPointer = false; /* what was used last */

    constructor(canvas) {
        const { element } = canvas;
        this.canvas = canvas;
        this.element = element;
        this.draft = new Draft(element);
        this.cursor = new Cursor(this, canvas);
        element.tabIndex = 0;
        element.addEventListener("pointerdown", (event) => this.#down(event));
        element.addEventListener("pointermove", (event) => this.#move(event));
        element.addEventListener("pointerup", (event) => this.#up(event));
        element.addEventListener("pointercancel", (event) => this.#cancel(event));
        element.addEventListener("pointerleave", () => this.#setHover(null));
        element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
        element.addEventListener("dblclick", (event) => this.#twice(event));
        addEventListener("keydown", (event) => this.#key(event), { capture: true });
        addEventListener("keyup", (event) => this.#keyUp(event), { capture: true });
        addEventListener("blur", () => this.#setSpace(false));
        this.layOut();
    }

    choose(name, add) {
        if (name !== this.name) {
            this.leave();
        }
        this.name = name;
        this.add = add;
        this.cursor.leave();
        this.layOut();
    }

    setSize(size) {
        this.size = rounded(size);
        this.layOut();
    }

    get isLine() {
        return this.name === "brush" || this.name === "eraser";
    }

    /** Leaves what is half drawn. @returns {boolean} whether there was something */
    leave() {
        const gesture = this.#gesture;
        this.#gesture = null;
        this.draft.clear();
        if (gesture && gesture.operation) {
            this.canvas.reset();
        }
        this.layOut();
        return Boolean(gesture) || this.cursor.leave();
    }

    /** Whether something is half drawn into the layer. */
    get isDrawing() {
        return Boolean(this.#gesture?.operation) || this.cursor.isDrawing;
    }

    /* ---- places ---- */

    #at(event) {
        const box = this.element.getBoundingClientRect();
        return { x: event.clientX - box.left, y: event.clientY - box.top };
    }

    /** A place of the view as one of the picture. */
    toPicture(at) {
        const { x, y } = this.canvas.view.toPicture(at.x, at.y);
        return { x: rounded(x), y: rounded(y) };
    }

    #setHover(at) {
        this.#hover = at;
        this.layOut();
    }

    /** The ring of the brush, and the pointer's shape. */
    layOut() {
        const at = this.cursor.place || this.#hover;
        const pans = !this.name || this.#space || !this.canvas.picture
            || this.#gesture?.kind === "pan";
        const across = this.size * this.canvas.view.scale;
        this.draft.showRing(this.isLine && !pans ? at : null, across);
        const shape = !this.canvas.picture ? "default" : this.#gesture?.kind === "pan"
            ? "grabbing" : pans ? "grab" : this.isLine && across >= 8 ? "none" : "crosshair";
        this.element.style.setProperty("cursor", shape);
        this.cursor.layOut();
    }

    /* ---- pointers ---- */

    #down(event) {
        const at = this.#at(event);
        this.#byPointer = true;
        if (!this.canvas.picture || event.button === 2) {
            return;
        }
        if (event.pointerType === "touch") {
            this.#fingers.set(event.pointerId, at);
            if (this.#fingers.size > 1) {
                this.#startPinch(event.timeStamp);
                return;
            }
        }
        if (this.#gesture) {
            return;
        }
        this.cursor.leave();
        this.element.setPointerCapture(event.pointerId);
        if (event.button === 1) {
            event.preventDefault();
        }
        this.#begin(event, at);
    }

    #begin(event, at) {
        const pans = !this.name || this.#space || event.button === 1;
        const pointer = event.pointerId;
        const place = this.toPicture(at);
        this.#gesture = { kind: pans ? "pan" : this.isLine ? "line" : this.name, pointer, at, place,
            begun: event.timeStamp, add: this.add !== event.altKey };
        if (this.#gesture.kind === "line") {
            const erases = this.name === "eraser" || event.buttons & ERASER_BUTTON;
            const other = event.altKey ? !erases : erases;
            this.#gesture.operation = { tool: other ? "eraser" : "brush", size: this.size,
                points: [place.x, place.y] };
            this.canvas.draw(this.#gesture.operation, 0);
        } else if (this.#gesture.kind === "lasso") {
            this.#gesture.points = [place.x, place.y];
        }
        this.#hover = at;
        this.layOut();
    }

    #move(event) {
        const at = this.#at(event);
        this.#byPointer = true;
        if (this.#fingers.has(event.pointerId)) {
            this.#fingers.set(event.pointerId, at);
        }
        if (this.#pinch) {
            this.#movePinch();
            return;
        }
        const gesture = this.#gesture;
        if (gesture && gesture.pointer === event.pointerId) {
            this.#drag(gesture, event, at);
        }
        if (event.pointerType !== "touch" || gesture) {
            this.cursor.leave();
            this.#setHover(at);
        }
    }

    #drag(gesture, event, at) {
        if (gesture.kind === "pan") {
            this.canvas.panBy(at.x - gesture.at.x, at.y - gesture.at.y);
            gesture.at = at;
        } else if (gesture.kind === "rectangle") {
            this.#dragRectangle(gesture, at, event.shiftKey);
        } else if (gesture.kind === "line" || gesture.kind === "lasso") {
            const between = event.getCoalescedEvents?.() || [];
            for (const one of between.length > 0 ? between : [event]) {
                this.#addPoint(gesture, this.#at(one));
            }
        }
    }

    #dragRectangle(gesture, at, square) {
        const { canvas } = this;
        const to = this.toPicture(at);
        if (square) {
            const side = Math.max(Math.abs(to.x - gesture.place.x),
                Math.abs(to.y - gesture.place.y));
            to.x = gesture.place.x + Math.sign(to.x - gesture.place.x) * side;
            to.y = gesture.place.y + Math.sign(to.y - gesture.place.y) * side;
        }
        gesture.rectangle = rectangleBetween(gesture.place, to, canvas.picture, gesture.add);
        this.draft.showRectangle(gesture.rectangle, canvas.view);
    }

    #addPoint(gesture, at) {
        const points = gesture.operation ? gesture.operation.points : gesture.points;
        const place = this.toPicture(at);
        const away = Math.hypot(place.x - points.at(-2), place.y - points.at(-1));
        if (away * this.canvas.view.scale < 1) {
            return;
        }
        points.push(place.x, place.y);
        if (gesture.operation) {
            this.canvas.draw(gesture.operation, points.length - 2);
        } else {
            this.draft.showLine(points, this.canvas.view);
        }
    }

    #up(event) {
        this.#fingers.delete(event.pointerId);
        if (this.#pinch) {
            this.#pinch = this.#fingers.size > 1 ? this.#pinch : null;
            return;
        }
        const gesture = this.#gesture;
        if (!gesture || gesture.pointer !== event.pointerId) {
            return;
        }
        this.#gesture = null;
        this.finish(gesture);
        if (gesture.kind === "fill") {
            this.fill(gesture.place);
        }
        this.#setHover(event.pointerType === "touch" ? null : this.#at(event));
    }

    /** Commits what was drawn: {operation}, {points} of a lasso, or a {rectangle}. */
    finish({ operation, points, rectangle, add }) {
        this.draft.clear();
        if (operation) {
            this.canvas.commit(operation, true);
        } else if (points && points.length >= 6) {
            this.canvas.commit({ tool: "lasso", add, points });
        } else if (rectangle) {
            this.canvas.commit(rectangle);
        }
    }

    /** Fills the hole, or removes the part, at a place of the picture. */
    fill({ x, y }) {
        const operation = this.canvas.mask.fillAt(x, y);
        if (operation) {
            this.canvas.commit(operation);
        }
    }

    #cancel(event) {
        this.#fingers.delete(event.pointerId);
        this.#pinch = null;
        if (this.#gesture && this.#gesture.pointer === event.pointerId) {
            this.leave();
        }
        this.#setHover(null);
    }

    /* ---- two fingers ---- */

    #startPinch(time) {
        const gesture = this.#gesture;
        if (gesture && gesture.operation && time - gesture.begun > SECOND_FINGER) {
            this.#gesture = null; /* it was meant: the hand has only come down */
            this.finish(gesture);
        } else {
            this.leave();
        }
        this.#pinch = this.#spread();
        this.#setHover(null);
    }

    #spread() {
        const [a, b] = this.#fingers.values();
        return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2,
            length: Math.max(8, Math.hypot(a.x - b.x, a.y - b.y)) };
    }

    #movePinch() {
        if (this.#fingers.size < 2) {
            return;
        }
        const before = this.#pinch;
        const now = this.#spread();
        this.canvas.panBy(now.x - before.x, now.y - before.y);
        this.canvas.zoomBy(now.length / before.length, now.x, now.y);
        this.#pinch = now;
    }

    /* ---- wheel and touch pad ---- */

    /* A wheel zooms, with Alt it sets the size of the brush; two fingers on a touch pad move the
     * picture, and a pinch, which browsers report as a wheel with Ctrl, zooms. */
    #wheel(event) {
        if (!this.canvas.picture) {
            return;
        }
        event.preventDefault();
        const notched = event.deltaMode !== 0 || (event.deltaX === 0 && event.wheelDeltaY
            && event.wheelDeltaY % NOTCH === 0);
        const at = this.#at(event);
        const delta = event.deltaY || event.deltaX; /* with Shift or Alt some turn it */
        if (event.altKey) {
            this.#scaleBrush(delta < 0 ? BRUSH_STEP : 1 / BRUSH_STEP);
        } else if (notched) {
            this.canvas.zoomBy(delta < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, at.x, at.y);
        } else if (event.ctrlKey || event.metaKey) {
            this.canvas.zoomBy(Math.exp(-event.deltaY * FINE), at.x, at.y);
        } else {
            this.canvas.panBy(-event.deltaX, -event.deltaY);
        }
    }

    #scaleBrush(by) {
        const { width, height } = this.canvas.picture;
        this.setSize(Math.min(Math.max(this.size * by, 1), Math.max(width, height) / 2));
        this.canvas.tell("brush", { size: this.size });
    }

    /* Twice on a picture, without a tool: its pixels as those of the screen, and back. */
    #twice(event) {
        if (this.name || !this.canvas.picture || event.target !== this.element) {
            return;
        }
        if (this.canvas.view.fitted) {
            const at = this.#at(event);
            this.canvas.zoomTo(1 / devicePixelRatio, at.x, at.y);
        } else {
            this.canvas.fit();
        }
    }

    /* ---- keys that matter while a pointer is used ---- */

    #setSpace(held) {
        if (this.#space !== held) {
            this.#space = held;
            this.layOut();
        }
    }

    /* Space moves the picture where the pointer is over it and was used last; a button that has the
     * focus is not pressed then. */
    #key(event) {
        if (event.key === "Escape" && this.leave()) {
            event.preventDefault();
            event.stopPropagation();
        } else if (event.key === " " && !isTyping(event.target)) {
            if (this.#byPointer && (this.#hover || this.#gesture)) {
                event.preventDefault();
                event.stopPropagation();
                this.#setSpace(true);
            }
        } else if (["Tab", "Enter"].includes(event.key) || event.key.startsWith("Arrow")) {
            this.#byPointer = false;
        }
    }

    #keyUp(event) {
        if (event.key === " " && this.#space) {
            event.preventDefault();
            event.stopPropagation();
            this.#setSpace(false);
        }
    }
}

export function wireTools(canvas) {
    return new Tools(canvas);
}
