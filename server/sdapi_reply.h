/* What clients of /sdapi/v1 get for their pictures. */
#ifndef SDAPI_REPLY_H
#define SDAPI_REPLY_H

#include "sdapi_fields.h"

/* {images, parameters, info} of `count` pictures in base64, whose seeds count up from the wish's.
 * `images` is taken; `body` is the request. NULL: memory is short. */
json_t *sdapi_reply(const sdapi_wish *wish, const json_t *body, json_t *images, int count,
                    const char *model);

#endif
