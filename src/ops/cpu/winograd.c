#include "ops/cpu/winograd.h"

#include "ops/cpu/product.h"
#include "ops/cpu/threads.h"
#include "ops/cpu/window.h"

/* Tiles go through the three stages (input, products, output) in blocks. Many tiles in a block share the cost of
 * transforming the weights; few keep the two arrays between the stages small. 96 to 512 were equally fast, as long as
 * the arrays fit a third level cache of 32 MB: 1920 channels took a fifth longer in 64 MB. */
enum { BLOCK_TILES = 192, BLOCK_FLOATS = 8 * 1024 * 1024, TILE_GRAIN = 8 };

/* Transformed weights are eight times the size of f16 ones (SD 1.4's UNet: 8.7 GB), so none are kept: a thread
 * transforms those of some panels, some channels and two of the six rows of points whenever it needs them, and
 * uses them from its second level cache. That is 3 % of the time at 192 tiles, 12 % at 32, a third at 8. */
enum { GROUP_FLOATS = 192 * 1024, CHUNK_CHANNELS = 640, TASKS_PER_THREAD = 4, PAIRS = 3, PAIR_POINTS = 12 };

/* Where all transformed weights together are small (6 MB, a part of the third level cache), they are made once, and a
 * thread takes a few tiles through all three stages: what lies between them stays in its second level cache (448 KB of
 * 512). At 512 x 512 and 128 channels that is an eighth faster; more channels leave too few tiles at a time. */
enum { NEAR_WEIGHTS = 1536 * 1024, NEAR_FLOATS = 112 * 1024 };

typedef struct stages {
    const de_winograd *winograd;
    de_tensor x, y;
    de_convolution_shape shape;
    de_epilogue epilogue;
    const float *biases;            /* [n or 1, padded columns] */
    int64_t tiles_down, tiles_across;
    int64_t all_tiles, block_tiles; /* of the layer; at most so many in a block */
    int64_t first_tile, tiles;      /* of this block */
    int64_t depth, columns;         /* padded to 8 and to 16 */
    float *input;                   /* [36] of [tiles, depth], input_stride floats apart; near: for each thread */
    float *products;                /* [36] of [tiles, columns], product_stride floats apart; near: for each thread */
    int64_t input_stride, product_stride;
    int64_t group_panels, chunk;    /* far: panels and channels whose weights are transformed together */
    float *weights;                 /* far: for each thread [group_panels, 12] of [chunk, 16];
                                     * near: [3, 12] of [panels, channels, 16] */
    int64_t point_stride;           /* from one of the 12 to the next */
    const float **pointers;         /* for each thread [tiles] */
} stages;

typedef struct tile_place {
    int64_t image, y, x; /* of its first output */
} tile_place;

static tile_place place_of(const stages *job, int64_t tile)
{
    int64_t per_image = job->tiles_down * job->tiles_across, within = tile % per_image;
    return (tile_place){tile / per_image, within / job->tiles_across * DE_WINOGRAD_OUT,
                        within % job->tiles_across * DE_WINOGRAD_OUT};
}

static void input_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    const float *pixels[DE_WINOGRAD_POINTS];
    (void)thread;
    for (int64_t tile = begin; tile < end; tile++) {
        tile_place place = place_of(job, job->first_tile + tile);
        for (int i = 0; i < DE_WINOGRAD_POINTS; i++)
            pixels[i] = de_window_pixel(&job->x, &job->shape, place.image, place.y + i / DE_WINOGRAD_IN,
                                        place.x + i % DE_WINOGRAD_IN, job->winograd->zeros);
        de_kernels_get()->winograd_input(pixels, job->x.c, job->input + tile * job->depth, job->input_stride);
    }
}

/* index of point `i` of a pair of rows among the 36 */
static int point_of(int pair, int i)
{
    static const int rows[PAIRS][2] = {{0, 5}, {1, 2}, {3, 4}};
    return rows[pair][i / DE_WINOGRAD_IN] * DE_WINOGRAD_IN + i % DE_WINOGRAD_IN;
}

static void output_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    const de_tensor *y = &job->y;
    (void)thread;
    for (int64_t tile = begin; tile < end; tile++) {
        tile_place place = place_of(job, job->first_tile + tile);
        int64_t at = ((place.image * y->h + place.y) * y->w + place.x) * y->c;
        de_winograd_output output = {
            .products = job->products + tile * job->columns, .point_stride = job->product_stride,
            .channels = y->c,
            .height = (int)de_min_i64(DE_WINOGRAD_OUT, y->h - place.y),
            .width = (int)de_min_i64(DE_WINOGRAD_OUT, y->w - place.x),
            .bias = job->biases + (job->epilogue.image_bias ? place.image * job->columns : 0),
            .activation = job->epilogue.activation,
            .residual = job->epilogue.residual ? job->epilogue.residual + at : NULL,
            .y = y->data + at, .row_stride = y->w * y->c,
        };
        de_kernels_get()->winograd_output(&output);
    }
}

/* ---- near: few channels ---- */

/* A task is a panel at one pair of rows of points. */
static void weights_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    const de_panels *panels = job->winograd->panels;
    (void)thread;
    for (int64_t task = begin; task < end; task++) {
        int64_t panel = task / PAIRS, pair = task % PAIRS;
        de_kernels_get()->winograd_weights(
            de_panels_at(panels, panel), panels->half, panels->depth, 0, panels->depth, (int)pair,
            job->weights + pair * PAIR_POINTS * job->point_stride + panel * panels->depth * DE_PANEL, job->point_stride);
    }
}

static void multiply_tiles(const stages *job, const float **x)
{
    for (int i = 0; i < DE_WINOGRAD_POINTS; i++) {
        int point = point_of(i / PAIR_POINTS, i % PAIR_POINTS);
        for (int64_t tile = 0; tile < job->tiles; tile++)
            x[tile] = job->input + point * job->input_stride + tile * job->depth;
        de_kernels_get()->gemm(&(de_gemm){
            .rows = job->tiles, .taps = 1, .depth = job->x.c, .columns = job->columns, .x = x,
            .panels = job->weights + i * job->point_stride,
            .y = job->products + point * job->product_stride, .y_stride = job->columns});
    }
}

static void all_stages(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *shared = user;
    stages job = *shared;
    job.input += thread * DE_WINOGRAD_POINTS * job.input_stride;
    job.products += thread * DE_WINOGRAD_POINTS * job.product_stride;
    for (int64_t block = begin; block < end; block++) {
        job.first_tile = block * job.block_tiles;
        job.tiles = de_min_i64(job.block_tiles, job.all_tiles - job.first_tile);
        input_stage(&job, 0, job.tiles, thread);
        multiply_tiles(&job, job.pointers + thread * job.block_tiles);
        output_stage(&job, 0, job.tiles, thread);
    }
}

static void run_near(de_context *context, stages *job, int threads)
{
    de_arena *arena = &context->arena;
    int64_t panels = job->columns / DE_PANEL;
    int64_t fit = de_max_i64(1, NEAR_FLOATS / (DE_WINOGRAD_POINTS * (job->depth + job->columns)));
    int64_t blocks = de_round_up(de_divide_up(job->all_tiles, fit), context->threads);
    job->block_tiles = de_divide_up(job->all_tiles, blocks);
    job->input_stride = job->block_tiles * job->depth + DE_PANEL;
    job->product_stride = job->block_tiles * job->columns + DE_PANEL;
    job->point_stride = job->x.c * job->columns + DE_PANEL;
    job->input = de_arena_floats(arena, context->threads * DE_WINOGRAD_POINTS * job->input_stride);
    job->products = de_arena_floats(arena, context->threads * DE_WINOGRAD_POINTS * job->product_stride);
    job->weights = de_arena_floats(arena, DE_WINOGRAD_POINTS * job->point_stride);
    job->pointers = de_product_pointers(context, context->threads * job->block_tiles);
    if (arena->measuring)
        return;
    de_parallel_for(threads, panels * PAIRS, 1, weights_stage, job);
    de_parallel_for(threads, de_divide_up(job->all_tiles, job->block_tiles), 1, all_stages, job);
}

/* ---- far: many channels ---- */

/* Some panels and some channels of a task. */
typedef struct chunk_place {
    int64_t first_panel, last_panel, begin, count;
} chunk_place;

/* products [tiles, panels] at one point, of the chunk's channels, added to those of the channels before */
static void multiply_point(const stages *job, chunk_place place, int point, const float *weights, const float **x)
{
    for (int64_t tile = 0; tile < job->tiles; tile++)
        x[tile] = job->input + point * job->input_stride + tile * job->depth + place.begin;
    for (int64_t panel = place.first_panel; panel < place.last_panel; panel++) {
        float *y = job->products + point * job->product_stride + panel * DE_PANEL;
        de_gemm gemm = {
            .rows = job->tiles, .taps = 1, .depth = place.count, .columns = DE_PANEL, .x = x,
            .panels = weights + (panel - place.first_panel) * PAIR_POINTS * job->point_stride,
            .residual = place.begin ? y : NULL, .y = y, .y_stride = job->columns,
        };
        de_kernels_get()->gemm(&gemm);
    }
}

static void multiply_chunk(const stages *job, chunk_place place, int pair, float *weights, const float **x)
{
    const de_panels *panels = job->winograd->panels;
    for (int64_t panel = place.first_panel; panel < place.last_panel; panel++)
        de_kernels_get()->winograd_weights(de_panels_at(panels, panel), panels->half, panels->depth, place.begin,
                                           place.count, pair,
                                           weights + (panel - place.first_panel) * PAIR_POINTS * job->point_stride,
                                           job->point_stride);
    for (int i = 0; i < PAIR_POINTS; i++)
        multiply_point(job, place, point_of(pair, i), weights + i * job->point_stride, x);
}

/* A task is a group of panels at one pair of rows of points. */
static void product_stage(void *user, int64_t begin, int64_t end, int thread)
{
    const stages *job = user;
    int64_t c = job->x.c, panels = job->columns / DE_PANEL;
    float *weights = job->weights + thread * job->group_panels * PAIR_POINTS * job->point_stride;
    const float **x = job->pointers + thread * job->block_tiles;
    for (int64_t task = begin; task < end; task++) {
        int64_t first = task / PAIRS * job->group_panels;
        chunk_place place = {first, de_min_i64(first + job->group_panels, panels), 0, 0};
        for (; place.begin < c; place.begin += job->chunk) {
            place.count = de_min_i64(job->chunk, c - place.begin);
            multiply_chunk(job, place, (int)(task % PAIRS), weights, x);
        }
    }
}

static void run_far(de_context *context, stages *job, int threads)
{
    de_arena *arena = &context->arena;
    int64_t panels = job->columns / DE_PANEL, c = job->x.c;
    int64_t most = BLOCK_FLOATS / (DE_WINOGRAD_POINTS * (job->depth + job->columns));
    job->block_tiles = de_max_i64(1, de_min_i64(BLOCK_TILES, most));
    job->block_tiles = de_divide_up(job->all_tiles, de_divide_up(job->all_tiles, job->block_tiles)); /* of equal size */
    /* A cache line more than the arrays: at a multiple of 4 KB the points would fight for the same lines. */
    job->input_stride = job->block_tiles * job->depth + DE_PANEL;
    job->product_stride = job->block_tiles * job->columns + DE_PANEL;
    job->input = de_arena_floats(arena, DE_WINOGRAD_POINTS * job->input_stride);
    job->products = de_arena_floats(arena, DE_WINOGRAD_POINTS * job->product_stride);
    job->chunk = de_divide_up(c, de_divide_up(c, CHUNK_CHANNELS));
    job->point_stride = job->chunk * DE_PANEL + DE_PANEL;
    int64_t group = de_max_i64(1, GROUP_FLOATS / (PAIR_POINTS * job->chunk * DE_PANEL));
    int64_t groups = de_max_i64(de_divide_up(panels, group),
                                de_min_i64(panels, (int64_t)context->threads * TASKS_PER_THREAD / PAIRS));
    job->group_panels = de_divide_up(panels, groups);
    job->weights = de_arena_floats(arena, context->threads * job->group_panels * PAIR_POINTS * job->point_stride);
    job->pointers = de_product_pointers(context, context->threads * job->block_tiles);
    int64_t tasks = de_divide_up(panels, job->group_panels) * PAIRS;
    for (int64_t first = 0; first < job->all_tiles && !arena->measuring; first += job->block_tiles) {
        job->first_tile = first;
        job->tiles = de_min_i64(job->block_tiles, job->all_tiles - first);
        de_parallel_for(threads, job->tiles, TILE_GRAIN, input_stage, job);
        de_parallel_for(threads, tasks, 1, product_stage, job);
        de_parallel_for(threads, job->tiles, TILE_GRAIN, output_stage, job);
    }
}

void de_winograd_run(de_context *context, const de_winograd *winograd, de_tensor x,
                     de_convolution_shape shape, de_epilogue epilogue, de_tensor y)
{
    size_t mark = de_arena_mark(&context->arena);
    stages job = {.winograd = winograd, .x = x, .y = y, .shape = shape, .epilogue = epilogue,
                  .biases = winograd->bias,
                  .tiles_down = de_divide_up(y.h, DE_WINOGRAD_OUT),
                  .tiles_across = de_divide_up(y.w, DE_WINOGRAD_OUT),
                  .depth = de_round_up(x.c, 8), .columns = de_round_up(y.c, DE_PANEL)};
    if (epilogue.image_bias)
        job.biases = de_product_biases(context, winograd->bias, epilogue.image_bias, y.n, y.c);
    job.all_tiles = y.n * job.tiles_down * job.tiles_across;
    int threads = de_threads_for(context, 2.0 * DE_WINOGRAD_POINTS * (double)(job.all_tiles * x.c * job.columns));
    if (DE_WINOGRAD_POINTS * x.c * job.columns <= NEAR_WEIGHTS)
        run_near(context, &job, threads);
    else
        run_far(context, &job, threads);
    de_arena_release(&context->arena, mark);
}
