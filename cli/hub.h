/* A model on the hub (huggingface.co, or a server that speaks as it does): which of its files
 * diffedit needs. */
#ifndef CLI_HUB_H
#define CLI_HUB_H

#include "download.h"

#include <jansson.h>

typedef struct cli_hub_file {
    char *name; /* path in the model; owned */
    cli_expected expected;
} cli_hub_file;

typedef struct cli_hub {
    cli_server server;
    char *commit;        /* owned: what the revision is at the moment */
    json_t *listed;      /* owned: name -> what the hub says about the file */
    cli_hub_file *files; /* those that are needed, owned */
    int count;
} cli_hub;

/* Asks for the list of a model's files. Errors: FILE, MEMORY, CANCELLED. */
diffedit_status cli_hub_open(cli_hub *hub, cli_server server, const char *revision,
                             diffedit_error *error);
void cli_hub_close(cli_hub *hub);
/* Chooses the files that are needed; of the weights' forms the one that is preferred, or the one
 * that is there. Shards of weights are added by cli_hub_add_shards(). Errors: FILE (a file that is
 * needed is not there, or no model of ours), MEMORY. */
diffedit_status cli_hub_choose(cli_hub *hub, bool prefer_f16, diffedit_error *error);
/* Adds the files that an index names, which was fetched to `path`. Errors: FILE, MEMORY. */
diffedit_status cli_hub_add_shards(cli_hub *hub, const char *index, const char *path,
                                   diffedit_error *error);
/* Where a file is fetched from; freed by the caller, NULL without memory. */
char *cli_hub_url(const cli_hub *hub, const char *name);
bool cli_hub_is_chosen(const cli_hub *hub, const char *name);

#endif
