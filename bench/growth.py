#!/usr/bin/env python3
"""How time and memory grow with the picture's size and with threads, in both arithmetics, on random
weights of Stable Diffusion 1.4's shape.

    bench/growth.py [--write]      --write: into docs/PERFORMANCE.md
"""
import itertools
import json
import pathlib
import subprocess
import sys

import page

SOURCE = pathlib.Path(__file__).resolve().parent.parent
# side, threads, repeats
CASES = [(256, 2, 3), (384, 2, 3), (512, 2, 3), (512, 1, 1), (768, 2, 1), (1024, 2, 1)]
COLUMNS = ["unet_s", "guided_step_s", "vae_encode_s", "vae_decode_s"]
BEGIN, END = "<!-- bench/growth.py -->\n", "<!-- end of growth -->\n"


def measure(side, threads, repeat, arithmetic):
    command = [SOURCE / "build/diffedit", "bench", "--shape", "sd14", "--size", f"{side}x{side}",
               "--repeat", str(repeat), "--threads", str(threads), "--arithmetic",
               arithmetic, "--json"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def main():
    lines = ["| size | threads | arithmetic | UNet, batch 1 | guided step | VAE encode "
             "| VAE decode | peak memory |",
             "|---|---|---|---|---|---|---|---|"]
    for case, arithmetic in itertools.product(CASES, ["exact", "quick"]):
        found = measure(*case, arithmetic)
        seconds = " | ".join(f"{found[name]:.2f} s" for name in COLUMNS)
        lines.append(f"| {case[0]}x{case[0]} | {case[1]} | {arithmetic} | {seconds} "
                     f"| {found['peak_rss_bytes'] / 1e9:.2f} GB |")
        print(lines[-1], flush=True)
    text = "\n".join([*lines, ""])
    if "--write" in sys.argv[1:]:
        page.write(BEGIN, END, text)


if __name__ == "__main__":
    main()
