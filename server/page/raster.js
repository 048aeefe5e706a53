/**
 * Shapes as spans of pixels. A pixel belongs to a shape if its centre does; coordinates are pixels
 * of the raster, and the centre of pixel (x, y) is at (x + 0.5, y + 0.5).
 *
 * @typedef {{left: number, top: number, right: number, bottom: number}} Box  right and bottom are
 *     outside
 * @typedef {(y: number, begin: number, end: number) => void} Span  end is outside
 */

const LEAST_RADIUS = 0.75; /* holds the centre of a pixel wherever it is */

/** The smallest box that holds both; each may be null. */
export function union(a, b) {
    if (!a || !b) {
        return a || b;
    }
    return { left: Math.min(a.left, b.left), top: Math.min(a.top, b.top),
        right: Math.max(a.right, b.right), bottom: Math.max(a.bottom, b.bottom) };
}

/** What of a box is within a raster, or null. */
export function clip(box, width, height) {
    if (!box) {
        return null;
    }
    const left = Math.max(0, Math.floor(box.left));
    const top = Math.max(0, Math.floor(box.top));
    const right = Math.min(width, Math.ceil(box.right));
    const bottom = Math.min(height, Math.ceil(box.bottom));
    return left < right && top < bottom ? { left, top, right, bottom } : null;
}

export function enlarge(box, by) {
    return box && { left: box.left - by, top: box.top - by, right: box.right + by,
        bottom: box.bottom + by };
}

function emit(y, from, to, width, span) {
    const begin = Math.max(0, Math.ceil(from - 0.5));
    const end = Math.min(width, Math.floor(to - 0.5) + 1);
    if (begin < end) {
        span(y, begin, end);
    }
}

/**
 * A disc drawn from one point to another: where a brush has been.
 * @returns {Box}
 */
export function drawCapsule(ax, ay, bx, by, radius, width, height, span) {
    const r = Math.max(radius, LEAST_RADIUS);
    const length = Math.hypot(bx - ax, by - ay);
    /* The straight sides lie beside the line. */
    const nx = length ? -(by - ay) / length * r : 0;
    const ny = length ? (bx - ax) / length * r : 0;
    const box = { left: Math.min(ax, bx) - r, top: Math.min(ay, by) - r,
        right: Math.max(ax, bx) + r, bottom: Math.max(ay, by) + r };
    const first = Math.max(0, Math.ceil(box.top - 0.5));
    const last = Math.min(height - 1, Math.floor(box.bottom - 0.5));
    for (let y = first; y <= last; y++) {
        const centre = y + 0.5;
        let from = Infinity;
        let to = -Infinity;
        const disc = (x, cy) => {
            const away = r * r - (centre - cy) ** 2;
            if (away >= 0) {
                from = Math.min(from, x - Math.sqrt(away));
                to = Math.max(to, x + Math.sqrt(away));
            }
        };
        const side = (sign) => {
            const share = (centre - ay - sign * ny) / (by - ay);
            if (share >= 0 && share <= 1) {
                const x = ax + sign * nx + share * (bx - ax);
                from = Math.min(from, x);
                to = Math.max(to, x);
            }
        };
        disc(ax, ay);
        disc(bx, by);
        if (by !== ay) {
            side(1);
            side(-1);
        }
        emit(y, from, to, width, span);
    }
    return box;
}

/**
 * The inside of a closed line; parts that it goes around twice are inside too.
 * @param {ArrayLike<number>} points x, y, ...
 * @returns {Box|null}
 */
export function drawPolygon(points, width, height, span) {
    const edges = [];
    let box = null;
    for (let i = 0; i < points.length; i += 2) {
        const [ax, ay] = [points[i], points[i + 1]];
        const next = (i + 2) % points.length;
        const [bx, by] = [points[next], points[next + 1]];
        box = union(box, { left: ax, top: ay, right: ax, bottom: ay });
        if (ay !== by) {
            const slope = (bx - ax) / (by - ay);
            edges.push(ay < by ? { top: ay, bottom: by, x: ax, slope, way: 1 }
                : { top: by, bottom: ay, x: bx, slope, way: -1 });
        }
    }
    if (edges.length === 0) {
        return null;
    }
    edges.sort((a, b) => a.top - b.top);
    let active = [];
    let next = 0;
    const last = Math.min(height - 1, Math.floor(box.bottom - 0.5));
    for (let y = Math.max(0, Math.ceil(box.top - 0.5)); y <= last; y++) {
        const centre = y + 0.5;
        while (next < edges.length && edges[next].top <= centre) {
            active.push(edges[next++]);
        }
        active = active.filter((edge) => edge.bottom > centre);
        const crossings = active.map((edge) => ({ way: edge.way,
            x: edge.x + (centre - edge.top) * edge.slope })).sort((a, b) => a.x - b.x);
        let winding = 0;
        for (let i = 0; i + 1 < crossings.length; i++) {
            winding += crossings[i].way;
            if (winding !== 0) {
                emit(y, crossings[i].x, crossings[i + 1].x, width, span);
            }
        }
    }
    return box;
}

/** @returns {Box} */
export function drawRectangle(x, y, w, h, width, height, span) {
    const box = { left: x, top: y, right: x + w, bottom: y + h };
    const last = Math.min(height - 1, Math.floor(box.bottom - 0.5));
    for (let row = Math.max(0, Math.ceil(y - 0.5)); row <= last; row++) {
        emit(row, x, x + w, width, span);
    }
    return box;
}
