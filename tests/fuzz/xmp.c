/* XMP packets: what was corrected is true, and stays so. */
#include "picture/xmp.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const de_xmp_size upright = {640, 480};
    char *once, *twice;
    size_t length;
    bool gain_map;
    if (de_xmp_correct((const char *)bytes, size, &upright, &once, &length, &gain_map) !=
        DE_XMP_CORRECTED)
        return 0;
    switch (de_xmp_correct(once, length, &upright, &twice, &length, &gain_map)) {
    case DE_XMP_CORRECTED: abort();
    case DE_XMP_SAME:
    case DE_XMP_EMPTY:
    case DE_XMP_BROKEN: break;
    }
    free(once);
    return 0;
}
