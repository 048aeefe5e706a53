/* How far a mistyped name is from a known one, for "did you mean". */
#ifndef DE_NEAR_NAME_H
#define DE_NEAR_NAME_H

#include <stddef.h>

enum { DE_LONGEST_NAME = 32 };

/* The number of characters to insert, drop or replace (Levenshtein) between `length` characters
 * that were typed and a name, of which the first DE_LONGEST_NAME count; words that are left out at
 * its beginning count as one, so that "treshold" is near "mask-threshold". */
size_t de_name_distance(const char *typed, size_t length, const char *known);

#endif
