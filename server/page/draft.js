/** What is drawn over the picture for the hand: half a lasso or rectangle, the brush's ring. */

const SVG = "http://www.w3.org/2000/svg";

function paths(parent, className) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", className);
    svg.setAttribute("aria-hidden", "true");
    const lines = ["under", "over"].map((name) => {
        const path = document.createElementNS(SVG, "path");
        path.setAttribute("class", name);
        svg.append(path);
        return path;
    });
    parent.append(svg);
    return { svg, set(shape) {
        for (const line of lines) {
            line.setAttribute("d", shape);
        }
    } };
}

export class Draft {
    #lines;
    #ring;
    #cross;

    constructor(element) {
        this.#lines = paths(element, "draft");
        this.#ring = document.createElement("div");
        this.#ring.className = "ring";
        this.#ring.hidden = true;
        element.append(this.#ring);
        this.#cross = paths(element, "cross");
        this.#cross.set("M10.5 0v21M0 10.5h21");
        this.showCross(null);
    }

    clear() {
        this.#lines.set("");
    }

    /** @param {number[]} points  of the picture: x, y, ... */
    showLine(points, view) {
        let shape = "";
        for (let i = 0; i < points.length; i += 2) {
            const { x, y } = view.toScreen(points[i], points[i + 1]);
            shape += `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
        }
        this.#lines.set(`${shape}Z`);
    }

    showRectangle(box, view) {
        if (!box) {
            this.clear();
            return;
        }
        const { x, y } = view.toScreen(box.x, box.y);
        const [w, h] = [box.width * view.scale, box.height * view.scale];
        this.#lines.set(`M${x} ${y}h${w}v${h}h${-w}Z`);
    }

    /** `at`: in the view, or null */
    showRing(at, across) {
        const ring = this.#ring;
        ring.hidden = !at;
        if (at) {
            const size = `${Math.max(across, 3)}px`;
            ring.style.setProperty("width", size);
            ring.style.setProperty("height", size);
            ring.style.setProperty("transform",
                `translate(${at.x}px, ${at.y}px) translate(-50%, -50%)`);
        }
    }

    showCross(at, down = false) {
        const { svg } = this.#cross;
        svg.style.setProperty("display", at ? "block" : "none");
        svg.setAttribute("class", down ? "cross down" : "cross");
        if (at) {
            svg.style.setProperty("transform", `translate(${at.x}px, ${at.y}px)`);
        }
    }
}
