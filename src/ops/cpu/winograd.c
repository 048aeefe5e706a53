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

typedef struct stages {
    const de_winograd *winograd;
    de_tensor x, y;
    de_convolution_shape shape;
    de_epilogue epilogue;
    const float *biases;         /* [n or 1, padded columns] */
    int64_t tiles_down, tiles_across;
    int64_t first_tile, tiles;   /* of this block */
    int64_t depth, columns;      /* padded to 8 and to 16 */
    float *input;                /* [36] of [tiles, depth], input_stride floats apart */
    float *products;             /* [36] of [tiles, columns], product_stride floats apart */
    int64_t input_stride, product_stride;
    int64_t group_panels, chunk; /* panels and channels whose weights are transformed together */
    int64_t point_stride;        /* of their weights, [chunk, 16] for each point */
    float *weights;              /* for each thread [group_panels, 2, 6] of those */
    const float **pointers;      /* for each thread [tiles] */
    int64_t pointer_count;
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
    const float **x = job->pointers + thread * job->pointer_count;
    for (int64_t task = begin; task < end; task++) {
        int64_t first = task / PAIRS * job->group_panels;
        chunk_place place = {first, de_min_i64(first + job->group_panels, panels), 0, 0};
        for (; place.begin < c; place.begin += job->chunk) {
            place.count = de_min_i64(job->chunk, c - place.begin);
            multiply_chunk(job, place, (int)(task % PAIRS), weights, x);
        }
    }
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

/* Sizes, and the scratch memory from the arena. */
static void prepare(de_context *context, stages *job, int64_t block_tiles)
{
    de_arena *arena = &context->arena;
    int64_t panels = job->columns / DE_PANEL, c = job->x.c;
    /* A cache line more than the arrays: at a multiple of 4 KB the points would fight for the same lines. */
    job->input_stride = block_tiles * job->depth + DE_PANEL;
    job->product_stride = block_tiles * job->columns + DE_PANEL;
    job->input = de_arena_floats(arena, DE_WINOGRAD_POINTS * job->input_stride);
    job->products = de_arena_floats(arena, DE_WINOGRAD_POINTS * job->product_stride);
    job->chunk = de_divide_up(c, de_divide_up(c, CHUNK_CHANNELS));
    job->point_stride = job->chunk * DE_PANEL + DE_PANEL;
    int64_t group = de_max_i64(1, GROUP_FLOATS / (PAIR_POINTS * job->chunk * DE_PANEL));
    int64_t groups = de_max_i64(de_divide_up(panels, group),
                                de_min_i64(panels, (int64_t)context->threads * TASKS_PER_THREAD / PAIRS));
    job->group_panels = de_divide_up(panels, groups);
    job->weights = de_arena_floats(arena, context->threads * job->group_panels * PAIR_POINTS * job->point_stride);
    job->pointer_count = block_tiles;
    job->pointers = de_product_pointers(context, context->threads * block_tiles);
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
    int64_t all = y.n * job.tiles_down * job.tiles_across;
    int64_t most = BLOCK_FLOATS / (DE_WINOGRAD_POINTS * (job.depth + job.columns));
    int64_t block_tiles = de_max_i64(1, de_min_i64(BLOCK_TILES, most));
    block_tiles = de_divide_up(all, de_divide_up(all, block_tiles)); /* blocks of equal size */
    prepare(context, &job, block_tiles);
    int threads = de_threads_for(context, 2.0 * DE_WINOGRAD_POINTS * (double)(all * x.c * job.columns));
    int64_t tasks = de_divide_up(job.columns / DE_PANEL, job.group_panels) * PAIRS;
    for (int64_t first = 0; first < all && !context->arena.measuring; first += block_tiles) {
        job.first_tile = first;
        job.tiles = de_min_i64(block_tiles, all - first);
        de_parallel_for(threads, job.tiles, TILE_GRAIN, input_stage, &job);
        de_parallel_for(threads, tasks, 1, product_stage, &job);
        de_parallel_for(threads, job.tiles, TILE_GRAIN, output_stage, &job);
    }
    de_arena_release(&context->arena, mark);
}
