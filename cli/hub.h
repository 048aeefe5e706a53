/* A model on the hub (huggingface.co, or a server with the same API): which of its files diffedit
 * needs. */
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
    char *commit;        /* owned: that the revision refers to */
    json_t *listed;      /* owned: name -> what the hub says about the file */
    cli_hub_file *files; /* owned: those that are needed */
    int count;
} cli_hub;

/* Downloads the list of a model's files. Errors: FILE, MEMORY, CANCELLED. */
diffedit_status cli_hub_open(cli_hub *hub, cli_server server, const char *revision,
                             diffedit_error *error);
/* The same from `text`, what the hub answered at `url`. Errors: FILE, MEMORY. */
diffedit_status cli_hub_read_list(cli_hub *hub, cli_server server, const char *text,
                                  const char *url, diffedit_error *error);
void cli_hub_close(cli_hub *hub);
/* Chooses the files that are needed; of the weights' forms the one that is preferred, or the one
 * that is there. Shards of weights are added by cli_hub_add_shards(). Errors: FILE (a file that is
 * needed is not there, or no model of ours), MEMORY. */
diffedit_status cli_hub_choose(cli_hub *hub, bool prefer_f16, diffedit_error *error);
/* Adds the files named in an index, which was downloaded to `path`. Errors: FILE, MEMORY. */
diffedit_status cli_hub_add_shards(cli_hub *hub, const char *index, const char *path,
                                   diffedit_error *error);
/* The URL of a file; freed by the caller, NULL if memory is short. */
char *cli_hub_url(const cli_hub *hub, const char *name);
bool cli_hub_is_chosen(const cli_hub *hub, const char *name);

#endif
