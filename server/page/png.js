/**
 * Masks as PNG files with exact values: a canvas would multiply by alpha, and not keep it from
 * changing a value.
 */
import { ADDS, REMOVES } from "./layer.js";

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const GREY = 0, PALETTE = 3; /* colour types */

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) {
        c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    }
    return c;
});

function crc(bytes) {
    let c = 0xffffffff;
    for (const byte of bytes) {
        c = crcTable[(c ^ byte) & 255] ^ (c >>> 8);
    }
    return (c ^ 0xffffffff) >>> 0;
}

function chunk(name, data) {
    const bytes = new Uint8Array(12 + data.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, data.length);
    bytes.set([...name].map((letter) => letter.charCodeAt(0)), 4);
    bytes.set(data, 8);
    view.setUint32(8 + data.length, crc(bytes.subarray(4, 8 + data.length)));
    return bytes;
}

function header(width, height, colourType) {
    const data = new Uint8Array(13);
    const view = new DataView(data.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    data.set([8, colourType], 8);
    return data;
}

async function deflate(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* Bytes of pixels, [height, width] -> the file. */
async function encode(pixels, width, height, colourType, more) {
    const rows = new Uint8Array((width + 1) * height); /* a filter of 0 before each */
    for (let y = 0; y < height; y++) {
        rows.set(pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
    }
    const parts = [Uint8Array.from(SIGNATURE), chunk("IHDR", header(width, height, colourType)),
        ...more, chunk("IDAT", await deflate(rows)), chunk("IEND", new Uint8Array(0))];
    return new Blob(parts, { type: "image/png" });
}

/** @returns {Promise<Blob>} white where the mask, of 0 and 1, is 1; grey, 8 bits */
export function maskFile(mask, width, height) {
    return encode(mask.map((value) => value ? 255 : 0), width, height, GREY, []);
}

/** @returns {Promise<Blob>} white where the layer adds, black where it removes, else clear */
export function layerFile(values, width, height) {
    const colours = new Uint8Array(9);
    const opaque = new Uint8Array(3);
    colours.fill(255, 3 * ADDS, 3 * ADDS + 3);
    opaque[ADDS] = opaque[REMOVES] = 255;
    return encode(values, width, height, PALETTE, [chunk("PLTE", colours),
        chunk("tRNS", opaque)]);
}
