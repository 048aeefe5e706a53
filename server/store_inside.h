/* What the files of the store share: store*.c alone. */
#ifndef SERVER_STORE_INSIDE_H
#define SERVER_STORE_INSIDE_H

#include "sql.h"
#include "store.h"

struct store {
    struct sql *sql;
};

/* A text for comparison without regard to case; freed by the caller, NULL: memory. */
char *store_fold(const char *text);

#endif
