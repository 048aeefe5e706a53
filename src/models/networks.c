#include "models/networks.h"

#include <pthread.h>
#include <stdlib.h>

struct de_networks {
    de_network_sources sources;
    pthread_mutex_t lock; /* of what follows */
    bool found[DE_FINDINGS], told[DE_FINDINGS];
    int users[DE_PART_COUNT];
    bool ready[DE_PART_COUNT];
    de_text_encoder *text_encoder;
    de_unet *unet;
    de_vae *vae;
};

static diffedit_status prepare(de_networks *networks, de_part part, diffedit_error *error)
{
    const de_network_sources *from = &networks->sources;
    const de_weights *weights = from->weights[part];
    diffedit_status status = de_weights_check_size(weights, error);
    if (status == DIFFEDIT_OK && part == DE_PART_TEXT)
        status = de_text_encoder_new(&networks->text_encoder, from->device, from->text, weights,
                                     NULL, error);
    else if (status == DIFFEDIT_OK && part == DE_PART_UNET)
        status = de_unet_new(&networks->unet, from->device, from->unet, weights, NULL, error);
    else if (status == DIFFEDIT_OK)
        status = de_vae_new(&networks->vae, from->device, from->vae, weights, NULL, error);
    networks->ready[part] = status == DIFFEDIT_OK;
    return status;
}

/* Unless somebody uses it. Whether there was something to drop. */
static bool drop(de_networks *networks, de_part part)
{
    if (!networks->ready[part] || networks->users[part] > 0)
        return false;
    if (part == DE_PART_TEXT)
        de_text_encoder_free(networks->text_encoder);
    else if (part == DE_PART_UNET)
        de_unet_free(networks->unet);
    else
        de_vae_free(networks->vae);
    networks->ready[part] = false;
    return true;
}

static bool drop_idle(de_networks *networks)
{
    bool dropped = false;
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        dropped |= drop(networks, part);
    return dropped;
}

static diffedit_status prepare_all(de_networks *networks, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    de_part part = 0;
    while (part < DE_PART_COUNT && (status = prepare(networks, part, error)) == DIFFEDIT_OK)
        part++;
    if (status != DIFFEDIT_ERROR_MEMORY || !drop_idle(networks))
        return status;
    networks->found[DE_ONE_AT_A_TIME] = true;
    return prepare(networks, part, error);
}

diffedit_status de_networks_new(de_networks **networks, const de_network_sources *sources,
                                bool one_at_a_time, diffedit_error *error)
{
    de_networks *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a model");
    new->sources = *sources;
    pthread_mutex_init(&new->lock, NULL);
    diffedit_status status = one_at_a_time ? DIFFEDIT_OK : prepare_all(new, error);
    if (status != DIFFEDIT_OK) {
        de_networks_free(new);
        return status;
    }
    *networks = new;
    return DIFFEDIT_OK;
}

void de_networks_free(de_networks *networks)
{
    if (!networks)
        return;
    drop_idle(networks);
    pthread_mutex_destroy(&networks->lock);
    free(networks);
}

diffedit_status de_network_survey(const de_network_sources *from, de_part part,
                                  const de_survey *survey, diffedit_error *error)
{
    const de_weights *weights = from->weights[part];
    de_text_encoder *text_encoder = NULL;
    de_unet *unet = NULL;
    de_vae *vae = NULL;
    diffedit_status status = part == DE_PART_TEXT
                                 ? de_text_encoder_new(&text_encoder, NULL, from->text, weights,
                                                       survey, error)
                             : part == DE_PART_UNET
                                 ? de_unet_new(&unet, NULL, from->unet, weights, survey, error)
                                 : de_vae_new(&vae, NULL, from->vae, weights, survey, error);
    de_text_encoder_free(text_encoder);
    de_unet_free(unet);
    de_vae_free(vae);
    return status;
}

diffedit_status de_networks_use(de_networks *networks, de_part part, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    pthread_mutex_lock(&networks->lock);
    if (networks->ready[part]) {
        /* token embeddings are read from the file while the network runs */
        status = de_weights_check_size(networks->sources.weights[part], error);
    } else {
        drop_idle(networks);
        status = prepare(networks, part, error);
    }
    networks->users[part] += status == DIFFEDIT_OK;
    pthread_mutex_unlock(&networks->lock);
    return status;
}

bool de_networks_ready(de_networks *networks, de_part part)
{
    pthread_mutex_lock(&networks->lock);
    bool ready = networks->ready[part];
    pthread_mutex_unlock(&networks->lock);
    return ready;
}

void de_networks_done(de_networks *networks, de_part part)
{
    pthread_mutex_lock(&networks->lock);
    networks->users[part]--;
    pthread_mutex_unlock(&networks->lock);
}

bool de_networks_make_room(de_networks *networks)
{
    pthread_mutex_lock(&networks->lock);
    bool dropped = drop_idle(networks);
    networks->found[DE_ONE_AT_A_TIME] |= dropped;
    pthread_mutex_unlock(&networks->lock);
    return dropped;
}

/* ---- findings ---- */

void de_networks_find(de_networks *networks, de_finding finding)
{
    pthread_mutex_lock(&networks->lock);
    networks->found[finding] = true;
    pthread_mutex_unlock(&networks->lock);
}

bool de_networks_found(de_networks *networks, de_finding finding)
{
    pthread_mutex_lock(&networks->lock);
    bool found = networks->found[finding];
    pthread_mutex_unlock(&networks->lock);
    return found;
}

bool de_networks_tell(de_networks *networks, de_finding finding)
{
    pthread_mutex_lock(&networks->lock);
    bool is_news = networks->found[finding] && !networks->told[finding];
    networks->told[finding] = networks->found[finding];
    pthread_mutex_unlock(&networks->lock);
    return is_news;
}

const de_text_encoder *de_networks_text_encoder(const de_networks *networks)
{
    return networks->text_encoder;
}

const de_unet *de_networks_unet(const de_networks *networks)
{
    return networks->unet;
}

const de_vae *de_networks_vae(const de_networks *networks)
{
    return networks->vae;
}
