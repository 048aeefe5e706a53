/* Where a store is and how it is asked: what s3://BUCKET/PREFIX and the environment say. */
#ifndef BATCH_BUCKET_H
#define BATCH_BUCKET_H

#include <diffedit/diffedit.h>

enum { BUCKET_PREFIX = 500 }; /* bytes of the longest prefix: a key has at most 1024 */

/* All texts are its own. */
struct bucket {
    char *name;
    char *prefix;   /* "", or ends in a slash */
    char *endpoint; /* a URL without a slash at its end */
    char *signing;  /* "aws:amz:REGION:s3" */
    char *key, *secret;
    char *token;       /* or NULL */
    char *authorities; /* a file of the certificates that are trusted; NULL: the system's */
};

/* `place` is "BUCKET" or "BUCKET/PREFIX". The bucket is to be cleared, after a failure too. Errors:
 * ARGUMENT (never with a key in it), MEMORY. */
diffedit_status bucket_read(struct bucket *bucket, const char *place, diffedit_error *error);
void bucket_clear(struct bucket *bucket);

#endif
