#include "fuzz.h"
#include "weights/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_read_table(de_checkpoint_read, bytes, size);
    return 0;
}
