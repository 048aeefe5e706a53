#include "fuzz.h"
#include "weights/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_read_table(de_safetensors_read, bytes, size);
    return 0;
}
