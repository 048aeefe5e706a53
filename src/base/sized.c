#include "base/sized.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum { LARGEST = 1 << 16 }; /* no struct will be: a larger size was never set */

#define ENDS_WITH(type, field) \
    static_assert(offsetof(type, field) + sizeof(((type *)0)->field) == sizeof(type), \
                  #type " ends in padding")
ENDS_WITH(diffedit_model_settings, device);
ENDS_WITH(diffedit_lora, weight);
ENDS_WITH(diffedit_model_info, family);
ENDS_WITH(diffedit_save_options, format);
ENDS_WITH(diffedit_options, mask_limit);
ENDS_WITH(diffedit_array, tokens);
ENDS_WITH(diffedit_stats, box_height);
ENDS_WITH(diffedit_computed, device_seconds);

/* Every such struct begins with its size. */
static size_t size_of(const void *given)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    return size;
}

diffedit_status de_sized_check(const void *given, const char *type, diffedit_error *error)
{
    size_t size = size_of(given);
    return size < sizeof size || size > LARGEST
               ? de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a %s whose struct_size is not set", type)
               : DIFFEDIT_OK;
}

diffedit_status de_sized_read(void *known, size_t size, const void *given, const char *type,
                              diffedit_error *error)
{
    size_t of_given = size_of(given);
    diffedit_status status = de_sized_check(given, type, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (size_t i = size; i < of_given; i++)
        if (((const unsigned char *)given)[i] != 0)
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "a %s with a field that diffedit %s does not have: the program was "
                           "built against a newer version",
                           type, DE_VERSION);
    memcpy((char *)known + sizeof size, (const char *)given + sizeof size,
           (of_given < size ? of_given : size) - sizeof size);
    return DIFFEDIT_OK;
}

void de_sized_write(void *given, const void *known, size_t size)
{
    size_t of_given = size_of(given);
    if (of_given > sizeof size)
        memcpy((char *)given + sizeof size, (const char *)known + sizeof size,
               (of_given < size ? of_given : size) - sizeof size);
}
