#!/bin/sh
# compile.sh TOOLS SHADER.comp SHADER.spv: compiles a shader and validates it, by the glslang and
# spirv-val of TOOLS, a folder with bin/ and lib/. `./run shaders` does so for all that changed.
set -e
LD_LIBRARY_PATH=$1/lib
export LD_LIBRARY_PATH
"$1/bin/glslang" -V --quiet --target-env vulkan1.2 -o "$3" "$2"
"$1/bin/spirv-val" --target-env vulkan1.2 --scalar-block-layout "$3"
