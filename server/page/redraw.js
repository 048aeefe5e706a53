/** Lists that are drawn again when one of their elements changes. */

const drawn = new WeakMap(); /* element -> what it shows, as text */

/**
 * Gives `parent` one element a thing, in their order. Whatever shows the same as before stays where
 * it is, and with it the focus, the pointer and its picture; `make` makes the others.
 * @param {HTMLElement} parent
 * @param {object[]} things  all that an element shows, as JSON can say it; no two are the same
 * @param {(thing: object) => HTMLElement} make
 */
export function redraw(parent, things, make) {
    const before = new Map([...parent.children].map((child) => [drawn.get(child), child]));
    const elements = things.map((thing) => {
        const shows = JSON.stringify(thing);
        const element = before.get(shows) || make(thing);
        drawn.set(element, shows);
        return element;
    });
    const kept = new Set(elements);
    [...parent.children].filter((child) => !kept.has(child)).forEach((child) => child.remove());
    elements.forEach((element, i) => {
        if (parent.children[i] !== element) {
            parent.insertBefore(element, parent.children[i] || null);
        }
    });
}
