#include "estimate.h"

#include "clock.h"

#include <stdio.h>

void estimate_begin(struct estimate *estimate, const double costs[ESTIMATE_STAGES],
                    struct store *store, const char *key)
{
    *estimate = (struct estimate){.began = clock_monotonic(), .remembered = true};
    snprintf(estimate->key, sizeof estimate->key, "%s", key);
    for (int i = 0; i < ESTIMATE_STAGES; i++) {
        estimate->costs[i] = costs[i];
        estimate->rates[i] = costs[i] > 0 ? store_get_rate(store, key, i) : 0;
        estimate->remembered = estimate->remembered && (costs[i] <= 0 || estimate->rates[i] > 0);
    }
    for (int i = 0; i < ESTIMATE_STAGES && !estimate->remembered; i++)
        estimate->rates[i] = 1;
}

void estimate_at(double *share, double *left, struct estimate *estimate, int stage, double done)
{
    /* the seconds for which what was remembered counts as much as what is measured now */
    static const double trust = 1;
    double spent = 0, ahead = 0;
    if (stage > estimate->stage || (stage == estimate->stage && done > estimate->done)) {
        estimate->stage = stage;
        estimate->done = done;
    }
    stage = estimate->stage;
    done = estimate->done;
    for (int i = 0; i < ESTIMATE_STAGES; i++) {
        double all = estimate->costs[i] * estimate->rates[i];
        double part = i < stage ? 1 : i > stage ? 0 : done;
        spent += all * part;
        ahead += all * (1 - part);
    }
    double elapsed = clock_monotonic() - estimate->began;
    *share = spent + ahead > 0 ? spent / (spent + ahead) : 0;
    if (estimate->remembered)
        *left = ahead * (elapsed + trust) / (spent + trust);
    else
        *left = spent > 0 ? ahead * elapsed / spent : -1;
}

void estimate_learn(const struct estimate *estimate, struct store *store,
                    const double seconds[ESTIMATE_STAGES])
{
    if (store_begin(store, NULL) != DIFFEDIT_OK)
        return;
    for (int i = 0; i < ESTIMATE_STAGES; i++) {
        if (estimate->costs[i] <= 0 || seconds[i] <= 0)
            continue;
        double rate = seconds[i] / estimate->costs[i];
        double before = store_get_rate(store, estimate->key, i);
        store_set_rate(store, estimate->key, i, before > 0 ? (before + rate) / 2 : rate, NULL);
    }
    store_end(store, DIFFEDIT_OK, NULL);
}
