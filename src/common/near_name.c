#include "near_name.h"

#include <string.h>

static size_t edits(const char *typed, size_t length, const char *known)
{
    size_t row[DE_LONGEST_NAME + 1], known_length = strnlen(known, DE_LONGEST_NAME);
    for (size_t j = 0; j <= known_length; j++)
        row[j] = j;
    for (size_t i = 0; i < length; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < known_length; j++) {
            size_t best = diagonal + (typed[i] != known[j]);
            diagonal = row[j + 1];
            best = best < row[j] + 1 ? best : row[j] + 1;
            row[j + 1] = best < diagonal + 1 ? best : diagonal + 1;
        }
    }
    return row[known_length];
}

size_t de_name_distance(const char *typed, size_t length, const char *known)
{
    size_t best = edits(typed, length, known);
    while ((known = strpbrk(known, " -_"))) {
        size_t without = 1 + edits(typed, length, ++known);
        best = best < without ? best : without;
    }
    return best;
}
